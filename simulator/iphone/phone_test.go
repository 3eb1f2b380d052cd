package iphone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const testBundle = "com.example.shop"

var testPlist = []byte(`<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>CHANNEL</key><string>App Store</string>
<key>APP_KEY</key><string>0123456789abcdef01234567</string>
<key>APS_FOR_PRODUCTION</key><string>0</string>
<key>SERVER</key><string>http://aurora.test</string>
</dict></plist>`)

// rig is a phone with the sample app, between a scripted courier and a test server.
type rig struct {
	*Phone
	courier *courier
	aurora  *aurora
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{courier: newCourier(), aurora: &aurora{values: map[string]any{}}}
	config := Config{ID: "phone-1", Dial: r.courier.dial, HTTP: &http.Client{Transport: r.aurora}, Permission: AutoAllow}
	for _, c := range change {
		c(&config)
	}
	r.Phone = New(config)
	t.Cleanup(r.Close)
	if err := r.Install(App{BundleID: testBundle, Name: "Shop", PushConfig: testPlist}); err != nil {
		t.Fatal(err)
	}
	r.Start()
	return r
}

// ready opens the app and waits until its token has reached the server.
func (r *rig) ready(t *testing.T) {
	t.Helper()
	r.must(t, r.Open(testBundle))
	r.wait(t, "the app is registered", func(s State) bool { a := s.Apps[0]; return a.Token != "" && a.Synced })
}

func (r *rig) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) wait(t *testing.T, what string, ok func(State) bool) State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	s, err := r.Wait(ctx, ok)
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, logText(s))
	}
	return s
}

func logText(s State) string {
	var b strings.Builder
	for _, e := range s.Log {
		fmt.Fprintf(&b, "%s %-6s %s\n", e.At.Format("15:04:05.000"), e.Who, e.Text)
	}
	return b.String()
}

// synced waits until the server has everything, and returns the receipts it counted.
func (r *rig) synced(t *testing.T) []string {
	t.Helper()
	r.wait(t, "all receipts are delivered", func(s State) bool { return s.Apps[0].Synced })
	return r.aurora.seen()
}

func TestFirstLaunchRegistersStepByStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Permission = AskUser })
		r.must(t, r.Open(testBundle))
		s := r.wait(t, "the question shows and the registration id is there before any token", func(s State) bool {
			return s.Prompt != nil && s.Apps[0].RegistrationID != ""
		})
		if s.Prompt.BundleID != testBundle || s.Apps[0].Token != "" || s.Screen != "app" {
			t.Fatalf("%+v", s)
		}
		r.AnswerPermission(true)
		s = r.wait(t, "the token has reached the server", func(s State) bool { return s.Apps[0].Token != "" && s.Apps[0].Synced })
		a := s.Apps[0]
		if s.Prompt != nil || a.Permission != Allowed || a.Process != Foreground || a.Environment != "development" {
			t.Fatalf("%+v", a)
		}
		if r.aurora.value("token") != a.Token || r.aurora.value("environment") != "development" || r.aurora.value("notifications_allowed") != true {
			t.Fatalf("the server knows %v", r.aurora.values)
		}
		r.must(t, r.SetAlias(testBundle, "ann"))
		r.must(t, r.SetTags(testBundle, []string{"b", "a"}))
		r.synced(t)
		a, _ = r.State().App(testBundle)
		if r.aurora.value("alias") != "ann" || a.Alias != "ann" || !slices.Equal(a.Tags, []string{"a", "b"}) {
			t.Fatalf("alias and tags: %+v, server %v", a, r.aurora.values)
		}
		if err := r.SetAlias(testBundle, strings.Repeat("x", 41)); err == nil {
			t.Fatal("an alias of 41 bytes was accepted")
		}
	})
}

func TestUninstallAndReinstall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		first := r.State().Apps[0]
		r.Home()
		r.courier.push(t, salePayload)
		r.must(t, r.Uninstall(testBundle))
		synctest.Wait()
		if !r.courier.received(`"op":"uninstall"`) {
			t.Error("APNs was not told")
		}
		if s := r.State(); len(s.Apps) != 0 || len(s.NotificationCenter) != 0 || s.Banner != nil {
			t.Errorf("left on the phone: %+v", s)
		}
		if _, status := r.courier.push(t, salePayload); status != "app-missing" {
			t.Errorf("a push for a removed app was answered with %s", status)
		}
		if err := r.Open(testBundle); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("open: %v", err)
		}
		r.must(t, r.Install(App{BundleID: testBundle, PushConfig: testPlist}))
		r.ready(t)
		again := r.State().Apps[0]
		if again.Token == first.Token || again.RegistrationID == first.RegistrationID {
			t.Errorf("the new installation has the old identity: %+v", again)
		}
		_, status := r.courier.push(t, salePayload, func(m map[string]any) { m["token"] = first.Token })
		if status != "app-missing" {
			t.Errorf("a push for the old token was answered with %s", status)
		}
	})
}

func TestReceiptsSurviveTheDeathOfTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.aurora.mu.Lock()
		r.aurora.broken = true
		r.aurora.mu.Unlock()
		r.courier.push(t, salePayload)
		r.must(t, r.Kill(testBundle))
		time.Sleep(time.Hour)
		if s := r.State(); s.Apps[0].Synced || s.Apps[0].ReceiptsWaiting != 1 {
			t.Fatalf("killed: %+v", s.Apps[0])
		}
		r.aurora.mu.Lock()
		r.aurora.broken = false
		r.aurora.mu.Unlock()
		r.must(t, r.Open(testBundle))
		if got := r.synced(t); !slices.Equal(got, []string{"77 received"}) {
			t.Fatalf("receipts %v", got)
		}
	})
}

