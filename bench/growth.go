package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// push is what `aurora bench push` prints.
type push struct {
	Devices  int     `json:"devices"`
	Rate     float64 `json:"send_rate"`
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_seconds"`
	RSS      float64 `json:"rss_mb"`
	Lost     int64   `json:"lost"`
	Repeated int64   `json:"repeated"`
}

// growth sends one push to ever more devices and draws what it costs.
func growth(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("growth", flag.ContinueOnError)
	most := f.Int("devices", 1_000_000, "the largest number of devices; the first is 1,000, each ten times the one before")
	image := f.String("image", "", "write the plot to this file, as SVG")
	aurora := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	program, err := buildAurora(ctx, *aurora)
	if err != nil {
		return err
	}
	var runs []push
	fmt.Printf("%12s %10s %12s %12s %10s %6s %9s\n", "devices", "seconds", "rate/s", "µs CPU each", "RSS MB", "lost", "repeated")
	for n := 1000; n <= *most; n *= 10 {
		r, err := benchPush(ctx, program, n)
		if err != nil {
			return err
		}
		runs = append(runs, r)
		fmt.Printf("%12d %10.3f %12.0f %12.2f %10.0f %6d %9d\n", r.Devices, r.Seconds, r.Rate, r.CPU*1e6/float64(r.Devices), r.RSS, r.Lost, r.Repeated)
	}
	if *image == "" {
		return nil
	}
	return os.WriteFile(*image, plot(runs), 0o644)
}

func benchPush(ctx context.Context, program string, devices int) (r push, err error) {
	dir, err := os.MkdirTemp("", "bench-growth-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	c := exec.CommandContext(ctx, program, "bench", "push", "--devices", fmt.Sprint(devices), "--data", filepath.Join(dir, "data"))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return r, fmt.Errorf("aurora bench push --devices %d: %w", devices, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return r, json.Unmarshal([]byte(lines[len(lines)-1]), &r)
}
