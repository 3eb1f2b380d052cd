package device

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// The pause before the n-th attempt after a failure doubles from one second to five minutes. A random half of it is taken
// away, so that a million phones that lost the same server do not return in the same second.
const (
	backoffBase = time.Second
	backoffCap  = 5 * time.Minute
	// maxRetryAfter bounds what a server may ask for: a mistyped header must not silence a phone for a week.
	maxRetryAfter = time.Hour
)

// backoff returns the pause after the given number of failures in a row (1 = the first). The result lies in (d/2, d] where
// d = min(cap, base·2^(failures−1)); jitter in [0, 1) chooses the place.
func backoff(failures int, jitter float64) time.Duration {
	d := backoffCap
	if failures < 1 {
		failures = 1
	}
	if failures <= 20 { // beyond that the shift would only overflow
		d = min(backoffCap, backoffBase<<(failures-1))
	}
	return d - time.Duration(jitter*float64(d/2))
}

// pause is the wait before the next attempt: the back-off, or what the server asked for if that is longer.
func pause(failures int, retryAfter time.Duration) time.Duration {
	return max(backoff(failures, rand.Float64()), min(retryAfter, maxRetryAfter))
}

// retryAfter reads the Retry-After header (RFC 9110 §10.2.3), seconds or a date; 0 when absent, past or malformed.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
