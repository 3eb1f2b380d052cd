package apns_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// Cases about the form of requests and answers.

func answersInPieces(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Payload: "bad", Status: 400, Reason: "BadDeviceToken", SplitData: 3, Padding: 9, Continuation: true})
		l.fault(localapns.Fault{Payload: "long", Status: 400, Reason: "BadTopic", SplitData: 1, Padding: 255, Continuation: true})
		l.fault(localapns.Fault{Continuation: true})
		for i := range 30 {
			n := push(i)
			n.Payload = fmt.Appendf(nil, `{"aps":{"alert":%q}}`, []string{"good", "bad", "long"}[i%3])
			l.send(n)
		}
		for i := range 30 {
			switch i % 3 {
			case 0:
				l.accepted(i, i+1)
			case 1:
				l.all(i, i+1, answered(400, "BadDeviceToken"))
			case 2:
				l.all(i, i+1, answered(400, "BadTopic"))
			}
			if r := l.result(i); !strings.EqualFold(fmt.Sprintf("%x", r.ID), strings.ReplaceAll(l.seen(device(i))[0].APNsID, "-", "")) {
				t.Errorf("notification %d has the id %x", i, r.ID)
			}
		}
		l.counts(map[string]uint64{"connections": 1, "received": 31})
	})
}

func unknownFramesAndInterimAnswers(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Payload: "bad", Status: 400, Reason: "BadDeviceToken", Unknown: true, SplitData: 5, Interim: 103})
		l.fault(localapns.Fault{Payload: "early", Interim: 103})
		l.fault(localapns.Fault{Payload: "pieces", Interim: 100, Continuation: true, Unknown: true, Padding: 3})
		l.fault(localapns.Fault{Unknown: true})
		kinds := []string{"good", "bad", "early", "pieces"}
		for i := range 40 {
			n := push(i)
			n.Payload = fmt.Appendf(nil, `{"aps":{"alert":%q}}`, kinds[i%len(kinds)])
			l.send(n)
		}
		for i := range 40 {
			if kinds[i%len(kinds)] == "bad" {
				l.all(i, i+1, answered(400, "BadDeviceToken"))
				continue
			}
			l.accepted(i, i+1)
		}
		l.counts(map[string]uint64{"connections": 1, "goaway": 0, "received": 41})
	})
}

func unusualBodies(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		for _, f := range []localapns.Fault{
			{Body: new("a body although accepted")},
			{Status: 400, Reason: "BadTopic", Body: new("")},
			{Status: 400, Reason: "BadTopic", Body: new(`{"reason`)},
			{Status: 400, Reason: "BadTopic", Body: new(strings.Repeat("x", 100_000)), SplitData: 10_000},
			{Status: 410, Reason: "Unregistered", Body: new(`{"timestamp":{},"reason":"Unregistered"}`)},
		} {
			f.Count = 1
			l.fault(f)
		}
		l.submit(0, 10)
		l.accepted(0, 1)
		l.all(1, 4, func(r apns.Result) bool { return r.Status == 400 && r.Err == nil })
		l.all(4, 5, func(r apns.Result) bool { return answered(410, "Unregistered")(r) && r.Timestamp.IsZero() })
		l.accepted(5, 10)
		l.wait(0)
		if c := l.server.Connections(); len(c) != 1 || c[0].Open != 0 {
			t.Errorf("after an endless body: %+v", c)
		}
		l.counts(map[string]uint64{"connections": 1, "received": 11})
	})
}

func unknownStatusAndReason(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		for i, want := range []struct {
			status int
			reason string
			class  apns.Class
		}{{418, "Teapot", apns.ClassRequest}, {599, "Whatever", apns.ClassServer}, {403, "NewCredentialTrouble", apns.ClassCredential}, {429, "Slower", apns.ClassRate}} {
			l.fault(localapns.Fault{Count: 1, Status: want.status, Reason: want.reason})
			l.submit(i, i+1)
			l.all(i, i+1, func(r apns.Result) bool { return answered(want.status, want.reason)(r) && r.Class() == want.class })
			l.counts(map[string]uint64{"rejected." + want.reason: 1})
		}
	})
}

func timestampOfDeadTokens(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		registered := time.Now().Add(-time.Hour)
		l.fault(localapns.Fault{Count: 1, Status: 410, Reason: "Unregistered", GoneSeconds: 2 * 3600})
		l.fault(localapns.Fault{Count: 1, Status: 410, Reason: "ExpiredToken", GoneSeconds: 60})
		l.submit(0, 2)
		older, newer := l.result(0), l.result(1)
		if older.Class() != apns.ClassToken || !older.Timestamp.Equal(registered.Add(-time.Hour)) {
			t.Errorf("%+v, want a token that died before it was registered again at %v: it is kept", older, registered)
		}
		if newer.Class() != apns.ClassToken || !newer.Timestamp.Equal(registered.Add(59*time.Minute)) {
			t.Errorf("%+v, want a token that died after its registration at %v: it is dropped", newer, registered)
		}
		l.counts(map[string]uint64{"received": 3, "rejected.Unregistered": 1, "rejected.ExpiredToken": 1})
	})
}

