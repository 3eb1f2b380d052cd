package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
)

// importLoad is what `aurora bench import` does.
type importLoad struct {
	devices, tags  int
	data, database string
}

type importResult struct {
	Devices       int     `json:"devices"`
	FileMB        float64 `json:"file_mb"`
	Seconds       float64 `json:"seconds"`
	CPU           float64 `json:"cpu_us_per_device"`
	FoldSeconds   float64 `json:"fold_seconds"` // after the import, what it left to fold
	ExportSeconds float64 `json:"export_seconds"`
	BytesOnDisk   float64 `json:"disk_bytes_per_device"`
	Before        float64 `json:"memory_mb_before"` // the process's peak
	Memory        float64 `json:"memory_mb"`
}

func benchImportCommand() *cobra.Command {
	var l importLoad
	cmd := &cobra.Command{
		Use:   "import --devices N [--tags T] [--data DIR]",
		Short: "Measure the import of a file of devices, and its export",
		Long:  "Write a CSV file of N devices with foreign registration ids, tokens, aliases, tags, versions and languages, import it as `aurora device import` does, and export it again. The last line is JSON.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if l.data == "" {
				if l.data, err = os.MkdirTemp("", "aurora-bench-"); err != nil {
					return err
				}
				defer os.RemoveAll(l.data)
			}
			r, err := l.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		},
	}
	f := cmd.Flags()
	f.IntVar(&l.devices, "devices", 1_000_000, "devices in the file")
	f.IntVar(&l.tags, "tags", 2, "tags of each device, out of a thousand")
	f.StringVar(&l.data, "data", "", "folder to work in (default: a temporary one)")
	f.StringVar(&l.database, "database", "", "postgres:// URL of an empty database to work in (default SQLite in the folder)")
	return cmd
}

func (l importLoad) run(ctx context.Context, progress io.Writer) (r importResult, err error) {
	file := filepath.Join(l.data, "devices.csv")
	if err := l.write(file); err != nil {
		return r, err
	}
	defer os.Remove(file)
	info, err := os.Stat(file)
	if err != nil {
		return r, err
	}
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
	r.Devices, r.FileMB, r.Before = l.devices, float64(info.Size())/1e6, peakMemory()
	i := &deviceImport{name: file, errs: progress}
	cpu, begin := cpuTime(), time.Now()
	state, err := i.run(ctx, s, app.ID, registry.ImportOptions{}, nil)
	if err == nil && state.Added != int64(l.devices) {
		err = fmt.Errorf("%d of %d devices were imported", state.Added, l.devices)
	}
	if err != nil {
		return r, errors.Join(err, shutdown(s))
	}
	r.Seconds, r.CPU = time.Since(begin).Seconds(), (cpuTime()-cpu).Seconds()*1e6/float64(max(1, l.devices))
	background, end := context.WithCancel(ctx)
	var folding sync.WaitGroup
	begin = time.Now()
	folding.Go(func() { s.Registry.Run(background) })
	err = awaitFolding(ctx, s)
	r.FoldSeconds = time.Since(begin).Seconds()
	end()
	folding.Wait()
	begin = time.Now()
	if err == nil {
		_, err = s.Registry.Export(ctx, app.ID, io.Discard, registry.ExportOptions{Format: registry.CSV})
	}
	r.ExportSeconds, r.Memory = time.Since(begin).Seconds(), peakMemory()
	if err = errors.Join(err, shutdown(s), os.Remove(file)); err != nil {
		return r, err
	}
	size, err := sizeOf(l.data)
	r.BytesOnDisk = float64(size) / float64(max(1, l.devices))
	return r, err
}

// write makes the file.
func (l importLoad) write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "registration_id,token,environment,alias,tags,app_version,language,seen_at")
	for i := range l.devices {
		fmt.Fprintf(w, "1a0018970%010x,%s,production,user%d,\"", i, benchToken(uint64(i)), i)
		for t := range l.tags {
			if t > 0 {
				w.WriteByte(',')
			}
			fmt.Fprintf(w, "tag-%d", (i*31+t*97+i/1000)%1000)
		}
		fmt.Fprintf(w, "\",2.%d,zh-Hans,2026-01-%02dT12:00:00Z\n", i%5, 1+i%28)
	}
	return errors.Join(w.Flush(), f.Close())
}
