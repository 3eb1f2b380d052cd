package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/audience"
)

// A day's broadcasts are counted for each app by itself, what was not sent does
// not count, and windows that are over are dropped.
func TestBroadcastsOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b broadcasts
		for i, want := range []bool{true, true, false, false} {
			if got := b.take(1, 2, time.Now()); got != want {
				t.Errorf("broadcast %d is taken: %v, want %v", i+1, got, want)
			}
			time.Sleep(time.Hour)
		}
		if !b.take(2, 2, time.Now()) {
			t.Error("another app has no broadcasts of its own")
		}
		if b.giveBack(1); !b.take(1, 2, time.Now()) || b.take(1, 2, time.Now()) {
			t.Error("one that was given back is not there again, or more than one is")
		}
		time.Sleep(20*time.Hour + time.Second)
		if !b.take(1, 2, time.Now()) {
			t.Error("the next day has no broadcasts")
		}
		for app := range int64(10_000) {
			b.take(app, 2, time.Now())
		}
		time.Sleep(25 * time.Hour)
		if b.take(3, 2, time.Now()); len(b.apps) != 1 {
			t.Errorf("%d windows are kept", len(b.apps))
		}
	})
}

// An audience is everybody by what it means, not by how it is written; one that
// may leave somebody out is not.
func TestEverybody(t *testing.T) {
	for text, want := range map[string]bool{
		"all":                                  true,
		"vip || !vip":                          true,
		"!(vip && !vip)":                       true,
		"vip || all":                           true,
		"all && (vip || b || !vip)":            true,
		"platform:ios":                         true,
		"platform:ios || platform:android":     true,
		"!platform:ios && (vip || !vip)":       true,
		"!(!all || b && !b)":                   true,
		"vip":                                  false,
		"!vip":                                 false,
		"platform:ios && vip":                  false,
		"platform:ios && !vip || b && !b":      false,
		"(vip || !b) && all":                   false,
		"!(vip || !all)":                       false,
		"platform:ios && !(platform:ios && b)": false,
	} {
		e, err := audience.Read(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if got := everybody(e); got != want {
			t.Errorf("%s is for everybody: %v, want %v", text, got, want)
		}
	}
}
