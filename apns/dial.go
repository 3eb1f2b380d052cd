package apns

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// addressTimeout bounds the TCP connection to one of several addresses.
	addressTimeout = 5 * time.Second
	// addressMemory is how long an address that failed comes after the others.
	addressMemory = time.Minute
)

type sessionCache = tls.ClientSessionCache

func newSessionCache() sessionCache { return tls.NewLRUClientSessionCache(8) }

// dial opens the byte stream of one connection: TCP and TLS with the credential's certificate.
func (c *Client) dial(ctx context.Context, credential *credential) (net.Conn, *corkedConn, error) {
	raw, err := c.dialTCP(ctx)
	if err != nil {
		return nil, nil, err
	}
	if c.plain {
		return raw, nil, nil
	}
	corked := newCorkedConn(raw)
	secure := tls.Client(corked, c.tlsConfig(credential))
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		var unknown x509.UnknownAuthorityError
		if errors.As(err, &unknown) {
			err = fmt.Errorf("%w; for a local APNs give its authority as RootCAs", err)
		}
		return nil, nil, err
	}
	if protocol := secure.ConnectionState().NegotiatedProtocol; protocol != "h2" && protocol != "" {
		secure.Close()
		return nil, nil, errNotHTTP2
	}
	return secure, corked, nil
}

func (c *Client) tlsConfig(credential *credential) *tls.Config {
	config := &tls.Config{
		ServerName:         c.host,
		RootCAs:            c.config.RootCAs,
		NextProtos:         []string{"h2"},
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: credential.sessions,
		// Records are filled by the writer, which batches; growing them slowly would cost it system calls and bytes.
		DynamicRecordSizingDisabled: true,
	}
	if certificate := credential.certificate; certificate != nil {
		// Presented whatever authorities the server lists: the gateway's list is not promised to name the right one.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate.TLS, nil }
	}
	return config
}

// dialTCP resolves the name anew for every connection, because the answer is Apple's load balancer (spec 1.8).
func (c *Client) dialTCP(ctx context.Context) (net.Conn, error) {
	if c.config.Dial != nil {
		return c.config.Dial(ctx, "tcp", c.address)
	}
	host, port, err := net.SplitHostPort(c.address)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var failure error
	for _, address := range c.addresses.order(found, time.Now()) {
		attempt, cancel := context.WithTimeout(ctx, addressTimeout)
		var dialer net.Dialer
		connection, err := dialer.DialContext(attempt, "tcp", net.JoinHostPort(address.String(), port))
		cancel()
		if err == nil {
			return connection, nil
		}
		c.addresses.failed(address, time.Now())
		failure = errors.Join(failure, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failure
}

// An addressBook remembers for a minute which addresses did not work.
type addressBook struct {
	mu  sync.Mutex
	bad map[netip.Addr]time.Time
}

// order shuffles the addresses and puts those that failed recently last.
func (b *addressBook) order(addresses []netip.Addr, now time.Time) []netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	for address, at := range b.bad {
		if now.Sub(at) > addressMemory {
			delete(b.bad, address)
		}
	}
	ordered := slices.Clone(addresses)
	rand.Shuffle(len(ordered), func(i, j int) { ordered[i], ordered[j] = ordered[j], ordered[i] })
	slices.SortStableFunc(ordered, func(x, y netip.Addr) int { return b.bad[x].Compare(b.bad[y]) })
	return ordered
}

func (b *addressBook) failed(address netip.Addr, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bad == nil {
		b.bad = map[netip.Addr]time.Time{}
	}
	b.bad[address] = now
}

// A corkedConn sits below TLS. It collects the records of one batch for a single system call and reads ahead, because TLS itself
// makes a call for every record.
type corkedConn struct {
	net.Conn
	reader *bufio.Reader

	mu     sync.Mutex
	corked bool
	held   []byte
	broken error // of a write; TLS would still try to say goodbye, for five seconds on a path that takes nothing
}

func newCorkedConn(conn net.Conn) *corkedConn {
	return &corkedConn{Conn: conn, reader: bufio.NewReaderSize(conn, 32<<10)}
}

func (c *corkedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

func (c *corkedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.corked {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	return c.send(p)
}

// send writes unless an earlier write has failed. mu must be held.
func (c *corkedConn) send(p []byte) (n int, err error) {
	if c.broken == nil {
		n, c.broken = c.Conn.Write(p)
	}
	return n, c.broken
}

// cork holds everything back until uncork. In between TLS may also write an answer to a key update; it is held back for as long.
func (c *corkedConn) cork() {
	c.mu.Lock()
	c.corked = true
	c.mu.Unlock()
}

func (c *corkedConn) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = false
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.send(c.held)
	c.held = c.held[:0]
	return err
}
