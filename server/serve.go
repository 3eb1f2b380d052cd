package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/channel"
	"github.com/aurora-push/aurora/console"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/sdk/ios"
)

// lockName is the file in a data folder that a running server holds locked.
const lockName = "server.lock"

// Alone reports whether no server uses the data folder, and with it the
// database, now.
func (s *Server) Alone() bool {
	if s.config.Database != "" {
		return false
	}
	lock, err := lockFile(filepath.Join(s.config.Data, lockName))
	if err != nil {
		return false
	}
	return lock.Close() == nil
}

// Start takes the data folder for this process, begins sending and listens.
// When it returns without an error the server is ready.
func (s *Server) Start(ctx context.Context) (err error) {
	if s.lock, err = lockFile(filepath.Join(s.config.Data, lockName)); err != nil {
		return fmt.Errorf("another Aurora server is using the data folder %s: %w", s.config.Data, err)
	}
	if err := s.store.FreeLeases(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.beat(ctx), s.cluster.clock()); err != nil {
		return err
	}
	if err := s.keepGateways(ctx); err != nil {
		return err
	}
	handler, err := s.handler()
	if err != nil {
		return err
	}
	listen := s.config.Listen
	if listen == "" {
		listen = ":8080"
	}
	if s.listener, err = net.Listen("tcp", listen); err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", listen, err)
	}
	if s.config.AdminListen != "" {
		if err := s.startAdmin(s.config.AdminListen); err != nil {
			return err
		}
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	streams, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	s.endStreams = endStreams
	if s.store.Shared() {
		s.workers.Go(func() { s.beats(run) })
		s.workers.Go(func() { s.upgrades(run) })
		s.workers.Go(func() { s.heed(run, workTopic, s.Dispatch.Look) })
		s.workers.Go(func() { s.heed(run, accountTopic, s.Accounts.Forget) })
	}
	s.workers.Go(func() { s.watchOutages(run) })
	s.workers.Go(func() { s.Accounts.Run(run) })
	s.workers.Go(func() { s.Registry.Run(run) })
	s.workers.Go(func() { s.Dispatch.Run(run) })
	s.workers.Go(func() { s.Schedules.Run(run) })
	s.workers.Go(func() { s.Webhooks.Run(run) })
	if s.Mail != nil {
		s.workers.Go(func() { s.Mail.Run(run) })
	}
	s.workers.Go(func() { s.Inbox.Run(streams) }) // devices that wait for messages end with the live streams
	retention := ledger.Retention{Archive: s.store, Logger: s.config.Logger, Keep: s.config.KeepMessages, Also: s.Registry.Forgetter(s.config.KeepQuarantined)}
	s.workers.Go(func() { retention.Run(run) })
	s.http = newHTTP(tellTLS(boundTimes(boundStreams(streams, handler))), s.config.Logger)
	listener, err := s.secure(s.listener)
	if err != nil {
		return errors.Join(err, s.listener.Close())
	}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.config.Logger.Error("the HTTP listener stopped", "error", err)
		}
	}()
	return nil
}

// newHTTP returns a server that no client can hold up for ever. It speaks
// HTTP/1.1, HTTP/2 over TLS, and HTTP/2 without it to those who know beforehand,
// as proxies do.
func newHTTP(h http.Handler, log *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		Protocols:         &protocols,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) handler() (http.Handler, error) {
	rest := api.New(api.Config{
		Accounts: s.Accounts, Keys: s.Accounts, Owners: s.Accounts, Admin: s.Accounts, Groups: s.Dispatch, Files: s.Files, Assets: s.Assets, Tests: s.Registry,
		Webhooks: s.Webhooks, Deliveries: s.Webhooks,
		Dispatcher: s.Dispatch, Reports: s.Ledger, Devices: s.Registry, Inbox: s.Inbox, Labels: s.Registry, Quarantine: s.Registry, Segments: s.Registry, Statistics: s.Registry, Schedules: s.Schedules,
		Limits: s.config.Limits, Servers: s.cluster.count, TrustedProxies: s.config.TrustedProxies,
		Logger: s.config.Logger, PublicURL: s.config.PublicURL, Watch: s.watch,
	})
	var letters console.Letters // no value at all without a mail server
	if s.Mail != nil {
		letters = s.Mail
	}
	pages, err := console.New(console.Config{
		Account: s.Accounts, People: s.Accounts, Settings: s.Accounts, Hooks: s.Webhooks, Operator: s, Letters: letters, Sample: ios.Files, Editor: s.Registry, Quarantine: s.Registry, Figures: s.Registry, Pushes: ledger.NewStatistics(s.store), Registry: s.Registry, Dispatch: s.Dispatch, Schedules: s.Schedules, Approvals: s.Approvals, Ledger: s.Ledger, Payload: channel.IOSPayload,
		Logger: s.config.Logger, PublicURL: s.config.PublicURL, PhoneURL: s.config.PhoneURL, TrustedProxies: s.config.TrustedProxies,
	})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not a ServeMux: it redirects paths that official clients send.
		switch first := firstSegment(r.URL.Path); {
		case first == "v1" || first == "v3":
			rest.ServeHTTP(w, r)
		case first == "reference":
			api.ServeReference(w, r)
		case first == "openapi.json":
			api.ServeOpenAPI(w, r)
		case first == "healthz":
			s.health.alive(w, r)
		case first == "readyz":
			s.health.ready(w, r)
		case first == "phone" && s.config.Phone != nil:
			http.StripPrefix("/phone", s.config.Phone).ServeHTTP(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	}), nil
}

