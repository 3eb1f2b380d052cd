package apns

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

// deaf is a connection for tests that only look at what would be written.
type deaf struct{ net.Conn }

func (deaf) SetReadDeadline(time.Time) error  { return nil }
func (deaf) SetWriteDeadline(time.Time) error { return nil }
func (deaf) Write(p []byte) (int, error)      { return len(p), nil }
func (deaf) Close() error                     { return nil }
func (deaf) RemoteAddr() net.Addr             { return nil }

// FuzzFrames feeds a connection with anything after the preface. Whatever comes,
// its answer must be frames that a client can read, and its windows must add up.
func FuzzFrames(f *testing.F) {
	s, err := NewServer(Config{AcceptAnyToken: true})
	if err != nil {
		f.Fatal(err)
	}
	certificate := readPushCertificate(mustIssue(f, s, IssueRequest{}).Certificate)
	var seed bytes.Buffer
	w := &wire{t: f, framer: &h2Framer{w: &seed}, next: 1, token: strings.Repeat("0a", 32)}
	w.encoder = hpack.NewEncoder(&w.block)
	f.Add([]byte{})
	w.request(small)
	f.Add(bytes.Clone(seed.Bytes()))
	w.framer.WriteSettings(h2Setting{h2SettingInitialWindowSize, 1}, h2Setting{h2SettingHeaderTableSize, 0})
	w.framer.WriteSettingsAck()
	w.token = "xyz"
	w.request(small, "apns-id", "no")
	w.framer.WriteWindowUpdate(3, 100)
	w.framer.WriteWindowUpdate(0, 100)
	w.framer.WritePing(false, [8]byte{})
	w.framer.WriteRSTStream(3, 8)
	w.framer.WriteRawFrame(h2FrameHeaders, 0, 5, []byte{0x82})
	w.framer.WriteRawFrame(9, 4, 5, []byte{0x84})
	w.framer.WriteRawFrame(h2FrameData, 9, 5, []byte{1, 'x', 0})
	f.Add(bytes.Clone(seed.Bytes()))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newConnection(s, Production, deaf{}, nil)
		defer c.close()
		c.certificate = certificate
		c.limit = 10
		c.announce(10, 4096)
		rest, err := c.takeFrames(data)
		if err == nil && len(rest) > frameHeaderLength+maxFrameSize {
			t.Fatalf("%d bytes left over, more than a frame", len(rest))
		}
		if c.sendWindow < 0 || len(c.streams) > 1000000 {
			t.Fatalf("sent %d bytes more than allowed", -c.sendWindow)
		}
		answers := &h2Framer{r: bytes.NewReader(c.out), decoder: hpack.NewDecoder(4096, nil)}
		for {
			frame, err := answers.ReadFrame()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("the answer cannot be read: %v", err)
			}
			if head, ok := frame.(*h2MetaHeadersFrame); ok && len(head.PseudoValue("status")) != 3 {
				t.Fatalf("an answer without a status: %+v", head)
			}
		}
	})
}

// FuzzBench holds the fast path to the slow one: both must see the same requests.
func FuzzBench(f *testing.F) {
	s, err := NewServer(Config{AcceptAnyToken: true})
	if err != nil {
		f.Fatal(err)
	}
	var seed bytes.Buffer
	w := &wire{t: f, framer: &h2Framer{w: &seed}, next: 1}
	w.encoder = hpack.NewEncoder(&w.block)
	w.request(small)
	w.request(small)
	w.framer.WriteSettings()
	w.framer.WriteRawFrame(h2FrameHeaders, 5, 5, []byte{0x82})
	w.framer.WriteRawFrame(h2FrameData, 9, 5, []byte{200})
	f.Add(seed.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newConnection(s, Production, deaf{}, nil)
		before := s.bench.requests.Load()
		b := benchReader{c: c}
		if _, err := b.take(data); err != nil {
			return
		}
		counted := s.bench.requests.Load() - before
		answers := &h2Framer{r: bytes.NewReader(c.out), decoder: hpack.NewDecoder(4096, nil)}
		for {
			frame, err := answers.ReadFrame()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("the answer cannot be read: %v", err)
			}
			if head, ok := frame.(*h2MetaHeadersFrame); ok {
				if head.PseudoValue("status") != "200" || !head.StreamEnded() {
					t.Fatalf("%+v", head)
				}
				counted--
			}
		}
		if counted != 0 {
			t.Fatalf("%d requests counted and not answered", counted)
		}
	})
}

