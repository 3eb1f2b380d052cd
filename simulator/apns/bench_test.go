package apns

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

// gun sends requests that were encoded beforehand, so that a measurement
// contains as little client as possible.
type gun struct {
	conn    *tls.Conn
	batch   []byte
	streams []int // where the stream ids are in batch
	count   int   // requests in batch
	next    uint32
}

func newGun(t testing.TB, s *Server, count int, credential *Issued) *gun {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", NextProtos: []string{"h2"}, DynamicRecordSizingDisabled: true}
	config.RootCAs.AppendCertsFromPEM(s.CAPEM())
	if credential != nil {
		config.Certificates = []tls.Certificate{credential.TLS}
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.ProductionURL(), "https://"), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	g := &gun{conn: conn, count: count, next: 1}
	if _, err := conn.Write(appendSettingsForTest([]byte(h2ClientPreface))); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	payload := body(strings.Repeat("x", 80))
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "localhost"},
		{Name: ":path", Sensitive: true}, // a literal, as Apple advises
		{Name: "authorization", Value: "bearer " + strings.Repeat("j", 184)}, {Name: "apns-topic", Value: testBundle}, {Name: "apns-push-type", Value: "alert"},
		{Name: "apns-id", Value: uuid(1), Sensitive: true},
	}
	one := func(i int) {
		block.Reset()
		fields[3].Value = fmt.Sprintf("/3/device/%064x", i)
		for _, f := range fields {
			encoder.WriteField(f)
		}
		g.frame(h2FrameHeaders, 4, block.Bytes())
		g.frame(h2FrameData, 1, []byte(payload))
	}
	one(0) // fills the tables of both sides
	g.count = 1
	if err := g.fire(); err != nil {
		t.Fatal(err)
	}
	g.catch(t, 1, func() {})
	g.batch, g.streams, g.count = nil, nil, count
	for i := range count {
		one(i + 1)
	}
	return g
}

func appendSettingsForTest(b []byte) []byte { return append(b, 0, 0, 0, 4, 0, 0, 0, 0, 0) }

func (g *gun) frame(kind h2FrameType, flags byte, payload []byte) {
	n := len(payload)
	g.batch = append(g.batch, byte(n>>16), byte(n>>8), byte(n), byte(kind), flags)
	g.streams = append(g.streams, len(g.batch))
	g.batch = append(append(g.batch, 0, 0, 0, 0), payload...)
}

func (g *gun) fire() error {
	for i, at := range g.streams {
		binary.BigEndian.PutUint32(g.batch[at:], g.next+uint32(i/2)*2)
	}
	g.next += 2 * uint32(g.count)
	_, err := g.conn.Write(g.batch)
	return err
}

// catch reads until n answers have come and checks each of them. After every
// g.count of them it calls each.
func (g *gun) catch(t testing.TB, n int, each func()) {
	buffer, got := make([]byte, 0, 64<<10), 0
	for got < n {
		read, err := g.conn.Read(buffer[len(buffer):cap(buffer)])
		if err != nil {
			t.Errorf("after %d of %d answers: %v", got, n, err)
			return
		}
		data := buffer[:len(buffer)+read]
		for len(data) >= 9 {
			size := 9 + (int(data[0])<<16 | int(data[1])<<8 | int(data[2]))
			if len(data) < size {
				break
			}
			if data[3] == 1 {
				if data[9] != 0x88 && data[10] != 0x88 || data[4] != 5 { // 200, perhaps behind a table size
					t.Errorf("answer %x", data[:size])
					return
				}
				if got++; got%g.count == 0 {
					each()
				}
			}
			data = data[size:]
		}
		buffer = buffer[:copy(buffer[:cap(buffer)], data)]
	}
}

