package registry_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
)

// BenchmarkRegister is durable registrations by many callers at once, each
// with a token and, in the second case, ten tags.
func BenchmarkRegister(b *testing.B) {
	tags := make([]string, 10)
	for i := range tags {
		tags[i] = fmt.Sprintf("tag-%d", i)
	}
	for name, change := range map[string]*registry.Change{"alone": nil, "token": {}, "ten-tags": {AddTags: tags}} {
		b.Run(name, func(b *testing.B) {
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
			var n atomic.Int64
			b.SetParallelism(128)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				secret := strings.Repeat("s", 43)
				for pb.Next() {
					i := int(n.Add(1))
					reg := registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: secret, Platform: aurora.IOS}
					if change != nil {
						reg.Change = *change
						reg.Change.Token, reg.Change.Environment = token(i), new(aurora.Development)
					}
					if _, err := r.Register(b.Context(), app.ID, reg); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "devices/s")
		})
	}
}
