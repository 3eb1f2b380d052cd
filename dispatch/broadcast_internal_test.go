package dispatch

import (
	"testing"
	"testing/synctest"
	"time"
)

// A day's broadcasts are counted for each app by itself, what was not sent does
// not count, and windows that are over are dropped.
func TestBroadcastsOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b broadcasts
		for i, want := range []bool{true, true, false, false} {
			if got := b.take(1, 2, time.Now()); got != want {
				t.Errorf("broadcast %d is taken: %v, want %v", i+1, got, want)
			}
			time.Sleep(time.Hour)
		}
		if !b.take(2, 2, time.Now()) {
			t.Error("another app has no broadcasts of its own")
		}
		if b.giveBack(1); !b.take(1, 2, time.Now()) || b.take(1, 2, time.Now()) {
			t.Error("one that was given back is not there again, or more than one is")
		}
		time.Sleep(20*time.Hour + time.Second)
		if !b.take(1, 2, time.Now()) {
			t.Error("the next day has no broadcasts")
		}
		for app := range int64(10_000) {
			b.take(app, 2, time.Now())
		}
		time.Sleep(25 * time.Hour)
		if b.take(3, 2, time.Now()); len(b.apps) != 1 {
			t.Errorf("%d windows are kept", len(b.apps))
		}
	})
}
