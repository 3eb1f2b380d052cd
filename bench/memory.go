package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// memory sends many and prints what our client has resident on the way.
func memory(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("memory", flag.ContinueOnError)
	count := f.Int("count", 10_000_000, "notifications")
	aurora := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	g, err := startGateway(ctx, *aurora, "--bench")
	if err != nil {
		return err
	}
	defer g.stop()
	out := map[string]any{"count": *count}
	for _, way := range []string{"submit", "stream"} {
		s, err := g.self(ctx, "client-aurora", *count, "--fresh", "--stream="+strconv.FormatBool(way == "stream"))
		if err != nil {
			return err
		}
		fmt.Printf("%-7s %.0f/s, resident MB at each tenth: %v, peak %.1f, %.0f bytes allocated a notification\n", way, s.Rate, s.Resident, s.Peak, s.Allocated)
		out[way] = map[string]any{"resident_mb": s.Resident, "peak_rss_mb": s.Peak, "rate": s.Rate, "allocated_bytes": s.Allocated}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// profile takes a CPU profile of our client alone and prints its heaviest functions.
func profile(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("profile", flag.ContinueOnError)
	count := f.Int("count", 10_000_000, "notifications")
	output := f.String("output", filepath.Join(".build", "client.prof"), "file for the profile")
	aurora := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(*output), 0o755); err != nil {
		return err
	}
	g, err := startGateway(ctx, *aurora, "--bench")
	if err != nil {
		return err
	}
	defer g.stop()
	s, err := g.self(ctx, "client-aurora", *count, "--cpuprofile", *output)
	if err != nil {
		return err
	}
	fmt.Printf("%.0f/s, %.2f µs of the client, %.2f µs of the server\n", s.Rate, s.CPU, s.ServerCPU)
	top := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=60", *output)
	top.Stdout, top.Stderr = os.Stdout, os.Stderr
	return top.Run()
}
