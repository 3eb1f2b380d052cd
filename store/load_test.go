package store

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/store/storetest"
)

func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l load
		l.count(1)
		write := func(every time.Duration, n int) {
			for range n {
				time.Sleep(every)
				l.count(1)
			}
		}
		write(time.Millisecond, 200) // 1,000 a second
		if l.busy() {
			t.Errorf("%.0f writes a second are called busy", l.rate)
		}
		write(100*time.Microsecond, 2000) // 10,000 a second
		if !l.busy() {
			t.Errorf("%.0f writes a second are not called busy", l.rate)
		}
		write(time.Millisecond, 200)
		if l.busy() {
			t.Errorf("%.0f writes a second are called busy after a busy time", l.rate)
		}
	})
}

// TestLinger: a writer that waits for others carries out every write once, and
// does not keep a lone caller waiting for company.
func TestLinger(t *testing.T) {
	storetest.SQLiteOnly(t, "its writer is the only one that waits for others")
	s, err := openTest(t, t.TempDir())
	check(t, err)
	defer s.Close()
	s.desk.writers[0].load = load{rate: 2 * busyRate, since: time.Now().Add(time.Hour)} // for the next hour
	var parts, largest int
	s.OnCommit(func(c Commit) { parts += c.Parts; largest = max(largest, c.Parts) })
	done := 0
	one := func() error { return s.write(t.Context(), func(*tx) error { done++; return nil }) }
	for range 20 {
		check(t, one())
	}
	if done != 20 || largest != 1 {
		t.Errorf("one caller: %d of 20 writes, up to %d in a commit", done, largest)
	}
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for range 20 {
				if err := one(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	if want := 20 + 64*20; done != want || parts != want {
		t.Errorf("%d callers' writes carried out and %d committed, want %d", done, parts, want)
	}
}
