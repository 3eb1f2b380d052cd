package api_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora/server"
)

// What the rules of spec/rest-api.md §2 are tested by:
//
//	T1–T3  TestPathsNeverRedirect, TestEveryPathForm
//	T4–T6  TestTransport, and TestRawTargetsOnOneConnection of package server
//	T7     nothing to do: the client cuts the path
//	T8–T10 TestRequestForms, TestTransport
//	T11    TestRequestForms, TestHTTP2
//	T12    TestFileForms, TestBadForms
//	T13    TestBadInput, TestRefusals
//	R1–R5  world.exchange, for every request of every test
//	R6     TestStrictAnswers, and the description, whose objects are closed
//	R7     TestRefusals, TestBadInput: 400, 401, 403, 404, 405, 429 and 5xx alone
//	R8     TestRateLimitHeaders
//	R9     TestTransport

// raw sends bytes on a connection of their own and returns the answers.
func (w *world) raw(t *testing.T, bytes string, shut bool, methods ...string) (answers []*http.Response, bodies []string) {
	t.Helper()
	conn, err := net.Dial("tcp", w.s.Addr().String())
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	go func() { // while it is answered: what is refused is not read to its end
		io.WriteString(conn, bytes)
		if shut {
			conn.(*net.TCPConn).CloseWrite()
		}
	}()
	r := bufio.NewReader(conn)
	for _, method := range methods {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Errorf("%.80q: %v", bytes, err)
			break
		}
		// Where much was left unread, the connection may be reset after the answer.
		body, err := io.ReadAll(resp.Body)
		if err != nil && resp.StatusCode < http.StatusBadRequest {
			t.Errorf("%.80q: %v", bytes, err)
		}
		answers, bodies = append(answers, resp), append(bodies, string(body))
	}
	return answers, bodies
}

