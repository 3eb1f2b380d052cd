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

// The heart of it: what a payload does in each state of phone and app.
func TestPresentation(t *testing.T) {
	const (
		plain   = `{"aps":{"alert":{"title":"Sale","body":"Today"},"sound":"default","badge":3},"_j_msgid":1234}`
		mutable = `{"aps":{"alert":"Sale","sound":"ding.caf","mutable-content":1},"_j_msgid":1234}`
		silent  = `{"aps":{"content-available":1},"_j_msgid":1234}`
		both    = `{"aps":{"alert":"Sale","badge":2,"content-available":1},"_j_msgid":1234}`
		passive = `{"aps":{"alert":"Sale","sound":"default","interruption-level":"passive"},"_j_msgid":1234}`
		quiet   = `{"aps":{"badge":9,"sound":"default"},"_j_msgid":1234}`
		foreign = `{"aps":{"alert":"no id"}}`
	)
	received := []string{"1234 received"}
	situations := map[string]func(*testing.T, *rig){
		"foreground": func(t *testing.T, r *rig) {},
		"background": func(t *testing.T, r *rig) { r.Home() },
		"ended":      func(t *testing.T, r *rig) { r.must(t, r.Terminate(testBundle)) },
		"killed":     func(t *testing.T, r *rig) { r.must(t, r.Kill(testBundle)) },
		"locked":     func(t *testing.T, r *rig) { r.Lock() },
		"locked and killed": func(t *testing.T, r *rig) {
			r.must(t, r.Kill(testBundle))
			r.Lock()
		},
	}
	tests := []struct {
		name, situation string
		style           AlertStyle
		denied          bool
		payload         string
		show            place
		sound           string
		badge           int
		delegate        Via
		process         Process
		receipts        []string
		status          string
	}{
		{"plain", "foreground", Banner, false, plain, nowhere, "", 0, ViaForeground, Foreground, received, "ok"},
		{"plain", "foreground", Alert, false, plain, nowhere, "", 0, ViaForeground, Foreground, received, "ok"},
		{"mutable", "foreground", Banner, false, mutable, nowhere, "", 0, ViaForeground, Foreground, received, "ok"},
		{"silent", "foreground", Banner, false, silent, nowhere, "", 0, ViaForeground, Foreground, received, "ok"},
		{"plain", "foreground", Banner, true, plain, nowhere, "", 0, ViaForeground, Foreground, received, "ok"},
		{"plain", "background", Banner, false, plain, onBanner, "default", 3, "", Background, nil, "ok"},
		{"plain", "background", Alert, false, plain, inAlert, "default", 3, "", Background, nil, "ok"},
		{"mutable", "background", Banner, false, mutable, onBanner, "ding.caf", 0, "", Background, received, "ok"},
		{"mutable", "background", Alert, false, mutable, inAlert, "ding.caf", 0, "", Background, received, "ok"},
		{"silent", "background", Banner, false, silent, nowhere, "", 0, ViaBackground, Background, received, "ok"},
		{"silent", "background", Alert, false, silent, nowhere, "", 0, ViaBackground, Background, received, "ok"},
		{"both", "background", Banner, false, both, onBanner, "", 2, ViaBackground, Background, received, "ok"},
		{"both", "background", Alert, false, both, inAlert, "", 2, ViaBackground, Background, received, "ok"},
		{"passive", "background", Banner, false, passive, listOnly, "", 0, "", Background, nil, "ok"},
		{"quiet", "background", Banner, false, quiet, nowhere, "default", 9, "", Background, nil, "ok"},
		{"foreign", "background", Banner, false, foreign, onBanner, "", 0, "", Background, nil, "ok"},
		{"plain", "background", Banner, true, plain, nowhere, "", 0, "", Background, nil, "disabled"},
		{"mutable", "background", Banner, true, mutable, nowhere, "", 0, "", Background, nil, "disabled"},
		{"silent", "background", Banner, true, silent, nowhere, "", 0, ViaBackground, Background, received, "ok"},
		{"both", "background", Banner, true, both, nowhere, "", 0, ViaBackground, Background, received, "ok"},
		{"plain", "ended", Banner, false, plain, onBanner, "default", 3, "", NotRunning, nil, "ok"},
		{"mutable", "ended", Banner, false, mutable, onBanner, "ding.caf", 0, "", NotRunning, received, "ok"},
		{"silent", "ended", Banner, false, silent, nowhere, "", 0, ViaBackground, Background, received, "ok"},
		{"both", "ended", Alert, false, both, inAlert, "", 2, ViaBackground, Background, received, "ok"},
		{"plain", "killed", Banner, false, plain, onBanner, "default", 3, "", Killed, nil, "ok"},
		{"plain", "killed", Alert, false, plain, inAlert, "default", 3, "", Killed, nil, "ok"},
		{"mutable", "killed", Banner, false, mutable, onBanner, "ding.caf", 0, "", Killed, received, "ok"},
		{"silent", "killed", Banner, false, silent, nowhere, "", 0, "", Killed, nil, "ok"},
		{"both", "killed", Banner, false, both, onBanner, "", 2, "", Killed, nil, "ok"},
		{"plain", "killed", Banner, true, plain, nowhere, "", 0, "", Killed, nil, "disabled"},
		{"plain", "locked", Banner, false, plain, lockScreen, "default", 3, "", Background, nil, "ok"},
		{"plain", "locked", Alert, false, plain, lockScreen, "default", 3, "", Background, nil, "ok"},
		{"mutable", "locked", Alert, false, mutable, lockScreen, "ding.caf", 0, "", Background, received, "ok"},
		{"silent", "locked", Banner, false, silent, nowhere, "", 0, ViaBackground, Background, received, "ok"},
		{"passive", "locked", Banner, false, passive, lockScreen, "", 0, "", Background, nil, "ok"},
		{"plain", "locked", Banner, true, plain, nowhere, "", 0, "", Background, nil, "disabled"},
		{"plain", "locked and killed", Banner, false, plain, lockScreen, "default", 3, "", Killed, nil, "ok"},
		{"mutable", "locked and killed", Banner, false, mutable, lockScreen, "ding.caf", 0, "", Killed, received, "ok"},
		{"silent", "locked and killed", Banner, false, silent, nowhere, "", 0, "", Killed, nil, "ok"},
	}
	for _, test := range tests {
		name := fmt.Sprintf("%s/%s/%s", test.situation, test.name, test.style)
		if test.denied {
			name += "/denied"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.ready(t)
				r.must(t, r.SetAlertStyle(test.style))
				if test.denied {
					r.AnswerPermission(false)
					r.synced(t)
				}
				situations[test.situation](t, r)
				id, status := r.courier.push(t, test.payload)
				synctest.Wait()
				s := r.State()
				app := s.Apps[0]

				if status != test.status {
					t.Errorf("the phone answered %s, want %s", status, test.status)
				}
				shown := nowhere
				switch {
				case s.Banner != nil && s.Banner.APNsID == id:
					shown = onBanner
				case s.Alert != nil && s.Alert.APNsID == id:
					shown = inAlert
				case len(s.LockScreen) == 1 && s.LockScreen[0].APNsID == id:
					shown = lockScreen
				case len(s.NotificationCenter) == 1:
					shown = listOnly
				}
				if shown != test.show {
					t.Errorf("shown as %q, want %q", shown, test.show)
				}
				if (s.SoundsPlayed == 1) != (test.sound != "") || s.LastSound != test.sound {
					t.Errorf("%d sounds, the last %q, want %q", s.SoundsPlayed, s.LastSound, test.sound)
				}
				if app.Badge != test.badge {
					t.Errorf("badge %d, want %d", app.Badge, test.badge)
				}
				var via Via
				if len(app.Messages) > 0 {
					via = app.Messages[0].Via
					if string(app.Messages[0].Payload) != test.payload {
						t.Errorf("the delegate received %s", app.Messages[0].Payload)
					}
				}
				if via != test.delegate || len(app.Messages) > 1 {
					t.Errorf("the delegate heard of it via %q (%d messages), want %q", via, len(app.Messages), test.delegate)
				}
				if wakes := app.BackgroundWakes; (wakes == 1) != (test.delegate == ViaBackground) {
					t.Errorf("%d background wakes", wakes)
				}
				if app.Process != test.process {
					t.Errorf("the app is %s, want %s", app.Process, test.process)
				}
				if got := r.aurora.seen(); !slices.Equal(got, test.receipts) {
					t.Errorf("receipts %v, want %v", got, test.receipts)
				}
				if t.Failed() {
					t.Log(logText(s))
				}
			})
		})
	}
}

