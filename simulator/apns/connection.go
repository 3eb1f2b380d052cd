package apns

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

const (
	handshakeTimeout = 10 * time.Second
	writeTimeout     = 10 * time.Second
	drainTimeout     = 10 * time.Second // for streams that are open when GOAWAY goes out
	lingerTimeout    = time.Second      // for the peer to close after us, so that no reset eats the last frames
	headerBlockLimit = 64 << 10         // bytes of one header block, over all its frames
)

// connection is one provider connection. One goroutine reads frames and
// answers in place; what comes later (latency, scripts, policy, shutdown)
// comes from timers and other goroutines.
type connection struct {
	server      *Server
	environment Environment
	id          uint64
	remote      string
	conn        net.Conn // TLS
	records     *recordConn
	certificate *pushCertificate // nil = token authentication
	serial      string           // of the certificate, in hexadecimal
	tlsVersion  uint16
	opened      time.Time

	// writing serialises writes; it is taken before mu and held while bytes
	// go out, so that mu never waits for the network.
	writing sync.Mutex

	mu      sync.Mutex // guards everything below
	out     []byte
	dirty   bool // an answer in out depends on the journal
	closed  bool
	timers  []*time.Timer
	idle    *time.Timer
	active  time.Time // the last frame
	inbound inbound
	streams map[uint32]*stream

	// Stream limit: what was announced last, and what a peer that has not
	// acknowledged everything may still believe.
	limit     uint32
	announced []announcement
	believed  uint32
	settled   bool // the first SETTINGS was acknowledged

	frozen bool // a script made a black hole of the connection
	cut    bool // a script ends the connection after the next write

	goingAway bool
	lastGood  uint32 // streams above it are ignored once going away

	encoder    *hpack.Encoder
	encoded    bytes.Buffer
	sendWindow int64
	peerWindow int64 // initial window of streams, as the peer announced it
	peerFrame  int
	blocked    []*stream // answers that wait for window

	token     tokenState
	team      string
	keyID     string
	raise     bool // a provider token was validated: announce the large limit
	budget    int  // points of errors used up
	successes int
	requests  uint64
	answers   map[int]uint64
}

type announcement struct {
	limit     uint32
	tableSize uint32
}

// stream is a request that is not answered completely.
type stream struct {
	id       uint32
	request  *request
	ended    bool // the request is complete
	uncredit int  // body bytes whose stream credit was not returned
	window   int64
	body     []byte // of the answer, not written yet
	chunk    int    // largest DATA frame of the answer; 0 = as allowed
	padding  int
	unknown  bool // frames of unknown kinds come before each DATA frame
	answered bool // HEADERS went out
	cut      bool // answered before the peer ended the request: needs RST_STREAM
}

// serveProvider serves one provider connection until it ends.
func (s *Server) serveProvider(e Environment, raw net.Conn) {
	defer raw.Close()
	c, err := s.handshake(e, raw)
	if err != nil {
		s.tally("handshakes_failed")
		s.logger.Debug("handshake failed", "environment", e, "remote", raw.RemoteAddr(), "error", err)
		return
	}
	s.tally("connections")
	if !s.track(c) {
		return
	}
	defer s.untrack(c)
	if !s.config.Bench {
		c.serve()
		return
	}
	if err := c.serveBench(); err != nil {
		s.logger.Debug("provider connection ended", "connection", c.id, "error", err)
	}
}

// handshake does TLS and reads the client certificate, if there is one.
func (s *Server) handshake(e Environment, raw net.Conn) (*connection, error) {
	calling := caller{raw}
	if !s.track(calling) {
		return nil, net.ErrClosed
	}
	defer s.untrack(calling)
	s.pause(time.Duration(s.policy.Load().AcceptLatency))
	size := 64 << 10
	if s.config.Bench {
		size = 256 << 10
	}
	records := newRecordConn(raw, size)
	secure := tls.Server(records, s.tlsFor(s.policy.Load()))
	raw.SetDeadline(time.Now().Add(handshakeTimeout))
	if err := secure.Handshake(); err != nil {
		lingerRaw(raw)
		return nil, err
	}
	if s.policy.Load().Protocol != protocolHTTP2 {
		return nil, answerHTTP1(secure)
	}
	raw.SetDeadline(time.Time{})
	c := newConnection(s, e, secure, records)
	state := secure.ConnectionState()
	c.tlsVersion = state.Version
	if len(state.PeerCertificates) > 0 {
		c.serial = serialOf(state.PeerCertificates[0])
		c.certificate = readPushCertificate(state.PeerCertificates[0])
	}
	return c, nil
}

