package apns_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// Cases about certificates, keys and device tokens.

func firstTokenRejected(t *testing.T) {
	in{cold: true}.inMemory(t, func(t *testing.T, l *local) {
		request := localapns.IssueRequest{Key: true}
		issued, err := l.server.Issue(request)
		if err != nil {
			t.Fatal(err)
		}
		unknown, err := apns.ReadP8(issued.P8, "ABCDE12345", issued.TeamID) // the id of no key
		if err != nil {
			t.Fatal(err)
		}
		if err := l.client.SetKey(unknown); err != nil {
			t.Fatal(err)
		}
		l.submit(0, 100)
		l.all(0, 100, func(r apns.Result) bool {
			return failed(apns.CauseCredential, true)(r) && r.Reason == "InvalidProviderToken"
		})
		l.counts(map[string]uint64{"connections": 1, "received": 1, "rejected.InvalidProviderToken": 1})
		l.wait(30 * time.Second)
		if err := l.client.Submit(t.Context(), push(100), l.record); err == nil {
			t.Error("a push with the refused key was taken after half a minute")
		}
		l.wait(31 * time.Second) // now one may try
		l.submit(101, 102)
		l.all(101, 102, failed(apns.CauseCredential, true))
		l.counts(map[string]uint64{"connections": 2, "received": 2})
		if err := l.client.SetKey(l.newKey(request)); err != nil {
			t.Fatal(err)
		}
		l.submit(102, 110)
		l.accepted(102, 110)
	})
}

func tokenOfTheOtherEnvironment(t *testing.T) {
	in{known: true, cold: true}.inMemory(t, func(t *testing.T, l *local) {
		n := push(0)
		n.Token = l.phone("phone", localapns.Development)
		l.send(n)
		l.all(0, 1, func(r apns.Result) bool {
			return answered(400, "BadDeviceToken")(r) && r.Class() == apns.ClassToken
		})
		// A single try on the other environment is the caller's choice.
		sandbox, err := apns.NewClient(apns.Config{URL: "https://127.0.0.1:2197", Key: l.key, RootCAs: l.roots(), Dial: l.dialer(localapns.Development)})
		if err != nil {
			t.Fatal(err)
		}
		defer sandbox.Close()
		if r := sandbox.Push(t.Context(), n); !r.Accepted() || r.UniqueID == "" {
			t.Errorf("in the other environment: %+v", r)
		}
		list := l.seen(n.Token)
		if len(list) != 2 || list[0].Environment != localapns.Production || list[1].Environment != localapns.Development {
			t.Errorf("arrived: %+v", list)
		}
		l.counts(map[string]uint64{"connections": 2, "received": 2, "accepted": 1, "delivered": 1})
	})
}

func tooManyForOneDevice(t *testing.T) {
	one := func(p *localapns.Policy) { p.DeviceRate, p.DeviceRateWindow = 1, localapns.Duration(time.Minute) }
	in{policy: one}.inMemory(t, func(t *testing.T, l *local) {
		busy, other := l.phone("busy", localapns.Production), l.phone("other", localapns.Production)
		for i, token := range []string{busy, busy, other} {
			n := push(i)
			n.Token = token
			l.send(n)
		}
		l.all(0, 1, apns.Result.Accepted)
		l.all(1, 2, func(r apns.Result) bool {
			return answered(429, "TooManyRequests")(r) && r.Class() == apns.ClassRate
		})
		l.all(2, 3, apns.Result.Accepted)
		l.submit(3, 10)
		l.accepted(3, 10)
		if taken := l.taken(); taken[busy] != 1 || taken[other] != 1 {
			t.Errorf("accepted %v", taken)
		}
		l.wait(time.Minute)
		again := push(10)
		again.Token = busy
		l.send(again)
		l.all(10, 11, apns.Result.Accepted)
		l.counts(map[string]uint64{"connections": 1, "received": 12, "rejected": 1})
	})
}

// phone puts the app on a simulated phone that is online, and gives its device token.
func (l *local) phone(id string, environment localapns.Environment) string {
	l.Helper()
	near, far := net.Pipe()
	go l.server.ServeCourier(far)
	l.closers = append(l.closers, near)
	fmt.Fprintf(near, `{"op":"hello","phone":%q}`+"\n", id)
	lines := bufio.NewScanner(near)
	lines.Scan() // welcome
	fmt.Fprintf(near, `{"op":"register","ref":1,"bundle_id":%q,"environment":%q,"install":"1"}`+"\n", bundle, environment)
	lines.Scan()
	var answer struct{ Token string }
	if err := json.Unmarshal(lines.Bytes(), &answer); err != nil || answer.Token == "" {
		l.Fatalf("registering a phone: %q, %v", lines.Text(), err)
	}
	go func() { _, _ = io.Copy(io.Discard, near) }() // it takes everything and acknowledges nothing
	return answer.Token
}

