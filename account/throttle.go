package account

import (
	"net/netip"
	"sync"
	"time"
)

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

func (t *throttle) forget(name string) {
	delete(t.buckets, name)
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

// guesses bounds attempts to sign in, in three ways: from one address for one
// account, so that a typing person notices little; for one account from
// anywhere, so that many addresses together guess slowly; and from one address
// for any account, so that one password is not tried on everybody.
type guesses struct {
	mu                     sync.Mutex
	pair, account, address throttle
}

func newGuesses() *guesses {
	return &guesses{
		pair:    throttle{burst: 5, refill: 12 * time.Second},
		account: throttle{burst: 30, refill: 12 * time.Second},
		address: throttle{burst: 30, refill: 2 * time.Second},
	}
}

// try counts an attempt and returns how long the caller must wait instead, or 0.
func (g *guesses) try(account, address string) time.Duration {
	now := time.Now()
	address = neighbourhood(address)
	pair := account + " " + address
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := max(g.pair.wait(pair, now), g.account.wait(account, now), g.address.wait(address, now)); wait > 0 {
		return wait
	}
	g.pair.count(pair, now)
	g.account.count(account, now)
	g.address.count(address, now)
	return 0
}

// succeeded takes back what one address used for one account.
func (g *guesses) succeeded(account, address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pair.forget(account + " " + neighbourhood(address))
}

// neighbourhood is an address as one caller may have it: all of IPv4, the /64 of
// IPv6, which every household has.
func neighbourhood(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() {
		return address
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