// refusedHere requires that a notification is refused without being sent.
func (l *local) refusedHere(n *apns.Notification, reason string) {
	l.Helper()
	r := l.client.Push(l.Context(), n)
	if !failed(apns.CauseRefusedLocally, true)(r) || r.Reason != reason {
		l.Errorf("%+v, want a local refusal: %s", r, reason)
	}
}

func payloadSizes(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		for i, c := range []struct {
			pushType apns.PushType
			largest  int
		}{{apns.PushAlert, 4096}, {apns.PushVoIP, 5120}} {
			n := push(i)
			n.PushType, n.Topic, n.Payload = c.pushType, c.pushType.Topic(bundle), sized(c.largest)
			l.send(n)
			l.accepted(i, i+1)
			if got := l.seen(device(i))[0].Payload; !bytes.Equal(got, n.Payload) {
				t.Errorf("%d bytes arrived, want %d", len(got), c.largest)
			}
			larger := *n
			larger.Payload = sized(c.largest + 1)
			l.refusedHere(&larger, "PayloadTooLarge")
		}
		l.counts(map[string]uint64{"received": 3, "rejected": 0})
	})
}

func collapseIDs(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		for i, id := range []string{strings.Repeat("c", 64), strings.Repeat("é", 32), strings.Repeat("猫", 21) + "c"} {
			n := push(i)
			n.CollapseID = id
			l.send(n)
			l.accepted(i, i+1)
			if got := l.seen(device(i))[0].CollapseID; got != id {
				t.Errorf("%q arrived, want %q", got, id)
			}
			n = push(100 + i)
			n.CollapseID = id + "c" // 65 bytes, in some of them fewer characters
			l.refusedHere(n, "BadCollapseId")
		}
		l.counts(map[string]uint64{"received": 4, "rejected": 0})
	})
}

func expirations(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		for i, c := range []struct {
			sent apns.Expiration
			want *int64
		}{{apns.Expiration{}, nil}, {apns.DeliverOnce(), new(int64(0))}, {apns.ExpireAt(past), new(past.Unix())}, {apns.ExpireAt(future), new(future.Unix())}} {
			n := push(i)
			n.Expiration = c.sent
			l.send(n)
			l.accepted(i, i+1)
			got := l.seen(device(i))[0].Expiration
			if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("notification %d arrived with %v, want %v", i, got, c.want)
			}
		}
	})
}

func upperCaseID(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		n := push(0)
		n.ID = [16]byte{0xab, 0xcd, 0xef, 15: 0xfe}
		l.send(n)
		l.submit(1, 20) // the local APNs chooses ids of its own, in upper case
		l.accepted(0, 20)
		if r := l.result(0); r.ID != n.ID {
			t.Errorf("the id came back as %x", r.ID)
		}
		upper := false
		for i := range 20 {
			theirs := l.seen(device(i))[0].APNsID
			upper = upper || theirs != strings.ToLower(theirs)
			if got := fmt.Sprintf("%X", l.result(i).ID); got != strings.ToUpper(strings.ReplaceAll(theirs, "-", "")) {
				t.Errorf("notification %d has the id %s here and %s there", i, got, theirs)
			}
		}
		if !upper {
			t.Error("no id was in upper case")
		}
	})
}

func injection(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		for reason, bend := range map[string][]func(*apns.Notification){
			"BadDeviceToken": {
				func(n *apns.Notification) { n.Token = device(0)[:60] + "/../x" },
				func(n *apns.Notification) { n.Token = device(0) + "\r\nx: y" },
				func(n *apns.Notification) { n.Token = "00?a=b&cc" },
			},
			"BadTopic": {
				func(n *apns.Notification) { n.Topic = bundle + "\r\napns-priority: 10" },
				func(n *apns.Notification) { n.Topic = bundle + "\x00" },
				func(n *apns.Notification) { n.Topic = "a/b" },
			},
			"BadCollapseId":   {func(n *apns.Notification) { n.CollapseID = "a\r\nb: c" }},
			"InvalidPushType": {func(n *apns.Notification) { n.PushType = "alert\r\nb: c" }},
		} {
			for _, f := range bend {
				n := push(0)
				f(n)
				l.refusedHere(n, reason)
			}
		}
		l.submit(0, 5)
		l.accepted(0, 5)
		l.counts(map[string]uint64{"connections": 1, "received": 6, "rejected": 0, "goaway": 0})
	})
}
