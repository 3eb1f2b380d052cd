package api

import (
	"maps"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
)

// Limits are calls a minute that one app may make on each surface; 0 means
// the default, which is generous: the server is its owner's. A negative one
// means any number.
type Limits struct {
	Push, Devices, Reports, Schedules, Files int
}

// defaultLimit is ten thousand calls a second: it is there so that the headers
// which JPush's clients read have something to say, and a runaway loop an end.
const defaultLimit = 600_000

// unlimited is what the headers tell when there is no limit: clients read it
// into an int.
const unlimited = math.MaxInt32

func (l Limits) of(f family) int {
	if f == flatFamily { // counted apart, by the same limit
		f = pushFamily
	}
	n := map[family]int{pushFamily: l.Push, labelFamily: l.Devices, reportFamily: l.Reports, scheduleFamily: l.Schedules, fileFamily: l.Files}[f]
	switch {
	case n == 0:
		return defaultLimit
	case n < 0:
		return unlimited
	}
	return min(n, unlimited)
}

// limiter counts calls in fixed windows of a minute.
type limiter struct {
	mu      sync.Mutex
	windows map[surface]*window
	swept   time.Time // when windows that are over were last dropped
}

// surface is one caller's share of a family.
type surface struct {
	kind   callerKind
	id     int64
	family family
}

type callerKind uint8

const (
	ofApp callerKind = iota
	ofGroup
	ofAccount
)

const windowLength = time.Minute

type window struct {
	ends time.Time
	used int
}

// take counts a call and returns what is left in the window, negative if the
// call is one too many, and when the window ends.
func (l *limiter) take(at surface, limit int, now time.Time) (left int, ends time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.windows == nil {
		l.windows = map[surface]*window{}
	}
	if now.Sub(l.swept) >= windowLength {
		l.swept = now
		maps.DeleteFunc(l.windows, func(_ surface, w *window) bool { return !now.Before(w.ends) })
	}
	w := l.windows[at]
	if w == nil {
		w = &window{}
		l.windows[at] = w
	}
	if !now.Before(w.ends) {
		*w = window{ends: now.Add(windowLength)}
	}
	if w.used >= limit {
		return -1, w.ends
	}
	w.used++
	return limit - w.used, w.ends
}

// limit counts an authenticated call and sets the headers of JPush's clients
// (spec/rest-api.md §5).
func (s *server) limit(h http.Header, at surface) error {
	limit, now := s.Limits.of(at.family), time.Now()
	if limit == unlimited {
		setLimit(h, unlimited, unlimited, int(windowLength.Seconds()))
		return nil
	}
	if s.Servers != nil { // each server lets its share through, so that together they keep the limit
		limit = max(limit/max(s.Servers(), 1), 1)
	}
	left, ends := s.limiter.take(at, limit, now)
	wait := int(math.Ceil(ends.Sub(now).Seconds()))
	setLimit(h, limit, max(left, 0), wait)
	if left < 0 {
		return aurora.Errorf(aurora.TooMany, "The caller has made its %d calls of this minute. Try again in %d seconds.", limit, wait)
	}
	return nil
}

func setLimit(h http.Header, limit, left, seconds int) {
	n := strconv.Itoa(limit)
	h.Set("X-Rate-Limit-Limit", n)
	h.Set("X-Rate-Limit-Quota", n)
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
	h.Set("X-Rate-Limit-Reset", strconv.Itoa(seconds))
}
