package iphone

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Bounds of the courier session.
const (
	maxLine         = 64 << 10 // bytes of a line, both ways
	helloTimeout    = 10 * time.Second
	pingInterval    = 30 * time.Second
	silenceTimeout  = 80 * time.Second // two pings unanswered: the connection is dead
	writeTimeout    = 10 * time.Second
	outgoingLines   = 256
	reconnectBase   = 500 * time.Millisecond
	reconnectCap    = 30 * time.Second
	stableAfterTime = 10 * time.Second // a session that lived this long starts the back-off anew
)

var errAirplane = errors.New("airplane mode")

// session is one connection to APNs.
type session struct {
	phone    *Phone
	conn     net.Conn
	outgoing chan []byte
	stop     context.CancelFunc
	requests map[int]request // those that wait for an answer; guarded by Phone.mu
	lastRef  int
}

// request is what the phone has asked APNs for, on behalf of an app.
type request struct {
	app       *installation
	installID string // when it was asked; an answer for an earlier one is stale
	kind      tokenKind
	activity  *Activity // whose token it is; nil: the app's
	channel   string    // a subscription, not a registration
}

// end breaks the session off; it may be called more than once.
func (s *session) end() { s.stop() }

// stayConnected holds a session until the phone is switched off, except in airplane mode.
func (p *Phone) stayConnected() {
	failures := 0
	for p.ctx.Err() == nil {
		if p.airplane.Load() {
			p.setSession(Offline)
			p.pause(time.Hour) // ended by wakeSession
			failures = 0
			continue
		}
		p.setSession(Connecting)
		began := time.Now()
		err := p.connect()
		if p.ctx.Err() != nil {
			break
		}
		if time.Since(began) > stableAfterTime {
			failures = 0
		}
		failures++
		p.update(func() {
			p.sessionState = Offline
			if !p.airplane.Load() {
				p.note("apns", "no session to APNs: %v", err)
			}
		})
		if !p.airplane.Load() {
			wait := min(reconnectCap, reconnectBase<<min(failures-1, 10))
			p.pause(wait - rand.N(wait/2))
		}
	}
	p.setSession(Offline)
}

func (p *Phone) setSession(state Session) { p.update(func() { p.sessionState = state }) }

// pause waits, at most until wakeSession or Close.
func (p *Phone) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.reconnect:
	case <-p.ctx.Done():
	}
}

func (p *Phone) wakeSession() {
	select {
	case p.reconnect <- struct{}{}:
	default:
	}
}

// connect opens a session and serves it until it ends; the error says why it ended.
func (p *Phone) connect() error {
	if p.config.Dial == nil {
		return errors.New("the phone has no Dial function")
	}
	dialing, cancel := context.WithTimeout(p.ctx, helloTimeout)
	conn, err := p.config.Dial(dialing)
	cancel()
	if err != nil {
		return err
	}
	if p.airplane.Load() {
		conn.Close()
		return errAirplane
	}
	ctx, stop := context.WithCancel(p.ctx)
	s := &session{phone: p, conn: conn, outgoing: make(chan []byte, outgoingLines), stop: stop, requests: map[int]request{}}
	// Close unblocks reader and writer; it is the only thing that ends them.
	context.AfterFunc(ctx, func() { conn.Close() })
	var writer sync.WaitGroup
	writer.Go(func() { s.write(ctx) })
	err = s.read()
	stop()
	writer.Wait()
	p.update(func() { p.session = nil })
	return err
}

// write sends queued lines and keeps the connection alive. Reader and writer are apart, so that neither side can block the
// other when both have something to say.
func (s *session) write(ctx context.Context) {
	defer s.end()
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	for {
		var line []byte
		select {
		case line = <-s.outgoing:
		case <-ping.C:
			line = []byte(`{"op":"ping"}` + "\n")
		case <-ctx.Done():
			return
		}
		s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := s.conn.Write(line); err != nil {
			return
		}
	}
}

// send queues a message without waiting; a session whose queue is full is broken off.
func (s *session) send(message map[string]any) {
	line, err := json.Marshal(message)
	if err != nil {
		return // the messages are maps of strings and numbers
	}
	select {
	case s.outgoing <- append(line, '\n'):
	default:
		s.end()
	}
}

// send queues a message if there is a session. The caller holds mu.
func (p *Phone) send(message map[string]any) {
	if p.session != nil {
		p.session.send(message)
	}
}

// arrival is any line from APNs.
type arrival struct {
	Op      string `json:"op"`
	Ref     int    `json:"ref"`
	Message string `json:"message"`
	delivery
}

func (s *session) read() error {
	s.send(map[string]any{"op": "hello", "phone": s.phone.config.ID})
	lines := bufio.NewScanner(s.conn)
	lines.Buffer(make([]byte, 4096), maxLine)
	patience := helloTimeout
	for {
		s.conn.SetReadDeadline(time.Now().Add(patience))
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return fmt.Errorf("the session broke: %w", err)
			}
			return errors.New("APNs closed the session")
		}
		var a arrival
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return fmt.Errorf("APNs sent something that is not JSON: %w", err)
		}
		if err := s.take(a); err != nil {
			return err
		}
		patience = silenceTimeout
	}
}

// take handles one line.
func (s *session) take(a arrival) (err error) {
	p := s.phone
	p.update(func() {
		if p.airplane.Load() {
			err = errAirplane // arrived in the moment in which the session was cut
			return
		}
		switch a.Op {
		case "welcome":
			s.welcome()
		case "token":
			if r, ok := s.answered(a.Ref); ok && r.installID == r.app.installID {
				r.app.didRegister(a.Token, r)
			}
		case "subscribed":
			if r, ok := s.answered(a.Ref); ok {
				p.note("apns", "APNs → phone: subscribed to channel %s", r.channel)
			}
		case "notification":
			status := p.receive(a.delivery)
			s.send(map[string]any{"op": "ack", "id": a.ID, "status": status})
		case "error":
			p.note("apns", "APNs → phone: error: %s", a.Message)
			if r, ok := s.answered(a.Ref); ok && r.channel == "" {
				p.note("app", "delegate: didFailToRegisterForRemoteNotificationsWithError %s", a.Message)
			} else if !ok && p.session != s {
				err = fmt.Errorf("APNs refuses the session: %s", a.Message)
			}
		}
	})
	return err
}

// welcome makes the session the current one and renews the registrations: APNs may have been replaced by one that knows
// nothing.
func (s *session) welcome() {
	p := s.phone
	p.session, p.sessionState = s, Connected
	p.note("apns", "session to APNs established")
	if p.lowPower {
		p.tellPower()
	}
	for _, i := range p.installed {
		if i.registered {
			s.registerAll(i)
		}
	}
	for _, a := range p.activities {
		s.follow(a)
	}
}

func (s *session) ask(r request) int {
	s.lastRef++
	s.requests[s.lastRef] = r
	return s.lastRef
}

// answered returns the request that has the number, if its app is still installed.
func (s *session) answered(ref int) (request, bool) {
	r, ok := s.requests[ref]
	delete(s.requests, ref)
	if !ok {
		return r, false
	}
	found, err := s.phone.find(r.app.app.BundleID)
	return r, err == nil && found == r.app
}
