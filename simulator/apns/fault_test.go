package apns

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"strings"
	"testing"
	"time"
)

// scripted returns a client on frames, and a way to add a script.
func scripted(t *testing.T) (s *Server, w *wire, add func(Fault)) {
	t.Helper()
	s, _, token, _ := live(t, Config{})
	w = dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.token = token
	w.greet()
	return s, w, func(f Fault) {
		t.Helper()
		if err := s.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFaultRefusals(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	other := phone.register("com.example.Other", Production, "i1")
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))
	add := func(f Fault) {
		if err := s.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	add(Fault{Token: strings.ToUpper(other), Status: 503, Reason: "ServiceUnavailable"})
	add(Fault{Topic: testBundle, Skip: 1, Count: 2, Status: 429, Reason: "TooManyRequests", RetryAfter: "30"})
	add(Fault{Payload: "teapot", Status: 418, Reason: "ImATeapot"})
	add(Fault{Payload: "dead", Status: 410, Reason: "ExpiredToken", GoneSeconds: 60})
	add(Fault{Payload: "silent", Status: 500, Body: new("")})
	add(Fault{Payload: "chatty", Body: new("fine")})
	for i, want := range []int{200, 429, 429, 200} {
		r := p.push(t, push{token: token})
		if r.Status != want || (r.Header.Get("retry-after") == "30") != (want == 429) {
			t.Errorf("push %d: %+v, want %d", i+1, r, want)
		}
	}
	if r := p.push(t, push{token: other, header: header("apns-topic", "com.example.Other")}); r.Status != 503 || r.Reason != "ServiceUnavailable" {
		t.Errorf("by token: %+v", r)
	}
	if r := p.push(t, push{token: token, body: body("teapot")}); r.Status != 418 || r.Reason != "ImATeapot" {
		t.Errorf("unknown reason: %+v", r)
	}
	r := p.push(t, push{token: token, body: body("dead")})
	if age := time.Since(time.UnixMilli(r.Timestamp)); r.Status != 410 || age < 59*time.Second || age > 2*time.Minute {
		t.Errorf("410 of a minute ago: %+v", r)
	}
	if r := p.push(t, push{token: token, body: body("silent")}); r.Status != 500 || r.Body != "" {
		t.Errorf("error without a body: %+v", r)
	}
	if r := p.push(t, push{token: token, body: body("chatty")}); r.Status != 200 || r.Body != "fine" {
		t.Errorf("200 with a body: %+v", r)
	}
	// A script does not hide what is wrong with the request itself.
	if r := p.push(t, push{token: "00", body: body("teapot")}); r.Reason != "BadDeviceToken" {
		t.Errorf("a bad token that meets a script: %+v", r)
	}
	s.ClearFaults()
	if r := p.push(t, push{token: token, body: body("teapot")}); r.Status != 200 {
		t.Errorf("after the scripts are gone: %+v", r)
	}
}

func TestFaultProbability(t *testing.T) {
	s, _, token, _ := live(t, Config{Seed: 7})
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{}))
	if err := s.AddFault(Fault{Probability: 0.5, Status: 500, Reason: "InternalServerError"}); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 200 {
		if r := p.push(t, push{token: token}); r.Status == 500 {
			failed++
		}
	}
	if failed < 60 || failed > 140 {
		t.Errorf("%d of 200 met a script of one half", failed)
	}
}

func TestFaultShapesTheAnswer(t *testing.T) {
	_, w, add := scripted(t)
	add(Fault{Status: 400, Reason: "BadTopic", SplitData: 4, Padding: 9, Continuation: true})
	id := w.request(small)
	head := expect[*h2MetaHeadersFrame](w)
	if head.StreamID != id || head.PseudoValue("status") != "400" || head.Frames != 2 {
		t.Fatalf("%+v", head)
	}
	var got strings.Builder
	for {
		f := expect[*h2DataFrame](w)
		if len(f.Data()) > 4 || f.Pad != 10 {
			t.Fatalf("%d bytes, %d of padding", len(f.Data()), f.Pad)
		}
		got.WriteString(string(f.Data()))
		if f.StreamEnded() {
			break
		}
	}
	if got.String() != `{"reason":"BadTopic"}` {
		t.Error(got.String())
	}
}

