package apns

import (
	"crypto/tls"
	"io"
	"net"
	"time"
)

func (c *connection) checkIdle() {
	c.mu.Lock()
	limit := time.Duration(c.server.policy.Load().IdleTimeout)
	left := limit - time.Since(c.active)
	switch {
	case c.closed || limit <= 0:
	case left > 0 || len(c.streams) > 0:
		c.idle.Reset(max(left, time.Second))
	default:
		c.goAway(codeNoError, c.inbound.lastStream, reasonJSON(reasonIdleTimeout, 0))
	}
	c.mu.Unlock()
	c.flush()
}

// goAway announces the end: streams above last will not be processed, the
// others are answered, then the connection closes (spec §1.7).
func (c *connection) goAway(code, last uint32, debug string) {
	if c.closed {
		return
	}
	c.out = appendGoAway(c.out, last, code, debug)
	c.server.tally("goaway")
	if c.goingAway {
		c.lastGood = min(c.lastGood, last)
	} else {
		c.goingAway, c.lastGood = true, last
		c.after(drainTimeout, c.abandon)
	}
	for id, st := range c.streams {
		if id > c.lastGood {
			c.forget(st)
		}
	}
	c.maybeClose()
}

// abandon gives up on streams that the peer did not finish.
func (c *connection) abandon() {
	clear(c.streams)
	c.maybeClose()
}

// maybeClose ends a connection that is going away once nothing is open. The
// reader sees the deadline and closes.
func (c *connection) maybeClose() {
	if c.goingAway && len(c.streams) == 0 {
		c.inbound.finished = true
		c.conn.SetReadDeadline(time.Now().Add(lingerTimeout))
	}
}

// forget removes a stream that needs nothing any more.
func (c *connection) forget(st *stream) {
	delete(c.streams, st.id)
	if c.goingAway {
		c.maybeClose()
	}
}

func (c *connection) closeWrite() {
	if secure, ok := c.conn.(*tls.Conn); ok {
		secure.CloseWrite()
	}
}

// linger reads and drops until the peer closes, so that unread bytes do not
// turn our close into a reset that overtakes the last frames.
func (c *connection) linger() {
	c.closeWrite()
	c.conn.SetReadDeadline(time.Now().Add(lingerTimeout))
	var sink [4096]byte
	for {
		if _, err := c.conn.Read(sink[:]); err != nil {
			return
		}
	}
}

// lingerRaw does the same below TLS after a failed handshake: under TLS 1.3 a
// client sends its first requests before it can know, and a reset would eat
// the alert that tells it why.
func lingerRaw(raw net.Conn) {
	if half, ok := raw.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	raw.SetReadDeadline(time.Now().Add(lingerTimeout))
	io.Copy(io.Discard, raw)
}

func (c *connection) close() {
	c.mu.Lock()
	c.closed = true
	for _, t := range c.timers {
		t.Stop()
	}
	if c.idle != nil {
		c.idle.Stop()
	}
	c.mu.Unlock()
	c.conn.Close()
}

// shutdown is asked by the server: finish what is open, accept nothing new.
func (c *connection) shutdown() {
	if c.server.config.Bench {
		c.abort() // its output belongs to the reading goroutine alone
		return
	}
	c.mu.Lock()
	if !c.goingAway {
		c.goAway(codeNoError, c.inbound.lastStream, reasonJSON(reasonShutdown, 0))
	}
	c.mu.Unlock()
	c.flush()
}

// abort closes without another word.
func (c *connection) abort() { c.conn.Close() }
