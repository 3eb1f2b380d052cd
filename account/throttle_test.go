package account

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestGuesses: from one address five attempts at one account, then one every
// twelve seconds; thirty from all addresses together; thirty from one address at
// all accounts.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuesses()
		burst := func(account, address string) (n int) {
			for g.try(guess{account: account, address: neighbourhood(address)}) == 0 {
				n++
			}
			return n
		}
		if n := burst("mia", "192.0.2.1"); n != 5 {
			t.Errorf("%d attempts at once", n)
		}
		try := func(account, address string) time.Duration {
			return g.try(guess{account: account, address: neighbourhood(address)})
		}
		if wait := try("mia", "192.0.2.1"); wait <= 0 || wait > 12*time.Second {
			t.Errorf("asked to wait %v", wait)
		}
		time.Sleep(11 * time.Second)
		if try("mia", "192.0.2.1") == 0 {
			t.Error("an attempt after eleven seconds")
		}
		time.Sleep(time.Second) // refused attempts do not prolong the wait
		if n := burst("mia", "192.0.2.1"); n != 1 {
			t.Errorf("%d attempts after twelve seconds", n)
		}
		g.succeeded(guess{account: "mia", address: "192.0.2.1"})
		if n := burst("mia", "192.0.2.1"); n != 5 {
			t.Errorf("%d attempts after a success", n)
		}
		time.Sleep(time.Hour)

		many := 0
		for i := range 100 {
			if try("mia", fmt.Sprintf("198.51.100.%d", i)) == 0 {
				many++
			}
		}
		if many != 30 {
			t.Errorf("%d attempts from many addresses", many)
		}
		if try("eve", "192.0.2.1") != 0 {
			t.Error("somebody else waits too")
		}
		time.Sleep(time.Hour)

		sprayed := 0
		for i := range 100 { // one IPv6 household has all of its /64
			if try(fmt.Sprintf("person%d", i), fmt.Sprintf("2001:db8::%x", i+1)) == 0 {
				sprayed++
			}
		}
		if sprayed != 30 {
			t.Errorf("%d accounts tried from one network", sprayed)
		}
		if try("person99", "2001:db8:0:1::1") != 0 {
			t.Error("another network waits too")
		}
	})
}

// TestThrottleForgetsNobodyUnderAttack: memory is bounded, and a flood of other
// names does not wash one out that is being guessed at.
func TestThrottleForgetsNobodyUnderAttack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle{burst: 5, refill: 12 * time.Second}
		try := func(name string) bool {
			if th.wait(name, time.Now()) > 0 {
				return false
			}
			th.count(name, time.Now())
			return true
		}
		for try("mia") {
		}
		for i := range 2 * maxThrottled {
			try(fmt.Sprint(i))
		}
		if try("mia") {
			t.Error("a flood of names made the throttle forget one")
		}
		if len(th.buckets) != maxThrottled {
			t.Errorf("%d names are held", len(th.buckets))
		}
		time.Sleep(2 * time.Minute)
		if !try("somebody new") || len(th.buckets) != 1 {
			t.Errorf("after the flood %d names are held", len(th.buckets))
		}
	})
}
