package apns_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// The pool over time: it grows where the path is the limit, shrinks after long rest, and no wait for a connection is longer than
// promised.

func TestPoolShrinksAfterLongRest(t *testing.T) {
	far := func(p *localapns.Policy) { p.ResponseLatency, p.Streams = localapns.Duration(time.Second), 10 }
	in{policy: far, config: apns.Config{MaxConnections: 4}}.inMemory(t, func(t *testing.T, l *local) {
		l.submit(0, 500)
		l.accepted(0, 500)
		open := func() int { return len(l.client.Stats().Connections) }
		if open() != 4 {
			t.Fatalf("%d connections under load, want 4", open())
		}
		// One push a minute keeps one connection busy and no others.
		for i := range 9 {
			l.wait(time.Minute)
			l.submit(500+i, 501+i)
			l.accepted(500+i, 501+i)
		}
		if open() != 4 {
			t.Errorf("%d connections after nine quiet minutes, want 4 still", open())
		}
		l.wait(2 * time.Minute)
		if open() != 1 {
			t.Errorf("%d connections after eleven quiet minutes, want 1", open())
		}
		l.wait(24 * time.Hour / 2) // the last one stays, but for the gateway's own idea of idleness
		l.submit(600, 1100)
		l.accepted(600, 1100)
		if open() != 4 {
			t.Errorf("%d connections under load again, want 4", open())
		}
		l.counts(map[string]uint64{"streams_refused": 0, "cancelled": 0, "received": 1010})
	})
}

func TestNoWaitForAConnectionIsLongerThanPromised(t *testing.T) {
	for name, dial := range map[string]struct {
		refuse error
		mute   bool
		after  time.Duration
	}{
		"refused":                        {refuse: &net.OpError{Op: "dial", Err: errors.New("connection refused")}, after: 30 * time.Second},
		"no answer":                      {mute: true, after: 30 * time.Second},
		"less patience than one attempt": {mute: true, after: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			config := apns.Config{}
			if dial.after != 30*time.Second {
				config.GiveUpAfter = dial.after
			}
			mute := func(p *localapns.Policy) {
				if dial.mute {
					p.SettingsLatency = localapns.Duration(time.Hour)
				}
			}
			in{policy: mute, config: config, buffered: true, cold: true}.inMemory(t, func(t *testing.T, l *local) {
				l.refuse = dial.refuse
				for round := range 4 {
					from := 10 * round
					l.submit(from, from+5)
					l.wait(dial.after - time.Second)
					l.none(from, from+5)
					l.submit(from+5, from+6) // comes late and goes with the others: nothing waits longer, some less
					l.wait(1100 * time.Millisecond)
					l.all(from, from+6, failed(apns.CauseNetwork, true))
					if l.client.Stats().Down.IsZero() {
						t.Error("the client does not say that the gateway is out of reach")
					}
					l.wait(time.Duration(round) * 17 * time.Second)
				}
				l.mu.Lock()
				l.refuse = nil
				l.mu.Unlock()
				l.policy(func(p *localapns.Policy) { p.SettingsLatency = 0 })
				l.wait(80 * time.Second)
				l.submit(100, 105)
				l.wait(70 * time.Second) // the next attempt may be as far away
				l.submit(105, 110)
				l.wait(70 * time.Second)
				l.submit(110, 115)
				l.accepted(110, 115)
			})
		})
	}
}
