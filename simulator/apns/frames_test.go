package apns

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

// wire is a client that sees and says frames, made of a foreign framer.
type wire struct {
	t       testing.TB
	conn    net.Conn
	framer  *h2Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	next    uint32
	token   string // device token
	bearer  string
}

func dialWire(t testing.TB, s *Server, e Environment, credential *Issued, options ...providerOption) *wire {
	t.Helper()
	url := s.ProductionURL()
	if e == Development {
		url = s.SandboxURL()
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, s, conn, credential, options...)
}

func newWire(t testing.TB, s *Server, conn net.Conn, credential *Issued, options ...providerOption) *wire {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", NextProtos: []string{"h2"}}
	config.RootCAs.AppendCertsFromPEM(s.CAPEM())
	w := &wire{t: t, next: 1}
	if credential != nil && credential.P12 != nil {
		config.Certificates = []tls.Certificate{credential.TLS}
	} else if credential != nil {
		w.bearer = signToken(t, credential, s.clock.Now(), nil)
	}
	for _, o := range options {
		o(config)
	}
	secure := tls.Client(conn, config)
	t.Cleanup(func() { conn.Close() })
	secure.SetDeadline(time.Now().Add(20 * time.Second))
	w.conn = secure
	w.framer = &h2Framer{w: secure, r: secure, decoder: hpack.NewDecoder(4096, nil)}
	w.encoder = hpack.NewEncoder(&w.block)
	return w
}

// greet says the preface and SETTINGS, and acknowledges the server's.
func (w *wire) greet(settings ...h2Setting) {
	w.t.Helper()
	w.say(func() error { _, err := io.WriteString(w.conn, h2ClientPreface); return err })
	w.say(func() error { return w.framer.WriteSettings(settings...) })
	expect[*h2SettingsFrame](w)
	w.ackSettings()
}

func (w *wire) ackSettings() { w.say(w.framer.WriteSettingsAck) }

func (w *wire) say(f func() error) {
	w.t.Helper()
	if err := f(); err != nil {
		w.t.Fatal(err)
	}
}

// read returns the next frame that is not the acknowledgement of our SETTINGS
// and not window for DATA.
func (w *wire) read() h2Frame {
	w.t.Helper()
	for {
		f, err := w.framer.ReadFrame()
		if err != nil {
			w.t.Fatalf("waiting for a frame: %v", err)
		}
		switch f := f.(type) {
		case *h2SettingsFrame:
			if f.IsAck() {
				continue
			}
		case *h2WindowUpdateFrame:
			continue
		}
		return f
	}
}

// expect reads the next frame and wants it to be of one kind.
func expect[F h2Frame](w *wire) F {
	w.t.Helper()
	f := w.read()
	want, ok := f.(F)
	if !ok {
		w.t.Fatalf("got %v, want %T", f, want)
	}
	return want
}

// request opens a stream with a push and ends it, unless open.
func (w *wire) request(body string, more ...string) (stream uint32) {
	w.t.Helper()
	stream = w.headers(more...)
	w.data(stream, true, body)
	return stream
}

func (w *wire) headers(more ...string) (stream uint32) {
	w.t.Helper()
	stream = w.next
	w.next += 2
	w.say(func() error {
		return w.framer.WriteRawFrame(h2FrameHeaders, h2FlagHeadersEndHeaders, stream, w.encode(more...))
	})
	return stream
}

func (w *wire) encode(more ...string) []byte {
	w.block.Reset()
	fields := []string{":method", "POST", ":scheme", "https", ":path", "/3/device/" + w.token, "apns-topic", testBundle}
	if w.bearer != "" {
		fields = append(fields, "authorization", "bearer "+w.bearer)
	}
	fields = append(fields, more...)
	for i := 0; i < len(fields); i += 2 {
		w.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return w.block.Bytes()
}

func (w *wire) data(stream uint32, end bool, body string) {
	w.t.Helper()
	w.say(func() error { return w.framer.WriteData(stream, end, []byte(body)) })
}

// answer wants HEADERS for a stream and returns the status; what follows of an
// error is left for the caller.
func (w *wire) answer(stream uint32) string {
	w.t.Helper()
	f := expect[*h2MetaHeadersFrame](w)
	if f.StreamID != stream {
		w.t.Fatalf("answer for stream %d, want %d", f.StreamID, stream)
	}
	return f.PseudoValue("status")
}

// limit wants SETTINGS and returns the stream limit in it.
func (w *wire) limit() uint32 {
	w.t.Helper()
	f := expect[*h2SettingsFrame](w)
	value, ok := f.Value(h2SettingMaxConcurrentStreams)
	if !ok {
		w.t.Fatal("SETTINGS without a stream limit")
	}
	w.ackSettings()
	return value
}

// ping waits until the server has read everything said before.
func (w *wire) ping() {
	w.t.Helper()
	w.say(func() error { return w.framer.WritePing(false, [8]byte{1, 2, 3}) })
	if f := expect[*h2PingFrame](w); !f.IsAck() || f.Data != [8]byte{1, 2, 3} {
		w.t.Fatalf("not our PING: %v", f)
	}
}

// ended wants the server to close, without another frame.
func (w *wire) ended() {
	w.t.Helper()
	if f, err := w.framer.ReadFrame(); err == nil {
		w.t.Fatalf("got %v, want the end", f)
	}
}

const small = `{"aps":{}}`

// pipe is a connection in memory that, like a socket, takes what is written
// without waiting for a reader.
func pipe() (near, far net.Conn) {
	a, b := net.Pipe()
	return newQueued(a), newQueued(b)
}

type queued struct {
	net.Conn
	queue chan []byte
	once  sync.Once
}

func newQueued(conn net.Conn) *queued {
	q := &queued{Conn: conn, queue: make(chan []byte, 1000)}
	go func() {
		for data := range q.queue {
			if _, err := q.Conn.Write(data); err != nil {
				break
			}
		}
		q.Conn.Close()
	}()
	return q
}

func (q *queued) Write(p []byte) (n int, err error) {
	defer func() {
		if recover() != nil { // closed meanwhile
			n, err = 0, net.ErrClosed
		}
	}()
	q.queue <- bytes.Clone(p)
	return len(p), nil
}

func (q *queued) Close() error {
	q.once.Do(func() { close(q.queue) })
	return nil
}

// A queue has no write that could take too long.
func (q *queued) SetWriteDeadline(time.Time) error { return nil }
func (q *queued) SetDeadline(t time.Time) error    { return q.SetReadDeadline(t) }
