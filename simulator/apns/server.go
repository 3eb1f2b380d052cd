package apns

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a local APNs. Make one with [NewServer].
type Server struct {
	config    Config
	logger    *slog.Logger
	clock     *clock
	ids       *identifiers
	authority *authority
	keys      *keyring
	registry  *registry
	faults    *scripts
	updates   *tokenUpdates
	sources   *sources
	policy    atomic.Pointer[Policy]
	tlsConfig *tls.Config
	stopping  chan struct{}

	connectionIDs atomic.Uint64
	bench         benchCounters

	mu        sync.Mutex
	started   bool
	stopped   bool
	open      map[peer]struct{}
	listeners []net.Listener
	manage    *http.Server
	urls      [3]string // production, sandbox, manage
	wait      sync.WaitGroup
}

// peer is a connection of either side.
type peer interface {
	shutdown() // end politely, soon
	abort()    // end now
}

func (ss *session) shutdown() { ss.finish() }
func (ss *session) abort()    { ss.conn.Close() }

// caller is a provider connection before the end of its handshake.
type caller struct{ net.Conn }

func (c caller) shutdown() { c.Close() }
func (c caller) abort()    { c.Close() }

// NewServer makes a server: it loads or creates the authority and reads the
// registry in config.Dir, and listens nowhere yet. Issue works from here on.
func NewServer(config Config) (*Server, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Keep <= 0 {
		config.Keep = 10000
	}
	for _, listen := range []*string{&config.Listen, &config.SandboxListen, &config.ManageListen} {
		if *listen == "" {
			*listen = "127.0.0.1:0"
		}
	}
	policy := DefaultPolicy()
	if config.Policy != nil {
		policy = *config.Policy
	}
	if err := policy.check(); err != nil {
		return nil, err
	}
	authority, err := openAuthority(config.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, logger: config.Logger, authority: authority,
		clock: newClock(), ids: newIdentifiers(config.Seed), keys: newKeyring(config.Dir),
		updates:  &tokenUpdates{accepted: map[string]*providerToken{}},
		sources:  &sources{seen: map[string]*source{}},
		stopping: make(chan struct{}), open: map[peer]struct{}{},
	}
	s.policy.Store(&policy)
	if config.BenchWindow != 0 && (config.BenchWindow < defaultWindow || config.BenchWindow > 1<<31-1) {
		return nil, fmt.Errorf("apns: the bench window is %d; use %d to %d bytes", config.BenchWindow, defaultWindow, 1<<31-1)
	}
	if config.Bench && config.Distinct {
		s.bench.tally = newTally()
	}
	s.faults = newScripts(s.ids)
	s.registry = newRegistry(s.clock, s.policy.Load, s.ids, config.Keep, config.Logger)
	s.registry.any = config.AcceptAnyToken
	if config.Dir != "" {
		if err := s.registry.load(config.Dir); err != nil {
			return nil, err
		}
	}
	if err := s.prepareTLS(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) prepareTLS() error {
	names := slices.Clone(s.config.Names)
	for _, listen := range []string{s.config.Listen, s.config.SandboxListen} {
		host, _, err := net.SplitHostPort(listen)
		if err != nil {
			return fmt.Errorf("apns: listen address %q must be host:port: %w", listen, err)
		}
		names = append(names, host)
	}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	certificate, err := s.authority.serverCertificate(names)
	if err != nil {
		return err
	}
	s.tlsConfig = &tls.Config{
		Certificates: []tls.Certificate{certificate},
		NextProtos:   []string{"h2"},
		MinVersion:   tls.VersionTLS12,
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    s.authority.clientPool(),
		Time:         s.clock.Now, // certificates expire by the server's clock
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 && s.keys.certificateRevoked(serialOf(state.PeerCertificates[0])) {
				return errors.New("the client certificate was revoked")
			}
			return nil
		},
	}
	return nil
}

// Start listens on all three addresses and serves in the background; the
// server is ready when it returns. ctx bounds only the start.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.stopped {
		return errors.New("apns: a server starts once; make a new one")
	}
	if s.config.Dir != "" {
		if err := s.registry.open(s.config.Dir); err != nil {
			return err
		}
	}
	if err := s.listen(ctx); err != nil {
		for _, l := range s.listeners {
			l.Close()
		}
		return errors.Join(err, s.registry.close())
	}
	s.started = true
	for i, e := range []Environment{Production, Development} {
		l := s.listeners[i]
		s.urls[i] = "https://" + reachable(l.Addr())
		s.wait.Go(func() { s.acceptProviders(e, l) })
	}
	s.urls[2] = "http://" + reachable(s.listeners[2].Addr())
	if tcp, ok := s.listeners[2].Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		s.logger.Warn("the management API has no authentication and listens beyond this machine", "address", tcp.String())
	}
	s.manage = &http.Server{
		Handler:           s.manageHandler(s.listeners[2].Addr()),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	s.wait.Go(func() { s.manage.Serve(s.listeners[2]) })
	s.wait.Go(s.sweepUntilStopped)
	return nil
}

