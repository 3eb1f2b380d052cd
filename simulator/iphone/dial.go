package iphone

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// DialCourier returns a Dial function for the phone's Config: it asks the local APNs at its management URL
// (http://host:port) for a courier session and returns the byte stream behind the protocol switch.
func DialCourier(manageURL string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dialCourier(ctx, manageURL)
		if err != nil {
			return nil, fmt.Errorf("reach APNs at %s: %w", manageURL, err)
		}
		return conn, nil
	}
}

func dialCourier(ctx context.Context, manageURL string) (net.Conn, error) {
	target, err := url.Parse(strings.TrimRight(manageURL, "/") + "/courier")
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	switch target.Scheme {
	case "http":
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", hostPort(target, "80"))
	case "https":
		conn, err = new(tls.Dialer).DialContext(ctx, "tcp", hostPort(target, "443"))
	default:
		return nil, errors.New("the management URL must begin with http:// or https://")
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	upgraded, err := upgrade(conn, target)
	if !stop() && err == nil {
		err = ctx.Err() // the connection was closed under us
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return upgraded, nil
}

func hostPort(u *url.URL, port string) string {
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// upgrade switches the connection to the courier protocol (RFC 9110 §7.8).
func upgrade(conn net.Conn, target *url.URL) (net.Conn, error) {
	request, err := http.NewRequest(http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "courier")
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		response.Body.Close()
		return nil, fmt.Errorf("it answered %s instead of switching to the courier protocol; is this the management address of a local APNs?", response.Status)
	}
	return &upgradedConn{Conn: conn, reader: reader}, nil
}

// upgradedConn reads what was buffered behind the response head first, and then does without the buffer.
type upgradedConn struct {
	net.Conn
	reader *bufio.Reader // nil once it is empty
}

func (c *upgradedConn) Read(b []byte) (int, error) {
	if c.reader != nil && c.reader.Buffered() == 0 {
		c.reader = nil
	}
	if c.reader == nil {
		return c.Conn.Read(b)
	}
	return c.reader.Read(b)
}
