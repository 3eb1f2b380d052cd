package account

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
)

// guess is an attempt to prove that one is somebody.
type guess struct {
	account string // whose: an email address
	address string // from where
	// trusted names what only the person can have shown before: a device that
	// they signed in with, a session, the right password. Such guesses are counted
	// by themselves, so that strangers who guess at the account from many
	// addresses do not keep its person out.
	trusted string
}

// guessAt is the guess that a request makes at somebody's password.
func (s *Service) guessAt(ctx context.Context, email string) guess {
	return guess{email, neighbourhood(aurora.ActorOf(ctx).Address), s.knownDevice(ctx, email)}
}

// atSecond is the guess at the second factor: who makes it knows the password.
func (g guess) atSecond() guess {
	if g.trusted == "" {
		g.trusted = "password from " + g.address
	}
	return g
}

// codes is what wrong codes are counted for: the account, and a device that the
// person is known by apart from everybody else's.
func (g guess) codes() string {
	if strings.HasPrefix(g.trusted, devicePrefix) {
		return g.account + " " + g.trusted
	}
	return g.account
}

// guesses bounds attempts to sign in, in three ways: from one address for one
// account, so that a typing person notices little; for one account from
// anywhere, so that many addresses together guess slowly; and from one address
// for any account, so that one password is not tried on everybody. Who has shown
// something is bounded by that alone.
//
// Six digits are few, and who knows the password may guess at them from many
// addresses: wrong codes are bounded by the day as well. Asks are what anybody
// may ask for that the database has to remember.
type guesses struct {
	mu                              sync.Mutex
	pair, account, address, trusted throttle
	codes, asks                     throttle
}

func newGuesses() *guesses {
	return &guesses{
		pair:    throttle{burst: 5, refill: 12 * time.Second},
		account: throttle{burst: 30, refill: 12 * time.Second},
		address: throttle{burst: 30, refill: 2 * time.Second},
		trusted: throttle{burst: 5, refill: 12 * time.Second},
		codes:   throttle{burst: 20, refill: time.Hour},
		asks:    throttle{burst: 30, refill: 2 * time.Second},
	}
}

// try counts an attempt and returns how long the caller must wait instead, or 0.
func (g *guesses) try(a guess) time.Duration {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.trusted != "" {
		return g.trusted.take(a.account+" "+a.trusted, now)
	}
	pair := a.account + " " + a.address
	if wait := max(g.pair.wait(pair, now), g.account.wait(a.account, now), g.address.wait(a.address, now)); wait > 0 {
		return wait
	}
	g.pair.count(pair, now)
	g.account.count(a.account, now)
	g.address.count(a.address, now)
	return 0
}

// succeeded takes back what one address, or what was shown, used for one account.
func (g *guesses) succeeded(a guess) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pair.forget(a.account + " " + a.address)
	g.trusted.forget(a.account + " " + a.trusted)
}

// tryCode counts a code as wrong until rightCode takes it back, and returns how
// long the caller must wait instead, or 0. last says that this was the last one
// for now.
func (g *guesses) tryCode(a guess) (wait time.Duration, last bool) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	wait = g.codes.take(a.codes(), now)
	return wait, wait == 0 && g.codes.wait(a.codes(), now) > 0
}

func (g *guesses) rightCode(a guess) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.codes.giveBack(a.codes(), time.Now())
}

func (g *guesses) ask(address string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asks.take(address, time.Now())
}

// attempt counts a guess at somebody's account.
func (s *Service) attempt(g guess) error { return tooMany(s.guesses.try(g)) }

func tooMany(wait time.Duration) error {
	if wait == 0 {
		return nil
	}
	return aurora.Errorf(aurora.TooMany, "Too many attempts. Try again in %d seconds.", int(wait.Seconds())+1)
}

// ask counts something that a visitor wants and the database must remember.
func (s *Service) ask(ctx context.Context) error {
	return tooMany(s.guesses.ask(neighbourhood(aurora.ActorOf(ctx).Address)))
}

// attemptCode counts a code of an authenticator app. The accounts of the person
// are told when no more are taken: somebody knows the password.
func (s *Service) attemptCode(ctx context.Context, g guess, personID int64) error {
	wait, last := s.guesses.tryCode(g)
	if wait > 0 {
		return aurora.Errorf(aurora.TooMany, "Too many wrong codes were typed for this account. Use a recovery code or a passkey, or try again in %d minutes.", int(wait.Minutes())+1)
	}
	if last {
		s.recordOf(ctx, personID, g.account, "codes.guessed", "no more wrong codes are taken for now, one an hour from then on; the password is known to whoever typed them")
	}
	return nil
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
