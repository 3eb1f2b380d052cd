package channel_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/channel"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// patience bounds every wait of a test.
const patience = 20 * time.Second

const bundleID = "com.example.reader"

var deviceToken = strings.Repeat("0a1b", 16)

// world is a running Aurora with a local APNs that takes any token, one app
// with a certificate, and one device.
type world struct {
	apns   *localapns.Server
	s      *server.Server
	app    aurora.App
	device string // registration id
	secret string
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, s interface{ Shutdown(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func startWorld(t *testing.T) *world {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	w := &world{secret: strings.Repeat("s", 43)}
	var err error
	w.apns, err = localapns.NewServer(localapns.Config{AcceptAnyToken: true})
	check(t, err)
	check(t, w.apns.Start(ctx))
	t.Cleanup(func() { stop(t, w.apns) })
	ca := filepath.Join(dir, "ca.pem")
	check(t, os.WriteFile(ca, w.apns.CAPEM(), 0o600))
	w.s, err = server.Open(ctx, server.Config{Data: dir, Listen: "127.0.0.1:0", APNs: w.apns.ProductionURL(), APNsSandbox: w.apns.SandboxURL(), APNsCA: ca})
	check(t, err)
	t.Cleanup(func() { stop(t, w.s) })
	check(t, w.s.Start(ctx))
	a, _, err := w.s.Accounts.Create(ctx, "mia@example.com", "correct horse battery")
	check(t, err)
	w.app, err = w.s.Accounts.CreateApp(ctx, a.ID, "Reader", bundleID)
	check(t, err)
	w.give(t, localapns.IssueRequest{BundleID: bundleID})
	w.device = w.post(t, "POST", "/v1/devices", fmt.Sprintf(`{"app_key":%q,"install_id":"an-install","secret":%q,"platform":"ios"}`, w.app.Key, w.secret))["registration_id"].(string)
	w.change(t, `{"token":"`+deviceToken+`","environment":"production"}`)
	return w
}

// give stores a credential that the local APNs issues.
func (w *world) give(t *testing.T, r localapns.IssueRequest) {
	t.Helper()
	made, err := w.apns.Issue(r)
	check(t, err)
	up := aurora.CredentialFile{File: made.P12, Password: r.Password}
	if r.Key {
		up = aurora.CredentialFile{File: made.P8, KeyID: made.KeyID, TeamID: made.TeamID}
	}
	_, err = w.s.Accounts.StoreCredential(t.Context(), w.app, up)
	check(t, err)
}

func (w *world) change(t *testing.T, body string) {
	t.Helper()
	w.post(t, "PATCH", "/v1/devices/"+w.device, body)
}

// post sends a JSON request, as the app below /v3 and else as the device.
func (w *world) post(t *testing.T, method, path, body string) (answer map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.s.URL()+path, strings.NewReader(body))
	check(t, err)
	r.SetBasicAuth(w.device, w.secret)
	if strings.HasPrefix(path, "/v3/") {
		r.SetBasicAuth(w.app.Key, w.app.MasterSecret.Reveal())
	}
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s was answered %s: %s", method, path, resp.Status, text)
	}
	check(t, json.Unmarshal(text, &answer))
	return answer
}

// push sends a push and returns what the local APNs recorded of it.
func (w *world) push(t *testing.T, notification, options string) (id string, sent localapns.Notification) {
	t.Helper()
	id = w.post(t, "POST", "/v3/push", fmt.Sprintf(`{"platform":"all","audience":"all","notification":%s,"options":%s}`, notification, options))["msg_id"].(string)
	marker := []byte(`"_j_msgid":` + id)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		for _, n := range w.apns.Notifications(5) {
			if n.Status != 0 && bytes.Contains(n.Payload, marker) {
				return id, n
			}
		}
	}
	t.Fatalf("message %s did not reach APNs", id)
	return id, sent
}

// openChannel returns a channel of its own, with its own connections and with
// the app's credentials.
func (w *world) openChannel(t *testing.T) *channel.IOS {
	t.Helper()
	g := &channel.Gateways{Production: w.apns.ProductionURL(), Sandbox: w.apns.SandboxURL(), RootCAs: x509.NewCertPool()}
	g.RootCAs.AppendCertsFromPEM(w.apns.CAPEM())
	ch := channel.NewIOS(g, w.s.Accounts, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		ch.Close(ctx)
	})
	return ch
}

// message is a plain alert for production.
func (w *world) message(id aurora.MessageID) *aurora.Message {
	return &aurora.Message{ID: id, AppID: w.app.ID, AcceptedAt: time.Now(), Content: aurora.Content{Alert: json.RawMessage(`"hello"`)}, Options: aurora.Options{Production: true}}
}

// deliver sends one notification and returns its outcome.
func deliver(t *testing.T, ch *channel.IOS, m *aurora.Message, token string) aurora.Outcome {
	t.Helper()
	route, err := ch.Open(t.Context(), m)
	check(t, err)
	if route.Send == nil {
		t.Fatalf("parked: %s", route.Parked)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan aurora.Outcome, 1)
	check(t, route.Send(ctx, aurora.Delivery{Number: 7, Token: token, Badge: aurora.NoBadge}, func(d aurora.Delivery, o aurora.Outcome) {
		if d.Number != 7 || d.Token != token {
			t.Errorf("the outcome is of %+v", d)
		}
		got <- o
	}))
	select {
	case o := <-got:
		return o
	case <-ctx.Done():
		t.Fatal("no outcome")
		return aurora.Outcome{}
	}
}
