package server

import (
	"bytes"
	"net"
	"regexp"
	"sync/atomic"
)

// lenient is a listener whose connections mend request targets that official
// JPush clients send and net/http refuses before any handler sees them: raw
// spaces, and percent signs that begin no escape (spec/rest-api.md §2.1, T6).
type lenient struct{ net.Listener }

func (l lenient) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m := &mendedConn{Conn: c}
	m.expecting.Store(true)
	return m, nil
}

// mendedConn looks at what arrives at its start and after each answer: there a
// request begins. Only net/http's one reader calls Read.
type mendedConn struct {
	net.Conn
	expecting atomic.Bool
	begun     bool // something was read
	http2     bool // it speaks HTTP/2, whose frames are left alone
	buffer    [4096]byte
	waiting   []byte // read and not yet handed on
}

func (c *mendedConn) Write(p []byte) (int, error) {
	c.expecting.Store(true)
	return c.Conn.Write(p)
}

func (c *mendedConn) Read(p []byte) (int, error) {
	if len(c.waiting) > 0 {
		n := copy(p, c.waiting)
		c.waiting = c.waiting[n:]
		return n, nil
	}
	// net/http reads a single byte ahead to notice a client that hangs up, so
	// that what arrives must be read here in one piece, whatever p holds.
	n, err := c.Conn.Read(c.buffer[:])
	c.waiting = c.buffer[:n]
	if n > 0 && !c.begun {
		c.begun, c.http2 = true, bytes.HasPrefix(c.waiting, http2Preface[:min(n, len(http2Preface))])
	}
	if n > 0 && !c.http2 && c.expecting.Swap(false) {
		c.waiting = mendRequestLine(c.waiting)
	}
	n = copy(p, c.waiting)
	c.waiting = c.waiting[n:]
	return n, err
}

// http2Preface is what a connection with HTTP/2 begins with (RFC 9113 §3.4).
var http2Preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

var requestLine = regexp.MustCompile(`^([A-Z]+ )(/[^\r\n]*)( HTTP/1\.[01]\r\n)`)

// mendRequestLine escapes what must not stand in a target. Whatever does not
// begin with a whole request line is left alone.
func mendRequestLine(data []byte) []byte {
	parts := requestLine.FindSubmatch(data)
	if parts == nil || !bytes.ContainsAny(parts[2], " %") {
		return data
	}
	target := parts[2]
	mended := append([]byte{}, parts[1]...)
	for i, b := range target {
		switch {
		case b == ' ':
			mended = append(mended, "%20"...)
		case b == '%' && !(i+2 < len(target) && isHex(target[i+1]) && isHex(target[i+2])):
			mended = append(mended, "%25"...)
		default:
			mended = append(mended, b)
		}
	}
	mended = append(mended, parts[3]...)
	return append(mended, data[len(parts[0]):]...)
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
