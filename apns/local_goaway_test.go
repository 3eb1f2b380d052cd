package apns_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// Cases about connections that end, and about opening the next.

// unhurried keeps requests in flight.
func unhurried(p *localapns.Policy) { p.ResponseLatency = localapns.Duration(time.Second) }

func goAwayInTheMiddle(t *testing.T) {
	in{policy: unhurried}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Skip: 49, Count: 1, GoAway: &localapns.FaultGoAway{Reason: "Shutdown"}})
		l.submit(0, 100)
		l.accepted(0, 100)
		var first, second int
		for i := range 100 {
			switch list := l.seen(device(i)); {
			case len(list) != 1:
				t.Errorf("notification %d was processed %d times", i, len(list))
			case list[0].Connection == l.seen(device(0))[0].Connection:
				first++
			default:
				second++
			}
		}
		if first != 50 || second != 50 {
			t.Errorf("%d on the first connection and %d on the second, want 50 and 50", first, second)
		}
		l.counts(map[string]uint64{"connections": 2, "goaway": 1, "received": 101})
	})
}

func goAwayInTwoSteps(t *testing.T) {
	in{policy: unhurried}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Skip: 9, Count: 1, GoAway: &localapns.FaultGoAway{Reason: "Shutdown", TwoStep: true}})
		l.submit(0, 20)
		l.wait(10 * time.Millisecond)
		l.submit(20, 25) // between the two
		l.accepted(0, 25)
		l.counts(map[string]uint64{"connections": 2, "goaway": 1, "received": 26})
	})
}

func certificateOfTheOtherEnvironment(t *testing.T) {
	wrong := &localapns.IssueRequest{Development: true}
	in{certificate: wrong, cold: true}.inMemory(t, func(t *testing.T, l *local) {
		l.submit(0, 20)
		l.all(0, 20, func(r apns.Result) bool {
			return failed(apns.CauseCredential, true)(r) && r.Reason == "BadCertificateEnvironment"
		})
		l.wait(10 * time.Minute)
		l.counts(map[string]uint64{"connections": 1, "goaway": 1, "received": 0})
		if err := l.client.SetCertificate(l.certificate(localapns.IssueRequest{Production: true})); err != nil {
			t.Fatal(err)
		}
		l.submit(20, 25)
		l.accepted(20, 25)
		l.counts(map[string]uint64{"connections": 2, "goaway": 1, "received": 5})
	})
}

func goAwayWithPlainText(t *testing.T) {
	in{policy: unhurried}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Skip: 4, Count: 1, GoAway: &localapns.FaultGoAway{Code: 7, Data: "active streams exceeded", Last: "previous"}})
		l.submit(0, 10)
		l.accepted(0, 10)
		// The one that met the script arrived twice and was processed once.
		l.counts(map[string]uint64{"connections": 2, "goaway": 1, "received": 12, "accepted": 11})
	})
}

func goAwayWithAQueue(t *testing.T) {
	few := func(p *localapns.Policy) { unhurried(p); p.Streams = 2 }
	in{policy: few, config: apns.Config{MaxConnections: 1}}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Skip: 1, Count: 1, GoAway: &localapns.FaultGoAway{Reason: "Shutdown"}})
		l.submit(0, 50)
		l.accepted(0, 50)
		l.counts(map[string]uint64{"connections": 2, "goaway": 1, "received": 51, "streams_refused": 0})
	})
}

