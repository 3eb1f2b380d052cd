package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
)

// contestant is a client in the comparison.
type contestant struct {
	name    string
	count   int
	run     func(ctx context.Context, count int) (sample, error)
	samples []sample
}

// compare runs the clients in turns, round after round, so that other work on
// the machine meets all of them alike; ratios are taken within a round.
func compare(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("apns", flag.ContinueOnError)
	count, rounds, size := f.Int("count", 1_000_000, "notifications of our client in a round"), f.Int("rounds", 5, "rounds"), f.Int("payload", 160, "bytes of payload")
	aurora := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	if _, err := exec.LookPath("h2load"); err != nil {
		return fmt.Errorf("h2load is not installed: apt-get install nghttp2-client")
	}
	g, err := startGateway(ctx, *aurora, "--bench")
	if err != nil {
		return err
	}
	defer g.stop()
	contestants, err := g.contestants(ctx, *count, *size)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d rounds, payload %d bytes, load average %s at the start\n", *rounds, *size, load())
	for round := range *rounds {
		fmt.Printf("round %d:", round+1)
		for _, c := range contestants {
			s, err := c.run(ctx, c.count)
			if err != nil {
				return err
			}
			c.samples = append(c.samples, s)
			fmt.Printf("  %s %.0f/s %.2f µs", c.name, s.Rate, s.CPU)
		}
		fmt.Printf("  (load %s)\n", load())
	}
	return summarize(contestants)
}

// contestants finds the best settings of the others first.
func (g *gateway) contestants(ctx context.Context, count, size int) ([]*contestant, error) {
	payload, uris, err := g.h2loadFiles(size)
	if err != nil {
		return nil, err
	}
	bytes := strconv.Itoa(size)
	goroutines := best("apns2", []int{50, 100, 300, 1000}, func(n int) (sample, error) {
		return g.self(ctx, "client-apns2", 20_000, "--payload", bytes, "--goroutines", strconv.Itoa(n))
	}, &err)
	settings := best("h2load", []h2loadSettings{{1, 100, 1}, {1, 1000, 1}, {4, 100, 1}, {4, 250, 1}, {2, 100, 2}, {2, 500, 2}, {4, 100, 2}, {4, 250, 2}, {8, 100, 2}}, func(s h2loadSettings) (sample, error) {
		return g.h2load(ctx, 300_000, payload, uris, s)
	}, &err)
	if err != nil {
		return nil, err
	}
	return []*contestant{
		{name: "aurora", count: count, run: func(ctx context.Context, n int) (sample, error) {
			return g.self(ctx, "client-aurora", n, "--payload", bytes)
		}},
		{name: "apns2", count: max(20_000, count/20), run: func(ctx context.Context, n int) (sample, error) {
			return g.self(ctx, "client-apns2", n, "--payload", bytes, "--goroutines", strconv.Itoa(goroutines))
		}},
		{name: "h2load", count: max(100_000, count/2), run: func(ctx context.Context, n int) (sample, error) {
			return g.h2load(ctx, n, payload, uris, settings)
		}},
		{name: "aurora-stream", count: count, run: func(ctx context.Context, n int) (sample, error) {
			return g.self(ctx, "client-aurora", n, "--payload", bytes, "--stream")
		}},
	}, nil
}

// best tries settings twice each and returns the fastest.
func best[T any](name string, settings []T, try func(T) (sample, error), failed *error) (fastest T) {
	var top float64
	for _, s := range settings {
		for range 2 {
			if *failed != nil {
				return fastest
			}
			var result sample
			if result, *failed = try(s); result.Rate > top {
				top, fastest = result.Rate, s
			}
		}
	}
	fmt.Printf("%s: best settings %+v, %.0f/s\n", name, fastest, top)
	return fastest
}

// spread is the least, the middle and the greatest of several figures.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(samples []sample, of func(sample) float64) spread {
	var list []float64
	for _, s := range samples {
		list = append(list, of(s))
	}
	return spreadOfList(list)
}

func spreadOfList(list []float64) spread {
	sorted := slices.Sorted(slices.Values(list))
	middle := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	round := func(x float64) float64 { return math.Round(x*1e6) / 1e6 }
	return spread{Min: round(sorted[0]), Median: round(middle), Max: round(sorted[len(sorted)-1])}
}

func summarize(contestants []*contestant) error {
	type line struct {
		Name      string `json:"name"`
		Count     int    `json:"count"`
		Rate      spread `json:"rate"`
		CPU       spread `json:"cpu_us_per_notification"`
		ServerCPU spread `json:"server_cpu_us_per_notification"`
		Peak      spread `json:"peak_rss_mb"`
		Ratio     spread `json:"aurora_is_times_as_fast"`
	}
	ours := contestants[0].samples
	fmt.Printf("\n%-14s %10s %34s %22s %12s %10s %26s\n", "", "count", "rate/s min median max", "client CPU µs", "server µs", "RSS MB", "aurora is faster by")
	var lines []line
	for _, c := range contestants {
		var ratios []float64
		for i, s := range c.samples {
			ratios = append(ratios, ours[i].Rate/s.Rate)
		}
		l := line{
			Name: c.name, Count: c.count, Ratio: spreadOfList(ratios),
			Rate:      spreadOf(c.samples, func(s sample) float64 { return s.Rate }),
			CPU:       spreadOf(c.samples, func(s sample) float64 { return s.CPU }),
			ServerCPU: spreadOf(c.samples, func(s sample) float64 { return s.ServerCPU }),
			Peak:      spreadOf(c.samples, func(s sample) float64 { return s.Peak }),
		}
		lines = append(lines, l)
		fmt.Printf("%-14s %10d %34s %22s %12.2f %10.0f %26s\n", c.name, c.count, fmt.Sprintf("%.0f %.0f %.0f", l.Rate.Min, l.Rate.Median, l.Rate.Max),
			fmt.Sprintf("%.2f %.2f %.2f", l.CPU.Min, l.CPU.Median, l.CPU.Max), l.ServerCPU.Median, l.Peak.Max, fmt.Sprintf("%.1f %.1f %.1f", l.Ratio.Min, l.Ratio.Median, l.Ratio.Max))
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"clients": lines, "load": load()})
}
