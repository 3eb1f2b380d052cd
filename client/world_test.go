package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/client"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// place is a running Aurora in front of a local APNs.
type place struct {
	apns    *localapns.Server
	server  *server.Server
	config  server.Config
	account aurora.Account
	devKey  string
	secret  string // of the developer
	apps    int
	mu      sync.Mutex
	devices int
}

// open starts one in an empty folder.
func open(ctx context.Context, dir string, limits api.Limits) (*place, error) {
	p := &place{}
	var err error
	if p.apns, err = localapns.NewServer(localapns.Config{AcceptAnyToken: true}); err != nil {
		return nil, err
	}
	if err := p.apns.Start(ctx); err != nil {
		return nil, err
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, p.apns.CAPEM(), 0o600); err != nil {
		return nil, err
	}
	p.config = server.Config{Data: dir, Listen: "127.0.0.1:0", APNs: p.apns.ProductionURL(), APNsSandbox: p.apns.SandboxURL(), APNsCA: ca, Limits: limits, WebhookAllowPrivate: true}
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	account, secret, err := p.server.Accounts.Create(ctx, "owner@example.com", "correct horse battery")
	p.account, p.devKey, p.secret = account, account.DevKey, secret.Reveal()
	return p, err
}

// start starts the server, again at the address that it had before.
func (p *place) start(ctx context.Context) error {
	s, err := server.Open(ctx, p.config)
	if err != nil {
		return err
	}
	p.server = s
	if err := s.Start(ctx); err != nil {
		return err
	}
	p.config.Listen = strings.TrimPrefix(s.URL(), "http://")
	return nil
}

func (p *place) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return errors.Join(p.server.Shutdown(ctx), p.apns.Shutdown(ctx))
}

// shared is the place of all tests that do not need one of their own.
var shared *place

// TestMain starts it, and tells the examples of it as they are told in docs.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "aurora-client-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if shared, err = open(context.Background(), dir, api.Limits{}); err != nil {
			panic(err)
		}
		defer shared.stop()
		if err := setUpExamples(shared); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// world is an app with one device, and a test that uses it.
type world struct {
	*testing.T
	*place
	app    aurora.App
	device string
}

// newWorld is an app of its own at the shared place.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t, shared)
}

// newWorldApart has a place of its own, which may be stopped.
func newWorldApart(t *testing.T, limits api.Limits) *world {
	t.Helper()
	p, err := open(t.Context(), t.TempDir(), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	return newWorldAt(t, p)
}

func newWorldAt(t *testing.T, p *place) *world {
	t.Helper()
	w := &world{T: t, place: p}
	var err error
	w.app, err = p.newApp(t.Context())
	w.must(err)
	w.device, err = p.newDevice(t.Context(), w.app)
	w.must(err)
	return w
}

// newApp makes an app that can send.
func (p *place) newApp(ctx context.Context) (aurora.App, error) {
	p.mu.Lock()
	p.apps++
	bundle := fmt.Sprintf("com.example.reader%d", p.apps)
	p.mu.Unlock()
	app, err := p.server.Accounts.CreateApp(ctx, p.account.ID, "Reader", bundle)
	if err != nil {
		return app, err
	}
	issued, err := p.apns.Issue(localapns.IssueRequest{BundleID: bundle})
	if err != nil {
		return app, err
	}
	_, err = p.server.Accounts.StoreCredential(ctx, app, aurora.CredentialFile{File: issued.P12})
	return app, err
}

// newDevice registers a device of the development environment.
func (p *place) newDevice(ctx context.Context, app aurora.App) (string, error) {
	p.mu.Lock()
	p.devices++
	n := p.devices
	p.mu.Unlock()
	id, err := p.server.Registry.Register(ctx, app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%d", n), Secret: strings.Repeat("s", 43), Platform: aurora.IOS})
	if err != nil {
		return "", err
	}
	d, err := p.server.Registry.Device(ctx, app.ID, id)
	if err != nil {
		return "", err
	}
	return id, p.server.Registry.Apply(ctx, app.ID, d.Number, registry.Change{Token: new(fmt.Sprintf("%064x", n)), Environment: new(aurora.Development)})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// newDevice is one more device of the app.
func (w *world) newDevice() string {
	w.Helper()
	id, err := w.place.newDevice(w.Context(), w.app)
	w.must(err)
	return id
}

// client returns a client that reaches the server through a transport.
func (w *world) client(transport http.RoundTripper) *client.Client {
	w.Helper()
	return w.clientWith(client.Settings{HTTP: &http.Client{Transport: transport}, Timeout: 20 * time.Second})
}

func (w *world) clientWith(s client.Settings) *client.Client {
	w.Helper()
	c, err := client.New(client.Config{Server: w.server.URL(), AppKey: w.app.Key, MasterSecret: w.app.MasterSecret.Reveal(), Settings: s})
	w.must(err)
	return c
}

// hello is a push to the world's device.
func (w *world) hello() client.Push {
	return client.Push{Audience: client.Audience{RegistrationID: []string{w.device}}, Notification: &client.Notification{Alert: client.Text("Hello")}, Options: client.Options{Environment: client.Development}}
}

func (w *world) settled(c *client.Client, id string) client.Report {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 20*time.Second)
	defer cancel()
	r, err := c.Wait(ctx, id)
	w.must(err)
	return r
}

// arrived counts what APNs took, by message id: the collapse id of a push is its
// message's unless it says another.
func (w *world) arrived() map[string]int {
	n := map[string]int{}
	for _, one := range w.apns.Notifications(1 << 20) {
		if one.Topic == w.app.BundleID && one.CollapseID != "" && one.Status == http.StatusOK {
			n[one.CollapseID]++
		}
	}
	return n
}

// refused ends the test unless the error is a refusal of that kind and number.
func (w *world) refused(what string, err error, kind client.Kind, code int) {
	w.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !errors.Is(err, kind) || e.Code != code || e.Message == "" {
		w.Errorf("%s: %v; want %v with the number %d", what, err, kind, code)
	}
	for _, other := range []client.Kind{client.ErrInvalid, client.ErrTooLarge, client.ErrNoTarget, client.ErrUnauthorized, client.ErrForbidden, client.ErrNotFound, client.ErrFull, client.ErrTooMany, client.ErrUnavailable, client.ErrInternal} {
		if other != kind && errors.Is(err, other) {
			w.Errorf("%s: the error is also %v", what, other)
		}
	}
}

// nowhere is an address that nothing listens at.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// transport is one of the test's own, which ends with it.
func (w *world) transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	w.Cleanup(t.CloseIdleConnections)
	return t
}
