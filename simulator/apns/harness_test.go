package apns

import (
	"bufio"
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
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const testBundle = "com.example.App"

// startServer starts a server that ends with the test.
func startServer(t testing.TB, config Config) *Server {
	t.Helper()
	s, err := NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return s
}

func mustIssue(t testing.TB, s *Server, r IssueRequest) *Issued {
	t.Helper()
	if r.BundleID == "" && !r.Key {
		r.BundleID = testBundle
	}
	issued, err := s.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// provider is a foreign client: the standard library's HTTP/2.
type provider struct {
	http  *http.Client
	url   string
	token string // provider token; empty with a certificate
}

type providerOption func(*tls.Config)

func maxTLS(version uint16) providerOption {
	return func(c *tls.Config) { c.MaxVersion = version }
}

func newProvider(t testing.TB, s *Server, e Environment, credential *Issued, options ...providerOption) *provider {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	config.RootCAs.AppendCertsFromPEM(s.CAPEM())
	p := &provider{url: s.ProductionURL()}
	if e == Development {
		p.url = s.SandboxURL()
	}
	if credential != nil && credential.P12 != nil {
		config.Certificates = []tls.Certificate{credential.TLS}
	} else if credential != nil {
		p.token = signToken(t, credential, time.Now(), nil) // once: a client that mints all the time is told so
	}
	for _, o := range options {
		o(config)
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	p.http = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return p
}

// tokenParts lets a test bend a provider token.
type tokenParts struct {
	header, claims string
	der            bool
	encoding       *base64.Encoding
}

func signToken(t testing.TB, key *Issued, issued time.Time, bend func(*tokenParts)) string {
	t.Helper()
	block, _ := pem.Decode(key.P8)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	parts := tokenParts{
		header:   fmt.Sprintf(`{"alg":"ES256","kid":%q}`, key.KeyID),
		claims:   fmt.Sprintf(`{"iss":%q,"iat":%d}`, key.TeamID, issued.Unix()),
		encoding: base64.RawURLEncoding,
	}
	if bend != nil {
		bend(&parts)
	}
	signed := parts.encoding.EncodeToString([]byte(parts.header)) + "." + parts.encoding.EncodeToString([]byte(parts.claims))
	digest := sha256.Sum256([]byte(signed))
	private := parsed.(*ecdsa.PrivateKey)
	var signature []byte
	if parts.der {
		signature, err = ecdsa.SignASN1(rand.Reader, private, digest[:])
		if err != nil {
			t.Fatal(err)
		}
	} else {
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	return signed + "." + parts.encoding.EncodeToString(signature)
}

// push is a request in the making; fields left empty get a value that is accepted.
type push struct {
	method, path, token, body string
	header                    http.Header
	noTopic                   bool
}

type reply struct {
	Status    int
	Reason    string
	Timestamp int64
	Header    http.Header
	Body      string
}

func (p *provider) push(t testing.TB, m push) reply {
	t.Helper()
	r, err := p.try(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (p *provider) try(ctx context.Context, m push) (reply, error) {
	if m.method == "" {
		m.method = "POST"
	}
	if m.path == "" {
		m.path = "/3/device/" + m.token
	}
	body := m.body
	if body == "" {
		body = `{"aps":{"alert":"hello"}}`
	}
	if body == "none" {
		body = ""
	}
	req, err := http.NewRequestWithContext(ctx, m.method, p.url+m.path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if !m.noTopic {
		req.Header.Set("apns-topic", testBundle)
	}
	maps.Copy(req.Header, m.header)
	if p.token != "" && req.Header.Get("authorization") == "" {
		req.Header.Set("authorization", "bearer "+p.token)
	}
	res, err := p.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{Status: res.StatusCode, Header: res.Header, Body: string(data)}
	if len(data) > 0 {
		var problem struct {
			Reason    string `json:"reason"`
			Timestamp int64  `json:"timestamp"`
		}
		if json.Unmarshal(data, &problem) == nil {
			out.Reason, out.Timestamp = problem.Reason, problem.Timestamp
		}
	}
	return out, nil
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// handset is a phone at the end of a courier session.
type handset struct {
	t     testing.TB
	conn  net.Conn
	lines *bufio.Reader
}

type courierLineSeen struct {
	Op          string          `json:"op"`
	Ref         int64           `json:"ref"`
	ID          string          `json:"id"`
	Token       string          `json:"token"`
	ChannelID   string          `json:"channel_id"`
	BundleID    string          `json:"bundle_id"`
	Environment Environment     `json:"environment"`
	PushType    string          `json:"push_type"`
	Priority    int             `json:"priority"`
	CollapseID  string          `json:"collapse_id"`
	Expiration  *int64          `json:"expiration"`
	APNsID      string          `json:"apns_id"`
	Payload     json.RawMessage `json:"payload"`
	Message     string          `json:"message"`
}

// connectPhone opens a session over a pipe and says hello.
func connectPhone(t testing.TB, s *Server, id string) *handset {
	t.Helper()
	near, far := net.Pipe()
	go s.ServeCourier(far)
	h := &handset{t: t, conn: near, lines: bufio.NewReader(near)}
	t.Cleanup(func() { near.Close() })
	h.send(`{"op":"hello","phone":%q}`, id)
	if got := h.next(); got.Op != "welcome" {
		t.Fatalf("after hello: %+v", got)
	}
	return h
}

func (h *handset) send(format string, args ...any) {
	h.t.Helper()
	h.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(h.conn, format+"\n", args...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *handset) next() courierLineSeen {
	h.t.Helper()
	h.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	line, err := h.lines.ReadBytes('\n')
	if err != nil {
		h.t.Fatalf("waiting for a line: %v", err)
	}
	var seen courierLineSeen
	if err := json.Unmarshal(line, &seen); err != nil {
		h.t.Fatalf("%s: %v", line, err)
	}
	return seen
}

// quiet proves that nothing but the pong arrives: lines are in order, so a
// notification that was on its way would come first.
func (h *handset) quiet() {
	h.t.Helper()
	h.send(`{"op":"ping"}`)
	if got := h.next(); got.Op != "pong" {
		h.t.Fatalf("expected nothing before the pong, got %+v", got)
	}
}

func (h *handset) register(bundle string, e Environment, install string) string {
	h.t.Helper()
	h.send(`{"op":"register","ref":7,"bundle_id":%q,"environment":%q,"install":%q}`, bundle, e, install)
	got := h.next()
	if got.Op != "token" || got.Ref != 7 || len(got.Token) != 64 {
		h.t.Fatalf("after register: %+v", got)
	}
	return got.Token
}

func (h *handset) ack(n courierLineSeen, status string) {
	h.t.Helper()
	h.send(`{"op":"ack","id":%q,"status":%q}`, n.ID, status)
}

// leave ends the session and returns once the server has noticed.
func (h *handset) leave(s *Server, id string) {
	h.t.Helper()
	h.conn.Close()
	waitFor(h.t, "the phone to be offline", func() bool {
		s.registry.mu.Lock()
		defer s.registry.mu.Unlock()
		return s.registry.phones[id].session == nil
	})
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

func contextWithTimeout(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}
