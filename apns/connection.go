package apns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Times of a connection. Every wait has a bound.
const (
	// pingAfter is how long the gateway may be silent while it owes answers before it is asked for a sign of life.
	pingAfter = 5 * time.Second
	// pingTimeout is how long the sign of life may take.
	pingTimeout = 10 * time.Second
	// idlePing keeps an idle connection open (Apple suggests a PING after an hour).
	idlePing = time.Hour
	// drainTimeout is how long a connection that the gateway ends waits for its last answers (spec 1.7).
	drainTimeout = 10 * time.Second
	// writeTimeout bounds one write: a peer that reads nothing for so long is dead.
	writeTimeout = 10 * time.Second
	// creditTimeout is how long a connection may be without flow control credit while work is waiting.
	creditTimeout = 10 * time.Second
	// closedTimeout is the same for a stream limit of 0.
	closedTimeout = time.Minute
	tickInterval  = time.Second
)

const (
	// maxStreams bounds the requests in flight on one connection, whatever the gateway allows.
	maxStreams = 4096
	// largestBody is the largest payload of any kind.
	largestBody = 5120
	// serverErrorLimit is how many answers 500 in a row make a connection suspect (spec 10.7, pushy #408).
	serverErrorLimit = 10
)

type connectionState uint8

const (
	connectionLive connectionState = iota
	connectionLeaving
	connectionDead
)

// A connection is one HTTP/2 connection. Two goroutines serve it: the writer owns the encoder and all writes, the reader owns
// the decoder and calls the callers' functions. What both need is guarded by mu. No caller's function runs under mu, and mu is
// never held together with the client's.
type connection struct {
	client     *Client
	credential *credential
	transport  net.Conn
	corked     *corkedConn // below TLS; nil in tests without it
	since      time.Time
	lastTaken  time.Time // when it last took a request, or was opened; guarded by the client's mu

	wake   chan struct{} // tells the writer to look again; capacity 1
	opened chan struct{} // closed by the reader at the first SETTINGS
	ended  chan struct{} // closed when dead

	lastRead     atomic.Int64 // Unix nanoseconds
	blockedNanos atomic.Int64 // how long the writer has waited for room, in all finished waits
	blockedFrom  atomic.Int64 // start of the present wait; 0: none
	rtt, bestRTT atomic.Int64 // nanoseconds from write to answer: smoothed, smallest
	streamLimit  atomic.Int64 // what the gateway allows, for the client's decisions

	mu            sync.Mutex
	state         connectionState
	failure       *Failure // why it is dead or leaving
	limit         uint32   // streams allowed by the gateway
	initialWindow int64    // credit of a new stream
	window        int64    // credit of the connection
	nextStream    uint32
	pending       pendingTable
	bodies        []unsentBody
	control       []byte // frames to be written before anything else
	tableSize     int64  // a new size for the encoder's table; -1: none
	authorization string // provider token of the last batch
	blocked       bool   // the writer waits for credit or for a stream
	stalledSince  int64  // when progress began to depend on the gateway alone; 0: it does not
	pausedUntil   int64  // no new streams before this moment, after REFUSED_STREAM
	pause         time.Duration
	leaveBy       int64
	pingSentAt    int64
	answered      bool // at least one request was answered
	serverErrors  int  // answers 500 in a row
}

// unsentBody is the rest of a payload that did not fit into its stream's credit. It happens only with gateways that announce a
// credit below the size of a payload.
type unsentBody struct {
	stream uint32
	rest   []byte
	credit int64
}

func newConnection(client *Client, credential *credential, transport net.Conn, corked *corkedConn) *connection {
	c := &connection{
		client: client, credential: credential, transport: transport, corked: corked, since: time.Now(), lastTaken: time.Now(),
		wake: make(chan struct{}, 1), opened: make(chan struct{}), ended: make(chan struct{}),
		initialWindow: defaultWindow, window: defaultWindow, nextStream: 1, tableSize: -1,
	}
	c.setLimit(maxStreams)
	c.lastRead.Store(time.Now().UnixNano())
	return c
}

// start writes the opening, runs the reader, and returns when the gateway has sent its settings. No request may be sent
// earlier: the limit may be 1 (spec 1.4, S1). The writer starts with success.
func (c *connection) start(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		c.fail(&Failure{Cause: CauseNetwork, Safe: true, Err: errors.New("the gateway sent no HTTP/2 settings in time")})
	})
	defer stop()
	c.client.running.Add(1)
	go c.readLoop()
	if err := c.write(openingBytes()); err != nil {
		c.fail(c.client.transportFailure(err))
	}
	select {
	case <-c.opened:
		c.client.joins(c)
		c.client.running.Add(1)
		go c.writeLoop()
		return nil
	case <-c.ended:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.failure
	}
}

// poke makes the writer look again.
func (c *connection) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// blockedTime is how long the writer has waited for room in all its life.
func (c *connection) blockedTime(now time.Time) int64 {
	waited := c.blockedNanos.Load()
	if from := c.blockedFrom.Load(); from != 0 {
		waited += now.UnixNano() - from
	}
	return waited
}

func (c *connection) setLimit(limit uint32) {
	c.limit = limit
	c.streamLimit.Store(int64(limit))
}

