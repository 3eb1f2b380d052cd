package apns

import (
	"bufio"
	"net"
)

// recordConn sits below TLS. It reads from the socket in large pieces and
// hands out one TLS record at a time, so that more can say whether another
// whole record has arrived already: answers are then held back and written
// together, without ever waiting for a peer that waits for them.
type recordConn struct {
	net.Conn
	in   *bufio.Reader
	left int // bytes of the present record not handed out yet
}

func newRecordConn(c net.Conn, size int) *recordConn {
	return &recordConn{Conn: c, in: bufio.NewReaderSize(c, size)}
}

const recordHeader = 5

// Read returns at most the rest of the present record.
func (c *recordConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		head, err := c.in.Peek(recordHeader)
		if err != nil {
			if len(head) == 0 {
				return 0, err
			}
			return c.in.Read(p) // a fragment: TLS will say what is wrong with it
		}
		c.left = recordHeader + int(head[3])<<8 + int(head[4])
	}
	if len(p) > c.left {
		p = p[:c.left]
	}
	n, err := c.in.Read(p)
	c.left -= n
	return n, err
}

// more reports whether the next record can be read without waiting.
func (c *recordConn) more() bool {
	if c.left > 0 || c.in.Buffered() < recordHeader {
		return false
	}
	head, err := c.in.Peek(recordHeader)
	return err == nil && c.in.Buffered() >= recordHeader+int(head[3])<<8+int(head[4])
}
