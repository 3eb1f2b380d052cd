package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
	"github.com/aurora-push/aurora/webhook"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, err error, kind aurora.Kind) {
	t.Helper()
	if err == nil || aurora.KindOf(err) != kind {
		t.Errorf("kind %v, want %v: %v", aurora.KindOf(err), kind, err)
	}
}

// receiver is a customer's server at the other end of the wire.
type receiver struct {
	mu     sync.Mutex
	got    []post
	answer func(p post, nth int) (*http.Response, error) // nth post of all, from 1; nil means 200
}

type post struct {
	url    string
	at     time.Time
	header http.Header
	raw    []byte
	body   struct {
		Type      string
		Timestamp time.Time
		Data      map[string]any
	}
}

// ids returns the registration ids that a post names.
func (p post) ids() []string {
	var ids []string
	list, _ := p.body.Data["registration_ids"].([]any)
	for _, id := range list {
		ids = append(ids, id.(string))
	}
	return ids
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	p := post{url: req.URL.String(), at: time.Now(), header: req.Header, raw: raw}
	_ = json.Unmarshal(raw, &p.body) // a callback's body is an array
	r.mu.Lock()
	r.got = append(r.got, p)
	nth, answer := len(r.got), r.answer
	r.mu.Unlock()
	if answer != nil {
		if resp, err := answer(p, nth); resp != nil || err != nil {
			return resp, err
		}
	}
	return status(200, "ok")
}

func status(code int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code, " ", http.StatusText(code)), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (r *receiver) posts() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]post(nil), r.got...)
}

// of returns the posts of one kind.
func (r *receiver) of(kind aurora.EventKind) (found []post) {
	for _, p := range r.posts() {
		if p.body.Type == string(kind) {
			found = append(found, p)
		}
	}
	return found
}

// world is everything but the network, over a real database, in a bubble with
// its own time.
type world struct {
	*testing.T
	db       *store.Store
	registry *registry.Service
	dispatch *dispatch.Service
	ledger   *ledger.Service
	accounts *account.Service
	hooks    *webhook.Service
	to       *receiver
	app      aurora.App
	outcome  func(d aurora.Delivery) aurora.Outcome // nil: accepted
	config   webhook.Config
	stop     func()
}

func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	inWorldWith(t, webhook.Config{}, test)
}

func inWorldWith(t *testing.T, c webhook.Config, test func(w *world)) {
	t.Helper()
	dir := t.TempDir()
	storetest.Database(t, dir) // begins outside of the bubble what does not end with it
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, to: &receiver{}, config: c}
		w.open(dir)
		test(w)
		w.stop()
	})
}

type nowhere struct{}

func (nowhere) Publish(string, string)                   {}
func (nowhere) Subscribe(string) (<-chan string, func()) { return nil, func() {} }

// open starts Aurora on a folder, as a new process would.
func (w *world) open(dir string) {
	w.Helper()
	db, err := openStore(w, dir)
	check(w, err)
	seal, err := account.NewSeal(bytes.Repeat([]byte{7}, 32))
	check(w, err)
	w.db = db
	w.accounts = account.New(account.Config{People: db, Doors: db, Apps: db, Credentials: db, Accesses: db, APIKeys: db, Audits: db, Seal: seal})
	w.registry = registry.New(db, nil, nil)
	w.ledger = ledger.New(db, w.registry, nowhere{})
	w.dispatch = dispatch.New(dispatch.Config{Messages: db, Registry: w.registry, Channel: w, Parker: w.accounts})
	c := w.config
	c.Endpoints, c.Outbox, c.Log, c.Reader, c.Expiries, c.Sealer, c.Audit, c.Apps, c.Transport = db, db, db, db, db, seal, w.accounts, w.accounts, w.to
	w.hooks = webhook.New(c)
	if w.app.ID == 0 {
		owner, _, err := w.accounts.Create(w.Context(), "owner@example.com", "correct horse battery")
		check(w, err)
		w.app, err = w.accounts.CreateApp(w.Context(), owner.ID, "App", "com.example.app")
		check(w, err)
	}
	check(w, db.FreeLeases(w.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.dispatch.Run(ctx) })
	running.Go(func() { w.hooks.Run(ctx) })
	synctest.Wait()
	w.stop = func() {
		synctest.Wait() // cancelling a read that sleeps would stop the bubble's time
		cancel()
		running.Wait()
		check(w, db.Close())
	}
}

