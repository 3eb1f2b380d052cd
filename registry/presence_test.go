package registry_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// runOnce does a registry's background work of a moment: a context that has
// ended still writes what was gathered.
func runOnce(t *testing.T, r *registry.Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r.Run(ctx)
}

func users(t *testing.T, r *registry.Service, app int64, unit registry.Unit, start time.Time, count int) []registry.Users {
	t.Helper()
	periods, err := r.Users(t.Context(), app, unit, start, count)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]registry.Users, len(periods))
	for i, p := range periods {
		list[i] = p.Platforms[aurora.IOS]
	}
	return list
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: %s, want %s", what, g, w)
	}
}

// Devices are counted once in each hour, day and month in which they were seen.
func TestPresenceByHourDayAndMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, app := newRegistry(t)
		start := time.Date(2030, 1, 30, 23, 10, 0, 0, registry.Zone)
		time.Sleep(time.Until(start))
		a, b := register(t, r, app, "install-a"), register(t, r, app, "install-b")
		other := register(t, r, app, "install-c")
		time.Sleep(time.Hour) // 31st, 00:10
		for range 3 {
			r.Seen(t.Context(), a, registry.Active)
			r.Seen(t.Context(), b, registry.Online)
			time.Sleep(10 * time.Minute)
			runOnce(t, r)
		}
		time.Sleep(24 * time.Hour) // February 1st, 00:40
		r.Seen(t.Context(), a, registry.Online)
		runOnce(t, r)

		equal(t, "hours", users(t, r, app, registry.Hour, start, 3), []registry.Users{{3, 3, 3}, {0, 2, 1}, {}})
		equal(t, "days", users(t, r, app, registry.Day, start, 4), []registry.Users{{3, 3, 3}, {0, 2, 1}, {0, 1, 0}, {}})
		equal(t, "months", users(t, r, app, registry.Month, start, 2), []registry.Users{{3, 3, 3}, {0, 1, 0}})
		if d, err := r.Device(t.Context(), app, a.RegistrationID); err != nil || time.Since(d.SeenAt) > 2*time.Minute {
			t.Errorf("a device that was just seen: %v, %v", d.SeenAt, err)
		}
		if d, err := r.Device(t.Context(), app, other.RegistrationID); err != nil || d.SeenAt.Before(start) || d.SeenAt.After(start.Add(time.Minute)) {
			t.Errorf("a device that was seen at its registration only: %v, %v", d.SeenAt, err)
		}
		// Past periods keep their numbers and lose their sets, however often.
		time.Sleep(26 * time.Hour)
		runOnce(t, r)
		equal(t, "hours put away", users(t, r, app, registry.Hour, start, 2), []registry.Users{{3, 3, 3}, {0, 2, 1}})
		equal(t, "days put away", users(t, r, app, registry.Day, start, 2), []registry.Users{{3, 3, 3}, {0, 2, 1}})
		time.Sleep(70 * 24 * time.Hour) // hours go, days stay
		runOnce(t, r)
		equal(t, "old hours", users(t, r, app, registry.Hour, start, 1), []registry.Users{{}})
		equal(t, "old days", users(t, r, app, registry.Day, start, 1), []registry.Users{{3, 3, 3}})
	})
}

// What was seen just before the end is on record after it.
func TestPresenceSurvivesTheEnd(t *testing.T) {
	r, _, app := newRegistry(t)
	d := register(t, r, app, "install-1")
	now := time.Now()
	r.Seen(t.Context(), d, registry.Active)
	runOnce(t, r)
	equal(t, "this month", users(t, r, app, registry.Month, now, 1), []registry.Users{{1, 1, 1}})
}

// Others' changes do not make a device seen.
func TestChangesByServersAreNoSightings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, app := newRegistry(t)
		d := register(t, r, app, "install-1")
		time.Sleep(time.Hour)
		apply(t, r, d, registry.Change{AddTags: []string{"vip"}})
		if got, err := r.Device(t.Context(), app, d.RegistrationID); err != nil || time.Since(got.SeenAt) < time.Hour {
			t.Errorf("seen at %v, %v after a change that it did not make", got.SeenAt, err)
		}
	})
}
