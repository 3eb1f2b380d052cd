package apns

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// steps returns what happened to the notification with this id, without the
// first step, which is the same for all.
func steps(t testing.TB, s *Server, id string) []What {
	t.Helper()
	for _, n := range s.Notifications(1000) {
		if n.APNsID != id {
			continue
		}
		var list []What
		for _, e := range n.Trace[1:] {
			list = append(list, e.What)
		}
		return list
	}
	t.Fatalf("no notification has the id %s", id)
	return nil
}

func wantSteps(t testing.TB, s *Server, id string, want ...What) {
	t.Helper()
	if got := steps(t, s, id); !slices.Equal(got, want) {
		t.Errorf("steps of %s: %v, want %v", id, got, want)
	}
}

func body(text string) string { return fmt.Sprintf(`{"aps":{"alert":%q}}`, text) }

func uuid(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

// sender pushes with the standard library's client and a certificate.
func sender(t testing.TB, s *Server, token string) func(id int, more ...string) reply {
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{}))
	return func(id int, more ...string) reply {
		t.Helper()
		h := header(append([]string{"apns-id", uuid(id)}, more...)...)
		return p.push(t, push{token: token, body: body(fmt.Sprint(id)), header: h})
	}
}

// D01: of three pushes to a phone that is away, the last one is kept.
func TestOfflineKeepsTheLatest(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	phone.leave(s, "p1")
	for id := 1; id <= 3; id++ {
		if r := send(id); r.Status != 200 {
			t.Fatalf("%+v", r)
		}
	}
	phone = connectPhone(t, s, "p1")
	n := phone.next()
	if n.APNsID != uuid(3) || string(n.Payload) != body("3") {
		t.Fatalf("the phone got %+v", n)
	}
	phone.ack(n, "ok")
	phone.quiet()
	wantSteps(t, s, uuid(1), Verdict, Stored, Replaced)
	wantSteps(t, s, uuid(3), Verdict, Stored, Delivered, Acknowledged)
}

// The slot is one for each app and environment, not one for each phone.
func TestEachAppHasItsOwnSlot(t *testing.T) {
	s, phone, token, sandbox := live(t, Config{})
	other := phone.register("com.example.Other", Production, "i1")
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))
	d := newProvider(t, s, Development, mustIssue(t, s, IssueRequest{Key: true}))
	phone.leave(s, "p1")
	p.push(t, push{token: token})
	p.push(t, push{token: other, header: header("apns-topic", "com.example.Other")})
	d.push(t, push{token: sandbox})
	phone = connectPhone(t, s, "p1")
	var got []string
	for range 3 {
		n := phone.next()
		got = append(got, n.Token)
		phone.ack(n, "ok")
	}
	if want := []string{token, other, sandbox}; !slices.Equal(got, want) {
		t.Errorf("delivered to %v, want %v", got, want)
	}
}

// D02: expiration zero, and one in the past, mean one attempt.
func TestExpirationZeroIsNotStored(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	if r := send(1, "apns-expiration", "0"); r.Status != 200 {
		t.Fatalf("%+v", r)
	}
	n := phone.next()
	if n.Expiration == nil || *n.Expiration != 0 {
		t.Errorf("expiration %v reached the phone, want 0", n.Expiration)
	}
	phone.ack(n, "ok")
	phone.quiet()
	phone.leave(s, "p1")
	send(2, "apns-expiration", "0")
	send(3, "apns-expiration", "1000")
	phone = connectPhone(t, s, "p1")
	phone.quiet()
	wantSteps(t, s, uuid(2), Verdict, Discarded)
	wantSteps(t, s, uuid(3), Verdict, Discarded)
}

// An unacknowledged one-attempt notification is lost with the session; another
// one comes again, with the same delivery id.
func TestSessionLostBeforeAcknowledgement(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	send(1)
	first := phone.next()
	phone.leave(s, "p1")
	phone = connectPhone(t, s, "p1")
	again := phone.next()
	if again.ID != first.ID || again.APNsID != uuid(1) {
		t.Fatalf("got %+v, want delivery %s again", again, first.ID)
	}
	phone.ack(again, "ok")
	phone.quiet()
	send(2, "apns-expiration", "0")
	phone.next()
	phone.leave(s, "p1")
	phone = connectPhone(t, s, "p1")
	phone.quiet()
	wantSteps(t, s, uuid(1), Verdict, Delivered, Stored, Delivered, Acknowledged)
	wantSteps(t, s, uuid(2), Verdict, Delivered, Stored, Discarded)
}

