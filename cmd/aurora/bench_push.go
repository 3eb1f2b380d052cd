package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/client"
)

func benchPushCommand(profile *cpuProfile) *cobra.Command {
	o := pushBench{profile: profile}
	var data string
	cmd := &cobra.Command{
		Use:   "push --devices N [--import] [--badge +1] [--localized] [--split] [--stop-after 500ms] [--webhook] [--data DIR]",
		Short: "Measure end to end: register N devices, send one push to all",
		Long: "Start Aurora and a local APNs in bench mode in this process, register N devices durably, send one push to all of them through REST, and wait until every outcome is on record. What arrived is counted by the local APNs, whose cost is part of the CPU time. " +
			"--badge, --localized and --split show what these cost: an icon number of its own for each device, text by keys, and half of the devices in each APNs environment, which are two pushes. --stop-after stops the push after a time and tells how soon nothing more arrived. --webhook tells a server in this process of every device. The last line is JSON.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := o.run(cmd.Context(), cmd.ErrOrStderr(), data)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.devices, "devices", 100_000, "devices to register")
	f.StringVar(&data, "data", "", "folder to work in, which keeps its devices (default: a temporary one)")
	f.StringVar(&o.database, "database", "", "postgres:// URL of an empty database to work in (default SQLite in the folder)")
	f.IntVar(&o.servers, "servers", 1, "servers on that database, all in this process; the push is handed to the first")
	f.StringVar(&o.badge, "badge", "", "for the icon, such as +1")
	f.BoolVar(&o.localized, "localized", false, "text by the keys title-loc-key and loc-key, which the app looks up")
	f.BoolVar(&o.split, "split", false, "half of the devices in each environment, and a push to each")
	f.DurationVar(&o.stopAfter, "stop-after", 0, "stop the push after a time (0 = let it finish)")
	f.BoolVar(&o.webhook, "webhook", false, "post every accepted device to a webhook in this process")
	f.BoolVar(&o.imported, "import", false, "import the devices as a file, which is quicker than registering them; then register_rate is the import's")
	return cmd
}

// pushBench is one measurement of a push to all.
type pushBench struct {
	devices          int
	badge            string
	localized, split bool
	stopAfter        time.Duration
	webhook          bool
	database         string
	servers          int
	profile          *cpuProfile // of the push
	imported         bool

	d       *demo
	started time.Time
	first   atomic.Int64 // nanoseconds since started when a notification reached the local APNs: the first one …
	latest  atomic.Int64 // … and, with stopAfter, the latest
}

type pushResult struct {
	Devices      int     `json:"devices"`
	RegisterRate float64 `json:"register_rate"`
	SendRate     float64 `json:"send_rate"`
	Seconds      float64 `json:"seconds"`
	CPU          float64 `json:"cpu_seconds"`
	RSS          float64 `json:"rss_mb"`
	RSSGrowth    float64 `json:"rss_growth_mb"` // of the highest, by the push
	FirstWire    float64 `json:"first_on_wire_ms"`
	Lost         int64   `json:"lost"`
	Repeated     int64   `json:"repeated"`

	// With --stop-after.
	StopMillis float64 `json:"stop_ms,omitempty"` // from the call to the last notification
	Left       uint64  `json:"left,omitempty"`    // on record as sent
	Stopped    uint64  `json:"stopped,omitempty"` // devices that were spared

	// With --webhook.
	Told        int64   `json:"told,omitempty"` // devices
	Posts       int64   `json:"posts,omitempty"`
	ToldSeconds float64 `json:"told_seconds,omitempty"`     // from the call to the last one told
	ToldCPU     float64 `json:"told_cpu_seconds,omitempty"` // until then, the receiver's included
}

func (o *pushBench) run(ctx context.Context, progress io.Writer, data string) (r pushResult, err error) {
	if data == "" {
		if data, err = os.MkdirTemp("", "aurora-bench-"); err != nil {
			return r, err
		}
		defer os.RemoveAll(data)
	}
	o.d = &demo{dir: data, logger: slog.New(slog.DiscardHandler), bench: true, bodies: o.arrive, database: o.database}
	defer o.d.stop()
	if err := o.d.startMeasured(ctx); err != nil {
		return r, err
	}
	for i := 1; i < o.servers; i++ {
		if err := o.d.joinServer(ctx, i); err != nil {
			return r, err
		}
	}
	begin := time.Now()
	register := registerMany
	if o.imported {
		register = importMany
	}
	if err := registerMissing(ctx, o.d, o.devices, o.split, register); err != nil {
		return r, err
	}
	r.Devices, r.RegisterRate = o.devices, float64(o.devices)/time.Since(begin).Seconds()
	fmt.Fprintf(progress, "%d devices registered in %s, at %.0f/s\n", o.devices, filepath.Clean(data), r.RegisterRate)
	return r, o.measure(ctx, &r)
}

func (o *pushBench) measure(ctx context.Context, r *pushResult) (err error) {
	var receiver *hookReceiver
	if o.webhook {
		if receiver, err = startReceiver(ctx, o.d); err != nil {
			return err
		}
	}
	if err := o.profile.begin(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.profile.end()) }()
	o.d.apns.ResetDistinct()
	before, memory := o.d.apns.Counters(), peakMemory()
	begin, cpu := time.Now(), cpuTime()
	o.started = begin
	environments := []bool{false}
	if o.split {
		environments = append(environments, true)
	}
	var wg sync.WaitGroup
	reports, failures := make([]client.Report, len(environments)), make([]error, len(environments))
	for i, production := range environments {
		wg.Go(func() { reports[i], failures[i] = o.push(ctx, production, r) })
	}
	wg.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	r.Seconds, r.CPU, r.RSS = time.Since(begin).Seconds(), (cpuTime() - cpu).Seconds(), peakMemory()
	r.RSSGrowth = r.RSS - memory
	if o.webhook {
		if err := receiver.await(ctx, int64(reports[0].Accepted)); err != nil {
			return err
		}
		r.Told, r.Posts = receiver.told.Load(), receiver.posts.Load()
		r.ToldSeconds, r.ToldCPU = time.Since(begin).Seconds(), (cpuTime() - cpu).Seconds()
	}
	r.FirstWire = float64(o.first.Load()) / 1e6
	accepted := uint64(0)
	for _, report := range reports {
		accepted += report.Accepted
	}
	r.SendRate = float64(accepted) / r.Seconds
	after := o.d.apns.Counters() // the far end's: how many came, to how many different tokens
	received, distinct := int64(after["received"]-before["received"]), int64(after["distinct"])
	r.Repeated = received - distinct
	if r.Lost = int64(o.devices) - distinct; o.stopAfter > 0 {
		r.Lost = int64(accepted) - distinct
	}
	return nil
}

