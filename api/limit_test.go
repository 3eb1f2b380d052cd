package api

import (
	"testing"
	"testing/synctest"
	"time"
)

// A window lets its number of calls through, refuses the next, and a minute
// after its first call begins anew; apps and families do not share one.
func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		one, other := surface{ofApp, 1, pushFamily}, surface{ofApp, 1, reportFamily}
		take := func(at surface) int {
			left, ends := l.take(at, 3, time.Now())
			if d := time.Until(ends); d <= 0 || d > time.Minute {
				t.Errorf("the window ends in %v", d)
			}
			return left
		}
		for i, want := range []int{2, 1, 0, -1, -1} {
			if left := take(one); left != want {
				t.Errorf("call %d: %d left, want %d", i+1, left, want)
			}
			time.Sleep(time.Second)
		}
		if left := take(other); left != 2 {
			t.Errorf("another family has %d left, want 2", left)
		}
		time.Sleep(55 * time.Second)
		if left := take(one); left != 2 {
			t.Errorf("a minute later %d are left, want 2", left)
		}
	})
}

// Windows that are over are dropped, so that callers of long ago take no memory.
func TestLimiterForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		for app := range int64(10_000) {
			l.take(surface{ofApp, app, pushFamily}, 3, time.Now())
		}
		time.Sleep(2 * windowLength)
		if l.take(surface{ofApp, 1, pushFamily}, 3, time.Now()); len(l.windows) != 1 {
			t.Errorf("%d windows are kept", len(l.windows))
		}
	})
}

func TestLimits(t *testing.T) {
	for given, want := range map[int]int{0: defaultLimit, 5: 5, -1: unlimited, 1 << 40: unlimited} {
		if got := (Limits{Push: given}).of(pushFamily); got != want {
			t.Errorf("a limit of %d means %d, want %d", given, got, want)
		}
	}
}
