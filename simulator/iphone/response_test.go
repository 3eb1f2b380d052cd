package iphone

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

const messagePayload = `{"aps":{"alert":"Lunch?","category":"MESSAGE"},"_j_msgid":5}`
const invitationPayload = `{"aps":{"alert":"Party","category":"INVITATION"},"_j_msgid":6}`

func TestActions(t *testing.T) {
	for name, test := range map[string]struct {
		payload  string
		prepare  func(*testing.T, *rig)
		action   string
		text     string
		says     string // part of the error; "" = it works
		screen   string
		process  Process
		receipts []string
	}{
		"reply with a text, app in the background": {messagePayload, nil, "REPLY", "yes, at noon", "", "home", Background, []string{"5 received", "5 opened"}},
		"background action, app force-quit": {messagePayload, func(t *testing.T, r *rig) { r.must(t, r.Kill(testBundle)) },
			"READ", "", "", "home", Background, []string{"5 received", "5 opened"}},
		"background action on the locked phone": {messagePayload, func(t *testing.T, r *rig) { r.Lock() },
			"READ", "", "", "lock", Background, []string{"5 received", "5 opened"}},
		"authentication unlocks": {messagePayload, func(t *testing.T, r *rig) { r.Lock() },
			"DELETE", "", "", "home", Background, []string{"5 received", "5 opened"}},
		"foreground action opens the app": {invitationPayload, func(t *testing.T, r *rig) { r.Lock() },
			"ACCEPT", "", "", "app", Foreground, []string{"6 received", "6 opened"}},
		"a reply needs a text":      {messagePayload, nil, "REPLY", " ", "asks for a text", "home", Background, nil},
		"a plain button takes none": {messagePayload, nil, "READ", "x", "takes no text", "home", Background, nil},
		"unknown action":            {messagePayload, nil, "EXPLODE", "", "it has [\"REPLY\"", "home", Background, nil},
		"category not registered":   {`{"aps":{"alert":"a","category":"OTHER"}}`, nil, "READ", "", "has no action", "home", Background, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.ready(t)
				r.Home()
				if test.prepare != nil {
					test.prepare(t, r)
				}
				id, _ := r.courier.push(t, test.payload)
				err := r.Act(id, test.action, test.text)
				if test.says != "" {
					if err == nil || !strings.Contains(err.Error(), test.says) {
						t.Fatalf("got %v, want an error with %q", err, test.says)
					}
					return
				}
				r.must(t, err)
				if got := r.synced(t); !slices.Equal(got, test.receipts) {
					t.Errorf("receipts %v, want %v", got, test.receipts)
				}
				s := r.State()
				m := s.Apps[0].Messages
				if len(m) != 1 || m[0].Via != ViaAction || m[0].Action != test.action || m[0].Text != test.text {
					t.Errorf("the delegate received %+v", m)
				}
				want(t, "screen", s.Screen, test.screen)
				want(t, "process", s.Apps[0].Process, test.process)
				want(t, "left on the phone", len(s.NotificationCenter), 0)
			})
		})
	}
}

func TestDismissReachesTheAppOnlyWhereItsCategoryAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.must(t, r.Kill(testBundle))
		with, _ := r.courier.push(t, messagePayload)
		without, _ := r.courier.push(t, invitationPayload)
		r.must(t, r.Dismiss(without))
		if a := r.State().Apps[0]; len(a.Messages) != 0 || a.Process != Killed {
			t.Errorf("without a dismiss callback: %+v", a)
		}
		r.must(t, r.Dismiss(with))
		a := r.State().Apps[0]
		if len(a.Messages) != 1 || a.Messages[0].Via != ViaDismissed || a.Process != Background {
			t.Errorf("with a dismiss callback: %+v", a)
		}
		if got := r.synced(t); !slices.Equal(got, []string{"5 received"}) {
			t.Errorf("receipts %v: clearing is not opening", got)
		}
		r.courier.push(t, messagePayload)
		r.ClearNotifications()
		want(t, "messages after clearing all", len(r.State().Apps[0].Messages), 1)
	})
}

func TestProvisionalGoesQuietlyIntoTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Permission = AskUser })
		b := DefaultBuild()
		b.Provisional = true
		r.must(t, r.Update(testBundle, b))
		r.ready(t)
		s := r.State()
		if s.Prompt != nil || s.Apps[0].Permission != Provisional || r.aurora.value("notifications_allowed") != true {
			t.Fatalf("asked %v, permission %s", s.Prompt, s.Apps[0].Permission)
		}
		for _, lock := range []func(){r.Home, r.Lock} {
			lock()
			r.courier.push(t, salePayload)
			if s := r.State(); s.Banner != nil || len(s.LockScreen) != 0 || s.SoundsPlayed != 0 || s.ScreenLit != 0 {
				t.Errorf("not quiet: %+v", s)
			}
		}
		want(t, "in the list", len(r.State().NotificationCenter), 2)
		r.Unlock()
		r.must(t, r.SetPermission(testBundle, Allowed)) // the user keeps it, prominently
		r.courier.push(t, salePayload)
		want(t, "a banner now", r.State().Banner != nil, true)
	})
}

func TestSwitchesOfAnApp(t *testing.T) {
	all := defaultSettings(Banner)
	with := func(change func(*Settings)) Settings { s := all; change(&s); return s }
	for name, test := range map[string]struct {
		settings Settings
		muted    bool
		payload  string
		show     place
		sounds   int
		badge    int
	}{
		"all on":               {all, false, salePayload, onBanner, 1, 3},
		"alerts off":           {with(func(s *Settings) { s.Alerts = false }), false, salePayload, nowhere, 1, 3},
		"sounds off":           {with(func(s *Settings) { s.Sounds = false }), false, salePayload, onBanner, 0, 3},
		"sounds off, critical": {with(func(s *Settings) { s.Sounds = false }), true, `{"aps":{"alert":"fire","sound":{"name":"siren","critical":1},"badge":3}}`, onBanner, 1, 3},
		"muted":                {all, true, salePayload, onBanner, 0, 3},
		"badges off":           {with(func(s *Settings) { s.Badges = false }), false, salePayload, onBanner, 1, 0},
		"no alert style":       {with(func(s *Settings) { s.Style = NoAlert }), false, salePayload, listOnly, 1, 3},
		"dialogs":              {with(func(s *Settings) { s.Style = Alert }), false, salePayload, inAlert, 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.ready(t)
				r.Home()
				r.must(t, r.SetSettings(testBundle, test.settings))
				r.SetMuted(test.muted)
				r.courier.push(t, test.payload)
				s := r.State()
				shown := nowhere
				switch {
				case s.Banner != nil:
					shown = onBanner
				case s.Alert != nil:
					shown = inAlert
				case len(s.NotificationCenter) > 0:
					shown = listOnly
				}
				want(t, "shown as", shown, test.show)
				want(t, "sounds", s.SoundsPlayed, test.sounds)
				want(t, "badge", s.Apps[0].Badge, test.badge)
			})
		})
	}
}

func TestSettingsAndBuildsAreChecked(t *testing.T) {
	r := newRig(t)
	twice := Build{Categories: []Category{{ID: "A"}, {ID: "A"}}}
	for _, test := range []struct {
		err  error
		says string
	}{
		{r.SetSettings(testBundle, Settings{Style: "hologram"}), "banner, alert or none"},
		{r.SetSettings("com.example.none", all()), "not installed"},
		{r.SetPermission(testBundle, Allowed), "has not asked"},
		{r.SetPermission(testBundle, "maybe"), "allowed, denied or provisional"},
		{r.Update(testBundle, twice), "registered twice"},
		{r.Update(testBundle, Build{Categories: []Category{{ID: "A", Actions: []Action{{ID: "x"}}}}}), "a title"},
		{r.Install(App{BundleID: "com.example.other", PushConfig: testPlist, Build: &twice}), "registered twice"},
		{r.StartActivity(testBundle, "Match", "", []byte(`{`)), "not JSON"},
		{r.StartActivity(testBundle, "Match", "", []byte(`{}`)), "not running"},
		{r.RotateToken("com.example.none"), "not installed"},
		{r.Reinstall("com.example.none"), "not installed"},
		{r.Dismiss("n99"), "no such notification"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.says) {
			t.Errorf("got %v, want an error with %q", test.err, test.says)
		}
	}
}

func all() Settings { return defaultSettings(Banner) }

// TestSettingsSurviveARestart: what the user has chosen belongs to the phone, not to its process.
func TestSettingsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *Config) { c.Dir = dir }
	r := newRig(t, keep)
	quiet := Settings{Badges: true, Style: NoAlert}
	r.must(t, r.SetSettings(testBundle, quiet))
	r.Close()
	again := newRig(t, keep)
	want(t, "settings", again.State().Apps[0].Settings, quiet)
}
