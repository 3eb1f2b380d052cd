package apns

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFirstSettings(t *testing.T) {
	s := startServer(t, Config{})
	for limit, credential := range map[uint32]*Issued{1: nil, 1000: mustIssue(t, s, IssueRequest{})} {
		w := dialWire(t, s, Production, credential)
		w.say(func() error { _, err := io.WriteString(w.conn, h2ClientPreface); return err })
		w.say(func() error { return w.framer.WriteSettings() })
		f := expect[*h2SettingsFrame](w)
		for id, want := range map[h2SettingID]uint32{
			h2SettingHeaderTableSize: 4096, h2SettingMaxConcurrentStreams: limit,
			h2SettingInitialWindowSize: 65535, h2SettingMaxFrameSize: 16384, h2SettingMaxHeaderListSize: 8000,
		} {
			if got, ok := f.Value(id); !ok || got != want {
				t.Errorf("%v is %d (%v), want %d", id, got, ok, want)
			}
		}
	}
}

// S1 and S2: one stream until a provider token was validated, then many.
func TestStreamLimitRises(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))
	w.token = token
	w.greet()
	w.ping() // our acknowledgement was read: the limit of one holds

	first := w.headers()
	second := w.headers()
	if f := expect[*h2RSTStreamFrame](w); f.StreamID != second || f.ErrCode != h2ErrCodeRefusedStream {
		t.Fatalf("the second stream: %v", f)
	}
	w.data(second, true, small) // was on its way already
	if f := expect[*h2RSTStreamFrame](w); f.StreamID != second || f.ErrCode != h2ErrCodeStreamClosed {
		t.Fatalf("its DATA: %v", f)
	}
	w.data(first, true, small)
	if status := w.answer(first); status != "200" {
		t.Fatal(status)
	}
	if limit := w.limit(); limit != 1000 {
		t.Fatalf("the limit rose to %d", limit)
	}
	var open []uint32
	for range 50 {
		open = append(open, w.headers())
	}
	for _, id := range open {
		w.data(id, true, small)
		if status := w.answer(id); status != "200" {
			t.Fatal(status)
		}
	}
}

// S3: a rejected token leaves the limit where it is.
func TestStreamLimitStaysAfterBadToken(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	w := dialWire(t, s, Production, nil)
	w.token, w.bearer = token, "a.b.c"
	w.greet()
	if status := w.answer(w.request(small)); status != "403" {
		t.Fatal(status)
	}
	expect[*h2DataFrame](w)
	w.ping()
	if c := s.Connections(); len(c) != 1 || c[0].StreamLimit != 1 || c[0].Credential != "none" {
		t.Fatalf("%+v", c)
	}
}

// S4: the older way to treat excess streams.
func TestExcessStreamsGoAway(t *testing.T) {
	policy := DefaultPolicy()
	policy.ExcessStreams = "goaway"
	policy.Streams = 1
	s, _, token, _ := live(t, Config{Policy: &policy})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.token = token
	w.greet()
	w.ping()
	first := w.headers()
	w.headers()
	f := expect[*h2GoAwayFrame](w)
	if f.ErrCode != h2ErrCodeRefusedStream || f.LastStreamID != first || strings.Contains(string(f.DebugData()), "{") {
		t.Fatalf("%v %s", f, f.DebugData())
	}
	w.data(first, true, small)
	if status := w.answer(first); status != "200" {
		t.Fatalf("the stream that was allowed: %s", status)
	}
	w.ended()
}

// S6: the limit falls after an error and comes back after successes.
func TestStreamLimitFallsAfterError(t *testing.T) {
	policy := DefaultPolicy()
	policy.StreamsAfterError, policy.RecoverAfter = 1, 2
	s, _, token, _ := live(t, Config{Policy: &policy})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.greet()
	w.token = strings.Repeat("00", 32)
	if status := w.answer(w.request(small)); status != "400" {
		t.Fatal(status)
	}
	expect[*h2DataFrame](w)
	if limit := w.limit(); limit != 1 {
		t.Fatalf("the limit fell to %d", limit)
	}
	w.token = token
	w.answer(w.request(small))
	w.answer(w.request(small))
	if limit := w.limit(); limit != 1000 {
		t.Fatalf("the limit rose to %d", limit)
	}
}