// openStore opens the database of a folder, or on PostgreSQL what stands for it.
func openStore(t testing.TB, dir string) (*store.Store, error) {
	t.Helper()
	if url := storetest.Database(t, dir); url != "" {
		return store.OpenURL(t.Context(), url, nil)
	}
	return store.Open(t.Context(), dir)
}

// What depends on the database most passes on PostgreSQL, too;
// AURORA_TEST_DATABASE=postgres runs everything there.
func TestOnPostgres(t *testing.T) {
	storetest.Again(t, "CrashRepeats|Gone|Callback|SlowReader", "")
}

// Open is the vendor: it takes everything, or answers as the test says.
func (w *world) Open(context.Context, *aurora.Message) (aurora.Route, error) {
	return aurora.Route{CredentialID: 7, Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
		var o aurora.Outcome
		if w.outcome != nil {
			o = w.outcome(d)
		}
		go done(d, o)
		return nil
	}}, nil
}

// devices registers devices with tokens and returns their ids.
func (w *world) devices(n int) []string {
	w.Helper()
	ids := make([]string, n)
	var registering sync.WaitGroup
	for i := range n {
		registering.Go(func() {
			id, err := w.registry.Register(w.Context(), w.app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS})
			if err != nil {
				w.Error(err)
				return
			}
			d, err := w.registry.Device(w.Context(), w.app.ID, id)
			token, env := fmt.Sprintf("%064x", i), aurora.Production
			if err = errors.Join(err, w.registry.Apply(w.Context(), w.app.ID, d.Number, registry.Change{Token: &token, Environment: &env})); err != nil {
				w.Error(err)
			}
			ids[i] = id
		})
	}
	registering.Wait()
	return ids
}

func (w *world) push(change func(*aurora.Message)) aurora.MessageID {
	w.Helper()
	m := aurora.Message{Content: aurora.Content{Alert: json.RawMessage(`"Hello"`)}, Options: aurora.Options{Production: true}}
	if change != nil {
		change(&m)
	}
	r, err := w.dispatch.Accept(w.Context(), w.app, dispatch.Request{Message: m, Audience: audience.All(), AllowEmpty: true})
	check(w, err)
	return r.MessageID
}

// report brings a receipt for a device.
func (w *world) report(id aurora.MessageID, registrationID string, event aurora.ReceiptEvent) {
	w.Helper()
	d, err := w.registry.Device(w.Context(), w.app.ID, registrationID)
	check(w, err)
	check(w, w.ledger.AddReceipts(w.Context(), d, []aurora.Receipt{{MessageID: id, Event: event}}))
}

// hook makes an endpoint.
func (w *world) hook(kinds ...string) (webhook.Endpoint, string) {
	w.Helper()
	url := "https://example.com/hook"
	e, secret, err := w.hooks.Create(w.Context(), w.app, webhook.Change{URL: &url, Kinds: kinds})
	check(w, err)
	return e, secret.Reveal()
}

// pass lets time go by until everything rests again.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// outbox returns what somebody who listened would find.
func (w *world) events(after int64) []webhook.Event {
	w.Helper()
	events, err := w.db.EventsAfter(w.Context(), w.app.ID, after, 1000)
	check(w, err)
	return events
}

func auditOf(app aurora.App) account.AuditQuery {
	return account.AuditQuery{AppID: app.ID, Limit: 10}
}