// room says how many streams may be opened now and with how much credit. mu must be held.
func (c *connection) room(now int64) (streams int, credit int64) {
	c.blocked = false
	if c.state != connectionLive || now < c.pausedUntil {
		return 0, 0
	}
	streams = int(min(c.limit, maxStreams)) - c.pending.count
	c.blocked = streams <= 0 || c.window < largestBody
	if !c.blocked || (streams <= 0 && c.pending.count > 0) {
		c.stalledSince = 0
	} else if c.stalledSince == 0 {
		c.stalledSince = now
	}
	return max(streams, 0), c.window
}

// leave stops new streams; the connection ends with its last answer. Requests in flight are not touched.
func (c *connection) leave(why *Failure) {
	c.mu.Lock()
	c.leaveLocked(why, c.client.config.ResponseTimeout)
	c.mu.Unlock()
	c.client.connectionLeaves(c)
	c.poke()
}

// leaveLocked does the part under mu, which the caller holds. Requests that are unanswered after patience are given up.
func (c *connection) leaveLocked(why *Failure, patience time.Duration) {
	if c.state != connectionLive {
		return
	}
	c.state = connectionLeaving
	c.failure = why
	c.leaveBy = time.Now().Add(patience).UnixNano()
}

// fail ends the connection. Requests without an answer have an unknown outcome (spec 10.6).
func (c *connection) fail(why *Failure) {
	c.mu.Lock()
	if c.state == connectionDead {
		c.mu.Unlock()
		return
	}
	if c.state == connectionLeaving && c.failure != nil && (c.failure.Reason != "" || why.Err == nil) {
		// What follows a GOAWAY says less than its reason did.
		why = c.failure
	}
	c.state = connectionDead
	c.failure = why
	lost := c.pending.takeIf(nil, func(*pendingSlot) bool { return true })
	answered := c.answered
	close(c.ended)
	c.mu.Unlock()
	c.transport.Close()
	c.poke()
	c.client.connectionEnds(c, why, answered)
	c.client.unanswered(lost, why)
}

// dropBody forgets the rest of a payload whose stream the gateway has closed, and takes back its credit. mu must be held.
func (c *connection) dropBody(stream uint32) {
	for i, body := range c.bodies {
		if body.stream == stream {
			c.window += int64(len(body.rest))
			c.bodies = slices.Delete(c.bodies, i, i+1)
			return
		}
	}
}

// tick does what time demands: signs of life, late answers, stalls. It returns how long the next tick may wait.
func (c *connection) tick(now time.Time) time.Duration {
	at := now.UnixNano()
	c.mu.Lock()
	if c.pingSentAt != 0 && c.lastRead.Load() >= c.pingSentAt {
		c.pingSentAt = 0
	}
	silent := time.Duration(at - c.lastRead.Load())
	var dead, leave *Failure
	switch {
	case c.pingSentAt != 0 && at-c.pingSentAt >= int64(pingTimeout):
		dead = &Failure{Cause: CauseNetwork, Err: fmt.Errorf("the gateway was silent for %v and did not answer a PING", silent.Round(time.Second))}
	case c.state == connectionLeaving && at >= c.leaveBy && c.pending.count > 0:
		dead = &Failure{Cause: CauseNetwork, Reason: reasonOf(c.failure), Err: errors.New("the gateway ended the connection and left requests unanswered")}
	case c.pingSentAt == 0 && (silent >= idlePing || c.pending.count > 0 && silent >= pingAfter):
		c.control = append(appendFrameHeader(c.control, 8, framePing, 0, 0), "aurora\x00\x00"...)
		c.pingSentAt = at
	}
	stalled := time.Duration(0)
	if c.stalledSince != 0 {
		stalled = time.Duration(at - c.stalledSince)
	}
	if c.state == connectionLive && (stalled >= closedTimeout || stalled >= creditTimeout && c.window < largestBody) {
		leave = &Failure{Cause: CauseNetwork, Err: fmt.Errorf("the gateway let nothing new through for %v", stalled.Round(time.Second))}
	}
	timeout := int64(c.client.config.ResponseTimeout)
	late := c.pending.takeIf(nil, func(p *pendingSlot) bool {
		return at-p.sentAt >= timeout || p.deadline != 0 && at >= p.deadline
	})
	for _, slot := range late {
		c.control = appendReset(c.control, slot.stream, codeCancel)
	}
	next := idlePing
	if c.pending.count > 0 || c.pingSentAt != 0 || c.state != connectionLive || c.stalledSince != 0 {
		next = tickInterval
	}
	if c.pausedUntil > at {
		next = min(next, time.Duration(c.pausedUntil-at))
	}
	c.mu.Unlock()
	if len(late) > 0 {
		c.client.unanswered(late, &Failure{Cause: CauseNetwork, Err: errors.New("no answer in time")})
	}
	if dead != nil {
		c.fail(dead)
	}
	if leave != nil && c.client.hasWork() {
		c.leave(leave)
	}
	return next
}

// cancel takes back the request of a caller who gave up. It reports whether the request was on this connection.
func (c *connection) cancel(w *waiter) bool {
	c.mu.Lock()
	found := c.pending.takeIf(nil, func(p *pendingSlot) bool { return p.waiter == w })
	for _, slot := range found {
		c.control = appendReset(c.control, slot.stream, codeCancel)
	}
	c.mu.Unlock()
	if len(found) == 0 {
		return false
	}
	c.poke()
	c.client.finished(len(found))
	return true
}

func reasonOf(f *Failure) string {
	if f == nil {
		return ""
	}
	return f.Reason
}
