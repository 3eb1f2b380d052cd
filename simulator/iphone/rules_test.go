package iphone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

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

// FuzzRead reads any payload, and holds the decision against rules that have no exception.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"aps":{"alert":{"title":"t","loc-key":"k"},"badge":1,"sound":{"name":"x","critical":1},"content-available":1},"_j_msgid":"5"}`))
	f.Add([]byte(`{"aps":{"alert":null,"badge":null,"sound":null,"thread-id":7,"interruption-level":"passive"}}`))
	f.Add([]byte(`{"aps":{"alert":"a","sound":"b","mutable-content":1,"category":"MESSAGE","interruption-level":"time-sensitive"}}`))
	f.Add([]byte(`{"aps":{"event":"start","timestamp":1e9,"content-state":{},"attributes-type":"A","attributes":{},"alert":"x","stale-date":2e9,"dismissal-date":-5}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, kind := range []string{"alert", "liveactivity"} {
			n := read(delivery{Payload: payload, PushType: kind})
			if n.badge != nil && *n.badge < 0 {
				t.Fatalf("badge %d", *n.badge)
			}
			for bits := range 1 << 6 {
				on := func(bit int) bool { return bits&(1<<bit) != 0 }
				s := situation{
					process: Background, permission: Allowed, settings: defaultSettings(Banner), build: DefaultBuild(),
					locked: on(0), focused: on(1), muted: on(2), wakesSpent: on(3),
				}
				if on(4) {
					s.permission = Provisional
				}
				if on(5) {
					s.process = Killed
				}
				checkDecision(t, s, n, decide(s, n))
				s.permission = Denied
				if d := decide(s, n); n.activity == nil && (d.show != nowhere || d.sound || d.badge || d.lights) {
					t.Fatalf("shown without permission: %+v", d)
				}
			}
		}
	})
}

func checkDecision(t *testing.T, s situation, n notice, d decision) {
	t.Helper()
	interrupts := d.show == onBanner || d.show == inAlert || d.show == lockScreen
	level, _ := s.level(n)
	switch {
	case s.process == Killed && d.launch:
		t.Fatalf("a force-quit app is started: %+v", d)
	case n.activity == nil && s.permission == Provisional && (interrupts || d.sound || d.lights):
		t.Fatalf("provisional, and not quiet: %+v", d)
	case s.focused && level != critical && (interrupts || d.sound || d.lights):
		t.Fatalf("the Focus is disturbed: %+v", d)
	case s.muted && level != critical && d.sound:
		t.Fatalf("a sound in spite of the mute switch: %+v", d)
	case !s.locked && d.lights, level == passive && (d.sound || d.lights) && n.activity == nil:
		t.Fatalf("lights or sounds that should not be: %+v", d)
	}
}
