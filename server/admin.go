package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// admin is the listener for operators: metrics, profiles and health. It asks
// for no password, so it belongs on an address that only they reach.
type admin struct {
	http     *http.Server
	listener net.Listener
}

func (s *Server) startAdmin(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --admin-listen", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /healthz", s.health.alive)
	mux.HandleFunc("GET /readyz", s.health.ready)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s.admin = &admin{&http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
	}, listener}
	go func() {
		if err := s.admin.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.config.Logger.Error("the admin listener stopped", "error", err)
		}
	}()
	return nil
}

// AdminAddr is the address of the admin listener, once started; nil without one.
func (s *Server) AdminAddr() net.Addr {
	if s.admin == nil {
		return nil
	}
	return s.admin.listener.Addr()
}

// close stops the listener. A profile in progress is cut off at the end of the context.
func (a *admin) close(ctx context.Context) error {
	if a == nil {
		return nil
	}
	if err := a.http.Shutdown(ctx); err != nil {
		return errors.Join(err, a.http.Close())
	}
	return nil
}
