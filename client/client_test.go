package client_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/client"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// world is a running Aurora in front of a local APNs, with one app and one
// device that it can reach.
type world struct {
	*testing.T
	apns   *localapns.Server
	server *server.Server
	app    aurora.App
	device string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	var err error
	w.apns, err = localapns.NewServer(localapns.Config{AcceptAnyToken: true})
	w.must(err)
	w.must(w.apns.Start(t.Context()))
	t.Cleanup(func() { w.stop(w.apns) })
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	w.must(os.WriteFile(ca, w.apns.CAPEM(), 0o600))
	w.server, err = server.Open(t.Context(), server.Config{Data: dir, Listen: "127.0.0.1:0", APNs: w.apns.ProductionURL(), APNsSandbox: w.apns.SandboxURL(), APNsCA: ca})
	w.must(err)
	t.Cleanup(func() { w.stop(w.server) })
	w.must(w.server.Start(t.Context()))

	a, _, err := w.server.Accounts.Create(t.Context(), "owner@example.com", "correct horse battery")
	w.must(err)
	w.app, err = w.server.Accounts.CreateApp(t.Context(), a.ID, "Reader", "com.example.reader")
	w.must(err)
	p12, err := w.apns.Issue(localapns.IssueRequest{BundleID: w.app.BundleID})
	w.must(err)
	_, err = w.server.Accounts.StoreCredential(t.Context(), w.app, aurora.CredentialFile{File: p12.P12})
	w.must(err)
	w.device, err = w.server.Registry.Register(t.Context(), w.app.ID, registry.Registration{InstallID: "install-1", Secret: strings.Repeat("s", 43), Platform: aurora.IOS})
	w.must(err)
	w.must(w.server.Registry.Apply(t.Context(), w.app.ID, 0, registry.Change{Token: new(strings.Repeat("ab", 32)), Environment: new(aurora.Development)}))
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) stop(s interface{ Shutdown(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		w.Error(err)
	}
}

// client returns a client that reaches the server through a transport.
func (w *world) client(transport http.RoundTripper) *client.Client {
	w.Helper()
	c, err := client.New(client.Config{Server: w.server.URL(), AppKey: w.app.Key, MasterSecret: w.app.MasterSecret.Reveal(), HTTP: &http.Client{Transport: transport, Timeout: 20 * time.Second}})
	w.must(err)
	return c
}

func TestPushAndReport(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	r, err := c.Push(t.Context(), client.Push{
		Audience:     client.Audience{RegistrationID: []string{w.device}},
		Notification: client.Notification{IOS: &client.IOS{Alert: map[string]string{"title": "Gate change", "body": "Now B12"}, Sound: "default", Badge: "+1", Extras: map[string]any{"trip": 9}}},
		Options:      client.Options{SendNo: 7},
	})
	w.must(err)
	if r.SendNo != "7" || r.MessageID == "" {
		t.Errorf("the receipt is %+v", r)
	}
	report := w.settled(c, r.MessageID)
	if report.Targeted != 1 || report.Accepted != 1 || report.Failed != 0 {
		t.Errorf("the report is %+v", report)
	}
	seen := w.apns.Notifications(10)
	want := `{"aps":{"alert":{"body":"Now B12","title":"Gate change"},"sound":"default","badge":1},"trip":9,"_j_msgid":` + r.MessageID + `}`
	if got := string(seen[0].Payload); got != want {
		t.Errorf("APNs got %s, want %s", got, want)
	}
}

func (w *world) settled(c *client.Client, id string) client.Report {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		r, err := c.Report(w.Context(), id)
		w.must(err)
		if r.State == "done" {
			return r
		}
		if time.Now().After(deadline) {
			w.Fatalf("not settled: %+v", r)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// losing loses the first answers: the server has done its work, and the client
// does not learn of it.
type losing struct{ left atomic.Int32 }

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && l.left.Add(-1) >= 0 {
		resp.Body.Close()
		return nil, errors.New("the connection broke before the answer")
	}
	return resp, err
}

func TestLostAnswersDoNotSendTwice(t *testing.T) {
	w := newWorld(t)
	transport := &losing{}
	transport.left.Store(2)
	c := w.client(transport)
	r, err := c.Push(t.Context(), client.Push{Audience: client.Audience{All: true}, Notification: client.Notification{Alert: "once"}})
	w.must(err)
	w.settled(c, r.MessageID)
	reports, err := w.server.Ledger.Messages(t.Context(), w.app.ID, 0, 10)
	w.must(err)
	pushes := 0
	for _, n := range w.apns.Notifications(10) { // besides those that proved the credential
		if n.CollapseID == r.MessageID {
			pushes++
		}
	}
	if len(reports) != 1 || pushes != 1 {
		t.Errorf("%d messages are on record and APNs saw %d pushes; want one", len(reports), pushes)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	for name, want := range map[string]struct {
		p    client.Push
		code int
	}{
		"nobody selected": {client.Push{Notification: client.Notification{Alert: "hi"}}, 1003},
		"no such tag":     {client.Push{Audience: client.Audience{Tag: []string{"nobody"}}, Notification: client.Notification{Alert: "hi"}}, 1011},
		"no content":      {client.Push{Audience: client.Audience{All: true}}, 1002},
	} {
		_, err := c.Push(t.Context(), want.p)
		if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != want.code || refused.Message == "" || refused.Temporary() {
			t.Errorf("%s: %v, want code %d", name, err, want.code)
		}
	}
	if _, err := c.Report(t.Context(), "42"); err == nil {
		t.Error("a report of an unknown message came back")
	}
	for name, config := range map[string]client.Config{
		"no scheme": {Server: "push.example.com", AppKey: "k", MasterSecret: "s"},
		"no key":    {Server: "https://push.example.com", MasterSecret: "s"},
	} {
		if _, err := client.New(config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A server that is down is given up on after a few attempts, or when the
// caller's context ends.
func TestUnreachableServer(t *testing.T) {
	c, err := client.New(client.Config{Server: "http://127.0.0.1:1", AppKey: "k", MasterSecret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := c.Push(ctx, client.Push{Audience: client.Audience{All: true}}); err == nil {
		t.Error("a push to nowhere was accepted")
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("gave up after %v", d)
	}
}