// S7: the error budget, in which a bad device token weighs more and 410 nothing.
func TestErrorBudget(t *testing.T) {
	policy := DefaultPolicy()
	policy.ErrorBudget = 10 // two bad tokens at 4 points each, two other errors at 1
	s, phone, gone, _ := live(t, Config{Policy: &policy})
	token := phone.register(testBundle, Production, "i2") // the first installation is no more
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.greet()
	refused := func(token, want string, more ...string) {
		t.Helper()
		w.token = token
		if status := w.answer(w.request(small, more...)); status != want {
			t.Fatalf("%s, want %s", status, want)
		}
		expect[*h2DataFrame](w)
	}
	w.token = gone
	w.answer(w.request(small)) // how the gateway finds out
	refused(gone, "410")
	refused(strings.Repeat("00", 32), "400")
	refused(strings.Repeat("00", 32), "400")
	refused(token, "400", "apns-priority", "3")
	w.ping()
	if c := s.Connections(); c[0].Points != 9 || c[0].GoingAway {
		t.Fatalf("%+v", c[0])
	}
	refused(token, "400", "apns-priority", "3")
	f := expect[*h2GoAwayFrame](w)
	if f.ErrCode != h2ErrCodeNo || f.LastStreamID != w.next-2 || string(f.DebugData()) != `{"reason":"BadPriority"}` {
		t.Fatalf("%v %s", f, f.DebugData())
	}
	w.ended()
}

func TestWrongEnvironmentCertificate(t *testing.T) {
	s := startServer(t, Config{})
	for environment, credential := range map[Environment]IssueRequest{
		Production: {Development: true}, Development: {Production: true},
	} {
		w := dialWire(t, s, environment, mustIssue(t, s, credential))
		w.greet()
		f := expect[*h2GoAwayFrame](w)
		if f.ErrCode != h2ErrCodeNo || f.LastStreamID != 0 || string(f.DebugData()) != `{"reason":"BadCertificateEnvironment"}` {
			t.Fatalf("%s: %v %s", environment, f, f.DebugData())
		}
		w.ended()
	}
}

// The header table can be taken away in the middle, and a client that does not
// say so in its next header block has broken compression.
func TestHeaderTableShrinks(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	for _, obedient := range []bool{true, false} {
		if err := s.SetPolicy(DefaultPolicy()); err != nil {
			t.Fatal(err)
		}
		w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
		w.token = token
		w.greet()
		w.answer(w.request(small))
		changed := DefaultPolicy()
		changed.HeaderTableSize = 0
		if err := s.SetPolicy(changed); err != nil {
			t.Fatal(err)
		}
		w.limit()
		if obedient {
			w.encoder.SetMaxDynamicTableSizeLimit(0)
		}
		id := w.headers()
		if !obedient {
			if f := expect[*h2GoAwayFrame](w); f.ErrCode != h2ErrCodeCompression {
				t.Fatalf("%v", f)
			}
			continue
		}
		w.data(id, true, small)
		if status := w.answer(id); status != "200" {
			t.Fatal(status)
		}
	}
}

// The answers obey the client's windows, however small.
func TestAnswersObeyWindows(t *testing.T) {
	s, _, _, _ := live(t, Config{})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.greet(h2Setting{ID: h2SettingInitialWindowSize, Val: 5})
	w.token = "00"
	id := w.request(small)
	if status := w.answer(id); status != "400" {
		t.Fatal(status)
	}
	want := `{"reason":"BadDeviceToken"}`
	var got string
	for got != want {
		f := expect[*h2DataFrame](w)
		if len(f.Data()) > 5 {
			t.Fatalf("%d bytes in a window of 5", len(f.Data()))
		}
		got += string(f.Data())
		if !strings.HasPrefix(want, got) || f.StreamEnded() != (got == want) {
			t.Fatalf("got %q, ended %v", got, f.StreamEnded())
		}
		w.ping() // nothing more comes without credit
		if got != want {
			w.say(func() error { return w.framer.WriteWindowUpdate(id, 5) })
		}
	}
}

// A connection window smaller than HTTP/2's first one is reached by keeping credit.
func TestSmallConnectionWindow(t *testing.T) {
	policy := DefaultPolicy()
	policy.ConnectionWindow = 16384
	s, _, token, _ := live(t, Config{Policy: &policy})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.token = token
	w.greet()
	body := `{"a":"` + strings.Repeat("x", 4088) + `"}`
	for range 16 { // 65,536 bytes, nearly all of the first window
		if status := w.answer(w.request(body)); status != "200" {
			t.Fatal(status)
		}
	}
	if c := s.Connections()[0]; c.ReceiveWindow > 16384 || c.ReceiveWindow < 4096 {
		t.Errorf("%d bytes of credit left, want at most 16384 and enough to go on", c.ReceiveWindow)
	}
}

