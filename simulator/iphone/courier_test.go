package iphone

import (
	"testing"
	"testing/synctest"
	"time"
)

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
