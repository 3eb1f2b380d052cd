package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/store/storetest"
)

// patience bounds every wait of a test.
const patience = 20 * time.Second

// world is a running Aurora with a local APNs and two apps.
type world struct {
	t      *testing.T
	apns   *localapns.Server
	s      *server.Server
	url    string
	config server.Config
	app    aurora.App
	other  aurora.App
	owner  developer // of both
	http   *http.Client
}

// startWorld starts it in a temporary folder. The local APNs takes any token.
func startWorld(t *testing.T, limits ...api.Limits) *world {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	w := &world{t: t}
	var err error
	w.apns, err = localapns.NewServer(localapns.Config{AcceptAnyToken: true})
	check(t, err)
	check(t, w.apns.Start(ctx))
	t.Cleanup(func() { stop(t, w.apns) })
	ca := filepath.Join(dir, "ca.pem")
	check(t, os.WriteFile(ca, w.apns.CAPEM(), 0o600))
	w.config = server.Config{Limits: append(limits, api.Limits{})[0], Data: dir, Database: storetest.Database(t, dir), Listen: "127.0.0.1:0", APNs: w.apns.ProductionURL(), APNsSandbox: w.apns.SandboxURL(), APNsCA: ca}
	w.open(t)
	t.Cleanup(func() { stop(t, w.s) })
	owner, devSecret, err := w.s.Accounts.Create(ctx, "mia@example.com", "correct horse battery")
	check(t, err)
	w.owner = developer{owner.DevKey, devSecret.Reveal()}
	w.app, w.other = w.newApp(owner.ID, "com.example.reader"), w.newApp(owner.ID, "com.example.other")
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.http = &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		return fmt.Errorf("redirected to %s, which official clients do not follow", r.URL)
	}}
	return w
}

func (w *world) open(t *testing.T) {
	t.Helper()
	var err error
	w.s, err = server.Open(t.Context(), w.config)
	check(t, err)
	check(t, w.s.Start(t.Context()))
	w.url = w.s.URL()
}

// restart starts Aurora again with another configuration.
func (w *world) restart(t *testing.T, change func(*server.Config)) {
	t.Helper()
	w.http.CloseIdleConnections()
	stop(t, w.s)
	change(&w.config)
	w.open(t)
}