func TestFaultAddsFramesToIgnore(t *testing.T) {
	s, w, _ := scripted(t)
	if status := call(t, s, "POST", "/v1/faults", `{"status":400,"reason":"BadTopic","unknown_frames":true,"interim":103}`, nil); status != 201 {
		t.Fatal(status)
	}
	id := w.request(small)
	ignored := func() {
		t.Helper()
		for _, want := range []h2FrameHeader{{0xfa, 0xff, id}, {0xfa, 0, 0}, {2, 0, id}} {
			if f := expect[*h2IgnoredFrame](w); f.h2FrameHeader != want {
				t.Fatalf("%+v, want %+v", f.h2FrameHeader, want)
			}
		}
	}
	for _, want := range []string{"103", "400"} {
		ignored()
		if head := expect[*h2MetaHeadersFrame](w); head.StreamID != id || head.PseudoValue("status") != want || head.StreamEnded() {
			t.Fatalf("%+v, want status %s", head, want)
		}
	}
	ignored()
	if f := expect[*h2DataFrame](w); !f.StreamEnded() || string(f.Data()) != `{"reason":"BadTopic"}` {
		t.Fatalf("%+v", f)
	}
	for _, bad := range []int{1, 99, 101, 200} {
		if s.AddFault(Fault{Interim: bad}) == nil {
			t.Errorf("an interim answer with status %d was taken", bad)
		}
	}
}

func TestPolicyProtocolHTTP1(t *testing.T) {
	s := startServer(t, Config{})
	for protocol, offered := range map[string][]string{"http/1.1": {"http/1.1"}, "http/1.1-silent": {"h2"}} {
		if status := call(t, s, "POST", "/v1/policy", `{"protocol":"`+protocol+`"}`, nil); status != 200 {
			t.Fatal(status)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(s.CAPEM())
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.ProductionURL(), "https://"), &tls.Config{RootCAs: roots, NextProtos: offered})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(conn, clientPreface)
		answer, err := io.ReadAll(conn)
		agreed := conn.ConnectionState().NegotiatedProtocol
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 505 ") || agreed == "h2" {
			t.Errorf("%s: agreed on %q, answered %q, %v", protocol, agreed, answer, err)
		}
	}
	if status := call(t, s, "POST", "/v1/policy", `{"protocol":"spdy"}`, nil); status != 400 {
		t.Errorf("an unknown protocol: %d", status)
	}
}

func TestFaultRST(t *testing.T) {
	s, w, add := scripted(t)
	add(Fault{Count: 1, RST: new(uint32(codeRefusedStream))})
	id := w.request(small)
	if f := expect[*h2RSTStreamFrame](w); f.StreamID != id || f.ErrCode != h2ErrCodeRefusedStream {
		t.Fatalf("%+v", f)
	}
	if status := w.answer(w.request(small)); status != "200" {
		t.Fatal(status)
	}
	list := s.Notifications(10)
	if n := list[1]; n.Status != 0 || len(n.Trace) != 2 || n.Trace[1].What != Injected {
		t.Errorf("on record: %+v", n)
	}
}

func TestFaultStallAndDelay(t *testing.T) {
	_, w, add := scripted(t)
	add(Fault{Count: 1, Stall: true})
	add(Fault{Count: 1, Delay: Duration(30 * time.Millisecond)})
	w.request(small)
	slow := w.request(small)
	began := time.Now()
	quick := w.request(small)
	if status := w.answer(quick); status != "200" { // the third overtakes
		t.Fatal(status)
	}
	if status := w.answer(slow); status != "200" || time.Since(began) < 25*time.Millisecond {
		t.Fatalf("%s after %v", status, time.Since(began))
	}
	w.ping() // and the first is never answered
}