// How much credit is missing after 5 pushes of 4,096 bytes: with "batch" what is
// less than a quarter of the window.
func TestReturnOfCredit(t *testing.T) {
	for when, missing := range map[string]int{"at-once": 0, "batch": 4096, "never": 5 * 4096} {
		t.Run(when, func(t *testing.T) {
			policy := DefaultPolicy()
			policy.ReturnCredit = when
			s, _, token, _ := live(t, Config{Policy: &policy})
			w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
			w.token = token
			w.greet()
			for range 5 {
				if status := w.answer(w.request(`{"a":"` + strings.Repeat("x", 4088) + `"}`)); status != "200" {
					t.Fatal(status)
				}
			}
			w.ping() // so that the credit of the last one is given
			if c := s.Connections()[0]; c.ReceiveWindow != 65535-missing {
				t.Errorf("%d bytes of credit are missing, want %d", 65535-c.ReceiveWindow, missing)
			}
		})
	}
}

func TestBrokenFrames(t *testing.T) {
	s := startServer(t, Config{})
	credential := mustIssue(t, s, IssueRequest{})
	for _, test := range []struct {
		name string
		say  func(w *wire) error
		code h2ErrCode
	}{
		{"a frame too large", func(w *wire) error { return w.framer.WriteRawFrame(h2FrameData, 0, 1, make([]byte, 16385)) }, h2ErrCodeFrameSize},
		{"headers that do not decode", func(w *wire) error {
			return w.framer.WriteRawFrame(h2FrameHeaders, h2FlagHeadersEndHeaders, 1, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		}, h2ErrCodeCompression},
		{"a stream that only servers open", func(w *wire) error {
			return w.framer.WriteRawFrame(h2FrameHeaders, h2FlagHeadersEndHeaders, 2, nil)
		}, h2ErrCodeProtocol},
		{"another frame inside a header block", func(w *wire) error {
			if err := w.framer.WriteRawFrame(h2FrameHeaders, 0, 1, []byte{0x82}); err != nil {
				return err
			}
			return w.framer.WritePing(false, [8]byte{})
		}, h2ErrCodeProtocol},
		{"a header block without end", func(w *wire) error {
			err := w.framer.WriteRawFrame(h2FrameHeaders, 0, 1, []byte{0x82})
			for i := 0; err == nil && i < 5; i++ {
				err = w.framer.WriteRawFrame(9, 0, 1, make([]byte, 16384))
			}
			return err
		}, h2ErrCodeEnhanceYourCalm},
		{"window beyond the limit", func(w *wire) error { return w.framer.WriteWindowUpdate(0, 1<<31-1) }, h2ErrCodeFlowControl},
		{"more padding than frame", func(w *wire) error {
			return w.framer.WriteRawFrame(h2FrameHeaders, h2FlagHeadersPadded|h2FlagHeadersEndHeaders, 1, []byte{9, 0x82})
		}, h2ErrCodeProtocol},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := dialWire(t, s, Production, credential)
			w.greet()
			w.say(func() error { return test.say(w) })
			if f := expect[*h2GoAwayFrame](w); f.ErrCode != test.code {
				t.Fatalf("%v", f)
			}
			w.ended()
		})
	}
}

