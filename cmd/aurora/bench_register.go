package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
)

// registerLoad is what `aurora bench register` does.
type registerLoad struct {
	devices, tags, callers, rate int
	profile                      bool
	data, database               string
}

func benchRegisterCommand() *cobra.Command {
	var l registerLoad
	cmd := &cobra.Command{
		Use:   "register --devices N [--tags T] [--rate R] [--profile] [--data DIR]",
		Short: "Measure durable registrations, and what they take on disk",
		Long:  "Register N devices with tokens, and tags if asked for, each by one durable call, from many callers at once; --rate paces them. The last line is JSON: the rate, how long a call took, CPU of this process for each device, and the database's size once all is folded.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if l.data == "" {
				if l.data, err = os.MkdirTemp("", "aurora-bench-"); err != nil {
					return err
				}
				defer os.RemoveAll(l.data)
			}
			r, err := l.run(cmd.Context())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		},
	}
	f := cmd.Flags()
	f.IntVar(&l.devices, "devices", 100_000, "devices to register")
	f.IntVar(&l.tags, "tags", 0, "tags of each device, out of a thousand")
	f.IntVar(&l.callers, "callers", registrars, "callers at the same moment")
	f.IntVar(&l.rate, "rate", 0, "registrations a second (default: as many as go)")
	f.BoolVar(&l.profile, "profile", false, "give each device a profile as the SDK does")
	f.StringVar(&l.data, "data", "", "folder to work in (default: a temporary one)")
	f.StringVar(&l.database, "database", "", "postgres:// URL of an empty database to work in (default SQLite in the folder)")
	return cmd
}

type registerResult struct {
	Devices       int     `json:"devices"`
	Tags          int     `json:"tags"`
	Seconds       float64 `json:"seconds"`
	Rate          float64 `json:"rate"`
	P50           float64 `json:"p50_ms"`
	P99           float64 `json:"p99_ms"`
	CPU           float64 `json:"cpu_us_per_device"`
	FoldSeconds   float64 `json:"fold_seconds"`
	BytesOnDisk   float64 `json:"disk_bytes_per_device"`
	BytesInMemory float64 `json:"memory_bytes_per_device"` // by which the process's peak grew
}

func (l registerLoad) run(ctx context.Context) (r registerResult, err error) {
	s, err := server.Open(ctx, server.Config{Data: l.data, Database: l.database})
	if err != nil {
		return r, err
	}
	owner, _, err := s.Accounts.Create(ctx, "bench@example.com", "correct horse battery")
	if err != nil {
		return r, errors.Join(err, shutdown(s))
	}
	app, err := s.Accounts.CreateApp(ctx, owner.ID, "Bench", demoBundleID)
	if err != nil {
		return r, errors.Join(err, shutdown(s))
	}
	background, end := context.WithCancel(ctx)
	var folding sync.WaitGroup
	folding.Go(func() { s.Registry.Run(background) })
	memory, cpu, begin := peakMemory(), cpuTime(), time.Now()
	took, err := l.register(ctx, s, app.ID)
	r.Devices, r.Tags, r.Seconds = l.devices, l.tags, time.Since(begin).Seconds()
	if err == nil {
		begin = time.Now()
		err = awaitFolding(ctx, s)
		r.FoldSeconds = time.Since(begin).Seconds()
	}
	n := float64(max(1, l.devices))
	r.Rate, r.CPU = n/r.Seconds, (cpuTime()-cpu).Seconds()*1e6/n
	r.BytesInMemory = max(0, (peakMemory()-memory)*1e6/n)
	end()
	folding.Wait()
	if err = errors.Join(err, shutdown(s)); err != nil {
		return r, err
	}
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1000 }
	r.P50, r.P99 = at(0.5), at(0.99)
	size, err := sizeOf(l.data)
	r.BytesOnDisk = float64(size) / n
	return r, err
}

// register lets the callers register all devices and returns how long a part
// of the calls took.
func (l registerLoad) register(ctx context.Context, s *server.Server, appID int64) ([]time.Duration, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	failures := make(chan error, l.callers)
	begin := time.Now()
	for range l.callers {
		wg.Go(func() {
			var mine []time.Duration
			defer func() { mu.Lock(); took = append(took, mine...); mu.Unlock() }()
			for {
				i := int(next.Add(1)) - 1
				if i >= l.devices {
					return
				}
				due := time.Now()
				if l.rate > 0 { // measured from when it was due: a queue counts
					due = begin.Add(time.Duration(i) * time.Second / time.Duration(l.rate))
					if err := sleep(ctx, time.Until(due)); err != nil {
						failures <- err
						return
					}
				}
				if _, err := s.Registry.Register(ctx, appID, l.device(i)); err != nil {
					failures <- err
					return
				}
				if l.devices < 1_000_000 || i%16 == 0 {
					mine = append(mine, time.Since(due))
				}
			}
		})
	}
	wg.Wait()
	close(failures)
	return took, <-failures // nil if there was none
}

func (l registerLoad) device(i int) registry.Registration {
	token, env := benchToken(uint64(i)), aurora.Development
	random := benchToken(uint64(i) + 1<<40)
	r := registry.Registration{InstallID: strings.ToUpper(fmt.Sprintf("%s-%s-%s-%s-%s", random[:8], random[8:12], random[12:16], random[16:20], random[20:32])), Secret: random[:43], Platform: aurora.IOS}
	r.Change.Token, r.Change.Environment = &token, &env
	for t := range l.tags {
		r.Change.AddTags = append(r.Change.AddTags, fmt.Sprintf("tag-%d", (i*31+t*97+i/1000)%1000))
	}
	if l.profile {
		r.Profile = aurora.Profile{Channel: "store", AppVersion: fmt.Sprintf("2.%d.%d", i%5, i%7), OSVersion: fmt.Sprintf("17.%d", i%6), Model: "iPhone15,3", Language: "zh-Hans-CN", TimeZone: "Asia/Shanghai"}
	}
	return r
}

// awaitFolding waits until no index change is left.
func awaitFolding(ctx context.Context, s *server.Server) error {
	for {
		n, err := s.Registry.Pending(ctx)
		if err != nil || n == 0 {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