func TestOneUnacknowledgedAtATime(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		policy := DefaultPolicy()
		policy.OverwriteUnacknowledged = overwrite
		s, phone, token, _ := live(t, Config{Policy: &policy})
		send := sender(t, s, token)
		for id := 1; id <= 3; id++ {
			send(id)
		}
		first := phone.next()
		phone.quiet()
		phone.ack(first, "ok")
		second := phone.next()
		if want := map[bool]string{false: uuid(2), true: uuid(3)}[overwrite]; first.APNsID != uuid(1) || second.APNsID != want {
			t.Errorf("overwrite %v: %s, then %s", overwrite, first.APNsID, second.APNsID)
		}
		phone.ack(second, "ok")
	}
}

// D03, and the thirty days that a notification without expiration is kept.
func TestStoredNotificationsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewServer(Config{})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		phone := connectPhone(t, s, "p1")
		short := phone.register("com.example.Short", Production, "i")
		long := phone.register("com.example.Long", Production, "i")
		phone.conn.Close()
		synctest.Wait()
		accept := func(id int, token, bundle string, keep time.Time) {
			n := &Notification{Environment: Production, Token: token, BundleID: bundle, Topic: bundle, Priority: 10, APNsID: uuid(id), Payload: Payload(small), keepUntil: keep}
			s.registry.begin(n, now)
			if refused := s.registry.accept(n, func() *refusal { return nil }); refused != nil {
				t.Fatalf("%+v", refused)
			}
		}
		accept(1, short, "com.example.Short", now.Add(time.Hour))
		accept(2, long, "com.example.Long", now.Add(longestStorage))
		time.Sleep(time.Hour - time.Second)
		s.registry.sweep()
		wantSteps(t, s, uuid(1), Verdict, Stored)
		time.Sleep(time.Second)
		s.registry.sweep()
		wantSteps(t, s, uuid(1), Verdict, Stored, Expired)
		time.Sleep(longestStorage - time.Hour - time.Second)
		phone = connectPhone(t, s, "p1")
		n := phone.next()
		if n.APNsID != uuid(2) {
			t.Fatalf("a second before the end of thirty days the phone got %+v", n)
		}
		phone.conn.Close() // not acknowledged
		synctest.Wait()
		time.Sleep(time.Second)
		phone = connectPhone(t, s, "p1")
		phone.quiet()
		wantSteps(t, s, uuid(2), Verdict, Stored, Delivered, Stored, Expired)
		phone.conn.Close()
		synctest.Wait()
	})
}