func connectionReset(t *testing.T) {
	t.Run("the caller decides", func(t *testing.T) {
		in{}.onLoopback(t, func(t *testing.T, l *local) {
			l.fault(localapns.Fault{Skip: 4, Count: 1, Close: "rst"})
			l.submit(0, 10)
			unknown := 0
			for i := range 10 {
				r := l.result(i)
				times := l.taken()[device(i)]
				switch {
				case r.Accepted() && times == 1:
				case failed(apns.CauseNetwork, false)(r) && times <= 1:
					unknown++
				default:
					t.Errorf("notification %d was accepted %d times, and its result is %+v", i, times, r)
				}
			}
			if unknown == 0 {
				t.Error("no outcome is unknown, although the connection was reset")
			}
			l.submit(10, 20)
			l.accepted(10, 20)
		})
	})
	t.Run("once again with the same id", func(t *testing.T) {
		in{config: apns.Config{ResendUnanswered: true}}.onLoopback(t, func(t *testing.T, l *local) {
			l.fault(localapns.Fault{Skip: 4, Count: 1, Close: "rst"})
			for i := range 10 {
				n := push(i)
				n.ID = [16]byte{1, byte(i)}
				l.send(n)
			}
			l.all(0, 10, apns.Result.Accepted)
			for i := range 10 {
				list := l.seen(device(i))
				if len(list) == 0 || len(list) > 2 || list[0].APNsID != list[len(list)-1].APNsID {
					t.Errorf("notification %d arrived as %+v", i, list)
				}
			}
			l.counts(map[string]uint64{"connections": 2})
		})
	})
}

func waveOfBadTokens(t *testing.T) {
	strict := func(p *localapns.Policy) { unhurried(p); p.ErrorBudget = 50 }
	in{policy: strict}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Payload: "bad", Status: 400, Reason: "BadDeviceToken"})
		began := time.Now()
		for i := range 100 {
			n := push(i)
			if i%5 == 0 {
				n.Payload = []byte(`{"aps":{"alert":"bad"}}`)
			}
			l.send(n)
		}
		l.wait(time.Second)
		l.submit(100, 200) // the first connection is gone by now
		for i := range 100 {
			if i%5 == 0 {
				l.all(i, i+1, answered(400, "BadDeviceToken"))
			} else {
				l.accepted(i, i+1)
			}
		}
		l.accepted(100, 200)
		if len(l.dials) != 2 || l.dials[1].Sub(began) < 2*time.Second {
			t.Errorf("began at %v, connections at %v; want a pause before the second", began, l.dials)
		}
		l.counts(map[string]uint64{"connections": 2, "goaway": 1, "rejected.BadDeviceToken": 20, "accepted": 181})
	})
}

func internalErrors(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Count: 10, Status: 500, Reason: "InternalServerError"})
		l.submit(0, 30)
		l.all(0, 10, answered(500, "InternalServerError"))
		l.accepted(10, 30)
		l.wait(time.Second)
		l.submit(30, 40)
		l.accepted(30, 40)
		if c := l.server.Connections(); len(c) != 1 || len(c[0].Answers) != 1 || c[0].Answers["200"] == 0 {
			t.Errorf("after ten errors on one connection: %+v, want another one", c)
		}
		l.counts(map[string]uint64{"connections": 2, "received": 41})
	})
}

func unavailable(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Status: 503, Reason: "ServiceUnavailable"})
		for second := range 60 {
			l.submit(10*second, 10*second+10)
			l.wait(time.Second)
		}
		l.all(0, 600, answered(503, "ServiceUnavailable")) // repeating is for the caller
		l.counts(map[string]uint64{"connections": 1, "received": 601})
		l.server.ClearFaults()
		l.submit(600, 700)
		l.accepted(600, 700)
		l.counts(map[string]uint64{"connections": 1, "received": 701})
	})
}

func gatewayShutsDown(t *testing.T) {
	in{policy: unhurried}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Count: 5, Status: 503, Reason: "Shutdown"})
		l.fault(localapns.Fault{Skip: 2, Count: 1, GoAway: &localapns.FaultGoAway{Reason: "Shutdown"}})
		l.submit(0, 20)
		l.accepted(0, 20)
		l.counts(map[string]uint64{"connections": 2, "goaway": 1, "rejected.Shutdown": 5, "accepted": 21})
	})
}

func onlyHTTP1(t *testing.T) {
	for _, protocol := range []string{"http/1.1", "http/1.1-silent"} {
		t.Run(protocol, func(t *testing.T) {
			in{cold: true, buffered: true}.inMemory(t, func(t *testing.T, l *local) {
				l.policy(func(p *localapns.Policy) { p.Protocol = protocol })
				err := l.client.Probe(t.Context(), bundle)
				if failure, ok := errors.AsType[*apns.Failure](err); !ok || failure.Cause != apns.CauseProtocol || !strings.Contains(err.Error(), "HTTP/1") {
					t.Errorf("Probe = %v, want a failure that names HTTP/1", err)
				}
				l.submit(0, 5)
				l.wait(10 * time.Second)
				l.none(0, 5)
				l.counts(map[string]uint64{"received": 0})
				l.policy(func(p *localapns.Policy) { p.Protocol = "h2" })
				l.accepted(0, 5)
				l.counts(map[string]uint64{"connections": 1, "received": 5})
			})
		})
	}
}

