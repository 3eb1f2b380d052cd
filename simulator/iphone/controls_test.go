package iphone

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

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