// arrive is told every body that reaches the local APNs.
func (o *pushBench) arrive([]byte) {
	if o.started.IsZero() {
		return
	}
	if o.first.Load() == 0 {
		o.first.CompareAndSwap(0, int64(time.Since(o.started)))
	}
	if o.stopAfter > 0 {
		o.latest.Store(int64(time.Since(o.started)))
	}
}

// push sends one push to all, and stops it if that is wanted.
func (o *pushBench) push(ctx context.Context, production bool, r *pushResult) (client.Report, error) {
	p := client.Push{Audience: client.Audience{All: true}, Notification: &client.Notification{IOS: &client.IOS{Alert: client.Text("To everyone"), Badge: client.Badge(o.badge)}}}
	if !production {
		p.Options.Environment = client.Development
	}
	if o.localized {
		p.Notification.IOS.Alert = client.Alert{TitleLocKey: "GAME_TITLE", TitleLocArgs: []string{"Aurora"}, LocKey: "GAME_REQUEST", LocArgs: []string{"Jenna", "Frank"}}
	}
	c, err := restClient(o.d)
	if err != nil {
		return client.Report{}, err
	}
	receipt, err := c.Push(ctx, p)
	if err != nil {
		return client.Report{}, err
	}
	if o.stopAfter == 0 {
		return settled(ctx, c, receipt.MessageID)
	}
	if err := sleep(ctx, o.stopAfter); err != nil {
		return client.Report{}, err
	}
	called := time.Since(o.started)
	if err := c.Stop(ctx, receipt.MessageID); err != nil {
		return client.Report{}, err
	}
	report, err := settled(ctx, c, receipt.MessageID)
	r.StopMillis = max(0, float64(time.Duration(o.latest.Load())-called)/1e6)
	if report.Stopped != nil {
		r.Left, r.Stopped = report.Stopped.Left, report.Stopped.Spared
	}
	return report, err
}

func restClient(d *demo) (*client.Client, error) {
	return client.New(client.Config{Server: d.server.URL(), AppKey: d.app.Key, MasterSecret: d.app.MasterSecret.Reveal(), Settings: client.Settings{Timeout: time.Minute}})
}

// toEveryone is a push to all devices.
var toEveryone = client.Push{Audience: client.Audience{All: true}, Notification: &client.Notification{Alert: client.Text("To everyone")}, Options: client.Options{Environment: client.Development}}

// settled waits until a message has no work left.
func settled(ctx context.Context, c *client.Client, id string) (client.Report, error) {
	for r, err := range c.Watch(ctx, id, 20*time.Millisecond) {
		if err != nil || r.State == client.Done {
			return r, err
		}
	}
	return client.Report{}, ctx.Err()
}