func dialFails(t *testing.T) {
	for name, refusal := range map[string]error{
		"refused": &net.OpError{Op: "dial", Err: errors.New("connection refused")},
		"no name": &net.DNSError{Err: "no such host", Name: "gateway.example", IsNotFound: true},
	} {
		t.Run(name, func(t *testing.T) {
			in{config: apns.Config{GiveUpAfter: 10 * time.Minute}, cold: true}.inMemory(t, func(t *testing.T, l *local) {
				l.refuse = refusal
				l.submit(0, 5)
				l.wait(8 * time.Minute)
				l.none(0, 5)
				l.mu.Lock()
				for i := 1; i < len(l.dials); i++ {
					if gap := l.dials[i].Sub(l.dials[i-1]); gap < time.Second || gap > 61*time.Second || i > 7 && gap < 40*time.Second {
						t.Errorf("attempt %d came after %v", i, gap)
					}
				}
				if len(l.dials) < 10 || len(l.dials) > 20 {
					t.Errorf("%d attempts in 8 minutes", len(l.dials))
				}
				l.refuse = nil
				l.mu.Unlock()
				l.accepted(0, 5)
				l.counts(map[string]uint64{"connections": 1, "received": 5})
			})
		})
	}
	t.Run("no handshake in time", func(t *testing.T) {
		mute := func(p *localapns.Policy) { p.AcceptLatency = localapns.Duration(time.Minute) }
		in{policy: mute, buffered: true, cold: true}.inMemory(t, func(t *testing.T, l *local) {
			l.submit(0, 5)
			l.wait(14 * time.Second)
			if len(l.dials) != 1 {
				t.Errorf("%d attempts at once, want one", len(l.dials))
			}
			l.policy(func(p *localapns.Policy) { p.AcceptLatency = 0 })
			l.accepted(0, 5)
			l.counts(map[string]uint64{"connections": 1, "received": 5})
		})
	})
	t.Run("no settings in time", func(t *testing.T) {
		mute := func(p *localapns.Policy) { p.SettingsLatency = localapns.Duration(time.Minute) }
		in{policy: mute, buffered: true, cold: true}.inMemory(t, func(t *testing.T, l *local) {
			l.submit(0, 5)
			l.wait(14 * time.Second)
			l.policy(func(p *localapns.Policy) { p.SettingsLatency = 0 })
			l.accepted(0, 5)
			if len(l.dials) != 2 {
				t.Errorf("%d attempts, want 2", len(l.dials))
			}
			l.counts(map[string]uint64{"received": 5})
		})
	})
}

func dialRate(t *testing.T) {
	limited := func(p *localapns.Policy) { p.DialsPerMinute, p.MaxConnectionsPerSource = 20, 8 }
	t.Run("each connection serves one request", func(t *testing.T) {
		in{policy: limited, cold: true, config: apns.Config{GiveUpAfter: time.Hour}}.inMemory(t, func(t *testing.T, l *local) { // the pauses between attempts add up
			l.policy(func(p *localapns.Policy) { p.MaxRequests = 1 })
			l.submit(0, 40)
			l.accepted(0, 40)
			l.counts(map[string]uint64{"connections": 40, "connections_refused": 0, "received": 40})
		})
	})
	t.Run("each connection is closed at once", func(t *testing.T) {
		in{policy: limited, cold: true, config: apns.Config{GiveUpAfter: time.Hour, ResendUnanswered: true}}.inMemory(t, func(t *testing.T, l *local) {
			l.fault(localapns.Fault{Close: "fin"})
			for i := range 20 {
				l.submit(i, i+1)
				l.wait(30 * time.Second)
			}
			l.all(0, 20, failed(apns.CauseNetwork, false))
			l.counts(map[string]uint64{"connections_refused": 0, "accepted": 0})
		})
	})
}