func TestBenchCountsExactly(t *testing.T) {
	s := startServer(t, Config{Bench: true})
	g := newGun(t, s, 100, nil)
	done := make(chan struct{})
	go func() { g.catch(t, 5000, func() {}); close(done) }()
	for range 50 {
		if err := g.fire(); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	c := s.Counters()
	size := uint64(len(body(strings.Repeat("x", 80))))
	if c["received"] != 5001 || c["accepted"] != 5001 || c["payload_bytes"] != 5001*size {
		t.Errorf("%v, want 5001 of %d bytes", c, size)
	}
}

// Lost and repeated pushes can be told apart, also over several connections.
func TestBenchDistinct(t *testing.T) {
	s := startServer(t, Config{Bench: true, Distinct: true})
	for range 2 {
		g := newGun(t, s, 40000, nil) // more than the table holds at first
		if err := g.fire(); err != nil {
			t.Fatal(err)
		}
		g.catch(t, 40000, func() {})
	}
	if c := s.Counters(); c["received"] != 80002 || c["distinct"] != 40001 || c["unidentified"] != 0 {
		t.Errorf("%v", c)
	}
	s.ResetDistinct()
	indexed := []byte{0x82, 0x84, 0x87} // the path is an entry of the static table
	var ended []byte
	literal := append([]byte{0x82, 0x44, 3}, "/aa"...)
	for _, raw := range []struct {
		kind, flags byte
		stream      byte
		payload     []byte
	}{
		{1, 5, 1, indexed},  // not identified
		{1, 4, 3, literal},  // ends after another one began
		{1, 4, 5, literal},  // never ends
		{0, 1, 3, []byte{}}, // counts
		{1, 0, 7, literal[:2]},
		{9, 4, 7, literal[2:]}, // in pieces
		{0, 1, 7, []byte{}},    // not identified
	} {
		ended = append(ended, 0, 0, byte(len(raw.payload)), raw.kind, raw.flags, 0, 0, 0, raw.stream)
		ended = append(ended, raw.payload...)
	}
	b := benchReader{c: newConnection(s, Production, deaf{}, nil)}
	if _, err := b.take(ended); err != nil {
		t.Fatal(err)
	}
	if c := s.Counters(); c["received"] != 80005 || c["distinct"] != 1 || c["unidentified"] != 2 {
		t.Errorf("%v", c)
	}
}

// An ordinary client is served in bench mode too, whatever it asks.
func TestBenchServesOrdinaryClients(t *testing.T) {
	s := startServer(t, Config{Bench: true})
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{}))
	for _, m := range []push{{token: "00"}, {token: "xx", body: "none"}, {token: "00", body: strings.Repeat("x", 60000)}} {
		if r := p.push(t, m); r.Status != 200 || r.Body != "" {
			t.Errorf("%+v", r)
		}
	}
	if c := s.Counters(); c["received"] != 3 {
		t.Errorf("%v", c)
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.ProductionURL(), "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
	if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("HTTP/1.1 was not turned away: %v", err)
	}
}

func benchmarkAnswers(b *testing.B, config Config) {
	s := startServer(b, config)
	g := newGun(b, s, 100, mustIssue(b, s, IssueRequest{}))
	batches := (b.N + g.count - 1) / g.count
	window := make(chan struct{}, 10) // batches in flight: no more than the stream limit allows
	b.ResetTimer()
	go func() {
		for range batches {
			window <- struct{}{}
			if err := g.fire(); err != nil {
				g.conn.Close() // ends the reading below
				return
			}
		}
	}()
	g.catch(b, batches*g.count, func() { <-window })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
	b.SetBytes(int64(len(g.batch) / g.count))
}

// BenchmarkAnswers measures bench mode, TLS and the client included, both on
// this machine.
func BenchmarkAnswers(b *testing.B) { benchmarkAnswers(b, Config{Bench: true}) }

// BenchmarkDistinctAnswers adds the tally of device tokens.
func BenchmarkDistinctAnswers(b *testing.B) {
	benchmarkAnswers(b, Config{Bench: true, Distinct: true})
}

// BenchmarkFullAnswers measures the same with everything that bench mode skips,
// except for the delivery to a phone.
func BenchmarkFullAnswers(b *testing.B) { benchmarkAnswers(b, Config{AcceptAnyToken: true}) }

// BenchmarkNewServer is what a test pays for a local APNs of its own.
func BenchmarkNewServer(b *testing.B) {
	for b.Loop() {
		s, err := NewServer(Config{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
