package iphone

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestInAppMessages: the open app shows them, the system never does.
func TestInAppMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ready(t)
		r.aurora.say(`{"msg_id":"31","content":"Table 7 is free","title":"Hi","content_type":"text","extras":{"table":7}}`)
		s := r.wait(t, "the app has it", func(s State) bool { return len(s.Apps[0].Messages) == 1 })
		m := s.Apps[0].Messages[0]
		if m.Via != ViaInApp || m.MessageID != "31" || m.Title != "Hi" || m.Body != "Table 7 is free" {
			t.Errorf("%+v", m)
		}
		if len(s.NotificationCenter) != 0 || s.Banner != nil || s.SoundsPlayed != 0 {
			t.Error("the system showed an in-app message")
		}
		if got := r.synced(t); !slices.Equal(got, []string{"31 received"}) {
			t.Errorf("acknowledged %v", got)
		}
		// Neither in the background nor in airplane mode.
		for n, hide := range []func(){r.Home, func() { r.SetAirplane(true) }} {
			hide()
			r.aurora.say(`{"msg_id":"4` + string(rune('0'+n)) + `","content":"later"}`)
			time.Sleep(10 * time.Minute)
			if n := len(r.State().Apps[0].Messages); n != 1 {
				t.Fatalf("%d messages", n)
			}
			if n == 0 {
				r.aurora.mu.Lock()
				r.aurora.inbox = nil
				r.aurora.mu.Unlock()
				r.must(t, r.Open(testBundle))
			}
		}
		r.SetAirplane(false)
		r.wait(t, "back", func(s State) bool { return len(s.Apps[0].Messages) == 2 })
	})
}
