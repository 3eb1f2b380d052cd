package iphone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aurora-push/aurora/simulator/apns"
)

// registrar is as much of Aurora as a fleet needs, on a listener of its own. The first requests are refused for a while.
type registrar struct {
	*httptest.Server
	busy int // requests to refuse with 503

	mu       sync.Mutex
	ids      map[string]string // by install id
	tokens   map[string]string // by registration id
	tags     map[string]bool
	receipts map[string]int // by event
	most     int            // requests at the same time
	now      int
}

func newRegistrar(busy int) *registrar {
	a := &registrar{busy: busy, ids: map[string]string{}, tokens: map[string]string{}, tags: map[string]bool{}, receipts: map[string]int{}}
	a.Server = httptest.NewServer(a)
	return a
}

func (a *registrar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now++
	a.most = max(a.most, a.now)
	defer func() { a.now-- }()
	if a.busy > 0 {
		a.busy--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var m struct {
		InstallID string `json:"install_id"`
		Token     *string
		Tags      *struct{ Set []string }
		Receipts  []struct{ Event string }
	}
	json.Unmarshal(body, &m)
	id, _, _ := r.BasicAuth()
	switch {
	case r.URL.Path == "/v1/devices":
		if a.ids[m.InstallID] == "" {
			a.ids[m.InstallID] = fmt.Sprintf("%019x", len(a.ids)+1)
		}
		fmt.Fprintf(w, `{"registration_id":%q}`, a.ids[m.InstallID])
		return
	case m.Token != nil:
		a.tokens[id] = *m.Token
	}
	if m.Tags != nil {
		for _, tag := range m.Tags.Set {
			a.tags[tag] = true
		}
	}
	for _, receipt := range m.Receipts {
		a.receipts[receipt.Event]++
	}
	io.WriteString(w, "{}")
}

// seen looks at what the registrar has seen.
func seen[T any](a *registrar, look func() T) T {
	a.mu.Lock()
	defer a.mu.Unlock()
	return look()
}

// sender pushes one payload to many tokens, with the standard library's HTTP/2. Close it with the second function.
func sender(server *apns.Server) (push func(tokens []string, payload string) error, done func(), err error) {
	credential, err := server.Issue(apns.IssueRequest{BundleID: testBundle})
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CAPEM())
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{credential.TLS}}}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	one := func(token, payload string) error {
		request, err := http.NewRequest(http.MethodPost, server.SandboxURL()+"/3/device/"+token, strings.NewReader(payload))
		if err != nil {
			return err
		}
		request.Header.Set("apns-topic", testBundle)
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("push: %s", response.Status)
		}
		return nil
	}
	return func(tokens []string, payload string) error {
		var work errgroup.Group
		work.SetLimit(16)
		for _, token := range tokens {
			work.Go(func() error { return one(token, payload) })
		}
		return work.Wait()
	}, transport.CloseIdleConnections, nil
}