func tooManyProviderTokens(t *testing.T) {
	// The client changes its token every half hour, on the half hour; this gateway wants it less often.
	rare := func(p *localapns.Policy) { p.TokenUpdateInterval = localapns.Duration(40 * time.Minute) }
	in{policy: rare, cold: true}.inMemory(t, func(t *testing.T, l *local) {
		l.wait(29 * time.Minute)
		l.submit(0, 10)
		l.accepted(0, 10)
		l.wait(2 * time.Minute)
		l.submit(10, 11)
		l.all(10, 11, answered(429, "TooManyProviderTokenUpdates"))
		for i := range 4 {
			l.submit(20+i, 21+i)
			l.wait(4 * time.Minute)
		}
		l.accepted(20, 24) // with the old token
		l.counts(map[string]uint64{"connections": 1, "received": 15, "rejected": 1})
	})
}

func expiredProviderToken(t *testing.T) {
	in{cold: true}.inMemory(t, func(t *testing.T, l *local) {
		l.wait(20 * time.Minute) // the token in use says 20 minutes ago
		l.submit(0, 1)
		l.accepted(0, 1)
		l.server.ChangeClock(localapns.ClockChange{Jump: localapns.Duration(45 * time.Minute)})
		l.submit(1, 50)
		l.accepted(1, 50)
		refused := l.server.Counters()["rejected.ExpiredProviderToken"]
		if refused == 0 || refused > 49 {
			t.Errorf("%d were refused, want 1 to 49: one resend each", refused)
		}
		l.counts(map[string]uint64{"connections": 2, "accepted": 50, "rejected": refused, "rejected.TooManyProviderTokenUpdates": 0})
	})
	t.Run("for ever", func(t *testing.T) {
		in{cold: true}.inMemory(t, func(t *testing.T, l *local) {
			l.server.ChangeClock(localapns.ClockChange{Jump: localapns.Duration(24 * time.Hour)})
			l.submit(0, 5)
			l.all(0, 5, failed(apns.CauseCredential, true))
			l.wait(time.Minute)
			l.counts(map[string]uint64{"connections": 2, "accepted": 0})
		})
	})
}

func keyRotation(t *testing.T) {
	t.Run("asked by the caller", func(t *testing.T) {
		in{policy: unhurried}.inMemory(t, func(t *testing.T, l *local) {
			l.submit(0, 10)
			l.wait(100 * time.Millisecond)
			if err := l.client.SetKey(l.newKey(localapns.IssueRequest{})); err != nil {
				t.Fatal(err)
			}
			l.submit(10, 20)
			l.accepted(0, 20)
			if a, b := l.seen(device(9))[0], l.seen(device(10))[0]; a.Connection == b.Connection {
				t.Error("the new key was used on the old connection")
			}
			l.counts(map[string]uint64{"connections": 2, "received": 21, "rejected": 0})
		})
	})
	t.Run("noticed by the gateway", func(t *testing.T) {
		in{policy: unhurried}.inMemory(t, func(t *testing.T, l *local) {
			l.fault(localapns.Fault{Count: 10, Status: 403, Reason: "UnrelatedKeyIdInToken"})
			l.submit(0, 20)
			l.accepted(0, 20)
			l.counts(map[string]uint64{"connections": 2, "rejected.UnrelatedKeyIdInToken": 10, "accepted": 21})
		})
	})
}

func keyOfTheOtherEnvironment(t *testing.T) {
	for _, spelling := range []string{"BadEnvironmentKeyInToken", "BadEnvironmentKeyIdInToken"} {
		spelt := func(p *localapns.Policy) { p.EnvironmentKeyReason = spelling }
		in{policy: spelt, key: localapns.IssueRequest{Development: true}, cold: true}.inMemory(t, func(t *testing.T, l *local) {
			l.submit(0, 10)
			l.all(0, 10, func(r apns.Result) bool { return failed(apns.CauseCredential, true)(r) && r.Reason == spelling })
			l.wait(30 * time.Second)
			l.counts(map[string]uint64{"connections": 1, "received": 1, "accepted": 0})
		})
	}
}

func certificateRefusedInTLS(t *testing.T) {
	t.Run("expired", func(t *testing.T) {
		in{certificate: &localapns.IssueRequest{}, cold: true}.inMemory(t, func(t *testing.T, l *local) {
			l.server.ChangeClock(localapns.ClockChange{Jump: localapns.Duration(400 * 24 * time.Hour)}) // by our clock it is good
			l.refusedInTLS()
		})
	})
	t.Run("revoked", func(t *testing.T) {
		in{certificate: &localapns.IssueRequest{}, cold: true}.inMemory(t, func(t *testing.T, l *local) {
			certificate := l.certificate(localapns.IssueRequest{})
			if err := l.server.Revoke(certificate.TLS.Leaf.SerialNumber.Text(16)); err != nil {
				t.Fatal(err)
			}
			if err := l.client.SetCertificate(certificate); err != nil {
				t.Fatal(err)
			}
			l.refusedInTLS()
		})
	})
}

func (l *local) refusedInTLS() {
	l.submit(0, 10)
	l.all(0, 10, failed(apns.CauseCredential, true))
	l.wait(30 * time.Second)
	if err := l.client.Submit(l.Context(), push(10), l.record); err == nil {
		l.Error("a push with the refused certificate was taken")
	}
	l.counts(map[string]uint64{"handshakes_failed": 1, "connections": 0, "received": 0})
}
