package apns

import (
	"sync"
	"time"
)

// clock is the server's idea of now: real time, shifted, scaled or frozen, so
// that expirations, the thirty days of storage and the age of provider tokens
// can be watched without waiting for them. Timers (idle, latency) stay on real time.
type clock struct {
	mu     sync.Mutex
	anchor time.Time // real time at which base was set
	base   time.Time // the server's time at anchor
	scale  float64   // 1 = real speed, 0 = frozen
}

func newClock() *clock {
	now := time.Now()
	return &clock{anchor: now, base: now, scale: 1}
}

// Now returns the server's time without a monotonic reading, because the wall
// clock is what tokens and expirations are compared with.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *clock) now() time.Time {
	passed := float64(time.Since(c.anchor)) * c.scale
	return c.base.Add(time.Duration(passed)).Round(0)
}

// jump moves the clock by d, which may be negative.
func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = c.now().Add(d)
	c.anchor = time.Now()
}

// set puts the clock to t.
func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = t
	c.anchor = time.Now()
}

// setScale changes the speed from this moment on; 0 freezes.
func (c *clock) setScale(scale float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = c.now()
	c.anchor = time.Now()
	c.scale = scale
}

// reset goes back to real time.
func (c *clock) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.anchor = time.Now()
	c.base = c.anchor
	c.scale = 1
}

func (c *clock) speed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.scale
}
