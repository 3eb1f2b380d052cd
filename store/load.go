package store

import "time"

// load tells how many writes a second a writer has lately carried out. It is
// the writer's own, so it needs no lock.
type load struct {
	since  time.Time
	writes int
	rate   float64 // of the last whole interval
}

// loadInterval is how long writes are counted for a rate.
const loadInterval = 100 * time.Millisecond

func (l *load) count(writes int) {
	l.writes += writes
	now := time.Now()
	if passed := now.Sub(l.since); passed >= loadInterval {
		l.rate = float64(l.writes) / passed.Seconds()
		l.since, l.writes = now, 0
	}
}

// busy tells that waiting for others is worth its time.
func (l *load) busy() bool { return l.rate >= busyRate }
