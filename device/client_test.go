package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var testConfig = Config{Channel: "App Store", AppKey: "0123456789abcdef01234567", Server: "http://aurora.test"}

// start runs a client against the server without a network.
func start(t *testing.T, a *aurora, store Store, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{
		Config: testConfig, BundleID: "com.example.shop", AppVersion: "1.2", OSVersion: "26.0", Model: "iPhone",
		Language: "en", TimeZone: "Europe/Berlin", Store: store, HTTP: &http.Client{Transport: a},
	}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Error("close:", err)
	}
}

func mustSync(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := c.Sync(ctx); err != nil {
		t.Fatal("sync:", err)
	}
}

func TestRegistersOverARealConnection(t *testing.T) {
	a := newAurora()
	server := httptest.NewServer(a)
	defer server.Close()
	c := start(t, a, nil, func(o *Options) {
		o.Config.Server, o.HTTP = server.URL+"/", nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	id, err := c.RegistrationID(ctx)
	if err != nil || len(id) != 19 {
		t.Fatalf("registration id %q, %v", id, err)
	}
	c.RegisterDeviceToken([]byte{0xde, 0xad})
	if err := c.SetAlias("ann"); err != nil {
		t.Fatal(err)
	}
	c.HandleOpened([]byte(`{"_j_msgid":5}`))
	if err := c.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	d, err := c.Device(ctx)
	if err != nil || d.RegistrationID != id || d.Alias != "ann" || d.Token != "dead" {
		t.Fatalf("Aurora knows %+v, %v", d, err)
	}
	if got := a.events(); !slices.Equal(got, []string{"5 received", "5 opened"}) {
		t.Fatalf("receipts %v", got)
	}
}

func TestRegistrationIDComesBeforeAnyToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		c := start(t, a, nil)
		if id, err := c.RegistrationID(t.Context()); err != nil || id == "" {
			t.Fatalf("registration id %q, %v", id, err)
		}
		r := a.only().Registered
		if *r.Channel != "App Store" || *r.AppVersion != "1.2" || *r.TimeZone != "Europe/Berlin" || r.Platform != "ios" || r.BundleID != "com.example.shop" {
			t.Fatalf("registered as %+v", r)
		}
		if a.only().Values["token"] != nil {
			t.Fatal("a token was reported although there is none")
		}
	})
}

func TestNothingHappensBeforeStart(t *testing.T) {
	a, store := newAurora(), new(MemoryStore)
	c, err := New(Options{Config: testConfig, BundleID: "com.example.shop", Store: store, HTTP: &http.Client{Transport: a}})
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := store.Load(); data != nil || len(a.requests) != 0 {
		t.Fatalf("stored %q, requested %v", data, a.requests)
	}
	if _, err := c.RegistrationID(t.Context()); !errors.Is(err, ErrNotStarted) {
		t.Fatalf("waiting before Start: %v", err)
	}
	stop(t, c)
}

func TestLastWriteWinsAndBurstsAreOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		c := start(t, a, nil)
		mustSync(t, c)
		a.fail(fault{offline: true})
		c.SetBadge(1)
		synctest.Wait() // the attempt with badge 1 has failed, a pause runs
		before := a.count("PATCH")
		c.SetAlias("first")
		c.SetAlias("second")
		c.SetTags([]string{"a", "b"})
		c.AddTags("c")
		c.RemoveTags("a")
		c.SetBadge(7)
		c.SetPushEnabled(false)
		c.SetPushEnabled(true)
		c.SetNotificationsAllowed(true)
		c.RegisterDeviceToken([]byte{1})
		c.RegisterDeviceToken([]byte{2})
		mustSync(t, c)
		d := a.only()
		want := map[string]any{"alias": "second", "badge": 7.0, "push_enabled": true, "notifications_allowed": true, "token": "02", "environment": "development"}
		for key, value := range want {
			if d.Values[key] != value {
				t.Errorf("%s is %v, want %v", key, d.Values[key], value)
			}
		}
		if !slices.Equal(d.Tags, []string{"b", "c"}) {
			t.Errorf("tags %v, want [b c]", d.Tags)
		}
		if n := a.count("PATCH") - before; n != 1 {
			t.Errorf("%d requests for one burst, want 1", n)
		}
	})
}

func TestAChangeOfMindDuringARequestIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		var c *Client
		gate := make(chan struct{})
		c = start(t, a, nil, func(o *Options) {
			o.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPatch {
					<-gate
				}
				return a.RoundTrip(r)
			})}
		})
		c.SetAlias("old")
		c.AddTags("x")
		synctest.Wait() // "old" is on its way
		c.SetAlias("new")
		c.RemoveTags("x")
		close(gate)
		mustSync(t, c)
		if d := a.only(); d.Values["alias"] != "new" || len(d.Tags) != 0 {
			t.Fatalf("alias %v, tags %v", d.Values["alias"], d.Tags)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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

func TestAnExtensionSendsItsReceiptAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(MemoryStore)
		extension := func(o *Options) { o.ReceiptsOnly = true }

		c := start(t, a, store, extension) // before the app has registered: nothing can be sent, nothing is lost
		c.HandleReceived([]byte(`{"_j_msgid":1}`))
		mustSync(t, c)
		stop(t, c)
		if n := a.count(""); n != 0 {
			t.Fatalf("%d requests without a registration", n)
		}

		c = start(t, a, store)
		mustSync(t, c)
		stop(t, c)
		before := a.count("")
		c = start(t, a, store, extension)
		a.fail(fault{status: 503})
		c.HandleReceived([]byte(`{"_j_msgid":2}`))
		mustSync(t, c)
		stop(t, c)
		if n := a.count("") - before; n != 2 || a.count("PATCH") != 0 {
			t.Errorf("%d requests for one receipt with one retry: %v", n, a.requests[before:])
		}
		if got := a.events(); !slices.Equal(got, []string{"1 received", "2 received"}) {
			t.Errorf("receipts %v", got)
		}

		// Deleted on the server meanwhile: the app registers anew and delivers.
		a.mu.Lock()
		clear(a.devices)
		a.mu.Unlock()
		c = start(t, a, store, extension)
		c.HandleReceived([]byte(`{"_j_msgid":3}`))
		mustSync(t, c)
		stop(t, c)
		c = start(t, a, store)
		mustSync(t, c)
		if got := a.events(); len(got) != 3 {
			t.Errorf("receipts %v", got)
		}
	})
}

func TestReceiptsAreBatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		for i := range 250 {
			c.HandleReceived(fmt.Appendf(nil, `{"_j_msgid":%d}`, i))
		}
		mustSync(t, c)
		if len(a.events()) != 250 || !slices.Equal(a.batches, []int{100, 100, 50}) {
			t.Fatalf("%d receipts in requests of %v", len(a.events()), a.batches)
		}
	})
}

func TestTheReceiptQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		for i := range maxQueuedReceipts + 7 {
			c.HandleReceived(fmt.Appendf(nil, `{"_j_msgid":%d}`, i))
		}
		mustSync(t, c)
		if got := a.events(); len(got) != maxQueuedReceipts || got[0] != "7 received" {
			t.Fatalf("%d receipts, the first is %s", len(got), got[0])
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

func TestARefusedReceiptDoesNotTakeOthersAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		for _, id := range []int{1, 2, 666666, 3} {
			c.HandleReceived(fmt.Appendf(nil, `{"_j_msgid":%d}`, id))
		}
		var refusal *RefusedError
		if err := c.Sync(t.Context()); !errors.As(err, &refusal) || refusal.Code != 7020 {
			t.Fatalf("sync returned %v", err)
		}
		if got := a.events(); !slices.Equal(got, []string{"1 received", "2 received", "3 received"}) {
			t.Fatalf("receipts %v", got)
		}
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

// brokenStore fails on demand.
type brokenStore struct {
	MemoryStore
	load, save error
}

func (s *brokenStore) Load() ([]byte, error) {
	if s.load != nil {
		return nil, s.load
	}
	return s.MemoryStore.Load()
}

func (s *brokenStore) Save(data []byte) error {
	if s.save != nil {
		return s.save
	}
	return s.MemoryStore.Save(data)
}

func TestAStoreThatCannotBeReadYetKeepsItsIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(brokenStore)
		c := start(t, a, store)
		c.SetTags([]string{"old"})
		mustSync(t, c)
		stop(t, c)
		store.load = errors.New("the phone was not unlocked since it started")
		c = start(t, a, store)
		c.AddTags("new")
		c.HandleReceived([]byte(`{"_j_msgid":4}`))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.load) {
			t.Fatalf("sync returned %v, want the deadline and its cause", err)
		}
		stop(t, c) // settle all goroutines before the store changes under them
		store.load = nil
		c = start(t, a, store)
		mustSync(t, c)
		a.only()
	})
}

