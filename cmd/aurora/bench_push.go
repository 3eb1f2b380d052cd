package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/client"
	"github.com/aurora-push/aurora/registry"
)

// registrars is how many devices register at the same moment: enough that
// commits are shared, as on a busy server.
const registrars = 256

func benchPushCommand() *cobra.Command {
	var devices int
	var data string
	cmd := &cobra.Command{
		Use:   "push --devices N [--data DIR]",
		Short: "Measure end to end: register N devices, send one push to all",
		Long:  "Start Aurora and a local APNs in bench mode in this process, register N devices durably, send one push to all of them through REST, and wait until every outcome is on record. What arrived is counted by the local APNs, whose cost is part of the CPU time. The last line is JSON.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := benchPush(cmd.Context(), cmd.ErrOrStderr(), devices, data)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		},
	}
	cmd.Flags().IntVar(&devices, "devices", 100_000, "devices to register")
	cmd.Flags().StringVar(&data, "data", "", "folder to work in (default: a temporary one)")
	return cmd
}

type pushResult struct {
	Devices      int     `json:"devices"`
	RegisterRate float64 `json:"register_rate"`
	SendRate     float64 `json:"send_rate"`
	Seconds      float64 `json:"seconds"`
	CPU          float64 `json:"cpu_seconds"`
	RSS          float64 `json:"rss_mb"`
	Lost         int64   `json:"lost"`
	Repeated     int64   `json:"repeated"`
}

func benchPush(ctx context.Context, progress io.Writer, devices int, data string) (r pushResult, err error) {
	if data == "" {
		if data, err = os.MkdirTemp("", "aurora-bench-"); err != nil {
			return r, err
		}
		defer os.RemoveAll(data)
	}
	d := &demo{dir: data, logger: slog.New(slog.DiscardHandler), bench: true}
	defer d.stop()
	if err := d.startAPNs(ctx); err != nil {
		return r, err
	}
	if err := d.startServer(ctx, "127.0.0.1:0", nil); err != nil {
		return r, err
	}
	if err := d.prepareAccount(ctx); err != nil {
		return r, err
	}
	if _, err := d.issue(ctx, true, true); err != nil {
		return r, err
	}
	begin := time.Now()
	if err := registerMany(ctx, d, devices); err != nil {
		return r, err
	}
	r.Devices, r.RegisterRate = devices, float64(devices)/time.Since(begin).Seconds()
	fmt.Fprintf(progress, "%d devices registered in %s, at %.0f/s\n", devices, filepath.Clean(data), r.RegisterRate)

	d.apns.ResetDistinct()
	before := d.apns.Counters()
	begin, cpu := time.Now(), cpuTime()
	report, err := pushToAll(ctx, d)
	if err != nil {
		return r, err
	}
	r.Seconds, r.CPU, r.RSS = time.Since(begin).Seconds(), (cpuTime() - cpu).Seconds(), peakMemory()
	r.SendRate = float64(report.Accepted) / r.Seconds
	after := d.apns.Counters() // the far end's: how many came, to how many different tokens
	received, distinct := int64(after["received"]-before["received"]), int64(after["distinct"])
	r.Lost, r.Repeated = int64(devices)-distinct, received-distinct
	return r, nil
}

// registerMany registers devices; those that a folder has from an earlier run
// are found by their install ids.
func registerMany(ctx context.Context, d *demo, devices int) error {
	var wg sync.WaitGroup
	failures := make(chan error, registrars)
	for first := range registrars {
		wg.Go(func() {
			for i := first; i < devices; i += registrars {
				if err := registerOne(ctx, d, i); err != nil {
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

func registerOne(ctx context.Context, d *demo, i int) error {
	secret := strings.Repeat("s", 43)
	id, err := d.server.Registry.Register(ctx, d.app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: secret, Platform: aurora.IOS})
	if err != nil {
		return err
	}
	device, err := d.server.Registry.Authenticate(ctx, id, secret)
	if err != nil {
		return err
	}
	token, env := benchToken(uint64(i)), aurora.Development
	return d.server.Registry.Apply(ctx, d.app.ID, device.Number, registry.Change{Token: &token, Environment: &env})
}

// pushToAll sends one push through REST and waits until it is settled.
func pushToAll(ctx context.Context, d *demo) (client.Report, error) {
	c, err := client.New(client.Config{Server: d.server.URL(), AppKey: d.app.Key, MasterSecret: d.app.MasterSecret.Reveal(), HTTP: &http.Client{Timeout: time.Minute}})
	if err != nil {
		return client.Report{}, err
	}
	receipt, err := c.Push(ctx, client.Push{Audience: client.Audience{All: true}, Notification: client.Notification{Alert: "To everyone"}})
	if err != nil {
		return client.Report{}, err
	}
	for {
		r, err := c.Report(ctx, receipt.MessageID)
		if err != nil || r.State == "done" {
			return r, err
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return r, err
		}
	}
}
