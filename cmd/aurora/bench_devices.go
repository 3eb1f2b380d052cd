package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// registrars is how many devices register at the same moment: enough that
// commits are shared, as on a busy server.
const registrars = 256

// registerMissing registers devices unless the folder has so many from an
// earlier run.
func registerMissing(ctx context.Context, d *demo, devices int, split bool, register func(context.Context, *demo, int, bool) error) error {
	n, err := d.server.Registry.Count(ctx, d.app.ID, audience.All())
	if err != nil || n == uint64(devices) {
		return err
	}
	if n > uint64(devices) {
		return fmt.Errorf("the folder has %d devices already; take another, or ask for as many", n)
	}
	return register(ctx, d, devices, split)
}

// registerMany registers devices; those that a folder has from an earlier run
// are found by their install ids.
func registerMany(ctx context.Context, d *demo, devices int, split bool) error {
	var wg sync.WaitGroup
	failures := make(chan error, registrars)
	for first := range registrars {
		wg.Go(func() {
			for i := first; i < devices; i += registrars {
				if err := registerOne(ctx, d, i, benchEnvironment(i, split)); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failures)
	return <-failures // nil if there was none
}

func registerOne(ctx context.Context, d *demo, i int, env aurora.Environment) error {
	token := benchToken(uint64(i))
	_, err := d.server.Registry.Register(ctx, d.app.ID, registry.Registration{
		InstallID: fmt.Sprintf("install-%d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS,
		Change: registry.Change{Token: &token, Environment: &env},
	})
	return err
}

// benchEnvironment is that of a device's token.
func benchEnvironment(i int, split bool) aurora.Environment {
	if split && i%2 == 1 {
		return aurora.Production
	}
	return aurora.Development
}

// importMany imports devices as a file, whose lines are made as they are read.
func importMany(ctx context.Context, d *demo, devices int, split bool) error {
	lines, file := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(file, 64<<10)
		_, err := fmt.Fprintln(w, "token,environment")
		for i := 0; i < devices && err == nil; i++ {
			_, err = fmt.Fprintf(w, "%s,%s\n", benchToken(uint64(i)), benchEnvironment(i, split))
		}
		if err == nil {
			err = w.Flush()
		}
		file.CloseWithError(err)
	}()
	defer lines.Close()
	state, err := d.server.Registry.Import(ctx, d.app.ID, lines, registry.ImportOptions{Environment: aurora.Development})
	if err == nil && state.Rejected > 0 {
		err = fmt.Errorf("%d of %d devices were refused", state.Rejected, devices)
	}
	return err
}
