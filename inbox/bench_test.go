package inbox_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/bus"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/inbox"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
)

// BenchmarkBroadcast is one in-app message to devices that all wait for one:
// from its acceptance until the last device has it.
func BenchmarkBroadcast(b *testing.B) {
	const devices = 10_000
	db, err := store.Open(b.Context(), b.TempDir())
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	check(err)
	defer db.Close()
	var p account.Founder
	p.Email, p.DevKey, p.DevSecret = "owner@example.com", aurora.NewKey(), []byte("sealed")
	owner, err := db.CreateAccount(b.Context(), p, nil)
	check(err)
	app, err := db.CreateApp(b.Context(), aurora.App{AccountID: owner.ID, Key: aurora.NewKey(), Name: "App", BundleID: "com.example.app"}, []byte("sealed"))
	check(err)
	r := registry.New(db, nil, nil)
	s := inbox.New(inbox.Config{Queue: db, Bus: &bus.Local{}})
	d := dispatch.New(dispatch.Config{Messages: db, Registry: r, Channel: noAPNs{}, Parker: noAPNs{}, Arrived: s.Arrived})
	ctx, cancel := context.WithCancel(b.Context())
	var work sync.WaitGroup
	work.Go(func() { s.Run(ctx) })
	work.Go(func() { d.Run(ctx) })
	work.Go(func() { r.Run(ctx) })
	defer work.Wait()
	defer cancel()
	var registering sync.WaitGroup
	for i := range devices {
		registering.Go(func() {
			_, err := r.Register(ctx, app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS})
			if err != nil {
				b.Error(err)
			}
		})
	}
	registering.Wait()
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		var waiting sync.WaitGroup
		var mu sync.Mutex
		got := 0
		for n := range devices {
			waiting.Go(func() {
				list, err := s.Fetch(ctx, aurora.Device{AppID: app.ID, Number: uint32(n), Platform: aurora.IOS}, time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					b.Error(err)
				}
				got += min(len(list), 1)
			})
		}
		time.Sleep(3 * time.Second) // all have asked
		runtime.GC()
		runtime.ReadMemStats(&after)
		m := aurora.Message{Content: aurora.Content{InApp: &aurora.InAppMessage{Content: "hello"}}}
		began := time.Now()
		receipt, err := d.Accept(ctx, app, dispatch.Request{Message: m, Audience: audience.All()})
		check(err)
		waiting.Wait()
		b.ReportMetric(float64(got)/time.Since(began).Seconds(), "devices/s")
		b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/devices, "bytes/waiting-device")
		if got != devices {
			b.Errorf("%d of %d have it", got, devices)
		}
		check(d.Stop(ctx, app.ID, receipt.MessageID)) // or it comes again
	}
}
