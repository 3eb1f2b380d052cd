package account

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPasswordHash: stored in the usual form of argon2id, salted, and only the
// password itself passes.
func TestPasswordHash(t *testing.T) {
	one, two := hashPassword("correct horse battery"), hashPassword("correct horse battery")
	if !strings.HasPrefix(one, "$argon2id$v=19$m=65536,t=3,p=2$") || one == two {
		t.Errorf("%s and %s", one, two)
	}
	if !checkPassword(one, "correct horse battery") || !checkPassword(two, "correct horse battery") {
		t.Error("the right password does not pass")
	}
	for encoded, password := range map[string]string{
		one: "correct horse batterz", two: "",
		"":                                   "correct horse battery", // no such account
		strings.TrimSuffix(one, one[60:]):    "correct horse battery",
		"$argon2id$v=19$m=65536,t=3,p=2$$":   "",
		"$argon2id$v=19$m=65536,t=3,p=2$!$!": "x",
	} {
		if checkPassword(encoded, password) {
			t.Errorf("%q passes for %q", password, encoded)
		}
	}
}

// TestThrottle: five attempts at once, then one every twelve seconds, for each
// name by itself.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var th throttle
		attempt := func(name string) bool { return th.wait(name) == 0 }
		burst := func(name string) (n int) {
			for attempt(name) {
				n++
			}
			return n
		}
		if n := burst("mia"); n != 5 {
			t.Errorf("%d attempts at once", n)
		}
		if !attempt("eve") {
			t.Error("another name waits too")
		}
		if wait := th.wait("mia"); wait <= 0 || wait > 12*time.Second {
			t.Errorf("asked to wait %v", wait)
		}
		time.Sleep(11 * time.Second)
		if attempt("mia") {
			t.Error("an attempt after eleven seconds")
		}
		time.Sleep(time.Second) // refused attempts do not prolong the wait
		if !attempt("mia") || attempt("mia") {
			t.Error("not exactly one attempt after twelve seconds")
		}
		time.Sleep(time.Hour)
		if n := burst("mia"); n != 5 {
			t.Errorf("%d attempts at once after an hour", n)
		}
		th.forget("mia")
		if n := burst("mia"); n != 5 {
			t.Errorf("%d attempts after a success", n)
		}
	})
}
