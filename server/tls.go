package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// keyPair serves a certificate from its files. A renewed one is taken up
// without a restart; while the files do not fit each other the old one stays.
type keyPair struct {
	certFile, keyFile string
	failed            func(error)

	mu      sync.Mutex
	current *tls.Certificate
	stamp   time.Time // of the newer of the files that current was read from
	looked  time.Time
}

// renewalPause bounds how often the files are looked at.
const renewalPause = 2 * time.Second

func loadKeyPair(certFile, keyFile string, failed func(error)) (*keyPair, error) {
	p := &keyPair{certFile: certFile, keyFile: keyFile, failed: failed}
	stamp, err := p.newest()
	if err == nil {
		err = p.load(stamp)
	}
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate cannot be used: %w; --tls-cert and --tls-key take PEM files, the certificate with its chain", err)
	}
	return p, nil
}

func (p *keyPair) newest() (newest time.Time, err error) {
	for _, file := range []string{p.certFile, p.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return newest, err
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest, nil
}

func (p *keyPair) load(stamp time.Time) error {
	c, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return err
	}
	p.current, p.stamp = &c, stamp
	return nil
}

func (p *keyPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= renewalPause {
		p.looked = now
		stamp, err := p.newest()
		if err == nil && !stamp.Equal(p.stamp) {
			err = p.load(stamp)
		}
		if err != nil {
			p.failed(err)
		}
	}
	return p.current, nil
}

// tlsListener hands out connections whose handshake is done: those that speak
// HTTP/2 as net/http knows them, the others so that their request lines can be
// mended (target.go).
type tlsListener struct {
	net.Listener
	config *tls.Config
	ready  chan net.Conn
	failed chan error
	closed chan struct{}
	once   sync.Once
	slots  chan struct{} // one for each handshake in progress
}

const (
	handshakeTime = 10 * time.Second
	maxHandshakes = 1024
)

func newTLSListener(l net.Listener, config *tls.Config) *tlsListener {
	t := &tlsListener{Listener: l, config: config, ready: make(chan net.Conn), failed: make(chan error, 1), closed: make(chan struct{}), slots: make(chan struct{}, maxHandshakes)}
	go t.run()
	return t
}

func (l *tlsListener) run() {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.failed <- err
			return
		}
		l.slots <- struct{}{}
		go func() {
			defer func() { <-l.slots }()
			l.shake(c)
		}()
	}
}

func (l *tlsListener) shake(c net.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
	defer cancel()
	secured := tls.Server(c, l.config)
	if secured.HandshakeContext(ctx) != nil {
		c.Close()
		return
	}
	var out net.Conn = secured
	if secured.ConnectionState().NegotiatedProtocol != "h2" {
		m := &mendedConn{Conn: secured}
		m.expecting.Store(true)
		out = m
	}
	select {
	case l.ready <- out:
	case <-l.closed:
		c.Close()
	}
}

// Accept implements net.Listener.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.failed:
		l.failed <- err // for the next caller
		return nil, err
	}
}

// Close implements net.Listener.
func (l *tlsListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type tlsKey struct{}

// rememberTLS notes for mended connections what net/http notes for its own.
func rememberTLS(ctx context.Context, c net.Conn) context.Context {
	if m, ok := c.(*mendedConn); ok {
		if secured, ok := m.Conn.(*tls.Conn); ok {
			return context.WithValue(ctx, tlsKey{}, secured)
		}
	}
	return ctx
}

// tellTLS tells handlers that a request came over TLS.
func tellTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if secured, ok := r.Context().Value(tlsKey{}).(*tls.Conn); ok && r.TLS == nil {
			state := secured.ConnectionState()
			r.TLS = &state
		}
		next.ServeHTTP(w, r)
	})
}

// secure puts TLS before the listener if there is a certificate. HTTP/2 is
// offered there; over plain HTTP an upgrade to it is not taken up.
func (s *Server) secure(l net.Listener) (net.Listener, error) {
	c := s.config
	if c.TLSCert == "" && c.TLSKey == "" {
		return lenient{l}, nil
	}
	if c.TLSCert == "" || c.TLSKey == "" {
		return nil, fmt.Errorf("--tls-cert and --tls-key must be given together")
	}
	pair, err := loadKeyPair(c.TLSCert, c.TLSKey, func(err error) {
		c.Logger.Error("the renewed TLS certificate cannot be used; the old one is still served", "error", err)
	})
	if err != nil {
		return nil, err
	}
	s.health.expiries.serves(pair)
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.certificate, NextProtos: []string{"h2", "http/1.1"}}
	s.http.TLSConfig = config
	s.http.ConnContext = rememberTLS
	return newTLSListener(l, config), nil
}
