package account

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
)

// TestPasswordHash: stored in the usual form of argon2id, salted, and only the
// password itself passes.
func TestPasswordHash(t *testing.T) {
	argonMemory = argonFullMemory
	defer func() { argonMemory = argonTestMemory }()
	hashed := func() string {
		h, err := hashPassword(t.Context(), "correct horse battery")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	passes := func(encoded, password string) bool {
		right, err := checkPassword(t.Context(), encoded, password)
		if err != nil {
			t.Fatal(err)
		}
		return right
	}
	one, two := hashed(), hashed()
	if !strings.HasPrefix(one, "$argon2id$v=19$m=65536,t=3,p=2$") || one == two {
		t.Errorf("%s and %s", one, two)
	}
	if !passes(one, "correct horse battery") || !passes(two, "correct horse battery") {
		t.Error("the right password does not pass")
	}
	for encoded, password := range map[string]string{
		one: "correct horse batterz", two: "",
		"":                                   "correct horse battery", // no such account
		strings.TrimSuffix(one, one[60:]):    "correct horse battery",
		"$argon2id$v=19$m=65536,t=3,p=2$$":   "",
		"$argon2id$v=19$m=65536,t=3,p=2$!$!": "x",
	} {
		if passes(encoded, password) {
			t.Errorf("%q passes for %q", password, encoded)
		}
	}
}

// TestNobodyWaitsForEverToBeHashed: a full gate turns people away after its
// time, and lets those go who have left.
func TestNobodyWaitsForEverToBeHashed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}, 1), 10 * time.Second}
		leave, err := g.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := g.enter(t.Context()); aurora.KindOf(err) != aurora.Unavailable || time.Since(began) != 10*time.Second {
			t.Errorf("turned away with %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.enter(ctx); err == nil || time.Since(began) != 11*time.Second {
			t.Errorf("who has left waits on: %v after %v", err, time.Since(began))
		}
		leave()
		if _, err := g.enter(t.Context()); err != nil {
			t.Errorf("a free place: %v", err)
		}
	})
}
