package apns

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2/hpack"
)

// A gateway is a server that does what a test tells it, frame by frame, over in-memory connections and in the fake time of
// testing/synctest. It reads headers with the decoder of golang.org/x/net, which follows the table strictly.
type gateway struct {
	t      *testing.T
	client *Client
	key    *Key

	mu      sync.Mutex
	peers   []*peer
	dials   []time.Time
	refuse  error     // every attempt fails with it
	first   []setting // sent on every new connection; nil: none
	results map[uint64][]Result
}

// A peer is the gateway's side of one connection.
type peer struct {
	g      *gateway
	conn   net.Conn
	writes sync.Mutex

	mu sync.Mutex
	peerLog
	byStream map[uint32]*seenRequest
	headers  *hpack.Decoder
	ackTable int64 // table size to apply to the decoder at the next ack; -1: none
	deaf     bool  // PINGs are not answered
	halt     chan struct{}
}

// A peerLog is what a peer has seen.
type peerLog struct {
	requests []*seenRequest
	resets   map[uint32]errorCode
	pings    int
	bytes    int   // of DATA, as flow control counts them
	failure  error // why the connection ended
}

// seen gives a copy of it when everything is at rest.
func (p *peer) seen() peerLog {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.peerLog
	seen.resets = maps.Clone(p.resets)
	seen.requests = nil
	for _, r := range p.requests {
		copied := *r
		copied.body = slices.Clone(r.body)
		seen.requests = append(seen.requests, &copied)
	}
	return seen
}

type seenRequest struct {
	stream uint32
	header map[string]string
	body   []byte
	ended  bool
	parts  int
	served bool
}

// script runs one test against a scripted gateway.
func script(t *testing.T, config Config, run func(t *testing.T, g *gateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, results: map[uint64][]Result{}, first: []setting{{settingMaxStreams, 1000}}}
		if config.URL == "" {
			config.URL = "https://gateway.example"
		}
		if config.Certificate == nil {
			g.key = newKey(t)
			config.Key = g.key
		}
		config.Dial = g.dial
		client, err := NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		client.plain = true
		g.client = client
		defer func() {
			client.Close()
			for _, p := range g.peers {
				p.conn.Close()
			}
			synctest.Wait()
		}()
		run(t, g)
	})
}

func (g *gateway) dial(ctx context.Context, network, address string) (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dials = append(g.dials, time.Now())
	if g.refuse != nil {
		return nil, g.refuse
	}
	mine, theirs := net.Pipe()
	p := &peer{g: g, conn: mine, peerLog: peerLog{resets: map[uint32]errorCode{}}, headers: hpack.NewDecoder(headerTableSize, nil), byStream: map[uint32]*seenRequest{}, ackTable: -1, halt: make(chan struct{})}
	g.peers = append(g.peers, p)
	go p.read(g.first)
	return theirs, nil
}

// A setting is one pair of a SETTINGS frame.
type setting struct {
	id    uint16
	value uint32
}

func (p *peer) read(first []setting) {
	preface := make([]byte, len(connectionPreface))
	if _, err := io.ReadFull(p.conn, preface); err != nil || string(preface) != connectionPreface {
		p.end(fmt.Errorf("preface %q, %w", preface, err))
		return
	}
	if first != nil {
		go p.write(settingsFrame(first))
	}
	for {
		var head [frameHeaderSize]byte
		if _, err := io.ReadFull(p.conn, head[:]); err != nil {
			p.end(err)
			return
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(p.conn, payload); err != nil {
			p.end(err)
			return
		}
		p.mu.Lock()
		err := p.note(frame{frameType(head[3]), head[4], binary.BigEndian.Uint32(head[5:]), payload})
		p.mu.Unlock()
		if err != nil {
			p.g.t.Errorf("the client broke the protocol: %v", err)
			return
		}
		select {
		case <-p.halt:
			return
		default:
		}
	}
}

func (p *peer) end(err error) {
	p.mu.Lock()
	p.failure = err
	p.mu.Unlock()
}

func settingsFrame(settings []setting) []byte {
	dst := appendFrameHeader(nil, 6*len(settings), frameSettings, 0, 0)
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, s.id), s.value)
	}
	return dst
}

