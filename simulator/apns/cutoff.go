package apns

import (
	"net"
	"time"
)

// freeze stops reading and writing for good without closing: a black hole. The
// connection ends when the server shuts down or the peer gives up.
func (c *connection) freeze() { c.frozen = true }

func (c *connection) isFrozen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frozen
}

// frozenTime bounds how long a black hole is kept open.
const frozenTime = 10 * time.Minute

func (s *Server) waitFrozen() {
	limit := time.NewTimer(frozenTime)
	defer limit.Stop()
	select {
	case <-s.stopping:
	case <-limit.C:
	}
}

// cutOff ends a connection rudely: "fin" closes it, "rst" resets it, and
// "midframe" closes it behind the first half of a frame header.
func (c *connection) cutOff(how string, stream uint32) {
	c.inbound.finished = true
	switch how {
	case "midframe":
		c.out = appendFrameHeader(c.out, 100, frameHeaders, flagEndHeaders, stream)[:len(c.out)+5]
	case "rst":
		c.out = nil
		if tcp, ok := underlying(c.conn).(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	}
	c.cut = true
}

// underlying finds the socket below TLS and the record reader.
func underlying(conn net.Conn) net.Conn {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	if records, ok := conn.(*recordConn); ok {
		conn = records.Conn
	}
	return conn
}