func TestNothingIsSentUnderAnIdentityThatCouldNotBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(brokenStore)
		store.save = errors.New("disk full")
		start(t, a, store)
		time.Sleep(time.Minute)
		if n := a.count(""); n != 0 {
			t.Fatalf("%d requests", n)
		}
	})
}

func TestADamagedRecordStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(MemoryStore)
		store.Save([]byte(`{"version":1,"inst`))
		c := start(t, a, store)
		mustSync(t, c)
		a.only()
	})
}

func TestTagAndAliasRules(t *testing.T) {
	c, err := New(Options{Config: testConfig, BundleID: "com.example.shop"})
	if err != nil {
		t.Fatal(err)
	}
	fits, tooLong := strings.Repeat("中", 13)+"x", strings.Repeat("中", 14) // 40 and 42 bytes
	for _, bad := range []string{tooLong, "a,b", "a\nb", "\xff"} {
		if err := c.SetAlias(bad); !errors.Is(err, ErrAlias) {
			t.Errorf("alias %q: %v", bad, err)
		}
		if err := c.AddTags("fine", bad); !errors.Is(err, ErrTag) {
			t.Errorf("tag %q: %v", bad, err)
		}
	}
	if err := c.SetTags([]string{""}); !errors.Is(err, ErrTag) {
		t.Errorf("empty tag: %v", err)
	}
	if err := c.SetTags(make([]string, maxTags+1)); !errors.Is(err, ErrTag) {
		t.Errorf("too many tags: %v", err)
	}
	if s, _ := c.Status(); s.Pending {
		t.Error("a refused value was kept")
	}
	for _, err := range []error{c.SetAlias(fits), c.SetAlias(""), c.SetTags([]string{fits, "b", "b"}), c.SetTags(nil)} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestStatusShowsWhatTheAppAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		c.SetAlias("ann")
		c.AddTags("b", "a")
		c.RegisterDeviceToken([]byte{0xab})
		c.HandleReceived([]byte(`{"_j_msgid":4}`))
		synctest.Wait()
		s, changed := c.Status()
		if s.RegistrationID != "" || s.Alias != "ann" || !slices.Equal(s.Tags, []string{"a", "b"}) || s.Token != "ab" || !s.Pending || s.Receipts != 1 || s.Failure == nil {
			t.Fatalf("offline: %+v", s)
		}
		<-changed
		mustSync(t, c)
		s, _ = c.Status()
		if s.RegistrationID == "" || s.Pending || s.Receipts != 0 || s.Failure != nil {
			t.Fatalf("after Sync: %+v", s)
		}
	})
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := New(Options{Config: Config{Channel: "x", AppKey: testConfig.AppKey}, BundleID: "b"})
	var wrong *ConfigError
	if !errors.As(err, &wrong) || wrong.Key != "SERVER" {
		t.Errorf("without a server: %v", err)
	}
	if _, err := New(Options{Config: testConfig}); err == nil || !strings.Contains(err.Error(), "BundleID") {
		t.Errorf("without a bundle id: %v", err)
	}
}

// Composition of tag operations has one meaning: the operations applied one after the other.
func TestTagOperationsCompose(t *testing.T) {
	apply := func(tags []string, o *tagChanges) []string {
		if o == nil {
			return tags
		}
		if o.Set != nil {
			return union(nil, *o.Set)
		}
		return union(without(tags, o.Remove), o.Add)
	}
	sets := [][]string{{}, {"a"}, {"a", "b"}}
	var operations []*tagChanges
	for _, x := range sets {
		operations = append(operations, &tagChanges{Set: &x}, &tagChanges{Add: x}, &tagChanges{Remove: x}, nil)
	}
	for _, first := range operations {
		for _, second := range operations {
			for _, third := range operations {
				for _, start := range [][]string{nil, {"a"}, {"b", "c"}} {
					want := apply(apply(apply(start, first), second), third)
					composed := first.then(second).then(third)
					got := apply(start, composed)
					if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
						t.Fatalf("%v then %v then %v on %v: %v, want %v", first, second, third, start, got, want)
					}
					if again := apply(got, composed); len(again)+len(got) > 0 && !reflect.DeepEqual(again, got) {
						t.Fatalf("repeating changes %v to %v", got, again)
					}
				}
			}
		}
	}
}
