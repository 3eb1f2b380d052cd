package apns

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs a test in a synctest bubble with a server and a client on frames.
func inBubble(t *testing.T, policy Policy, f func(t *testing.T, s *Server, w *wire)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewServer(Config{Policy: &policy, AcceptAnyToken: true})
		if err != nil {
			t.Fatal(err)
		}
		credential := mustIssue(t, s, IssueRequest{})
		near, far := pipe()
		go s.ServeProvider(Production, far)
		w := newWire(t, s, near, credential)
		w.conn.SetDeadline(time.Time{})
		w.token = "0a"
		f(t, s, w)
		near.Close()
	})
}

func TestLatency(t *testing.T) {
	policy := DefaultPolicy()
	policy.AcceptLatency, policy.SettingsLatency = Duration(3*time.Second), Duration(5*time.Second)
	policy.ResponseLatency, policy.ResponseJitter = Duration(time.Minute), Duration(time.Second)
	inBubble(t, policy, func(t *testing.T, s *Server, w *wire) {
		began := time.Now()
		w.greet()
		if passed := time.Since(began); passed != 8*time.Second {
			t.Errorf("SETTINGS came after %v", passed)
		}
		began = time.Now()
		ids := map[uint32]bool{w.request(small): true, w.request(small): true}
		for range 2 {
			head := expect[*h2MetaHeadersFrame](w)
			if passed := time.Since(began); !ids[head.StreamID] || passed < time.Minute || passed > time.Minute+time.Second {
				t.Errorf("stream %d was answered after %v", head.StreamID, passed)
			}
			delete(ids, head.StreamID)
		}
		// A request that is cancelled meanwhile gets no answer.
		id := w.request(small)
		w.say(func() error { return w.framer.WriteRSTStream(id, 8) })
		time.Sleep(2 * time.Minute)
		w.ping()
		if n := s.Counters()["cancelled"]; n != 1 {
			t.Errorf("%d cancelled", n)
		}
	})
}

func TestConnectionAge(t *testing.T) {
	policy := DefaultPolicy()
	policy.MaxAge = Duration(time.Hour)
	inBubble(t, policy, func(t *testing.T, _ *Server, w *wire) {
		began := time.Now()
		w.greet()
		f := expect[*h2GoAwayFrame](w)
		if passed := time.Since(began); passed != time.Hour || string(f.DebugData()) != `{"reason":"Shutdown"}` {
			t.Errorf("after %v: %+v", passed, f)
		}
		w.ended()
	})
}

func TestConnectionRequests(t *testing.T) {
	policy := DefaultPolicy()
	policy.MaxRequests = 2
	inBubble(t, policy, func(t *testing.T, _ *Server, w *wire) {
		w.greet()
		w.answer(w.request(small))
		second := w.request(small)
		w.answer(second)
		if f := expect[*h2GoAwayFrame](w); f.LastStreamID != second || string(f.DebugData()) != `{"reason":"Shutdown"}` {
			t.Errorf("%+v", f)
		}
		w.ended()
	})
}

// A stream that is never finished holds a connection that goes away for ten seconds.
func TestDrainIsBounded(t *testing.T) {
	inBubble(t, DefaultPolicy(), func(t *testing.T, s *Server, w *wire) {
		w.greet()
		w.headers()
		w.ping()
		began := time.Now()
		c := s.connections()[0]
		c.shutdown()
		expect[*h2GoAwayFrame](w)
		w.ended()
		if passed := time.Since(began); passed != drainTimeout+lingerTimeout && passed != drainTimeout {
			t.Errorf("closed after %v", passed)
		}
	})
}

// The virtual clock runs at any speed and stands still.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewServer(Config{})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		passed := func(want time.Duration) {
			t.Helper()
			if got := s.clock.Now().Sub(began); got != want {
				t.Errorf("%v have passed, want %v", got, want)
			}
		}
		time.Sleep(time.Second)
		passed(time.Second)
		s.ChangeClock(ClockChange{Scale: new(60.0)})
		time.Sleep(time.Minute)
		passed(time.Hour + time.Second)
		s.ChangeClock(ClockChange{Frozen: new(true)})
		time.Sleep(time.Minute)
		passed(time.Hour + time.Second)
		s.ChangeClock(ClockChange{Jump: Duration(-time.Hour), Frozen: new(false)})
		time.Sleep(time.Second)
		passed(2 * time.Second)
		s.ChangeClock(ClockChange{Reset: true})
		if got := s.clock.Now(); !got.Equal(time.Now()) {
			t.Errorf("after the reset it is %v, want %v", got, time.Now())
		}
	})
}

func TestHEADHasNoBody(t *testing.T) {
	s := startServer(t, Config{})
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{}))
	if r := p.push(t, push{method: http.MethodHead, token: "00", body: "none"}); r.Status != 405 || r.Body != "" {
		t.Errorf("%+v", r)
	}
}