func (w *world) newApp(ownerID int64, bundleID string) aurora.App {
	w.t.Helper()
	ctx := w.t.Context()
	app, err := w.s.Accounts.CreateApp(ctx, ownerID, "An app", bundleID)
	check(w.t, err)
	made, err := w.apns.Issue(localapns.IssueRequest{BundleID: bundleID})
	check(w.t, err)
	_, err = w.s.Accounts.StoreCredential(ctx, app, aurora.CredentialFile{File: made.P12})
	check(w.t, err)
	return app
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

// request is what a test sends. The zero method is POST with a body, else GET.
type request struct {
	method, path   string
	user, password string // no header if both are empty
	body           string
	header         http.Header
}

// as returns the request in an app's name.
func (r request) as(a aurora.App) request {
	r.user, r.password = a.Key, a.MasterSecret.Reveal()
	return r
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request and checks it and the answer against the description.
func (w *world) call(t *testing.T, r request) answer {
	t.Helper()
	a := w.exchange(t, r)
	conforms(t, r.withMethod(), a)
	return a
}

// withMethod fills in the method that a request means.
func (r request) withMethod() request {
	if r.method == "" {
		r.method = http.MethodGet
		if r.body != "" {
			r.method = http.MethodPost
		}
	}
	return r
}

// exchange sends a request and checks what holds for every answer of the API
// (spec/rest-api.md §2.2): JSON, with its type and its length.
func (w *world) exchange(t *testing.T, r request) answer {
	t.Helper()
	r = r.withMethod()
	req, err := http.NewRequestWithContext(t.Context(), r.method, w.url+r.path, strings.NewReader(r.body))
	check(t, err)
	if r.user+r.password != "" {
		req.SetBasicAuth(r.user, r.password)
	}
	maps.Copy(req.Header, r.header)
	resp, err := w.http.Do(req)
	check(t, err)
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(resp.Body)
	check(t, err)
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
		t.Errorf("Content-Type is %q", got)
	}
	if resp.ContentLength != int64(len(a.body)) || len(resp.TransferEncoding) > 0 {
		t.Errorf("the body of %d bytes came with Content-Length %d and transfer encoding %q", len(a.body), resp.ContentLength, resp.TransferEncoding)
	}
	if !json.Valid(a.body) {
		t.Errorf("the body is not JSON: %.300q", a.body)
	}
	return a
}

// refused sends a request and checks status, number and sentence.
func (w *world) refused(t *testing.T, r request, status, code int) {
	t.Helper()
	a := w.call(t, r)
	var body struct {
		Error struct {
			Code    int
			Message string
			Doc     string
		}
	}
	strict := json.NewDecoder(bytes.NewReader(a.body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&body); err != nil {
		t.Errorf("not the envelope: %v: %.300s", err, a.body)
	}
	if a.status != status || body.Error.Code != code {
		t.Errorf("answered %d with code %d, want %d with %d: %.300s", a.status, body.Error.Code, status, code, a.body)
	}
	if m := body.Error.Message; len(m) < 15 || len(m) > 500 || !strings.HasSuffix(m, ".") {
		t.Errorf("not a sentence: %.600q", m)
	}
	if want := fmt.Sprintf("/reference/errors#%d", code); body.Error.Doc != want {
		t.Errorf("doc is %q, want %q", body.Error.Doc, want)
	}
}

// accepted sends a request, which must be answered with 200, and reads the answer.
func (w *world) accepted(t *testing.T, r request, into any) {
	t.Helper()
	a := w.call(t, r)
	if a.status != http.StatusOK {
		t.Fatalf("%s %s %.200s was answered %d: %.400s", r.method, r.path, r.body, a.status, a.body)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%v: %.400s", err, a.body)
	}
}

// pushAnswer is the strict answer of a push.
type pushAnswer struct {
	SendNo    string `json:"sendno"`
	MessageID string `json:"msg_id"`
}

// push sends a push and returns its answer.
func (w *world) push(t *testing.T, app aurora.App, body string) (p pushAnswer) {
	t.Helper()
	w.accepted(t, request{path: "/v3/push", body: body}.as(app), &p)
	return p
}

// settled waits until a message is done and returns its report.
func (w *world) settled(t *testing.T, app aurora.App, id string) ledger.Report {
	t.Helper()
	n, err := aurora.ParseMessageID(id)
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	hints, done := w.s.Ledger.Watch(ctx, app.ID)
	defer done()
	for {
		r, err := w.s.Ledger.Report(ctx, app.ID, n)
		check(t, err)
		if r.State == ledger.Done {
			return r
		}
		select {
		case <-hints:
		case <-time.After(50 * time.Millisecond): // hints may be lost
		case <-ctx.Done():
			t.Fatalf("message %s did not settle: %+v", id, r)
		}
	}
}

// phone is a registered installation.
type phone struct{ id, secret string }

var installs int

// register registers a new installation of an app and gives it attributes: the
// body of a PATCH, or "".
func (w *world) register(t *testing.T, app aurora.App, attributes string) phone {
	t.Helper()
	installs++
	p := phone{secret: fmt.Sprintf("%032d", installs)}
	var got struct {
		ID string `json:"registration_id"`
	}
	w.accepted(t, request{path: "/v1/devices", body: fmt.Sprintf(`{"app_key":%q,"install_id":"install-%d","secret":%q,"bundle_id":%q,"platform":"ios"}`, app.Key, installs, p.secret, app.BundleID)}, &got)
	p.id = got.ID
	if attributes != "" {
		w.accepted(t, request{method: "PATCH", path: "/v1/devices/" + p.id, user: p.id, password: p.secret, body: attributes}, nil)
	}
	return p
}

// token returns a device token that differs by n.
func token(n int) string { return fmt.Sprintf("%064x", n+1) }

// everything is what the two apps' devices and messages look like, to compare.
func (w *world) everything(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, app := range []aurora.App{w.app, w.other} {
		devices, err := w.s.Registry.Devices(t.Context(), app.ID, registry.Query{Limit: 1000})
		check(t, err)
		messages, err := w.s.Ledger.Messages(t.Context(), app.ID, 0, 100)
		check(t, err)
		credentials, err := w.s.Accounts.Credentials(t.Context(), app.ID)
		check(t, err)
		text, err := json.MarshalIndent([]any{devices, messages, credentials}, "", " ")
		check(t, err)
		b.Write(text)
	}
	return b.String()
}

// What touches the database in the most ways passes on PostgreSQL, too;
// AURORA_TEST_DATABASE=postgres runs everything there.
func TestOnPostgres(t *testing.T) {
	storetest.Again(t, "TextsThatCannot|ConcurrentCID|ReportFamilies|DeviceLabels|Tags|ScheduleFires|FilePush|GroupPushIs|WebhookEndToEnd|InAppMessage|Withdraw|DevicesByOutcome$", "")
}