func startAPNs(t testing.TB) *apns.Server {
	t.Helper()
	server, err := apns.NewServer(apns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return server
}

func TestFleet(t *testing.T) {
	const count = 300
	server, aurora := startAPNs(t), newRegistrar(5)
	t.Cleanup(aurora.Close)
	f, err := NewFleet(FleetConfig{
		Count: count, Dial: DialCourier(server.ManageURL()), Workers: 8, Opens: 0.5, Seed: 7,
		App:  App{BundleID: testBundle, PushConfig: testPlist, Server: aurora.URL},
		Tags: func(n int) []string { return []string{fmt.Sprintf("phone-%d", n)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	wait := func(what string, ok func(Counts) bool) Counts {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		c, err := f.Wait(ctx, ok)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return c
	}
	f.Start()
	wait("all registered, after Aurora was busy", func(c Counts) bool { return c.Registered == count && c.Reporting == 0 })
	tokens := seen(aurora, func() []string { return slices.Collect(maps.Values(aurora.tokens)) })
	if len(tokens) != count || seen(aurora, func() int { return len(aurora.tags) }) != count || seen(aurora, func() int { return aurora.most }) > 8 {
		t.Fatalf("Aurora knows %d tokens and %d tags, and had %d requests at once", len(tokens), len(aurora.tags), aurora.most)
	}
	send, done, err := sender(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	push := func(tokens []string, payload string) {
		t.Helper()
		if err := send(tokens, payload); err != nil {
			t.Fatal(err)
		}
	}
	payload := func(id int) string {
		return fmt.Sprintf(`{"aps":{"alert":"hello","mutable-content":1},"_j_msgid":%d}`, id)
	}

	push(tokens, payload(1))
	c := wait("delivered and reported", func(c Counts) bool { return c.Delivered == count && c.Reporting == 0 })
	receipts := seen(aurora, func() map[string]int { return maps.Clone(aurora.receipts) })
	if c.Opened < count/4 || c.Opened > 3*count/4 || receipts["received"] != count || receipts["opened"] != c.Opened {
		t.Errorf("receipts %v, %d opened", receipts, c.Opened)
	}

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.SetChurn(Churn{Offline: 0.3}))
	wait("a part is offline", func(c Counts) bool { return c.Online == count-count*3/10 })
	push(tokens, payload(2))
	wait("those online have it", func(c Counts) bool { return c.Delivered == 2*count-count*3/10 })
	must(f.SetChurn(Churn{}))
	wait("the others get it on their return", func(c Counts) bool { return c.Delivered == 2*count && c.Online == count })
	push(tokens, payload(2))
	wait("repeats are told from news", func(c Counts) bool { return c.Duplicates == count && c.Delivered == 2*count })
	if m := f.Message("2"); m != (MessageCount{Phones: count, Duplicates: count}) {
		t.Errorf("message 2: %+v", m)
	}

	before := f.Counts().Sessions
	must(f.SetChurn(Churn{Offline: 0.1, Reconnects: 400}))
	push(tokens, payload(3))
	wait("many sessions", func(c Counts) bool { return c.Sessions >= before+count })
	must(f.SetChurn(Churn{}))
	c = wait("nothing is lost on restless phones", func(c Counts) bool { return c.Delivered == 3*count && c.Reporting == 0 && c.Online == count })
	if m := f.Message("3"); m.Phones != count || m.Duplicates > 0 || c.LastFailure != "" {
		t.Errorf("message 3: %+v, failures %d, the last %q", m, c.Failures, c.LastFailure)
	}
	began := time.Now()
	f.Close()
	if took := time.Since(began); took > 10*time.Second || f.Counts().Online != 0 {
		t.Errorf("closed in %v, %d are online", took, f.Counts().Online)
	}
}

func TestFleetReconnectsWhenAPNsGoesAway(t *testing.T) {
	server, aurora := startAPNs(t), newRegistrar(0)
	t.Cleanup(aurora.Close)
	dial := DialCourier(server.ManageURL())
	var mu sync.Mutex
	var open []net.Conn
	f, err := NewFleet(FleetConfig{Count: 20, NoReceipts: true, App: App{BundleID: testBundle, PushConfig: testPlist, Server: aurora.URL},
		Dial: func(ctx context.Context) (net.Conn, error) {
			conn, err := dial(ctx)
			mu.Lock()
			defer mu.Unlock()
			open = append(open, conn)
			return conn, err
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	f.Start()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := f.Wait(ctx, func(c Counts) bool { return c.Registered == 20 }); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	for _, conn := range open {
		conn.Close()
	}
	mu.Unlock()
	c, err := f.Wait(ctx, func(c Counts) bool { return c.Sessions == 40 && c.Online == 20 })
	if err != nil {
		t.Fatal(err)
	}
	if c.Failures != 20 || c.Tokens != 20 || c.Registered != 20 {
		t.Errorf("%+v", c)
	}
}

func TestFleetConfigIsChecked(t *testing.T) {
	dial := func(context.Context) (net.Conn, error) { return nil, net.ErrClosed }
	app := App{BundleID: testBundle, PushConfig: testPlist}
	for want, config := range map[string]FleetConfig{
		"1 to 100000":      {Dial: dial, App: app},
		"Dial":             {Count: 1, App: app},
		"0 to 1":           {Count: 1, Dial: dial, App: app, Opens: 2},
		"PushConfig.plist": {Count: 1, Dial: dial, App: App{BundleID: testBundle}},
		"the fleet's app":  {Count: 1, Dial: dial, App: App{BundleID: "no good"}},
	} {
		if _, err := NewFleet(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %s, got %v", want, err)
		}
	}
	f, err := NewFleet(FleetConfig{Count: 1, Dial: dial, App: app})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.SetChurn(Churn{Offline: 1.5}); err == nil {
		t.Error("a churn of 150 % was accepted")
	}
}