// FuzzCourier says anything to a session; it must answer in JSON lines and end.
func FuzzCourier(f *testing.F) {
	s, err := NewServer(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("{\"op\":\"hello\",\"phone\":\"p\"}\n{\"op\":\"register\",\"ref\":1,\"bundle_id\":\"a.b\",\"environment\":\"production\",\"install\":\"i\"}\n{\"op\":\"ack\",\"id\":\"7\"}\n")
	f.Add("{\"op\":\"hello\",\"phone\":\"p\"}\n{\"op\":\"uninstall\",\"bundle_id\":\"a.b\",\"environment\":\"development\"}\n{\"op\":\"power\",\"state\":\"low\"}\n{\"op\":\"ping\"}\n")
	f.Add("{\"op\":\"hello\"}\n")
	f.Add("nonsense\n")
	f.Fuzz(func(t *testing.T, said string) {
		near, far := net.Pipe()
		ended := make(chan struct{})
		go func() { s.ServeCourier(far); close(ended) }()
		go func() {
			io.WriteString(near, said)
			near.Close()
		}()
		in := json.NewDecoder(near)
		for {
			var line struct{ Op string }
			if err := in.Decode(&line); err != nil {
				if _, syntax := err.(*json.SyntaxError); syntax {
					t.Fatal(err)
				}
				break
			}
			if line.Op == "" {
				t.Fatal("a line without an op")
			}
		}
		<-ended
	})
}

// FuzzRequest walks headers and body through all checks.
func FuzzRequest(f *testing.F) {
	s, err := NewServer(Config{AcceptAnyToken: true})
	if err != nil {
		f.Fatal(err)
	}
	certificate := readPushCertificate(mustIssue(f, s, IssueRequest{}).Certificate)
	f.Add("/3/device/0a", "", testBundle, "alert", "10", "0", "x", small)
	f.Add("/3/device/", uuid(1), testBundle+".voip", "voip", "5", "99999999999999999999", strings.Repeat("x", 65), "")
	f.Add("/3/device/%00", "no", "", "background", "10", "-1", "", "[")
	f.Fuzz(func(t *testing.T, path, id, topic, pushType, priority, expiration, collapse, body string) {
		c := newConnection(s, Production, deaf{}, nil)
		defer c.close()
		c.certificate = certificate
		r := &request{}
		for _, field := range [][2]string{{":method", "POST"}, {":path", path}, {"apns-id", id}, {"apns-topic", topic}, {"apns-push-type", pushType},
			{"apns-priority", priority}, {"apns-expiration", expiration}, {"apns-collapse-id", collapse}} {
			if field[1] != "" {
				r.take(field[0], field[1])
			}
		}
		r.takeBody([]byte(body))
		n := c.newNotification(r)
		refused := c.judge(r, n)
		if refused != nil {
			if refused.status < 400 || refused.status > 499 || refused.reason == "" {
				t.Fatalf("%+v", refused)
			}
			return
		}
		switch {
		case len(body) == 0 || len(body) > maxPayloadVoIPOrBroadcast || !json.Valid([]byte(body)):
			t.Fatalf("accepted a body of %d bytes", len(body))
		case len(collapse) > 64 || !validToken(n.Token) || n.BundleID != testBundle || n.Priority == 10 && pushType == "background":
			t.Fatalf("accepted %+v", n)
		}
	})
}

// FuzzLiteralPath holds the look for the path to the real decoder.
func FuzzLiteralPath(f *testing.F) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range 2 {
		block.Reset()
		for _, field := range []hpack.HeaderField{
			{Name: ":method", Value: "POST"}, {Name: "apns-topic", Value: testBundle}, {Name: ":path", Value: "/3/device/0a", Sensitive: i == 0},
			{Name: "apns-id", Value: strings.Repeat("x", 300), Sensitive: true},
		} {
			encoder.WriteField(field)
		}
		f.Add(bytes.Clone(block.Bytes()))
	}
	f.Add([]byte{0x3f, 0xff, 0xff, 0xff, 0x7f, 0x04, 0x01, '/'})
	f.Fuzz(func(t *testing.T, data []byte) {
		path, ok := literalPath(data)
		var decoded []string
		decoder := hpack.NewDecoder(4096, func(h hpack.HeaderField) {
			if h.Name == ":path" {
				decoded = append(decoded, h.Value)
			}
		})
		if _, err := decoder.Write(data); err != nil || decoder.Close() != nil {
			return // what cannot be decoded has no path to compare with
		}
		if !ok {
			return // by index, or none
		}
		for _, want := range decoded {
			if string(path) == want || bytes.Equal(path, hpack.AppendHuffmanString(nil, want)) {
				return
			}
		}
		t.Fatalf("found %q, the decoder has %q", path, decoded)
	})
}