func (p *peer) note(f frame) error {
	switch f.kind {
	case frameHeaders:
		return p.noteHeaders(f)
	case frameData:
		p.bytes += len(f.payload)
		r := p.byStream[f.stream]
		if r == nil || r.ended {
			return fmt.Errorf("DATA on stream %d, which is not open", f.stream)
		}
		r.body = append(r.body, f.payload...)
		r.parts++
		r.ended = f.flags&flagEndStream != 0
	case frameRSTStream:
		p.resets[f.stream] = errorCode(binary.BigEndian.Uint32(f.payload))
	case frameGoAway:
	case frameSettings:
		if f.flags&flagAck == 0 {
			go p.write(appendFrameHeader(nil, 0, frameSettings, flagAck, 0))
			return nil
		}
		if p.ackTable >= 0 {
			p.headers.SetAllowedMaxDynamicTableSize(uint32(p.ackTable))
			p.headers.SetMaxDynamicTableSize(uint32(p.ackTable))
			p.ackTable = -1
		}
	case framePing:
		if f.flags&flagAck == 0 {
			p.pings++
			if !p.deaf {
				go p.write(append(appendFrameHeader(nil, 8, framePing, flagAck, 0), f.payload...))
			}
		}
	case frameWindowUpdate:
	default:
		return fmt.Errorf("a frame of kind %d", f.kind)
	}
	return nil
}

func (p *peer) noteHeaders(f frame) error {
	if f.flags != flagEndHeaders {
		return fmt.Errorf("HEADERS with flags %#x", f.flags)
	}
	if f.stream%2 == 0 || len(p.requests) > 0 && f.stream <= p.requests[len(p.requests)-1].stream {
		return fmt.Errorf("stream %d is even or does not rise", f.stream)
	}
	fields, err := p.headers.DecodeFull(f.payload)
	if err != nil {
		return err
	}
	r := &seenRequest{stream: f.stream, header: map[string]string{}}
	regular := false
	for _, field := range fields {
		if _, twice := r.header[field.Name]; twice || field.IsPseudo() && regular {
			return fmt.Errorf("header %s comes twice or too late", field.Name)
		}
		regular = regular || !field.IsPseudo()
		r.header[field.Name] = field.Value
	}
	p.requests = append(p.requests, r)
	p.byStream[f.stream] = r
	return nil
}

func (p *peer) write(frames []byte) {
	p.writes.Lock()
	defer p.writes.Unlock()
	_, _ = p.conn.Write(frames) // fails when the client has hung up, which the tests observe elsewhere
}

// sleep lets time pass and waits until everything is at rest.
func (g *gateway) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// announce sets what new connections are told first; nil: nothing.
func (g *gateway) announce(settings []setting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.first = settings
}

// forget drops the results of a notification.
func (g *gateway) forget(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.results, uint64(i))
}

// goDeaf stops the answers to PINGs.
func (p *peer) goDeaf() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = true
}

// peer waits until everything is at rest and gives the i-th connection.
func (g *gateway) peer(i int) *peer {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if i >= len(g.peers) {
		g.t.Fatalf("%d connections, want at least %d", len(g.peers), i+1)
	}
	return g.peers[i]
}

// submit hands over the notifications from to to-1.
func (g *gateway) submit(from, to int) {
	g.t.Helper()
	for i := from; i < to; i++ {
		if err := g.client.Submit(g.t.Context(), notification(i), g.record); err != nil {
			g.t.Fatalf("Submit %d: %v", i, err)
		}
	}
	synctest.Wait()
}

func (g *gateway) record(r *Result) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.results[r.Notification.Tag] = append(g.results[r.Notification.Tag], *r)
}

// result gives the only result of notification i.
func (g *gateway) result(i int) Result {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.results[uint64(i)]) != 1 {
		g.t.Fatalf("notification %d has %d results, want 1", i, len(g.results[uint64(i)]))
	}
	return g.results[uint64(i)][0]
}

// settled checks that exactly the notifications from to to-1 have exactly one result each, and that ok holds for it.
func (g *gateway) settled(from, to int, ok func(Result) bool) {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := from; i < to; i++ {
		if rs := g.results[uint64(i)]; len(rs) != 1 || !ok(rs[0]) {
			g.t.Fatalf("notification %d has the results %+v", i, rs)
		}
	}
}

// unsettled checks that none of the notifications has a result.
func (g *gateway) unsettled(from, to int) {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := from; i < to; i++ {
		if rs := g.results[uint64(i)]; len(rs) != 0 {
			g.t.Fatalf("notification %d has a result already: %+v", i, rs)
		}
	}
}

