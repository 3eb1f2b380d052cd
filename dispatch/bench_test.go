package dispatch_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
)

// BenchmarkSinglePushes is pushes to one device each, by many callers at once:
// accepted durably, sent to a vendor that answers at once, settled.
func BenchmarkSinglePushes(b *testing.B) {
	db, err := store.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var p account.Founder
	p.Email, p.DevSecret = "owner@example.com", []byte("sealed")
	a, err := db.CreateAccount(b.Context(), p, nil)
	if err != nil {
		b.Fatal(err)
	}
	app, err := db.CreateApp(b.Context(), aurora.App{AccountID: a.ID, Key: aurora.NewKey()}, []byte("sealed"))
	if err != nil {
		b.Fatal(err)
	}
	r := registry.New(db, nil, nil)
	audiences := make([]audience.Expr, 1000)
	env := aurora.Development
	for i := range audiences {
		id, err := r.Register(b.Context(), app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS})
		if err != nil {
			b.Fatal(err)
		}
		token := fmt.Sprintf("%064x", i)
		if err := r.Apply(b.Context(), app.ID, uint32(i), registry.Change{Token: &token, Environment: &env}); err != nil {
			b.Fatal(err)
		}
		audiences[i] = audience.Is(audience.Registration, id)
	}
	v := &instant{}
	d := dispatch.New(dispatch.Config{Messages: db, Registry: r, Channel: v, Parker: v})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()

	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := d.Accept(b.Context(), app, dispatch.Request{Message: alert("code 123456"), Audience: audiences[i%len(audiences)]}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accepted/s")
	for v.sent.Load() < int64(b.N) {
		if err := ctx.Err(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sent/s")
	cancel()
	<-done
}

// instant is a vendor that takes everything.
type instant struct{ sent atomic.Int64 }

func (v *instant) Open(context.Context, *aurora.Message) (aurora.Route, error) {
	return aurora.Route{Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
		v.sent.Add(1)
		done(d, aurora.Outcome{})
		return nil
	}}, nil
}

func (v *instant) ParkCredential(context.Context, int64, string) error { return nil }
