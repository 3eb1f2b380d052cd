package apns

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Cases of spec 9.4 that need real TLS and real sockets, and foreign servers.

func TestC32ServersThatSpeakOnlyHTTP1(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	for name, protocols := range map[string][]string{"says so": {"http/1.1"}, "says nothing": nil} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(handler)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{serverTLS()}, NextProtos: protocols}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if protocols == nil {
				// httptest would add http/1.1; a plain TLS listener does not.
				server.Listener = tls.NewListener(server.Listener, server.TLS)
				server.Start()
				server.URL = "https://" + server.Listener.Addr().String()
			} else {
				server.StartTLS()
			}
			defer server.Close()
			err := newTestClient(t, Config{URL: server.URL}).Probe(testContext(t), "com.example.app")
			if f, ok := err.(*Failure); !ok || f.Cause != CauseProtocol || !strings.Contains(err.Error(), "HTTP/1") {
				t.Errorf("Probe = %v, want a failure that names HTTP/1", err)
			}
		})
	}
}

func TestC33RefusedCertificateIsNoNetworkProblem(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3, where the alert comes late": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
			server.EnableHTTP2 = true
			server.TLS = &tls.Config{Certificates: []tls.Certificate{serverTLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(), MaxVersion: version}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			client := newTestClient(t, Config{URL: server.URL, Certificate: testCertificate(t)})
			result := client.Push(testContext(t), notification(0))
			if !failed(CauseCredential, true)(result) {
				t.Errorf("Push = %+v, want a credential failure", result)
			}
			if err := client.Submit(testContext(t), notification(1), func(*Result) {}); err == nil {
				t.Error("the next Submit was accepted")
			}
		})
	}
}

func TestUnknownAuthorityIsExplained(t *testing.T) {
	server := goServer(t, tls.NoClientCert, func(w http.ResponseWriter, r *http.Request) {})
	client, err := NewClient(Config{URL: server.URL, Key: newKey(t), RootCAs: x509.NewCertPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Probe(testContext(t), "com.example.app"); err == nil || !strings.Contains(err.Error(), "RootCAs") {
		t.Errorf("Probe = %v, want a hint at RootCAs", err)
	}
}

// drip is a connection that gives and takes one byte at a time.
type drip struct{ net.Conn }

func (d drip) Read(p []byte) (int, error) { return d.Conn.Read(p[:min(1, len(p))]) }

func (d drip) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestServerThatAnswersOneByteAtATime(t *testing.T) {
	gateway := &quickGateway{wrap: func(c net.Conn) net.Conn { return drip{c} }}
	client := newTestClient(t, Config{URL: gateway.start(t)})
	sendMany(t, client, 10, 50)
}

// sendMany sends from several goroutines and requires exactly one acceptance for each.
func sendMany(t *testing.T, client *Client, senders, each int) {
	t.Helper()
	answers := make([]atomic.Int32, senders*each)
	var left sync.WaitGroup
	left.Add(senders * each)
	var wrong atomic.Pointer[Result]
	for s := range senders {
		go func() {
			for i := range each {
				err := client.Submit(testContext(t), notification(s*each+i), func(r *Result) {
					answers[r.Notification.Tag].Add(1)
					if !r.Accepted() {
						copied := *r
						wrong.Store(&copied)
					}
					left.Done()
				})
				if err != nil {
					t.Error(err)
					left.Done()
				}
			}
		}()
	}
	left.Wait()
	for i := range answers {
		if answers[i].Load() != 1 {
			t.Fatalf("notification %d got %d results", i, answers[i].Load())
		}
	}
	if r := wrong.Load(); r != nil {
		t.Errorf("not accepted: %+v", *r)
	}
}

func TestC39AMillionOnOneConnection(t *testing.T) {
	count := 1_000_000
	if testing.Short() || raceEnabled {
		count = 100_000
	}
	gateway := &quickGateway{}
	client := newTestClient(t, Config{URL: gateway.start(t), MaxConnections: 1})
	n := notification(0)
	accepted := 0
	for result := range client.Stream(context.Background(), func(yield func(*Notification) bool) {
		for range count {
			if !yield(n) {
				return
			}
		}
	}) {
		if !result.Accepted() {
			t.Fatalf("%+v", result)
		}
		accepted++
	}
	if accepted != count || gateway.served.Load() != int64(count) || gateway.connections.Load() != 1 {
		t.Errorf("%d accepted, %d served, %d connections; want %d on one", accepted, gateway.served.Load(), gateway.connections.Load(), count)
	}
	connection := client.live[0]
	if len(connection.pending.ring) > maxRing || len(connection.pending.stragglers) != 0 || len(client.queue.ring) > 16384 {
		t.Errorf("ring %d, stragglers %d, queue %d after %d requests", len(connection.pending.ring), len(connection.pending.stragglers), len(client.queue.ring), count)
	}
}

func TestC42ManySendersWhileConnectionsAndKeysChange(t *testing.T) {
	gateway := &quickGateway{goAwayAfter: 2500}
	client := newTestClient(t, Config{URL: gateway.start(t), MaxConnections: 4, QueueSize: 256})
	stop := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if err := client.SetKey(newKey(t)); err != nil {
				t.Error(err)
			}
		}
	})
	const senders, each = 100, 100
	sendMany(t, client, senders, each)
	close(stop)
	changing.Wait()
	if got := gateway.served.Load(); got != senders*each {
		t.Errorf("the gateway processed %d requests, want %d: GOAWAY loses and doubles nothing", got, senders*each)
	}
}

func TestCloseLeavesNoGoroutines(t *testing.T) {
	gateway := &quickGateway{}
	url := gateway.start(t)
	before := runtime.NumGoroutine()
	for range 5 {
		client := newTestClient(t, Config{URL: url})
		if r := client.Push(testContext(t), notification(0)); !r.Accepted() {
			t.Fatalf("%+v", r)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if err := client.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if r := client.Push(testContext(t), notification(0)); !errors.Is(r.Err, ErrClosed) {
			t.Errorf("Push after Close: %+v", r)
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched() // the server's side ends a moment later
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}

// TestNghttpd sends to nghttp2's own server, an implementation in C that is independent of Go's.
func TestNghttpd(t *testing.T) {
	program, err := exec.LookPath("nghttpd")
	if err != nil {
		t.Skip("nghttpd is not installed")
	}
	directory := t.TempDir()
	certificate := serverTLS()
	var chain []byte
	for _, der := range certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	certFile, keyFile := filepath.Join(directory, "cert.pem"), filepath.Join(directory, "key.pem")
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(certificate.PrivateKey))})
	if err := errors.Join(os.WriteFile(certFile, chain, 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	command := exec.CommandContext(t.Context(), program, "--address=127.0.0.1", "--echo-upload", "--htdocs="+directory, strconv.Itoa(port), keyFile, certFile)
	command.Stderr = io.Discard
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	client := newTestClient(t, Config{URL: "https://127.0.0.1:" + strconv.Itoa(port)})
	// The server takes a moment to listen; the client's own back-off bridges it.
	if r := client.Push(testContext(t), notification(0)); r.Status != 200 {
		t.Fatalf("%+v", r)
	}
	sendMany(t, client, 10, 200)
}
