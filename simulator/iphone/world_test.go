package iphone

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/simulator/apns"
)

// world is a phone before the real local APNs, and a provider behind it; all in memory, so that time is the test's.
type world struct {
	*rig
	apns   *apns.Server
	key    *apns.Issued
	client *http.Client
	iat    time.Time
	jwt    string
}

// newWorld must be called in a synctest bubble. The app is open, registered and in the background afterwards.
func newWorld(t *testing.T, build Build, change ...func(*apns.Policy)) *world {
	t.Helper()
	policy := apns.DefaultPolicy()
	for _, c := range change {
		c(&policy)
	}
	server, err := apns.NewServer(apns.Config{Policy: &policy})
	if err != nil {
		t.Fatal(err)
	}
	key, err := server.Issue(apns.IssueRequest{Key: true, BundleID: testBundle})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{apns: server, key: key}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CAPEM())
	transport := &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := bufferedPipe()
		go server.ServeProvider(apns.Development, far)
		conn := tls.Client(near, &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"h2"}})
		return conn, conn.HandshakeContext(ctx)
	}}
	w.client = &http.Client{Transport: transport, Timeout: time.Minute}
	w.rig = newRig(t, func(c *Config) {
		c.Dial = func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go server.ServeCourier(far)
			return near, nil
		}
	})
	if err := w.Update(testBundle, build); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
	w.ready(t)
	w.Home()
	synctest.Wait() // a token for live activities may come after the app's
	return w
}

// app is the sample app's state.
func (w *world) app() AppState { return w.State().Apps[0] }

// send pushes to the app's device token; head holds pairs of header names and values. It returns the status when everything
// that follows from the push has happened.
func (w *world) send(t *testing.T, payload string, head ...string) int {
	t.Helper()
	return w.sendTo(t, w.app().Token, payload, head...)
}

func (w *world) sendTo(t *testing.T, token, payload string, head ...string) int {
	t.Helper()
	r := w.request(t, "/3/device/"+token, payload, append([]string{"apns-topic", testBundle, "apns-push-type", "alert"}, head...)...)
	return r.StatusCode
}

func (w *world) request(t *testing.T, path, body string, head ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "https://localhost"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("authorization", "bearer "+w.token(t))
	for n := 0; n < len(head); n += 2 {
		r.Header.Set(head[n], head[n+1])
	}
	answer, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	synctest.Wait()
	return answer
}

// token is the provider token, renewed before it is an hour old.
func (w *world) token(t *testing.T) string {
	t.Helper()
	if time.Since(w.iat) < 50*time.Minute {
		return w.jwt
	}
	block, _ := pem.Decode(w.key.P8)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(fmt.Appendf(nil, `{"alg":"ES256","kid":%q}`, w.key.KeyID)) + "." +
		encode(fmt.Appendf(nil, `{"iss":%q,"iat":%d}`, w.key.TeamID, time.Now().Unix()))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, private.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	w.iat, w.jwt = time.Now(), signed+"."+encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	return w.jwt
}

// offline takes the phone away from APNs until the returned function is called.
func (w *world) offline(t *testing.T) (back func()) {
	t.Helper()
	w.SetAirplane(true)
	synctest.Wait()
	return func() {
		w.SetAirplane(false)
		w.wait(t, "connected again", func(s State) bool { return s.Session == Connected })
		synctest.Wait()
	}
}

// texts are the bodies of the entries, newest first.
func texts(entries []Notification) string {
	var all []string
	for _, n := range entries {
		all = append(all, n.Body)
	}
	return strings.Join(all, ", ")
}

func alert(text string, more ...string) string {
	aps := map[string]any{"alert": text, "sound": "default"}
	for n := 0; n < len(more); n += 2 {
		aps[more[n]] = json.RawMessage(more[n+1])
	}
	data, err := json.Marshal(map[string]any{"aps": aps})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// bufferedPipe is net.Pipe with writes that do not wait for the reader: in TLS both sides write first.
func bufferedPipe() (near, far net.Conn) {
	a, b := net.Pipe()
	return newBufferedConn(a), newBufferedConn(b)
}

type bufferedConn struct {
	net.Conn
	mu     sync.Mutex
	queue  [][]byte
	wake   chan struct{}
	closed bool
}

func newBufferedConn(c net.Conn) *bufferedConn {
	b := &bufferedConn{Conn: c, wake: make(chan struct{}, 1)}
	go b.flush()
	return b
}

func (b *bufferedConn) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, net.ErrClosed
	}
	b.queue = append(b.queue, append([]byte(nil), data...))
	b.poke()
	return len(data), nil
}

// Close lets what was written go out first.
func (b *bufferedConn) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.poke()
	return nil
}

func (b *bufferedConn) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *bufferedConn) flush() {
	defer b.Conn.Close()
	for range b.wake {
		b.mu.Lock()
		queue, closed := b.queue, b.closed
		b.queue = nil
		b.mu.Unlock()
		b.Conn.SetWriteDeadline(time.Now().Add(time.Minute))
		for _, data := range queue {
			if _, err := b.Conn.Write(data); err != nil {
				return
			}
		}
		if closed {
			return
		}
	}
}