// The same through the whole server, by turning its clock.
func TestClockJumpExpires(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	phone.leave(s, "p1")
	send(1, "apns-expiration", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
	s.ChangeClock(ClockChange{Jump: Duration(2 * time.Hour)})
	wantSteps(t, s, uuid(1), Verdict, Stored, Expired)
	phone = connectPhone(t, s, "p1")
	phone.quiet()
}

// D04: what is not urgent waits while the phone saves power.
func TestLowPowerHoldsBack(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	phone.send(`{"op":"power","state":"low"}`)
	phone.quiet()
	send(1, "apns-priority", "5")
	phone.quiet()
	send(2)
	if n := phone.next(); n.APNsID != uuid(2) || n.Priority != 10 {
		t.Fatalf("the urgent one: %+v", n)
	} else {
		phone.ack(n, "ok")
	}
	phone.quiet()
	phone.send(`{"op":"power","state":"normal"}`)
	if n := phone.next(); n.APNsID != uuid(1) || n.Priority != 5 {
		t.Fatalf("after the change: %+v", n)
	}
}

// D05: the gateway learns of a removed app from the next push, and says so
// after a delay.
func TestUninstallAnswers410Late(t *testing.T) {
	policy := DefaultPolicy()
	policy.UninstallDelay = Duration(time.Hour)
	s, phone, token, _ := live(t, Config{Policy: &policy})
	s.ChangeClock(ClockChange{Frozen: new(true)})
	send := sender(t, s, token)
	phone.send(`{"op":"uninstall","bundle_id":%q,"environment":"production"}`, testBundle)
	phone.quiet()
	s.ChangeClock(ClockChange{Jump: Duration(24 * time.Hour)})
	learned := s.clock.Now()
	if r := send(1); r.Status != 200 {
		t.Fatalf("the push that finds out: %+v", r)
	}
	s.ChangeClock(ClockChange{Jump: Duration(time.Hour - time.Second)})
	if r := send(2); r.Status != 200 {
		t.Fatalf("before the delay is over: %+v", r)
	}
	s.ChangeClock(ClockChange{Jump: Duration(time.Second)})
	r := send(3)
	if r.Status != 410 || r.Reason != "Unregistered" || r.Timestamp != learned.UnixMilli() {
		t.Fatalf("after it: %+v, want the time %d", r, learned.UnixMilli())
	}
	if want := fmt.Sprintf(`{"reason":"Unregistered","timestamp":%d}`, learned.UnixMilli()); r.Body != want {
		t.Errorf("body %s, want %s", r.Body, want)
	}
	phone.quiet()
}

// As long as the phone is away nobody can find out.
func TestUninstallOfAnAbsentPhone(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	phone.send(`{"op":"uninstall","bundle_id":%q,"environment":"production"}`, testBundle)
	phone.quiet()
	phone.leave(s, "p1")
	for id := range 3 {
		if r := send(id); r.Status != 200 {
			t.Fatalf("%+v", r)
		}
	}
	phone = connectPhone(t, s, "p1")
	phone.quiet()
	if r := send(9); r.Status != 410 {
		t.Fatalf("after the phone came back: %+v", r)
	}
}

func TestAcknowledgementStatus(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	send(1)
	phone.ack(phone.next(), "disabled")
	phone.quiet()
	send(2)
	phone.ack(phone.next(), "app-missing")
	phone.quiet()
	wantSteps(t, s, uuid(1), Verdict, Delivered, Discarded)
	wantSteps(t, s, uuid(2), Verdict, Delivered, Discarded)
	if r := send(3); r.Status != 410 || r.Timestamp == 0 {
		t.Fatalf("after the phone missed the app: %+v", r)
	}
}

// D14: another installation has another token, and the old one dies.
func TestTokenRotation(t *testing.T) {
	s, phone, old, _ := live(t, Config{})
	send := sender(t, s, old)
	if again := phone.register(testBundle, Production, "i1"); again != old {
		t.Errorf("the same installation got %s and then %s", old, again)
	}
	phone.leave(s, "p1")
	send(1) // queued for the old token
	phone = connectPhone(t, s, "p1")
	n := phone.next()
	phone.ack(n, "ok")
	fresh := phone.register(testBundle, Production, "i2")
	if fresh == old {
		t.Fatal("another installation got the same token")
	}
	if r := send(2); r.Status != 200 {
		t.Fatalf("the first push to the old token: %+v", r)
	}
	if r := send(3); r.Status != 410 {
		t.Fatalf("the second: %+v", r)
	}
	sender(t, s, fresh)(4)
	if n := phone.next(); n.APNsID != uuid(4) || n.Token != fresh {
		t.Fatalf("the new token: %+v", n)
	}
}

func TestNewerSessionReplacesOlder(t *testing.T) {
	s, older, token, _ := live(t, Config{})
	newer := connectPhone(t, s, "p1")
	if line, err := older.lines.ReadBytes('\n'); err == nil {
		t.Errorf("the older session got %s", line)
	}
	sender(t, s, token)(1)
	if n := newer.next(); n.APNsID != uuid(1) {
		t.Errorf("the newer session got %+v", n)
	}
}

func TestCourierRefusals(t *testing.T) {
	s := startServer(t, Config{})
	phone := connectPhone(t, s, "p1")
	for _, line := range []string{
		`{"op":"dance","ref":3}`,
		`{"op":"register","ref":3,"bundle_id":"../x","environment":"production"}`,
		`{"op":"register","ref":3,"bundle_id":"com.example.App","environment":"test"}`,
		`{"op":"ack","ref":3,"id":"x"}`,
		`{"op":"subscribe","ref":3,"bundle_id":"com.example.App","environment":"production","channel_id":"AA=="}`,
		`{"op":"power","ref":3,"state":"off"}`,
	} {
		phone.send("%s", line)
		if got := phone.next(); got.Op != "error" || got.Ref != 3 || got.Message == "" {
			t.Errorf("%s: %+v", line, got)
		}
	}
	phone.quiet() // the session goes on
	go phone.conn.Write([]byte(strings.Repeat("x", courierLine+1)))
	if got := phone.next(); got.Op != "error" {
		t.Errorf("a line too long: %+v", got)
	}
	if _, err := phone.lines.ReadByte(); err == nil {
		t.Error("the session goes on after a line too long")
	}
}