// TestTransport sends what clients and attackers put on the wire, byte for
// byte: each gets an answer, and what is refused changes nothing.
func TestTransport(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"tags":{"set":["vip"]},"alias":"a b"}`)
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(w.app.Key+":"+w.app.MasterSecret.Reveal())) + "\r\n"
	head := func(line, more string) string { return line + "\r\nHost: aurora\r\n" + basic + more + "\r\n" }
	length := fmt.Sprintf("Content-Length: %d\r\n", len(goodPush))
	chunked := fmt.Sprintf("%x\r\n%s\r\n%x;extension=1\r\n%s\r\n0\r\nTrailer: x\r\n\r\n", 30, goodPush[:30], len(goodPush)-30, goodPush[30:])
	const validate = "POST /v3/push/validate HTTP/1.1"
	before := w.state(t)
	var cases sync.WaitGroup
	for _, tt := range []struct {
		name, send string
		shut       bool
		status     int
	}{
		{"HTTP/1.0", head("GET /v3/tags HTTP/1.0", ""), false, 200},
		{"HTTP/1.0 without a host", "GET /v3/tags HTTP/1.0\r\n" + basic + "\r\n", false, 200},
		{"HTTP/1.0 with a body", head("POST /v3/push/validate HTTP/1.0", length) + goodPush, false, 200},
		{"chunks", head(validate, "Transfer-Encoding: chunked\r\n") + chunked, false, 200},
		{"waits for 100", head(validate, "Expect: 100-continue\r\n"+length) + goodPush, false, 200},
		{"an expectation that nobody knows", head(validate, "Expect: magic\r\n"+length) + goodPush, false, 417},
		{"an upgrade to HTTP/2", head("GET /v3/tags HTTP/1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), false, 200},
		{"absolute form", head("GET http://aurora/v3/tags HTTP/1.1", ""), false, 200},
		{"a raw space", head("GET /v3/aliases/a b HTTP/1.1", ""), false, 200},
		{"raw UTF-8", head("GET /v3/aliases/晚报 HTTP/1.1", ""), false, 200},
		{"a stray percent sign", head("GET /v3/aliases/100% HTTP/1.1", ""), false, 200},
		{"a plus in a query", head("GET /v3/users?time_unit=HOUR&start=2030-01-01+10&duration=1 HTTP/1.1", ""), false, 200},
		{"a raw space in a query", head("GET /v3/received?msg_ids=1, 2 HTTP/1.1", ""), false, 200},
		{"gzip is not asked for", head("GET /v3/tags HTTP/1.1", "Accept-Encoding: identity\r\n"), false, 200},
		{"a target of 20,000 bytes", head("GET /v3/aliases/"+strings.Repeat("x", 20_000)+" HTTP/1.1", ""), false, 200},
		{"a target of 100,000 bytes", head("GET /v3/aliases/"+strings.Repeat("x", 100_000)+" HTTP/1.1", ""), false, 431},
		{"a header of 100,000 bytes", head("GET /v3/tags HTTP/1.1", "X: "+strings.Repeat("x", 100_000)+"\r\n"), false, 431},
		{"20,000 headers", head("GET /v3/tags HTTP/1.1", strings.Repeat("X: y\r\n", 20_000)), false, 431},
		{"no request", "hello\r\n\r\n", false, 400},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", true, 400},
		{"HTTP/3.0", head("GET /v3/tags HTTP/3.0", ""), false, 505},
		{"no host", "GET /v3/tags HTTP/1.1\r\n" + basic + "\r\n", false, 400},
		{"a body cut off", head("POST /v3/push HTTP/1.1", length) + goodPush[:50], true, 400},
		{"a chunk cut off", head("POST /v3/push HTTP/1.1", "Transfer-Encoding: chunked\r\n") + chunked[:60], true, 400},
		{"chunks without an end", head("POST /v3/push HTTP/1.1", "Transfer-Encoding: chunked\r\n") + strings.TrimSuffix(chunked, "0\r\nTrailer: x\r\n\r\n"), true, 400},
		{"a chunk of no size", head("POST /v3/push HTTP/1.1", "Transfer-Encoding: chunked\r\n") + "wrong\r\n" + goodPush, false, 400},
		{"two lengths", head("POST /v3/push HTTP/1.1", length+"Content-Length: 5\r\n") + goodPush, false, 400},
		{"a negative length", head("POST /v3/push HTTP/1.1", "Content-Length: -5\r\n") + goodPush, false, 400},
		{"a transfer coding that nobody knows", head("POST /v3/push HTTP/1.1", "Transfer-Encoding: gzip\r\n") + goodPush, false, 501},
		{"a body over its limit, said beforehand", head("POST /v3/push HTTP/1.1", "Content-Length: 99999999999\r\n") + goodPush, true, 400},
		{"a length shorter than the body", head("POST /v3/push HTTP/1.1", "Content-Length: 20\r\nConnection: close\r\n") + goodPush, false, 400},
		{"OPTIONS", head("OPTIONS /v3/push HTTP/1.1", ""), false, 405},
		{"OPTIONS of everything", head("OPTIONS * HTTP/1.1", ""), false, 200},
		{"TRACE", head("TRACE /v3/push HTTP/1.1", ""), false, 405},
		{"a method that nobody knows", head("PUSH /v3/push HTTP/1.1", ""), false, 405},
		{"CONNECT", head("CONNECT aurora:443 HTTP/1.1", ""), false, 405},
	} {
		cases.Go(func() { // net/http waits before it hangs up
			answers, bodies := w.raw(t, tt.send, tt.shut, "GET")
			if len(answers) == 0 {
				return
			}
			a, body := answers[0], bodies[0]
			if a.StatusCode == http.StatusContinue {
				return // what comes then is read by every client's own code, and in TestHTTP2
			}
			if a.StatusCode != tt.status {
				t.Errorf("%s: answered %s %.200s, want %d", tt.name, a.Status, body, tt.status)
			}
			ours := a.Header.Get("Content-Type") == "application/json"
			if ours && !json.Valid([]byte(body)) || a.Header.Get("Content-Encoding") != "" || a.Header.Get("Location") != "" {
				t.Errorf("%s: %v %.200s", tt.name, a.Header, body)
			}
			if !ours && (a.StatusCode == 200 && !strings.HasPrefix(tt.send, "OPTIONS *") || a.StatusCode == 405 && tt.name != "CONNECT") {
				t.Errorf("%s: an answer of ours has the type %q", tt.name, a.Header.Get("Content-Type"))
			}
		})
	}
	cases.Wait()
	if d := difference(before, w.state(t)); len(d) > 0 {
		t.Errorf("refused requests changed %s", d)
	}

	// One connection serves many, also when they come at once, and after HEAD.
	line := head("GET /v3/tags HTTP/1.1", "")
	answers, bodies := w.raw(t, line+head(validate, length)+goodPush+head("HEAD /v3/tags HTTP/1.1", "")+line, false, "GET", "POST", "HEAD", "GET")
	for i, want := range []int{200, 200, 405, 200} {
		if i >= len(answers) || answers[i].StatusCode != want || i == 2 && (bodies[i] != "" || answers[i].ContentLength < 10) {
			t.Fatalf("request %d of a row was answered %v %s", i, answers, bodies)
		}
	}
}

// TestHTTP2: over TLS and, to those who know beforehand, without it; many
// requests at once on one connection, bodies of any bytes among them.
func TestHTTP2(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"tags":{"set":["vip"]}}`)
	folder := t.TempDir()
	ca := writeCertificate(t, folder)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	var unencrypted, overTLS http.Protocols
	unencrypted.SetUnencryptedHTTP2(true)
	overTLS.SetHTTP2(true)
	for _, transport := range []*http.Transport{
		{Protocols: &unencrypted},
		{Protocols: &overTLS, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "aurora.test"}},
	} {
		t.Run(transport.Protocols.String(), func(t *testing.T) {
			if transport.TLSClientConfig != nil {
				w.restart(t, func(c *server.Config) {
					c.TLSCert, c.TLSKey = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
				})
			}
			plain := w.http
			w.http = &http.Client{Transport: transport, Timeout: patience}
			defer func() { transport.CloseIdleConnections(); w.http = plain }()
			req, err := http.NewRequest("GET", w.url+"/v3/tags", nil)
			check(t, err)
			req.SetBasicAuth(w.app.Key, w.app.MasterSecret.Reveal())
			resp, err := w.http.Do(req)
			check(t, err)
			resp.Body.Close()
			if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
				t.Errorf("answered %s %s", resp.Proto, resp.Status)
			}
			errs := make(chan error, 20)
			for i := range cap(errs) {
				go func() {
					// It looks like a request line, which must not be mended.
					body := "GET /a b HTTP/1.1\r\n" + strings.Repeat("x", i*1000)
					r, err := http.NewRequest("POST", w.url+"/v3/push", strings.NewReader(body))
					if err == nil {
						r.SetBasicAuth(w.app.Key, w.app.MasterSecret.Reveal())
						var resp *http.Response
						if resp, err = w.http.Do(r); err == nil {
							text, _ := io.ReadAll(resp.Body)
							resp.Body.Close()
							if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "1003") {
								err = fmt.Errorf("answered %s %s", resp.Status, text)
							}
						}
					}
					errs <- err
				}()
			}
			for range cap(errs) {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
			w.accepted(t, request{path: "/v3/push/validate", body: goodPush}.as(w.app), &pushAnswer{})
			w.refused(t, request{method: "OPTIONS", path: "/v3/push"}.as(w.app), 405, 1001)
			w.refused(t, request{path: "/v3/push", body: goodPush + strings.Repeat(" ", 1<<20)}.as(w.app), 400, 1005)
		})
	}
}

// writeCertificate writes cert.pem and key.pem for aurora.test and returns the
// certificate, which is its own authority.
func writeCertificate(t *testing.T, folder string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"aurora.test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	check(t, os.WriteFile(filepath.Join(folder, "cert.pem"), cert, 0o600))
	check(t, os.WriteFile(filepath.Join(folder, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert
}
