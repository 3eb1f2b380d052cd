package device

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
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
		c.RegisterDeviceToken([]byte{1})
		synctest.Wait() // "old" is on its way
		c.SetAlias("new")
		c.RemoveTags("x")
		c.RegisterDeviceToken([]byte{2}) // has to bring its environment along again
		close(gate)
		mustSync(t, c)
		if d := a.only(); d.Values["alias"] != "new" || len(d.Tags) != 0 || d.Values["token"] != "02" {
			t.Fatalf("values %v, tags %v", d.Values, d.Tags)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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