func (s *Server) listen(ctx context.Context) error {
	var config net.ListenConfig
	for _, address := range []string{s.config.Listen, s.config.SandboxListen, s.config.ManageListen} {
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("apns: listen on %s: %w", address, err)
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// reachable is the address for clients on this machine: nobody can connect to
// the wildcard address everywhere.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

func (s *Server) sweepUntilStopped() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.stopping:
			return
		case <-tick.C:
			s.registry.sweep()
		}
	}
}

func (s *Server) acceptProviders(e Environment, l net.Listener) {
	pause := 5 * time.Millisecond
	for {
		conn, err := l.Accept()
		if err != nil {
			select {
			case <-s.stopping:
				return
			case <-time.After(pause): // out of file descriptors, most likely
				pause = min(2*pause, time.Second)
				s.logger.Warn("cannot accept a connection", "error", err)
				continue
			}
		}
		pause = 5 * time.Millisecond
		s.wait.Go(func() { s.ServeProvider(e, conn) })
	}
}

// ServeProvider serves one provider connection on conn, beginning with the TLS
// handshake, as if it had come in through the listener of environment e. It
// returns when the connection has ended, and closes conn.
func (s *Server) ServeProvider(e Environment, conn net.Conn) {
	if !s.sources.admit(conn, s.policy.Load()) {
		s.tally("connections_refused")
		conn.Close()
		return
	}
	defer s.sources.release(conn)
	s.serveProvider(e, conn)
}

// pause waits for d, or less when the server stops.
func (s *Server) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.stopping:
	case <-t.C:
	}
}

// track notes a peer, so that Shutdown can reach it and waits for it. It
// refuses after Shutdown.
func (s *Server) track(p peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.open[p] = struct{}{}
	s.wait.Add(1)
	return true
}

func (s *Server) untrack(p peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, p)
	s.wait.Done()
}

func (s *Server) connections() []*connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*connection
	for p := range s.open {
		if c, ok := p.(*connection); ok {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *connection) int { return int(a.id) - int(b.id) })
	return list
}

func (s *Server) tally(name string) {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	s.registry.record.count(name)
}

// SetPolicy changes the policy for the requests and connections to come, and
// announces changed stream limits to the open ones.
func (s *Server) SetPolicy(p Policy) error {
	if err := p.check(); err != nil {
		return err
	}
	old := s.policy.Swap(&p)
	for _, c := range s.connections() {
		c.adopt(old, &p)
	}
	return nil
}

// Policy returns the policy in force.
func (s *Server) Policy() Policy { return *s.policy.Load() }

// AddFault puts a fault script at the end of the list.
func (s *Server) AddFault(f Fault) error { return s.faults.add(&f) }

// ClearFaults removes all fault scripts.
func (s *Server) ClearFaults() { s.faults.clear() }

// Revoke makes a credential unusable: a provider key by its key id, a
// certificate by its serial number in hexadecimal.
func (s *Server) Revoke(id string) error { return s.keys.revoke(id) }

// ProductionURL is where pushes for production go, for example
// "https://127.0.0.1:2197". Empty before Start.
func (s *Server) ProductionURL() string { return s.url(0) }

// SandboxURL is where pushes for development go. Empty before Start.
func (s *Server) SandboxURL() string { return s.url(1) }

// ManageURL is where the management API and the couriers are. Empty before Start.
func (s *Server) ManageURL() string { return s.url(2) }

func (s *Server) url(i int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.urls[i]
}

// CAPEM is the root certificate that clients must trust, as PEM.
func (s *Server) CAPEM() []byte { return slices.Clone(s.authority.pem) }

// Shutdown ends the server: providers get GOAWAY with the reason Shutdown and
// their open requests are answered, phones are disconnected, and the registry
// is closed. When ctx ends first, what is left is cut off and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return nil
	}
	s.stopped = true
	close(s.stopping)
	for _, l := range s.listeners {
		l.Close()
	}
	peers := make([]peer, 0, len(s.open))
	for p := range s.open {
		peers = append(peers, p)
	}
	manage := s.manage
	s.mu.Unlock()

	var polite sync.WaitGroup // a goodbye may wait for a peer that does not read
	for _, p := range peers {
		polite.Go(p.shutdown)
	}
	defer polite.Wait()
	if manage != nil {
		manage.Close()
	}
	done := make(chan struct{})
	go func() { s.wait.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		for _, p := range peers {
			p.abort()
		}
		<-done // every connection is closed, so every goroutine ends
	}
	return errors.Join(err, s.registry.close())
}