func TestAnExtensionWithoutNetworkLeavesItsReceiptToTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.must(t, r.Kill(testBundle))
		r.aurora.mu.Lock()
		r.aurora.broken = true
		r.aurora.mu.Unlock()
		for id := range 2 {
			r.courier.push(t, fmt.Sprintf(`{"aps":{"alert":"a","mutable-content":1},"_j_msgid":%d}`, id))
		}
		time.Sleep(time.Minute)
		r.aurora.mu.Lock()
		r.aurora.broken = false
		r.aurora.mu.Unlock()
		r.must(t, r.Open(testBundle))
		if got := r.synced(t); !slices.Equal(got, []string{"0 received", "1 received"}) {
			t.Fatalf("receipts %v", got)
		}
	})
}

func TestAnOpenedAppTakesOverFromItsExtension(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.must(t, r.Kill(testBundle))
		offline := func(yes bool) {
			r.aurora.mu.Lock()
			defer r.aurora.mu.Unlock()
			r.aurora.broken = yes
		}
		offline(true)
		r.courier.push(t, `{"aps":{"alert":"a","mutable-content":1},"_j_msgid":5}`)
		r.must(t, r.Open(testBundle)) // the extension is still trying
		r.must(t, r.SetAlias(testBundle, "ann"))
		time.Sleep(5 * time.Second)
		offline(false)
		r.Home()
		r.must(t, r.Open(testBundle)) // the app tries at once, before the extension would
		if got := r.synced(t); !slices.Equal(got, []string{"5 received"}) {
			t.Fatalf("receipts %v", got)
		}
		time.Sleep(2 * extensionTimeout)
		// An extension that lived on would have written its older record over the app's.
		r.must(t, r.Kill(testBundle))
		r.must(t, r.Open(testBundle))
		if a := r.State().Apps[0]; a.Alias != "ann" {
			t.Fatalf("after a restart of the app the alias is %q", a.Alias)
		}
	})
}

func TestAnExtensionOfAForgottenDeviceLeavesItsReceiptToTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.must(t, r.Kill(testBundle))
		forget := func(yes bool) {
			r.aurora.mu.Lock()
			defer r.aurora.mu.Unlock()
			r.aurora.forgetful = yes
		}
		forget(true)
		r.courier.push(t, `{"aps":{"alert":"a","mutable-content":1},"_j_msgid":5}`)
		time.Sleep(time.Minute)
		forget(false)
		if a := r.State().Apps[0]; a.Synced || a.ReceiptsWaiting != 1 {
			t.Fatalf("%+v", a)
		}
		r.must(t, r.Open(testBundle))
		if got := r.synced(t); !slices.Equal(got, []string{"5 received"}) {
			t.Fatalf("receipts %v", got)
		}
	})
}

func TestAPhoneThatWasSwitchedOffKeepsItsApps(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		keep := func(c *Config) { c.Dir = dir }
		r := newRig(t, keep)
		r.ready(t)
		first := r.State().Apps[0]
		r.Close()
		again := newRig(t, keep, func(c *Config) {
			c.Dial = r.courier.dial
			c.HTTP = &http.Client{Transport: r.aurora}
			c.Permission = AskUser
		})
		again.must(t, again.Open(testBundle))
		s := again.wait(t, "registered", func(s State) bool { return s.Apps[0].Token != "" && s.Apps[0].Synced })
		if a := s.Apps[0]; s.Prompt != nil || a.Token != first.Token || a.RegistrationID != first.RegistrationID {
			t.Fatalf("after the restart: %+v, before: %+v", a, first)
		}
		again.must(t, again.Uninstall(testBundle))
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Fatalf("left in the folder: %v, %v", left, err)
		}
	})
}

func TestInstallSaysWhatIsWrong(t *testing.T) {
	p := New(Config{ID: "p"})
	defer p.Close()
	noServer := []byte(strings.ReplaceAll(string(testPlist), "SERVER", "OTHER"))
	for want, app := range map[string]App{
		"bundle id":   {BundleID: "../etc", PushConfig: testPlist},
		"APP_KEY":     {BundleID: testBundle, PushConfig: []byte(`<plist><dict><key>CHANNEL</key><string>x</string></dict></plist>`)},
		"SERVER":      {BundleID: testBundle, PushConfig: noServer},
		"environment": {BundleID: testBundle, PushConfig: testPlist, Environment: "sandbox"},
	} {
		if err := p.Install(app); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %s, got %v", want, err)
		}
	}
	if err := p.Install(App{BundleID: testBundle, PushConfig: noServer, Server: "http://aurora.test"}); err != nil {
		t.Error(err)
	}
	if err := p.Install(App{BundleID: testBundle, PushConfig: testPlist}); !errors.Is(err, ErrInstalled) {
		t.Errorf("installing twice: %v", err)
	}
	p.Lock()
	if err := p.Open(testBundle); !errors.Is(err, ErrLocked) {
		t.Errorf("opening on a locked phone: %v", err)
	}
}

func TestWaitNamesTheLastEvent(t *testing.T) {
	p := New(Config{ID: "p"})
	defer p.Close()
	p.Lock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Wait(ctx, func(State) bool { return false }); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "locks the phone") {
		t.Fatalf("got %v", err)
	}
}
