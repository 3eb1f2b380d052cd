package device

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetriesUntilTheServerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(
			fault{offline: true},
			fault{status: 503, body: "upstream down"},
			fault{status: 500, body: `{"error":{"code":1000,"message":"oops"}}`},
			fault{status: 302, header: http.Header{"Location": {"http://hotel.test/login"}}},
			fault{status: 200, body: "<html>Sign in to the hotel network</html>"},
			fault{status: 404, body: "404 page not found"},
			fault{cut: true},
		)
		c := start(t, a, nil)
		mustSync(t, c)
		a.only() // the cut answer did not lead to a second device
		if n := a.count("POST"); n != 8 {
			t.Fatalf("%d attempts, want 8: %v", n, a.requests)
		}
		for i := range 7 {
			gap, longest := a.times[i+1].Sub(a.times[i]), backoffBase<<i
			if gap <= longest/2-1 || gap > longest {
				t.Errorf("pause %d was %v, want within (%v, %v]", i+1, gap, longest/2, longest)
			}
		}
	})
}

func TestObeysRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{status: 429, header: http.Header{"Retry-After": {"90"}}, body: `{"error":{"code":2002,"message":"slow down"}}`})
		c := start(t, a, nil)
		mustSync(t, c)
		if gap := a.times[1].Sub(a.times[0]); gap != 90*time.Second {
			t.Fatalf("waited %v, want 90 s", gap)
		}
	})
}

func TestRetryEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(slices.Repeat([]fault{{offline: true}}, 12)...)
		c := start(t, a, nil)
		time.Sleep(20 * time.Minute)
		a.mu.Lock()
		a.faults = nil
		a.mu.Unlock()
		before := time.Now()
		c.Retry()
		mustSync(t, c)
		if waited := time.Since(before); waited != 0 {
			t.Fatalf("waited %v after Retry", waited)
		}
	})
}

func TestALostAnswerIsRepeatedHarmlessly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		c := start(t, a, nil)
		mustSync(t, c)
		a.fail(fault{cut: true}, fault{cut: true})
		c.AddTags("vip")
		mustSync(t, c)
		a.fail(fault{cut: true})
		c.HandleReceived([]byte(`{"_j_msgid":"12"}`))
		mustSync(t, c)
		if d := a.only(); !slices.Equal(d.Tags, []string{"vip"}) {
			t.Fatalf("tags %v", d.Tags)
		}
		if got := a.events(); !slices.Equal(got, []string{"12 received"}) || len(a.batches) != 2 {
			t.Fatalf("receipts %v in requests %v", got, a.batches)
		}
	})
}

func TestSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := FileStore{Path: filepath.Join(t.TempDir(), "device.json")}
		a := newAurora()
		c := start(t, a, store)
		mustSync(t, c)
		id := a.only().ID
		a.fail(fault{offline: true}, fault{offline: true})
		c.SetAlias("offline")
		c.HandleOpened([]byte(`{"_j_msgid":1}`))
		synctest.Wait()
		stop(t, c)
		if err := c.SetAlias("too late"); !errors.Is(err, ErrClosed) {
			t.Fatalf("set after close: %v", err)
		}
		if info, err := os.Stat(store.Path); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the secret lies in a file with mode %v, %v", info.Mode(), err)
		}
		c = start(t, a, store)
		mustSync(t, c)
		if d := a.only(); d.ID != id || d.Values["alias"] != "offline" {
			t.Fatalf("after the restart: %+v", d)
		}
		c.HandleOpened([]byte(`{"_j_msgid":1}`)) // the system may hand a notification over twice
		mustSync(t, c)
		if got := a.events(); !slices.Equal(got, []string{"1 received", "1 opened"}) || len(a.batches) != 1 {
			t.Fatalf("receipts %v in requests %v", got, a.batches)
		}
		if n := a.count("POST /v1/devices/"); n != 1 {
			t.Fatalf("%d receipt requests", n)
		}
	})
}

func TestARefusedValueDoesNotTakeOthersAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		c.RegisterDeviceToken([]byte{9})
		c.SetAlias("taken")
		c.SetBadge(3)
		err := c.Sync(t.Context())
		var refusal *RefusedError
		if !errors.As(err, &refusal) || refusal.Code != 7015 || refusal.Message == "" || refusal.Status != 400 {
			t.Fatalf("sync returned %v, want the refusal of the alias", err)
		}
		if d := a.only(); d.Values["token"] != "09" || d.Values["badge"] != 3.0 || d.Values["alias"] != nil {
			t.Fatalf("Aurora has %v", d.Values)
		}
		mustSync(t, c) // reported once
	})
}

func TestARefusedRegistrationIsFinalUntilAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		c := start(t, a, nil, func(o *Options) { o.Config.AppKey = strings.Repeat("0", 24) })
		var refusal *RefusedError
		if _, err := c.RegistrationID(t.Context()); !errors.As(err, &refusal) || refusal.Code != 1008 {
			t.Fatalf("got %v", err)
		}
		if err := c.Sync(t.Context()); !errors.As(err, &refusal) {
			t.Fatalf("sync: %v", err)
		}
		if s, _ := c.Status(); !errors.As(s.Failure, &refusal) {
			t.Fatalf("status: %+v", s)
		}
		time.Sleep(24 * time.Hour)
		if n := a.count("POST"); n != 1 {
			t.Fatalf("%d attempts in a day, want 1", n)
		}
		c.Retry()
		synctest.Wait()
		if n := a.count("POST"); n != 2 {
			t.Fatalf("%d attempts after Retry, want 2", n)
		}
	})
}

func TestAnUnknownRegistrationIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		c := start(t, a, nil)
		c.SetAlias("ann")
		c.SetTags([]string{"a"})
		c.AddTags("b")
		c.RegisterDeviceToken([]byte{5})
		mustSync(t, c)
		a.mu.Lock()
		a.devices = map[string]*auroraDevice{} // the operator deleted it
		a.mu.Unlock()
		c.HandleReceived([]byte(`{"_j_msgid":4}`))
		mustSync(t, c)
		d := a.only()
		if d.Values["alias"] != "ann" || !slices.Equal(d.Tags, []string{"a", "b"}) || d.Values["token"] != "05" || d.Values["environment"] != "development" {
			t.Fatalf("the new registration has %v, tags %v", d.Values, d.Tags)
		}
		if got := a.events(); !slices.Equal(got, []string{"4 received"}) {
			t.Fatalf("receipts %v", got)
		}
	})
}

// A server that registers devices and then does not know them must meet growing pauses, not a tight circle.
func TestAConfusedServerIsLeftInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		c := start(t, a, nil, func(o *Options) {
			o.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				response, err := a.RoundTrip(r)
				a.mu.Lock()
				clear(a.devices)
				a.mu.Unlock()
				return response, err
			})}
		})
		c.HandleReceived([]byte(`{"_j_msgid":4}`))
		time.Sleep(time.Hour)
		if n := a.count(""); n > 60 {
			t.Fatalf("%d requests in an hour", n)
		}
	})
}

func TestATakenInstallIDIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(MemoryStore)
		c := start(t, a, store)
		mustSync(t, c)
		stop(t, c)
		first := a.only()
		first.Secret = "another"
		c = start(t, a, store)
		mustSync(t, c)
		if len(a.devices) != 2 {
			t.Fatalf("%d devices, want the old one and a new one", len(a.devices))
		}
		if s, _ := c.Status(); s.RegistrationID == first.ID {
			t.Fatal("the registration id did not change")
		}
	})
}

func TestAnotherAppKeyIsAnotherRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(MemoryStore)
		first := newAurora()
		c := start(t, first, store)
		c.SetAlias("ann")
		mustSync(t, c)
		first.fail(fault{offline: true})
		c.HandleReceived([]byte(`{"_j_msgid":4}`))
		synctest.Wait()
		stop(t, c)
		second := newAurora()
		c = start(t, second, store, func(o *Options) { o.Config.Server = "http://second.test" })
		mustSync(t, c)
		if d := second.only(); d.Values["alias"] != "ann" {
			t.Fatalf("the second server knows %v", d.Values)
		}
		if got := second.events(); len(got) != 0 {
			t.Fatalf("the second server got receipts of the first: %v", got)
		}
	})
}