func TestHTTP1IsNotSpoken(t *testing.T) {
	s := startServer(t, Config{})
	w := dialWire(t, s, Production, nil)
	w.say(func() error {
		_, err := io.WriteString(w.conn, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
		return err
	})
	expect[*h2SettingsFrame](w)
	if f := expect[*h2GoAwayFrame](w); f.ErrCode != h2ErrCodeProtocol {
		t.Fatalf("%v", f)
	}
}

// Padding, split DATA and CONTINUATION are ordinary HTTP/2.
func TestUnusualButLegalFrames(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.token = token
	w.greet()
	block := append([]byte(nil), w.encode()...)
	w.next += 2
	w.say(func() error {
		padded := append(append([]byte{7, 0, 0, 0, 0, 3}, block[:10]...), make([]byte, 7)...) // with priority fields
		return w.framer.WriteRawFrame(h2FrameHeaders, h2FlagHeadersPadded|0x20, 1, padded)
	})
	w.say(func() error { return w.framer.WriteRawFrame(9, h2FlagHeadersEndHeaders, 1, block[10:]) })
	w.say(func() error { return w.framer.WriteRawFrame(0x42, 0xff, 1, []byte("unknown")) })
	w.say(func() error {
		return w.framer.WriteRawFrame(h2FrameData, h2FlagHeadersPadded, 1, append(append([]byte{20}, small[:4]...), make([]byte, 20)...))
	})
	w.say(func() error { return w.framer.WriteRawFrame(2, 0, 1, make([]byte, 5)) })
	w.data(1, false, small[4:])
	w.say(func() error { // trailers
		return w.framer.WriteRawFrame(h2FrameHeaders, h2FlagEnd|h2FlagHeadersEndHeaders, 1, nil)
	})
	if status := w.answer(1); status != "200" {
		t.Fatal(status)
	}
	if n := phone.next(); string(n.Payload) != small {
		t.Fatalf("the phone got %s", n.Payload)
	}
}

func TestConnectionIsClosedWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewServer(Config{})
		if err != nil {
			t.Fatal(err)
		}
		credential := mustIssue(t, s, IssueRequest{})
		near, far := pipe()
		go s.ServeProvider(Production, far)
		w := newWire(t, s, near, credential)
		w.conn.SetDeadline(time.Time{})
		w.greet()
		time.Sleep(90 * time.Minute)
		w.ping() // counts as activity
		began := time.Now()
		f := expect[*h2GoAwayFrame](w)
		if idle := time.Since(began); f.ErrCode != h2ErrCodeNo || string(f.DebugData()) != `{"reason":"IdleTimeout"}` || idle != 2*time.Hour {
			t.Errorf("after %v: %v %s", idle, f, f.DebugData())
		}
		w.ended()
		near.Close()
	})
}

func TestShutdownSaysGoodbye(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.token = token
	w.greet()
	open := w.headers()
	w.ping()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	f := expect[*h2GoAwayFrame](w)
	if f.ErrCode != h2ErrCodeNo || f.LastStreamID != open || string(f.DebugData()) != `{"reason":"Shutdown"}` {
		t.Fatalf("%v %s", f, f.DebugData())
	}
	w.data(open, true, small)
	if status := w.answer(open); status != "200" {
		t.Fatalf("the open request: %s", status)
	}
	w.conn.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.ProductionURL(), "https://")); err == nil {
		t.Error("the port is still open")
	}
}

func TestShutdownIsBounded(t *testing.T) {
	s, _, _, _ := live(t, Config{})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.greet()
	w.headers() // never ended
	w.ping()
	ctx, cancel := contextWithTimeout(t, 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, ctx.Err()) {
		t.Fatalf("shutdown: %v", err)
	}
}

func TestDialLimits(t *testing.T) {
	policy := DefaultPolicy()
	policy.MaxConnectionsPerSource = 1
	s := startServer(t, Config{Policy: &policy})
	credential := mustIssue(t, s, IssueRequest{})
	first := dialWire(t, s, Production, credential)
	first.greet()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.ProductionURL(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("a second connection was answered with %d bytes", n)
	}
	first.conn.Close()
	waitFor(t, "room for another connection", func() bool { return len(s.Connections()) == 0 })
}

// Requests that are no HTTP/2 are reset, one that is merely too long is answered.
func TestMalformedRequests(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.token = token
	w.greet()
	for _, more := range [][]string{
		{"Apns-Priority", "10"},
		{"connection", "close"},
		{":path", "/3/device/00"},
		{"x", "1", ":odd", "1"},
		{"", "1"},
	} {
		id := w.headers(more...)
		if f := expect[*h2RSTStreamFrame](w); f.StreamID != id || f.ErrCode != h2ErrCodeProtocol {
			t.Errorf("%q: %+v", more, f)
		}
		w.say(func() error { return w.framer.WriteRSTStream(id, 8) })
	}
	id := w.headers("x", strings.Repeat("y", 9000))
	if status := w.answer(id); status != "431" {
		t.Error(status)
	}
	if status := w.answer(w.request(small)); status != "200" {
		t.Errorf("an ordinary request afterwards: %s", status)
	}
}
