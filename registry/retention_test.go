package registry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// Cohorts are followed by who was online on later days, and for a month, though
// the sets of older days are put away.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, app := newRegistry(t)
		time.Sleep(time.Until(time.Date(2030, 3, 1, 12, 0, 0, 0, registry.Zone)))
		first := []aurora.Device{register(t, r, app, "install-1"), register(t, r, app, "install-2"), register(t, r, app, "install-3"), register(t, r, app, "install-4")}
		runOnce(t, r)
		online := func(devices ...aurora.Device) {
			time.Sleep(24 * time.Hour)
			for _, d := range devices {
				r.Seen(t.Context(), d, registry.Online)
				r.Seen(t.Context(), d, registry.Active)
			}
			runOnce(t, r)
		}
		online(first[:3]...)
		second := register(t, r, app, "install-5")
		online(first[0], second)
		online()
		online(first[1])

		got, err := r.Retention(t.Context(), app, 6)
		if err != nil {
			t.Fatal(err)
		}
		// today, then 1, 2, 3 and 4 days ago, and a day before anything was.
		want := []registry.Cohort{{New: 0, Kept: []uint64{}}, {New: 0, Kept: []uint64{0}}, {New: 0, Kept: []uint64{0, 0}}, {New: 1, Kept: []uint64{1, 0, 0}}, {New: 4, Kept: []uint64{3, 1, 0, 1}}, {New: 0, Kept: []uint64{0, 0, 0, 0, 0}}}
		for i := range want {
			want[i].Day = registry.Day.Start(time.Now(), -i)
		}
		equal(t, "cohorts", got, want)

		time.Sleep(25 * 24 * time.Hour) // day 29
		runOnce(t, r)
		if got, err := r.Retention(t.Context(), app, 31); err != nil || got[29].New != 4 || got[29].Kept[0] != 3 {
			t.Errorf("after a month: %+v, %v", got[29], err)
		}
		time.Sleep(5 * 24 * time.Hour)
		runOnce(t, r)
		runOnce(t, r)
		if days, err := r.Users(t.Context(), app, registry.Day, time.Now().Add(-34*24*time.Hour), 1); err != nil || days[0].Platforms[aurora.IOS].New != 4 {
			t.Errorf("the numbers of a day whose sets are gone: %+v, %v", days, err)
		}
	})
}

// Devices are counted by each value of a property.
func TestBreakdown(t *testing.T) {
	r, _, app := newRegistry(t)
	for i, tags := range [][]string{{"a"}, {"a", "b"}, {"a", "b:c"}} {
		d := register(t, r, app, "install-"+string(rune('1'+i)))
		apply(t, r, d, registry.Change{AddTags: tags})
	}
	runOnce(t, r)
	got, err := r.Breakdown(t.Context(), app, audience.Tag)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "tags", got, map[string]uint64{"a": 3, "b": 1, "b:c": 1})
	if _, err := r.Breakdown(t.Context(), app, audience.Alias); aurora.KindOf(err) != aurora.Invalid {
		t.Errorf("by alias: %v", err)
	}
}
