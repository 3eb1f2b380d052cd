package client

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// Retry is how often a call is repeated that was not answered, or was answered
// with 429 or a trouble of the server (500 twice, 502, 503, 504). Pauses double,
// and each is drawn between half of it and all of it, so that many callers do
// not come back at one moment. A server that says when to come again
// (Retry-After) is not asked earlier.
//
// What might be done twice by a repeat (a new API key, a new webhook, an upload)
// is repeated only if it certainly was not done.
type Retry struct {
	// Within is how long after its first attempt a call may begin another. The
	// default is 30 seconds; a negative one means no repeats. If a server asks for
	// a longer pause, the call ends at once and its error says how long.
	Within time.Duration
	// First is the pause after the first attempt, default 250 milliseconds.
	First time.Duration
	// Longest is the longest pause that the client takes of its own, default 10
	// seconds.
	Longest time.Duration
}

func (r Retry) withDefaults() Retry {
	if r.Within == 0 {
		r.Within = 30 * time.Second
	}
	if r.First <= 0 {
		r.First = 250 * time.Millisecond
	}
	if r.Longest <= 0 {
		r.Longest = 10 * time.Second
	}
	return r
}

// pause is how long to wait after the given attempt, drawn anew each time.
func (r Retry) pause(number int) time.Duration {
	d := r.Longest
	if shift := number - 1; shift < 20 {
		d = min(r.First<<shift, r.Longest)
	}
	return d/2 + rand.N(d/2+1)
}

// maxInternal is how many attempts a call gets that meets defects of the server.
const maxInternal = 3

// tries counts the attempts of one call.
type tries struct {
	Retry
	began  time.Time
	number int
}

func (c *caller) tries() *tries { return &tries{Retry: c.s.Retry, began: time.Now()} }

// next says whether there is another attempt after one with this error, and
// when. harmless tells that a repeat cannot do the thing twice.
func (t *tries) next(ctx context.Context, err error, harmless bool) (wait time.Duration, again bool) {
	if err == nil || ctx.Err() != nil || !t.worth(err, harmless) {
		return 0, false
	}
	wait = t.pause(t.number)
	if refused, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, refused.RetryAfter)
	}
	if time.Since(t.began)+wait > t.Within {
		return 0, false
	}
	return wait, true
}

func (t *tries) worth(err error, harmless bool) bool {
	refused, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return harmless && !hopeless(err)
	case refused.Status == http.StatusTooManyRequests: // nothing was done
		return true
	case refused.Status == http.StatusInternalServerError:
		return harmless && t.number < maxInternal
	}
	return harmless && refused.Temporary()
}

// hopeless reports whether the way to the server is set up wrongly, which time
// does not mend: a certificate that is not trusted, or HTTP where HTTPS is meant.
func hopeless(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return untrusted || errors.Is(err, http.ErrSchemeMismatch)
}