func TestFaultGoAway(t *testing.T) {
	for _, test := range []struct {
		last     string
		lastID   func(first, this uint32) uint32
		answered bool
	}{
		{"this", func(_, this uint32) uint32 { return this }, true},
		{"previous", func(_, this uint32) uint32 { return this - 2 }, false},
		{"zero", func(_, _ uint32) uint32 { return 0 }, false},
		{"1", func(first, _ uint32) uint32 { return first }, false},
	} {
		t.Run(test.last, func(t *testing.T) {
			_, w, add := scripted(t)
			add(Fault{Skip: 1, Count: 1, GoAway: &FaultGoAway{Code: 2, Data: "odd words", Last: test.last}})
			first := w.request(small)
			w.answer(first)
			id := w.request(small)
			f := expect[*h2GoAwayFrame](w)
			if want := test.lastID(first, id); f.LastStreamID != want || f.ErrCode != 2 || string(f.DebugData()) != "odd words" {
				t.Fatalf("%+v, want last %d", f, want)
			}
			if test.answered {
				if status := w.answer(id); status != "200" {
					t.Fatal(status)
				}
			}
			w.ended()
		})
	}
}

// A client that finishes its requests in reverse order is not told that those
// which were accepted were not processed.
func TestFaultGoAwayKeepsWhatWasAccepted(t *testing.T) {
	for _, last := range []string{"this", "previous"} {
		t.Run(last, func(t *testing.T) {
			s, w, add := scripted(t)
			policy := s.Policy()
			policy.ResponseLatency = Duration(20 * time.Millisecond)
			if err := s.SetPolicy(policy); err != nil {
				t.Fatal(err)
			}
			add(Fault{Skip: 1, Count: 1, GoAway: &FaultGoAway{Reason: "Shutdown", Last: last}})
			low, high := w.headers(), w.headers()
			w.data(high, true, small)
			w.data(low, true, small)
			if f := expect[*h2GoAwayFrame](w); f.LastStreamID != high {
				t.Fatalf("%+v, want last %d", f, high)
			}
			answered := map[uint32]string{} // in any order
			for range 2 {
				f := expect[*h2MetaHeadersFrame](w)
				answered[f.StreamID] = f.PseudoValue("status")
			}
			if answered[low] != "200" || answered[high] != "200" {
				t.Fatal(answered)
			}
			w.ended()
		})
	}
}

// Two steps: first "no new streams, please" with the highest id, then the real one.
func TestFaultGoAwayInTwoSteps(t *testing.T) {
	_, w, add := scripted(t)
	add(Fault{Count: 1, GoAway: &FaultGoAway{Reason: "Shutdown", TwoStep: true}})
	first := w.request(small)
	if f := expect[*h2GoAwayFrame](w); f.LastStreamID != maxStreamID || string(f.DebugData()) != `{"reason":"Shutdown"}` {
		t.Fatalf("%+v", f)
	}
	w.answer(first)
	late := w.request(small) // was on its way
	if status := w.answer(late); status != "200" {
		t.Fatal(status)
	}
	if f := expect[*h2GoAwayFrame](w); f.LastStreamID != late {
		t.Fatalf("%+v, want last %d", f, late)
	}
	w.ended()
}

func TestFaultClose(t *testing.T) {
	for _, how := range []string{"fin", "rst", "midframe"} {
		t.Run(how, func(t *testing.T) {
			_, w, add := scripted(t)
			w.ping()
			add(Fault{Close: how})
			w.request(small)
			_, err := w.framer.ReadFrame()
			if err == nil {
				t.Fatal("an answer")
			}
			want := map[string]string{"fin": "EOF", "rst": "connection reset by peer", "midframe": "unexpected EOF"}[how]
			if !strings.HasSuffix(err.Error(), want) || how == "fin" && err != io.EOF {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

// A black hole neither answers nor closes.
func TestFaultFreeze(t *testing.T) {
	_, w, add := scripted(t)
	w.ping()
	add(Fault{Freeze: true})
	w.request(small)
	w.say(func() error { return w.framer.WritePing(false, [8]byte{}) })
	w.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if f, err := w.framer.ReadFrame(); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("%v %v, want silence", f, err)
	}
}

func TestFaultCheck(t *testing.T) {
	s := startServer(t, Config{})
	for _, f := range []Fault{{Probability: 2}, {Status: 99}, {Padding: 256}, {Close: "door"}, {Environment: "test"}, {GoAway: &FaultGoAway{Last: "next"}}} {
		if err := s.AddFault(f); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}
