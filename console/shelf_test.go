package console

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What took long is kept for fifty times as long, what did not is not, and
// neither is a failure.
func TestSlowFiguresAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k shelf
		var fail error
		runs := 0
		ask := func(key string, took time.Duration) int {
			n, _ := keep(t.Context(), &k, key, func() (int, error) {
				runs++
				time.Sleep(took)
				return runs, fail
			})
			return n
		}
		for range 2 {
			ask("quick", shelfSlow-1)
		}
		if runs != 2 {
			t.Errorf("quick figures were worked out %d times, want 2", runs)
		}
		first := ask("slow", 200*time.Millisecond)
		time.Sleep(9 * time.Second)
		if again := ask("slow", time.Hour); again != first {
			t.Errorf("after 9 s the answer is %d, want %d again", again, first)
		}
		if other := ask("another app's", 0); other == first {
			t.Error("another app gets the answer")
		}
		time.Sleep(time.Second)
		if again := ask("slow", time.Hour); again == first {
			t.Error("the answer is kept longer than 10 s")
		}
		time.Sleep(shelfMost)
		fail = errors.New("away")
		ask("slow", time.Second)
		fail = nil
		if before := runs; ask("slow", 0) == before {
			t.Error("a failure is kept")
		}
		ask("last", time.Second)
		if len(k.answers) != 1 {
			t.Errorf("%d answers are held, all but one of them out of date", len(k.answers))
		}
	})
}

// Those who ask at the same moment share one answer, and wait no longer than
// they want to.
func TestSlowFiguresAreWorkedOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k shelf
		var runs atomic.Int64
		work := func() (int64, error) {
			time.Sleep(time.Second)
			return runs.Add(1), nil
		}
		for range 10 {
			go func() {
				if n, err := keep(t.Context(), &k, "report", work); n != 1 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			}()
		}
		synctest.Wait()
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := keep(hasty, &k, "report", work); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who wants to wait a millisecond gets %v", err)
		}
		time.Sleep(time.Minute)
		if runs.Load() != 1 {
			t.Errorf("the report was worked out %d times", runs.Load())
		}
	})
}