func newConnection(s *Server, e Environment, conn net.Conn, records *recordConn) *connection {
	p := s.policy.Load()
	c := &connection{
		server: s, environment: e, id: s.connectionIDs.Add(1), conn: conn, records: records,
		opened: time.Now(), active: time.Now(),
		streams: map[uint32]*stream{}, answers: map[int]uint64{},
		sendWindow: defaultWindow, peerWindow: defaultWindow, peerFrame: maxFrameSize,
	}
	if addr := conn.RemoteAddr(); addr != nil {
		c.remote = addr.String()
	}
	c.encoder = hpack.NewEncoder(&c.encoded)
	c.inbound.init(c, p)
	return c
}

func (c *connection) serve() {
	c.start()
	err := c.readAll()
	var failure connectionError
	if errors.As(err, &failure) {
		c.mu.Lock()
		c.goAway(failure.code, c.inbound.lastStream, failure.text)
		c.mu.Unlock()
		c.flush()
		c.linger()
	}
	c.close()
	if err != nil {
		c.server.logger.Debug("provider connection ended", "connection", c.id, "error", err)
	}
}

// start sends the first SETTINGS, and turns a certificate for the other
// environment away right behind it (spec §1.7, §5.9).
func (c *connection) start() {
	p := c.server.policy.Load()
	c.server.pause(time.Duration(p.SettingsLatency))
	c.mu.Lock()
	c.limit = p.InitialStreams
	if c.certificate != nil {
		c.limit = p.Streams
	}
	c.announce(c.limit, p.HeaderTableSize,
		setting{settingInitialWindowSize, defaultWindow},
		setting{settingMaxFrameSize, maxFrameSize},
		setting{settingMaxHeaderListSize, maxHeaderList})
	if extra := p.ConnectionWindow - defaultWindow; extra > 0 {
		c.out = appendWindowUpdate(c.out, 0, extra)
	}
	if c.certificate != nil && !c.certificate.serves(c.environment) {
		c.goAway(codeNoError, 0, reasonJSON(reasonBadEnvironment, 0))
	}
	if d := time.Duration(p.IdleTimeout); d > 0 {
		c.idle = time.AfterFunc(d, c.checkIdle)
	}
	if d := time.Duration(p.MaxAge); d > 0 {
		c.after(d, func() { c.goAway(codeNoError, c.inbound.lastStream, reasonJSON(reasonShutdown, 0)) })
	}
	c.mu.Unlock()
	c.flush()
}

func (c *connection) authenticated() bool { return c.certificate != nil || c.team != "" }

// bind notes who the peer is after its first valid provider token.
func (c *connection) bind(team, keyID string) {
	c.team, c.keyID, c.raise = team, keyID, true
}

func (c *connection) updateScope(p *Policy, key *providerKey) string {
	if p.TokenUpdateScope == "address" {
		host, _, _ := net.SplitHostPort(c.remote)
		return key.KeyID + " " + host
	}
	return key.KeyID
}

func (c *connection) revoked() bool { return c.server.keys.certificateRevoked(c.serial) }

// after runs f, with the connection locked, once d has passed.
func (c *connection) after(d time.Duration, f func()) {
	if c.closed {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		c.mu.Lock()
		for i, other := range c.timers {
			if other == t {
				c.timers[i] = c.timers[len(c.timers)-1]
				c.timers = c.timers[:len(c.timers)-1]
				break
			}
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		f()
		c.mu.Unlock()
		c.flush()
	})
	c.timers = append(c.timers, t)
}

// flush writes what has gathered. The journal comes first: an answer must not
// be seen by anybody before what it promises can survive this process.
func (c *connection) flush() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	if c.frozen {
		c.mu.Unlock()
		return
	}
	out, dirty, cut := c.out, c.dirty, c.cut
	c.out, c.dirty = nil, false
	finished := c.inbound.finished
	c.mu.Unlock()
	if cut {
		defer underlying(c.conn).Close() // without TLS's goodbye
	}
	if len(out) == 0 {
		return
	}
	if dirty && c.server.registry.flush() != nil {
		c.conn.Close() // the answers stay unsaid: the outcome is unknown, not a lie
		return
	}
	c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := c.conn.Write(out); err != nil {
		c.conn.Close()
		return
	}
	if finished && !cut {
		c.closeWrite()
	}
}

// reasonJSON is the body of a refusal and the debug data of GOAWAY.
func reasonJSON(reason string, timestamp int64) string {
	if timestamp != 0 {
		return fmt.Sprintf(`{"reason":%q,"timestamp":%d}`, reason, timestamp)
	}
	return fmt.Sprintf(`{"reason":%q}`, reason)
}
