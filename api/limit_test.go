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
