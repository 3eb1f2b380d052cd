package account

import "time"

// throttle slows down attempts for one name: a bucket of burst that refills by
// one each refill. It holds at most maxThrottled names; one whose bucket is full
// again is forgotten first. While that many are guessed at, further names wait:
// an attacker cannot wash a name out by trying others.
type throttle struct {
	burst  float64
	refill time.Duration

	buckets map[string]bucket
	swept   time.Time
}

type bucket struct {
	level float64 // attempts used
	at    time.Time
}

const maxThrottled = 50_000

// level returns what is used of a name's bucket now.
func (t *throttle) level(b bucket, now time.Time) float64 {
	return max(0, b.level-float64(now.Sub(b.at))/float64(t.refill))
}

// wait returns how long a caller with this name must wait, or 0. It counts
// nothing.
func (t *throttle) wait(name string, now time.Time) time.Duration {
	b, ok := t.buckets[name]
	if !ok && len(t.buckets) >= maxThrottled {
		if t.sweep(now); len(t.buckets) >= maxThrottled {
			return t.refill
		}
	}
	if level := t.level(b, now); level+1 > t.burst {
		return time.Duration((level + 1 - t.burst) * float64(t.refill))
	}
	return 0
}

// count notes an attempt.
func (t *throttle) count(name string, now time.Time) {
	if t.buckets == nil {
		t.buckets = map[string]bucket{}
	}
	t.buckets[name] = bucket{t.level(t.buckets[name], now) + 1, now}
}

// take counts an attempt and returns how long the caller must wait instead, or 0.
func (t *throttle) take(name string, now time.Time) time.Duration {
	wait := t.wait(name, now)
	if wait == 0 {
		t.count(name, now)
	}
	return wait
}

// forget takes back all attempts with a name.
func (t *throttle) forget(name string) {
	delete(t.buckets, name)
}

// giveBack takes back one attempt.
func (t *throttle) giveBack(name string, now time.Time) {
	if b, ok := t.buckets[name]; ok {
		t.buckets[name] = bucket{max(0, t.level(b, now)-1), now}
	}
}

// sweep drops the buckets that are full again, at most once a second.
func (t *throttle) sweep(now time.Time) {
	if now.Sub(t.swept) < time.Second {
		return
	}
	t.swept = now
	for name, b := range t.buckets {
		if t.level(b, now) == 0 {
			delete(t.buckets, name)
		}
	}
}
