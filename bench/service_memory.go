package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// restTime is how long a server that has just started is left alone before its
// memory is read: what it does at its start is over by then.
const restTime = 3 * time.Second

// servicePush is what one push to all devices took.
type servicePush struct {
	Rate     float64 `json:"rate"`
	CPU      float64 `json:"cpu_us_per_device"`
	Resident float64 `json:"resident_mb"` // after it
	Peak     float64 `json:"peak_mb"`     // until then
}

// serviceMemory lets a server with many devices rest, then push to all of them,
// and prints what it alone has resident: the local APNs is another process.
func serviceMemory(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("service", flag.ContinueOnError)
	devices, pushes := f.Int("devices", 1_000_000, "devices"), f.Int("pushes", 2, "pushes to all of them")
	aurora := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	g, err := startGateway(ctx, *aurora, "--bench")
	if err != nil {
		return err
	}
	defer g.stop()
	s, err := startAurora(ctx, g, nil)
	if err != nil {
		return err
	}
	file := filepath.Join(g.dir, "devices.csv")
	if err := writeTokens(file, *devices); err != nil {
		s.stop()
		return err
	}
	importing := exec.CommandContext(ctx, g.aurora, "device", "import", "--data", s.data, "--app", s.user, "--environment", "production", file)
	importing.Stderr = os.Stderr
	err = importing.Run()
	s.stop()
	if err != nil {
		return fmt.Errorf("import the devices: %w", err)
	}
	if err := s.serve(g); err != nil { // anew, without what the import left in memory
		return err
	}
	defer s.stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(restTime):
	}
	pid := s.process.Process.Pid
	rest := peakOf(pid)
	fmt.Printf("%d devices, at rest: %.0f MB\n", *devices, rest)
	var all []servicePush
	for range *pushes {
		r, err := g.timed(ctx, s, *devices, s.pushToAll)
		if err != nil {
			return err
		}
		p := servicePush{r.Rate, r.CPU, residentOf(pid), r.Peak}
		all = append(all, p)
		fmt.Printf("push to all: %.0f/s, %.2f µs of the server's CPU a device, %.0f MB after it, at most %.0f\n", p.Rate, p.CPU, p.Resident, p.Peak)
	}
	most := all[len(all)-1].Peak
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"devices": *devices, "rest_mb": rest, "peak_mb": most, "growth_mb": most - rest, "bytes_per_device": most * 1e6 / float64(*devices), "pushes": all,
	})
}

// writeTokens writes a CSV file of devices with nothing but their tokens.
func writeTokens(name string, devices int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	w.WriteString("token,platform\n")
	for range devices {
		w.WriteString(randomToken())
		w.WriteString(",ios")
		w.WriteByte('\n')
	}
	return w.Flush()
}