const salePayload = `{"aps":{"alert":"Sale","sound":"default","badge":3},"_j_msgid":77}`

func TestWaysOfOpening(t *testing.T) {
	opened := []string{"77 received", "77 opened"}
	tests := map[string]struct {
		prepare func(*testing.T, *rig)
		act     func(*testing.T, *rig, string)
		want    []string
		screen  string
	}{
		"tap the banner": {
			func(t *testing.T, r *rig) { r.Home() },
			func(t *testing.T, r *rig, id string) { r.must(t, r.Tap(id)) }, opened, "app",
		},
		"tap by Aurora's message id": {
			func(t *testing.T, r *rig) { r.Home() },
			func(t *testing.T, r *rig, id string) { r.must(t, r.Tap("77")) }, opened, "app",
		},
		"tap the banner of a killed app": {
			func(t *testing.T, r *rig) { r.must(t, r.Kill(testBundle)) },
			func(t *testing.T, r *rig, id string) { r.must(t, r.Tap(id)) }, opened, "app",
		},
		"tap in the notification center, the banner has gone": {
			func(t *testing.T, r *rig) { r.Home() },
			func(t *testing.T, r *rig, id string) {
				r.wait(t, "the banner goes by itself", func(s State) bool { return s.Banner == nil })
				r.must(t, r.Tap(id))
			}, opened, "app",
		},
		"view the alert": {
			func(t *testing.T, r *rig) { r.Home(); r.must(t, r.SetAlertStyle(Alert)) },
			func(t *testing.T, r *rig, id string) { r.must(t, r.ViewAlert()) }, opened, "app",
		},
		"close the alert": {
			func(t *testing.T, r *rig) { r.Home(); r.must(t, r.SetAlertStyle(Alert)) },
			func(t *testing.T, r *rig, id string) { r.must(t, r.CloseAlert()) }, nil, "home",
		},
		"home button under an alert": {
			func(t *testing.T, r *rig) { r.Home(); r.must(t, r.SetAlertStyle(Alert)) },
			func(t *testing.T, r *rig, id string) { r.Home() }, nil, "home",
		},
		"unlock through the entry": {
			func(t *testing.T, r *rig) { r.Lock() },
			func(t *testing.T, r *rig, id string) { r.must(t, r.Tap(id)) }, opened, "app",
		},
		"unlock through the entry of a killed app": {
			func(t *testing.T, r *rig) { r.must(t, r.Kill(testBundle)); r.Lock() },
			func(t *testing.T, r *rig, id string) { r.must(t, r.Tap(id)) }, opened, "app",
		},
		"unlock without touching it": {
			func(t *testing.T, r *rig) { r.Home(); r.Lock() },
			func(t *testing.T, r *rig, id string) { r.Unlock() }, nil, "home",
		},
		"open the app from the home screen": {
			func(t *testing.T, r *rig) { r.Home() },
			func(t *testing.T, r *rig, id string) { r.must(t, r.Open(testBundle)) }, nil, "app",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.ready(t)
				test.prepare(t, r)
				id, _ := r.courier.push(t, salePayload)
				if badge := r.State().Apps[0].Badge; badge != 3 {
					t.Errorf("badge %d on arrival", badge)
				}
				test.act(t, r, id)
				if got := r.synced(t); !slices.Equal(got, test.want) {
					t.Errorf("receipts %v, want %v", got, test.want)
				}
				s := r.State()
				app := s.Apps[0]
				if s.Screen != test.screen || s.Locked || s.Alert != nil {
					t.Errorf("screen %s, locked %v, alert %v", s.Screen, s.Locked, s.Alert)
				}
				if test.screen == "app" && (app.Badge != 0 || s.Banner != nil) {
					t.Errorf("in the app: badge %d, banner %v", app.Badge, s.Banner)
				}
				if test.want == nil && len(app.Messages) > 0 {
					t.Errorf("the app heard of it: %+v", app.Messages)
				}
				if test.want != nil && (len(app.Messages) != 1 || app.Messages[0].Via != ViaOpened || len(s.NotificationCenter) != 0) {
					t.Errorf("messages %+v, still on the phone: %v", app.Messages, s.NotificationCenter)
				}
				if err := r.Tap(id); test.want != nil && !errors.Is(err, ErrNoNotification) {
					t.Errorf("tapping twice: %v", err)
				}
				if t.Failed() {
					t.Log(logText(s))
				}
			})
		})
	}
}

func TestReceivedIsNotReportedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.Home()
		id, _ := r.courier.push(t, `{"aps":{"alert":"a","mutable-content":1,"content-available":1},"_j_msgid":8}`)
		r.must(t, r.Tap(id))
		if got := r.synced(t); !slices.Equal(got, []string{"8 received", "8 opened"}) {
			t.Fatalf("receipts %v", got)
		}
		if vias := r.State().Apps[0].Messages; len(vias) != 2 || vias[0].Via != ViaBackground || vias[1].Via != ViaOpened {
			t.Fatalf("messages %+v", vias)
		}
	})
}

func TestCollapseReplacesTheEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.Lock()
		collapse := func(m map[string]any) { m["collapse_id"] = "score" }
		r.courier.push(t, `{"aps":{"alert":"1:0","sound":"default"}}`, collapse)
		r.courier.push(t, `{"aps":{"alert":"other"}}`)
		r.courier.push(t, `{"aps":{"alert":"2:0","sound":"default"}}`, collapse)
		s := r.State()
		if len(s.LockScreen) != 2 || s.LockScreen[0].Body != "2:0" || s.LockScreen[1].Body != "other" || s.SoundsPlayed != 2 {
			t.Fatalf("on the lock screen: %+v, %d sounds", s.LockScreen, s.SoundsPlayed)
		}
		r.Unlock()
		r.Home()
		r.must(t, r.SetAlertStyle(Alert))
		r.courier.push(t, `{"aps":{"alert":"3:0"}}`, collapse)
		r.courier.push(t, `{"aps":{"alert":"4:0"}}`, collapse)
		s = r.State()
		if s.Alert == nil || s.Alert.Body != "4:0" || s.AlertsBehind != 0 || len(s.NotificationCenter) != 2 {
			t.Fatalf("alert %+v, %d behind, center %+v", s.Alert, s.AlertsBehind, s.NotificationCenter)
		}
	})
}

func TestAlertsStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.Home()
		r.must(t, r.SetAlertStyle(Alert))
		r.courier.push(t, `{"aps":{"alert":"first"}}`)
		r.courier.push(t, `{"aps":{"alert":"second"}}`)
		if s := r.State(); s.Alert.Body != "second" || s.AlertsBehind != 1 {
			t.Fatalf("%+v", s.Alert)
		}
		r.must(t, r.CloseAlert())
		if s := r.State(); s.Alert.Body != "first" || s.AlertsBehind != 0 {
			t.Fatalf("%+v", s.Alert)
		}
		r.Lock()
		if s := r.State(); s.Alert != nil || len(s.LockScreen) != 1 {
			t.Fatalf("locked: alert %+v, lock screen %+v", s.Alert, s.LockScreen)
		}
		if err := r.CloseAlert(); !errors.Is(err, ErrNoNotification) {
			t.Fatalf("closing nothing: %v", err)
		}
	})
}

func TestBadgeFollowsThePayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.Home()
		for _, step := range []struct {
			payload string
			want    int
		}{
			{`{"aps":{"badge":5}}`, 5},
			{`{"aps":{"alert":"unchanged"}}`, 5},
			{`{"aps":{"badge":-1}}`, 5},
			{`{"aps":{"badge":"7"}}`, 5},
			{`{"aps":{"badge":1.5}}`, 5},
			{`{"aps":{"badge":null}}`, 5},
			{`{"aps":{"badge":12}}`, 12},
			{`{"aps":{"badge":0}}`, 0},
		} {
			r.courier.push(t, step.payload)
			if got := r.State().Apps[0].Badge; got != step.want {
				t.Errorf("after %s the badge is %d, want %d", step.payload, got, step.want)
			}
		}
	})
}

func TestAirplaneAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		id, _ := r.courier.push(t, salePayload)
		r.synced(t)
		r.Home()
		r.SetAirplane(true)
		r.wait(t, "the session is gone", func(s State) bool { return s.Session == Offline })
		r.must(t, r.Open(testBundle))
		r.must(t, r.SetAlias(testBundle, "set offline"))
		time.Sleep(2 * time.Hour)
		if s := r.State(); s.Session != Offline || s.Apps[0].Synced || r.courier.sessions != 1 {
			t.Fatalf("in airplane mode: session %s, synced %v, %d sessions", s.Session, s.Apps[0].Synced, r.courier.sessions)
		}
		before := time.Now()
		r.SetAirplane(false)
		r.wait(t, "connected", func(s State) bool { return s.Session == Connected && s.Apps[0].Synced })
		if waited := time.Since(before); waited > time.Second {
			t.Errorf("back after %v", waited)
		}
		if r.aurora.value("alias") != "set offline" {
			t.Errorf("the alias has not arrived: %v", r.aurora.values)
		}
		// APNs did not see the acknowledgement and delivers again.
		r.courier.push(t, salePayload, func(m map[string]any) { m["id"], m["apns_id"] = "d1", id })
		if n := len(r.State().Apps[0].Messages); n != 1 {
			t.Errorf("%d messages after a repeated delivery", n)
		}
		// An APNs that was started anew counts from one again: the same delivery id, another notification.
		r.courier.push(t, salePayload, func(m map[string]any) { m["id"] = "d1" })
		if n := len(r.State().Apps[0].Messages); n != 2 {
			t.Errorf("%d messages after a new notification", n)
		}
	})
}

func TestReconnectsWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.courier.mu.Lock()
		r.courier.refused = true
		r.courier.mu.Unlock()
		r.courier.hangUp()
		time.Sleep(10 * time.Minute)
		r.courier.mu.Lock()
		attempts := r.courier.sessions - 1
		r.courier.refused = false
		r.courier.mu.Unlock()
		if attempts < 20 || attempts > 60 {
			t.Errorf("%d attempts in ten minutes", attempts)
		}
		token := r.State().Apps[0].Token
		s := r.wait(t, "connected again", func(s State) bool { return s.Session == Connected })
		if s.Apps[0].Token != token {
			t.Error("the token changed")
		}
		r.Home()
		if _, status := r.courier.push(t, salePayload); status != "ok" {
			t.Errorf("after the reconnect: %s", status)
		}
	})
}

func TestADeadConnectionIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		time.Sleep(time.Hour) // pings keep it alive
		if n := r.courier.sessions; n != 1 {
			t.Fatalf("%d sessions", n)
		}
		r.courier.mu.Lock()
		r.courier.deaf = true
		r.courier.mu.Unlock()
		before := time.Now()
		r.wait(t, "the session is given up", func(s State) bool { return s.Session != Connected })
		if waited := time.Since(before); waited > 2*time.Minute {
			t.Errorf("noticed after %v", waited)
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

func TestBrokenPayloadsAreExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.Home()
		for payload, want := range map[string]string{
			`[1]`:                                  "not a JSON object",
			`{"a":1}`:                              "no aps dictionary",
			`{"aps":{"alert":5}}`:                  "aps.alert",
			`{"aps":{"badge":"3"}}`:                "aps.badge",
			`{"aps":{"content-available":true}}`:   "aps.content-available must be the number 1",
			`{"aps":{"interruption-level":"now"}}`: "interruption-level",
		} {
			if _, status := r.courier.push(t, payload); status != "ok" {
				t.Errorf("%s answered %s", payload, status)
			}
			if text := logText(r.State()); !strings.Contains(text, want) {
				t.Errorf("%s is not explained with %q", payload, want)
			}
		}
	})
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

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"aps":{"alert":{"title":"t","loc-key":"k"},"badge":1,"sound":{"name":"x","critical":1},"content-available":1},"_j_msgid":"5"}`))
	f.Add([]byte(`{"aps":{"alert":null,"badge":null,"sound":null,"thread-id":7,"interruption-level":"passive"}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		n := read(delivery{Payload: payload})
		if n.badge != nil && *n.badge < 0 {
			t.Fatalf("badge %d", *n.badge)
		}
		for _, permission := range []Permission{Allowed, Denied} {
			d := decide(situation{process: Background, permission: permission, style: Banner}, n)
			if permission == Denied && (d.show != nowhere || d.sound || d.badge) {
				t.Fatalf("shown without permission: %+v", d)
			}
		}
	})
}
