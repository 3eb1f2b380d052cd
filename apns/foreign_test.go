package apns

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serverTLS is a server certificate of the test authority for 127.0.0.1.
var serverTLS = sync.OnceValue(func() tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a := authority()
	leaf := sign(&x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "gateway"}, NotBefore: longAgo, NotAfter: farAway,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, a.intermediate, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, a.intermediate.Raw}, PrivateKey: key}
})

func roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(authority().root)
	return pool
}

// goServer runs the standard library's HTTP/2 server, which shares no code with this package.
func goServer(t testing.TB, clientAuth tls.ClientAuthType, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serverTLS()}, ClientAuth: clientAuth, ClientCAs: roots()}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func newTestClient(t testing.TB, config Config) *Client {
	t.Helper()
	config.RootCAs = roots()
	if config.Certificate == nil && config.Key == nil {
		config.Key = newKey(t)
	}
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func testCertificate(t testing.TB) *Certificate {
	t.Helper()
	leaf, key := universal().make(t)
	content := &credentials{certificates: []*x509.Certificate{leaf, authority().intermediate}}
	if err := content.addKey(key); err != nil {
		t.Fatal(err)
	}
	return must(content.identity())
}

// token makes a device token of the i-th device.
func token(i int) string { return fmt.Sprintf("%064x", i+1) }

func notification(i int) *Notification {
	return &Notification{Token: token(i), Topic: "com.example.app", PushType: PushAlert, Priority: 10, Payload: []byte(`{"aps":{"alert":"hello"}}`), Tag: uint64(i)}
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestGoServerReceivesWhatWasSent(t *testing.T) {
	type arrived struct {
		method, path, body string
		header             http.Header
		clientName         string
	}
	var mu sync.Mutex
	var got []arrived
	server := goServer(t, tls.RequestClientCert, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s := arrived{method: r.Method, path: r.URL.Path, body: string(body), header: r.Header}
		if len(r.TLS.PeerCertificates) > 0 {
			s.clientName = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		mu.Lock()
		got = append(got, s)
		mu.Unlock()
		w.Header().Set("apns-id", "EC1BF194-B3B2-424A-89F6-5C7A5AF6D76E")
		w.Header().Set("apns-unique-id", "unique")
	})
	for name, config := range map[string]Config{"certificate": {Certificate: testCertificate(t)}, "key": {Key: newKey(t)}} {
		t.Run(name, func(t *testing.T) {
			got = nil
			config.URL = server.URL
			client := newTestClient(t, config)
			full := notification(0)
			full.Token = strings.ToUpper(full.Token)
			full.ID = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}
			full.Expiration = DeliverOnce()
			full.CollapseID = "grüße"
			background := &Notification{Token: token(1), Topic: "com.example.app", PushType: PushBackground, Payload: []byte("{}"), Expiration: ExpireAt(time.Unix(1_700_000_000, 0))}
			ctx := testContext(t)
			for i, n := range []*Notification{full, full, background, notification(2)} {
				result := client.Push(ctx, n)
				if !result.Accepted() || result.Notification != n || result.UniqueID != "unique" {
					t.Fatalf("push %d: %+v", i, result)
				}
				if want := (map[bool]string{true: "123e4567-e89b-12d3-a456-426614174000", false: "ec1bf194-b3b2-424a-89f6-5c7a5af6d76e"})[n == full]; string(appendUUID(nil, result.ID)) != want {
					t.Errorf("push %d has id %x, want %s", i, result.ID, want)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			want := []map[string]string{
				{"Apns-Id": "123e4567-e89b-12d3-a456-426614174000", "Apns-Expiration": "0", "Apns-Collapse-Id": "grüße", "Apns-Priority": "10", "Apns-Push-Type": "alert"},
				{"Apns-Id": "123e4567-e89b-12d3-a456-426614174000", "Apns-Expiration": "0", "Apns-Collapse-Id": "grüße", "Apns-Priority": "10", "Apns-Push-Type": "alert"},
				{"Apns-Expiration": "1700000000", "Apns-Priority": "5", "Apns-Push-Type": "background"},
				{"Apns-Priority": "10", "Apns-Push-Type": "alert"},
			}
			for i, s := range got {
				n := []*Notification{full, full, background, notification(2)}[i]
				if s.method != "POST" || s.path != "/3/device/"+strings.ToLower(n.Token) || s.body != string(n.Payload) {
					t.Errorf("request %d is %s %s %q", i, s.method, s.path, s.body)
				}
				want[i]["Apns-Topic"] = "com.example.app"
				authorization := s.header.Get("Authorization")
				if config.Key != nil {
					readToken(t, config.Key, strings.TrimPrefix(authorization, "bearer "))
				} else if s.clientName != "Apple Push Services: com.example.app" || authorization != "" {
					t.Errorf("client certificate %q, authorization %q", s.clientName, authorization)
				}
				s.header.Del("Authorization")
				s.header.Del("Content-Length")
				for name, value := range want[i] {
					if s.header.Get(name) != value {
						t.Errorf("request %d has %s %q, want %q", i, name, s.header.Get(name), value)
					}
				}
				if len(s.header) != len(want[i]) {
					t.Errorf("request %d has headers %v, want only %v", i, s.header, want[i])
				}
			}
		})
	}
}

func TestGoServerManyFromManyGoroutines(t *testing.T) {
	var received atomic.Int64
	server := goServer(t, tls.NoClientCert, func(w http.ResponseWriter, r *http.Request) {
		received.Add(1)
		if strings.HasSuffix(r.URL.Path, "0") {
			w.WriteHeader(410)
			io.WriteString(w, `{"reason":"Unregistered","timestamp":1700000000123}`)
		}
	})
	client := newTestClient(t, Config{URL: server.URL, QueueSize: 64})
	const senders, each = 20, 250
	var answers [senders * each]atomic.Int32
	var wait sync.WaitGroup
	var left sync.WaitGroup
	left.Add(senders * each)
	for s := range senders {
		wait.Go(func() {
			for i := range each {
				n := notification(s*each + i)
				err := client.Submit(testContext(t), n, func(r *Result) {
					defer left.Done()
					answers[r.Notification.Tag].Add(1)
					gone := strings.HasSuffix(r.Notification.Token, "0")
					if r.Err != nil || (r.Status == 410) != gone || gone && (r.Reason != "Unregistered" || r.Timestamp.UnixMilli() != 1700000000123 || r.Class() != ClassToken) {
						t.Errorf("result %+v for %s", *r, r.Notification.Token)
					}
				})
				if err != nil {
					t.Error(err)
					left.Done()
				}
			}
		})
	}
	wait.Wait()
	left.Wait()
	for i := range answers {
		if answers[i].Load() != 1 {
			t.Fatalf("notification %d got %d results", i, answers[i].Load())
		}
	}
	if received.Load() != senders*each {
		t.Errorf("the server received %d requests, want %d", received.Load(), senders*each)
	}
}

func TestGoServerStream(t *testing.T) {
	server := goServer(t, tls.NoClientCert, func(w http.ResponseWriter, r *http.Request) {})
	client := newTestClient(t, Config{URL: server.URL})
	const count = 2000
	sequence := func(yield func(*Notification) bool) {
		for i := range count {
			n := notification(i)
			if i == 7 {
				n.Payload = nil
			}
			if !yield(n) {
				return
			}
		}
	}
	seen := map[uint64]bool{}
	for result := range client.Stream(testContext(t), sequence) {
		if seen[result.Notification.Tag] {
			t.Fatalf("result of %d came twice", result.Notification.Tag)
		}
		seen[result.Notification.Tag] = true
		if result.Accepted() == (result.Notification.Tag == 7) {
			t.Errorf("result %+v", result)
		}
	}
	if len(seen) != count {
		t.Errorf("%d results, want %d", len(seen), count)
	}
	for range client.Stream(testContext(t), sequence) {
		break // must not hang or leak
	}
}

func TestGoServerProbe(t *testing.T) {
	reason := atomic.Pointer[string]{}
	server := goServer(t, tls.RequestClientCert, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"reason":%q}`, *reason.Load())
	})
	client := newTestClient(t, Config{URL: server.URL, Certificate: testCertificate(t)})
	for text, want := range map[string]FailureCause{"BadDeviceToken": 0, "TopicDisallowed": CauseCredential, "BadCertificateEnvironment": CauseCredential} {
		reason.Store(&text)
		err := client.Probe(testContext(t), "com.example.app")
		if failure, ok := err.(*Failure); want == 0 && err != nil || want != 0 && (!ok || failure.Cause != want || failure.Reason != text) {
			t.Errorf("Probe answered with %s = %v, want cause %v", text, err, want)
		}
	}
	server.Close()
	if failure, ok := client.Probe(testContext(t), "com.example.app").(*Failure); !ok || failure.Cause != CauseNetwork || !failure.Safe {
		t.Errorf("Probe without a server = %v, want a network failure", failure)
	}
}

func poolOf(text []byte) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}