func (g *gateway) dialCount() int {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.dials)
}

func accepted(r Result) bool { return r.Accepted() }

func failed(cause FailureCause, safe bool) func(Result) bool {
	return func(r Result) bool {
		f, ok := r.Err.(*Failure)
		return ok && f.Cause == cause && f.Safe == safe
	}
}

// streams gives the ids of the requests that have arrived whole.
func (p *peer) streams() []uint32 {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []uint32
	for _, r := range p.requests {
		if r.ended {
			ids = append(ids, r.stream)
		}
	}
	return ids
}

// expect checks how many requests have arrived whole.
func (p *peer) expect(count int) []uint32 {
	p.g.t.Helper()
	ids := p.streams()
	if len(ids) != count {
		p.g.t.Fatalf("%d requests arrived, want %d", len(ids), count)
	}
	return ids
}

func (p *peer) settings(settings ...setting) {
	p.mu.Lock()
	for _, s := range settings {
		if s.id == settingHeaderTableSize {
			p.ackTable = int64(s.value)
		}
	}
	p.mu.Unlock()
	p.raw(settingsFrame(settings))
}

func (p *peer) limit(n uint32) { p.settings(setting{settingMaxStreams, n}) }

// headerBlock encodes headers without any table, as literals.
func headerBlock(fields ...string) []byte {
	var dst []byte
	for i := 0; i < len(fields); i += 2 {
		dst = appendString(appendString(append(dst, 0), fields[i]), fields[i+1])
	}
	return dst
}

func headersFrame(stream uint32, flags uint8, block []byte) []byte {
	return append(appendFrameHeader(nil, len(block), frameHeaders, flags, stream), block...)
}

func dataFrame(stream uint32, flags uint8, body string) []byte {
	return append(appendFrameHeader(nil, len(body), frameData, flags, stream), body...)
}

// accept answers 200, in the shortest form.
func (p *peer) accept(streams ...uint32) {
	var frames []byte
	for _, stream := range streams {
		frames = append(frames, headersFrame(stream, flagEndHeaders|flagEndStream, []byte{0x88})...)
	}
	p.raw(frames)
}

func (p *peer) reject(stream uint32, status int, body any, fields ...string) {
	text, _ := json.Marshal(body)
	head := headersFrame(stream, flagEndHeaders, headerBlock(append([]string{":status", fmt.Sprint(status)}, fields...)...))
	p.raw(append(head, dataFrame(stream, flagEndStream, string(text))...))
}

func reason(text string) map[string]any { return map[string]any{"reason": text} }

func (p *peer) reset(stream uint32, code errorCode) { p.raw(appendReset(nil, stream, code)) }

func (p *peer) goAway(last uint32, code errorCode, debug string) {
	frame := appendFrameHeader(nil, 8+len(debug), frameGoAway, 0, 0)
	frame = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(frame, last), uint32(code))
	p.raw(append(frame, debug...))
}

func (p *peer) credit(stream, n uint32) { p.raw(appendWindowUpdate(nil, stream, n)) }

// raw writes bytes as they are and waits until the client has dealt with them.
func (p *peer) raw(data []byte) {
	p.write(data)
	synctest.Wait()
}

// hangUp closes the connection from the gateway's side.
func (p *peer) hangUp() {
	p.conn.Close()
	synctest.Wait()
}

// serve answers every request of every connection with 200, until nothing more comes, and returns credit for its bytes.
func (g *gateway) serve() {
	g.t.Helper()
	for range 10_000 {
		synctest.Wait()
		g.mu.Lock()
		peers := slices.Clone(g.peers)
		g.mu.Unlock()
		busy := false
		for _, p := range peers {
			fresh, bytes := p.unserved()
			if len(fresh) == 0 {
				continue
			}
			busy = true
			if bytes > 0 {
				p.credit(0, uint32(bytes))
			}
			p.accept(fresh...)
		}
		if !busy {
			return
		}
	}
	g.t.Fatal("the gateway never came to rest")
}

func (p *peer) unserved() (streams []uint32, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil {
		return nil, 0
	}
	for _, r := range p.requests {
		if r.ended && !r.served {
			r.served = true
			streams = append(streams, r.stream)
		}
	}
	bytes, p.bytes = p.bytes, 0
	return streams, bytes
}

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}
