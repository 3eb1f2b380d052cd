package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
)

// serve runs a server of its own on a folder.
func serve(t *testing.T, c server.Config) *server.Server {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	s, err := server.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func createApp(t *testing.T, s *server.Server) aurora.App {
	t.Helper()
	owner, _, err := s.Accounts.Create(t.Context(), "owner@example.com", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	app, err := s.Accounts.CreateApp(t.Context(), owner.ID, "Reader", bundleID)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// A request that is in progress when the server is told to stop is answered as
// on any other day.
func TestShutdownFinishesRequestsInProgress(t *testing.T) {
	s := serve(t, server.Config{Data: t.TempDir()})
	app := createApp(t, s)
	body, rest := io.Pipe()
	reading := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL()+"/v1/devices", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Expect", "100-continue")
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		resp, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(r)
		if err != nil {
			answered <- answer{"", err}
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		answered <- answer{fmt.Sprint(resp.StatusCode, " ", string(b)), err}
	}()
	<-reading
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- s.Shutdown(ctx)
	}()
	awaitClosed(t, s.Addr().String())
	fmt.Fprintf(rest, `{"app_key":%q,"install_id":"install-1","secret":%q,"platform":"ios"}`, app.Key, strings.Repeat("s", 43))
	rest.Close()
	if a := <-answered; a.err != nil || !strings.HasPrefix(a.text, "200 ") {
		t.Errorf("the request in progress got %s, %v; want 200", a.text, a.err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// awaitClosed waits until nobody listens on an address.
func awaitClosed(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("the server goes on listening")
		}
	}
}

// Open pages do not hold a stopping server up.
func TestShutdownEndsLiveStreams(t *testing.T) {
	begun := make(chan struct{})
	s := serve(t, server.Config{Data: t.TempDir(), Phone: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: here\n\n")
		http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
	})})
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/phone/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream") // as browsers do
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "data: here\n" {
		t.Fatal(line, err)
	}
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begin := time.Now()
	if err := s.Shutdown(ctx); err != nil || time.Since(begin) > 5*time.Second {
		t.Errorf("stopping took %v: %v", time.Since(begin), err)
	}
}

// What stands in the way of a start is said, and nothing is left behind.
func TestStartIsRefused(t *testing.T) {
	s := serve(t, server.Config{Data: t.TempDir()})
	defer s.Shutdown(t.Context())
	second, err := server.Open(t.Context(), server.Config{Data: t.TempDir(), Listen: s.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("on a port in use: %v", err)
	}
	if err := second.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
