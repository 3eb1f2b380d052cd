package dispatch_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

func TestRelativeBadges(t *testing.T) {
	inWorld(t, func(w *world) {
		d := w.device(1, aurora.Development)
		w.device(2, aurora.Development)
		start := 41
		if err := w.registry.Apply(w.Context(), w.app.ID, d.Number, registry.Change{Badge: &start}); err != nil {
			t.Fatal(err)
		}
		m := alert("hi")
		m.Content.IOS = &aurora.IOSNotification{Badge: &aurora.Badge{Relative: true, N: 1}}
		var wg sync.WaitGroup
		for range 5 { // at the same moment: five different numbers each
			wg.Go(func() { w.push(dispatch.Request{Message: m}) })
		}
		wg.Wait()
		time.Sleep(time.Second) // a read that waits for SQLite's log does so by sleeping
		synctest.Wait()
		seen := map[string]bool{}
		for _, s := range w.vendor.deliveries() {
			seen[fmt.Sprint(s.Number, ":", s.Badge)] = true
		}
		for i := 1; i <= 5; i++ {
			for _, want := range []string{fmt.Sprint("0:", start+i), fmt.Sprint("1:", i)} {
				if !seen[want] {
					t.Errorf("no delivery with device:badge %s; got %v", want, seen)
				}
			}
		}
	})
}

// A push that cannot arrive does not count on the icon.
func TestBadgesOfUnreachableDevicesStay(t *testing.T) {
	inWorld(t, func(w *world) {
		reached := w.device(1, aurora.Development)
		other, none, off := w.device(2, aurora.Production), w.device(3, aurora.NoEnvironment), w.device(4, aurora.Development)
		if err := w.registry.Apply(w.Context(), w.app.ID, off.Number, registry.Change{PushDisabled: new(true)}); err != nil {
			t.Fatal(err)
		}
		m := alert("hi")
		m.Content.IOS = &aurora.IOSNotification{Badge: &aurora.Badge{Relative: true, N: 1}}
		w.push(dispatch.Request{Message: m})
		w.push(dispatch.Request{Message: m, Audience: audience.AnyOf(audience.Registration, []string{reached.RegistrationID, other.RegistrationID, none.RegistrationID, off.RegistrationID})})
		synctest.Wait()
		for _, c := range []struct {
			d    aurora.Device
			want int
		}{{reached, 2}, {other, 0}, {none, 0}, {off, 0}} {
			d, err := w.registry.Device(w.Context(), w.app.ID, c.d.RegistrationID)
			if err != nil || d.Badge != c.want {
				t.Errorf("device %d has badge %d, %v; want %d", c.d.Number, d.Badge, err, c.want)
			}
		}
	})
}