func firstSegment(path string) string {
	start := 0
	for start < len(path) && path[start] == '/' {
		start++
	}
	end := start
	for end < len(path) && path[end] != '/' {
		end++
	}
	return path[start:end]
}

// headerTime bounds how long a client may take to send a request's header,
// bodyTime how long for its body, and answerTime how long a request may take in all, until its answer is read: a
// client that reads nothing must not hold a connection for ever. Live streams
// last, and bound each of their writes themselves.
const (
	headerTime = 10 * time.Second
	bodyTime   = 30 * time.Second
	answerTime = 5 * time.Minute
)

// uploadTime is what a long body gets beside bodyTime: a second for each
// 100,000 bytes it is said to have, and no more than two minutes.
func uploadTime(length int64) time.Duration {
	return min(time.Duration(max(length, 0)/100_000)*time.Second, 2*time.Minute)
}

func boundTimes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not every ResponseWriter can set deadlines; net/http's can. They stay
		// with the connection, so every request sets its own.
		control := http.NewResponseController(w)
		if r.ContentLength != 0 {
			_ = control.SetReadDeadline(time.Now().Add(bodyTime + uploadTime(r.ContentLength)))
		}
		deadline := time.Now().Add(answerTime)
		if isStream(r) {
			deadline = time.Time{}
		}
		_ = control.SetWriteDeadline(deadline)
		next.ServeHTTP(w, r)
	})
}

func isStream(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream") || strings.Trim(r.URL.Path, "/") == "v1/events"
}

// boundStreams ends live streams with the context: a stopping server waits for
// all other requests, and these would last.
func boundStreams(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isStream(r) {
			stream, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(ctx, cancel)()
			r = r.WithContext(stream)
		}
		next.ServeHTTP(w, r)
	})
}

// watch counts and traces a REST request.
func (s *Server) watch(r *http.Request, route string) (context.Context, func(status int, waited time.Duration)) {
	began := time.Now()
	ctx, end := s.tracer.request(r, route)
	return ctx, func(status int, waited time.Duration) {
		end(status)
		s.metrics.countRequest(r.Method, route, status, max(time.Since(began)-waited, 0))
	}
}

// Addr is the address of the HTTP listener, once started.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is where a browser on this machine reaches the server, once started.
func (s *Server) URL() string {
	if s.config.PublicURL != "" {
		return s.config.PublicURL
	}
	host, port, _ := net.SplitHostPort(s.listener.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http://"
	if s.config.TLSCert != "" {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port)
}

// SetupLink returns the URL of the first-run page with a fresh one-time link,
// or "" if there is an account already.
func (s *Server) SetupLink(ctx context.Context) (string, error) {
	first, err := s.Accounts.FirstRun(ctx)
	if err != nil || !first {
		return "", err
	}
	link, err := s.Accounts.IssueLink(ctx, account.SetupLink, 0)
	return s.URL() + "/setup?link=" + link, err
}

// Shutdown says that the server is not ready any more, waits for the drain
// delay, stops listening, lets requests and jobs in progress finish, and closes
// everything. It takes no longer than the context allows, plus what the
// database needs for its last commit.
func (s *Server) Shutdown(ctx context.Context) error {
	var err error
	s.health.drain()
	if s.http != nil {
		select {
		case <-time.After(s.config.DrainDelay):
		case <-ctx.Done():
		}
		s.endStreams()
		if err = s.http.Shutdown(ctx); err != nil {
			err = errors.Join(err, s.http.Close())
		}
		s.cancel()
	}
	s.workers.Wait()
	s.bus.Close()
	s.channel.Close(ctx)
	err = errors.Join(err, s.admin.close(ctx), s.tracer.close(ctx), s.store.Close())
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}
