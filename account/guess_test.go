package account

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestStrangersDoNotLockAnybodyOut: many addresses together use an account's
// attempts up, and not those of who has shown something that is the person's;
// nor has that one attempts without end.
func TestStrangersDoNotLockAnybodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuesses()
		for i := range 100 {
			g.try(guess{account: "mia", address: fmt.Sprintf("198.51.100.%d", i)})
		}
		if g.try(guess{account: "mia", address: "192.0.2.1"}) == 0 {
			t.Error("the account's attempts are not used up")
		}
		mine := guess{account: "mia", address: "198.51.100.1", trusted: devicePrefix + "1"}
		for range 5 {
			if g.try(mine) != 0 {
				t.Error("a known device waits")
			}
		}
		if wait := g.try(mine); wait <= 0 || wait > 12*time.Second {
			t.Errorf("a known device is asked to wait %v", wait)
		}
		g.succeeded(mine)
		if g.try(mine) != 0 {
			t.Error("a known device waits after a success")
		}
	})
}

// TestCodesCannotBeGuessedForDays: somebody who knows the password, with as many
// addresses as they like, tries 44 codes in a day and 24 on each day after it:
// 3 of 1,000,000 are right at a time, so that a year is a chance of three in a
// hundred. It is said each time no more are taken.
func TestCodesCannotBeGuessedForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuesses()
		day := func() (tried, told int) {
			for minute := range 24 * 60 {
				for i := range 5 {
					from := guess{account: "mia", address: fmt.Sprintf("203.0.%d.%d", minute%200, i)}.atSecond()
					if g.try(from) != 0 {
						continue
					}
					wait, last := g.tryCode(from)
					if wait == 0 {
						tried++
					}
					if last {
						told++
					}
				}
				time.Sleep(time.Minute)
			}
			return tried, told
		}
		for n, want := range []int{44, 24} {
			if tried, told := day(); tried < want-1 || tried > want || told < 20 {
				t.Errorf("on day %d %d codes were tried, want %d; told %d times", n+1, tried, want, told)
			}
		}
		mine := guess{account: "mia", address: "192.0.2.1", trusted: devicePrefix + "1"}
		for range 100 { // right ones are not counted
			if wait, _ := g.tryCode(mine); wait != 0 {
				t.Fatalf("a known device is asked to wait %v", wait)
			}
			g.rightCode(mine)
		}
	})
}
