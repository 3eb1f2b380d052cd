package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// sample is one run of one client.
type sample struct {
	Rate      float64   `json:"rate"`                           // accepted per second
	CPU       float64   `json:"cpu_us_per_notification"`        // of the client process, user and system, its start included
	ServerCPU float64   `json:"server_cpu_us_per_notification"` // of the local APNs meanwhile
	Peak      float64   `json:"peak_rss_mb"`
	Resident  []float64 `json:"-"`
	Allocated float64   `json:"-"`
}

// measure runs a client process and takes what it has used from the kernel.
func (g *gateway) measure(ctx context.Context, count int, program string, arguments ...string) (sample, []byte, error) {
	before, err := g.received()
	if err != nil {
		return sample{}, nil, err
	}
	busy, err := g.cpu()
	if err != nil {
		return sample{}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	process := exec.CommandContext(ctx, program, arguments...)
	var out, complaints bytes.Buffer
	process.Stdout, process.Stderr = &out, &complaints
	if err := process.Run(); err != nil {
		return sample{}, nil, fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, complaints.Bytes())
	}
	cpu, peak := usage(process.ProcessState)
	after, err := g.received()
	if err != nil {
		return sample{}, nil, err
	}
	if after-before < uint64(count) {
		return sample{}, nil, fmt.Errorf("%s was to send %d, the local APNs received %d", filepath.Base(program), count, after-before)
	}
	busyAfter, err := g.cpu()
	if err != nil {
		return sample{}, nil, err
	}
	per := func(d time.Duration) float64 { return math.Round(d.Seconds()*1e9/float64(count)) / 1e3 }
	return sample{CPU: per(cpu), ServerCPU: per(busyAfter - busy), Peak: peak}, out.Bytes(), nil
}

// self runs one of this program's clients.
func (g *gateway) self(ctx context.Context, client string, count int, more ...string) (sample, error) {
	program, err := os.Executable()
	if err != nil {
		return sample{}, err
	}
	arguments := append([]string{client, "--url", g.url, "--ca", g.ca(), "--count", strconv.Itoa(count)}, more...)
	s, out, err := g.measure(ctx, count, program, arguments...)
	if err != nil {
		return s, err
	}
	var f figures
	if err := json.Unmarshal(out, &f); err != nil {
		return s, err
	}
	if f.OK != count {
		return s, fmt.Errorf("%s: %d of %d were accepted", client, f.OK, count)
	}
	s.Rate, s.Resident, s.Allocated = float64(f.OK)/f.Seconds, f.Resident, f.Allocated
	return s, nil
}

var (
	h2loadSummary = regexp.MustCompile(`finished in [^,]+, ([0-9.]+) req/s`)
	h2loadOK      = regexp.MustCompile(`(\d+) 2xx`)
)

// h2loadSettings are connections and streams on each.
type h2loadSettings struct{ connections, streams, threads int }

// h2load sends the same bytes: paths with device tokens, which it does not
// index, the headers of a push, which it does, and the payload. The provider
// token goes under a name of the same length as "authorization", because h2load
// never indexes a header of that name and would send 200 bytes more each time.
func (g *gateway) h2load(ctx context.Context, count int, payload string, uris string, s h2loadSettings) (sample, error) {
	result, out, err := g.measure(ctx, count, "h2load", "-n", strconv.Itoa(count),
		"-c", strconv.Itoa(s.connections), "-m", strconv.Itoa(s.streams), "-t", strconv.Itoa(s.threads),
		"-d", payload, "-i", uris,
		"-H", "x-auth-orized: bearer "+string(bytes.Repeat([]byte("x"), 193)),
		"-H", "apns-topic: "+topic, "-H", "apns-push-type: alert", "-H", "apns-priority: 10")
	if err != nil {
		return result, err
	}
	rate, ok := h2loadSummary.FindSubmatch(out), h2loadOK.FindSubmatch(out)
	if rate == nil || ok == nil || string(ok[1]) != strconv.Itoa(count) {
		return result, fmt.Errorf("h2load did not get %d answers:\n%s", count, out)
	}
	result.Rate, err = strconv.ParseFloat(string(rate[1]), 64)
	return result, err
}

// h2loadFiles writes the payload and the list of addresses that h2load sends to.
func (g *gateway) h2loadFiles(size int) (payload, uris string, err error) {
	payload, uris = filepath.Join(g.dir, "payload.json"), filepath.Join(g.dir, "uris.txt")
	var list bytes.Buffer
	for range 10_000 {
		fmt.Fprintf(&list, "%s/3/device/%s\n", g.url, randomToken())
	}
	if err := os.WriteFile(uris, list.Bytes(), 0o600); err != nil {
		return "", "", err
	}
	return payload, uris, os.WriteFile(payload, payloadOf(size), 0o600)
}
