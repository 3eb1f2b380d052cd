package inbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/bus"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/inbox"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
)

// world is everything but the network and APNs, over a real database.
type world struct {
	*testing.T
	db       *store.Store
	registry *registry.Service
	ledger   *ledger.Service
	dispatch *dispatch.Service
	inbox    *inbox.Service
	app      aurora.App
	dir      string
	hints    inbox.Bus
	stop     func()
	devices  int
}

// noAPNs is an app without a credential.
type noAPNs struct{}

func (noAPNs) Open(context.Context, *aurora.Message) (aurora.Route, error) {
	return aurora.Route{}, aurora.Errorf(aurora.NotFound, "none")
}

func (noAPNs) ParkCredential(context.Context, int64, string) error { return nil }

// deaf loses every hint.
type deaf struct{ *bus.Local }

func (deaf) Publish(string, string) {}

// inWorld runs a test in a bubble with its own time.
func inWorld(t *testing.T, hints inbox.Bus, test func(w *world)) {
	t.Helper()
	dir := t.TempDir()
	storetest.Database(t, dir) // begins outside of the bubble what does not end with it
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))) // message ids begin in 2024
		w := &world{T: t}
		w.open(dir, hints)
		test(w)
		w.stop()
	})
}

// open starts Aurora on a folder, as a new process would.
func (w *world) open(dir string, hints inbox.Bus) {
	w.Helper()
	w.dir, w.hints = dir, hints
	db, err := openStore(w, dir)
	w.check(err)
	w.db = db
	w.registry = registry.New(db, nil, nil)
	w.ledger = ledger.New(db, w.registry, hints)
	w.inbox = inbox.New(inbox.Config{Queue: db, Bus: hints, MaxOpen: 3})
	w.dispatch = dispatch.New(dispatch.Config{Messages: db, Registry: w.registry, Channel: noAPNs{}, Parker: noAPNs{}, Arrived: w.inbox.Arrived})
	if w.app.ID == 0 {
		var p account.Founder
		p.Email, p.DevKey, p.DevSecret = "owner@example.com", aurora.NewKey(), []byte("sealed")
		a, err := db.CreateAccount(w.Context(), p, nil)
		w.check(err)
		w.app, err = db.CreateApp(w.Context(), aurora.App{AccountID: a.ID, Key: aurora.NewKey(), Name: "App", BundleID: "com.example.app"}, []byte("sealed"))
		w.check(err)
	}
	w.check(db.FreeLeases(w.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { w.dispatch.Run(ctx); done <- struct{}{} }()
	go func() { w.inbox.Run(ctx); done <- struct{}{} }()
	synctest.Wait()
	w.stop = func() {
		synctest.Wait() // cancelling a read that sleeps would stop the bubble's time
		cancel()
		<-done
		<-done
		w.check(db.Close())
	}
}

// sleep lets time pass while the server is down, which costs no look a second.
func (w *world) sleep(d time.Duration) {
	w.Helper()
	w.stop()
	time.Sleep(d)
	w.open(w.dir, w.hints)
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// device registers a device.
func (w *world) device(p aurora.Platform, tags ...string) aurora.Device {
	w.Helper()
	w.devices++
	id, err := w.registry.Register(w.Context(), w.app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%d", w.devices), Secret: strings.Repeat("s", 43), Platform: p})
	w.check(err)
	d, err := w.registry.Device(w.Context(), w.app.ID, id)
	w.check(err)
	if len(tags) > 0 {
		w.check(w.registry.Apply(w.Context(), w.app.ID, d.Number, registry.Change{SetTags: &tags}))
	}
	return d
}

// push sends an in-app message; change adjusts it.
func (w *world) push(e audience.Expr, text string, change ...func(*aurora.Message)) aurora.MessageID {
	w.Helper()
	m := aurora.Message{Content: aurora.Content{InApp: &aurora.InAppMessage{Content: text}}}
	for _, c := range change {
		c(&m)
	}
	r, err := w.dispatch.Accept(w.Context(), w.app, dispatch.Request{Message: m, Audience: e, AllowEmpty: true})
	w.check(err)
	return r.MessageID
}

func keptFor(seconds int64) func(*aurora.Message) {
	return func(m *aurora.Message) { m.Options.TimeToLive = &seconds }
}

func overriding(id aurora.MessageID) func(*aurora.Message) {
	return func(m *aurora.Message) { m.Options.OverrideID = id }
}

// fetch asks once and returns the texts, oldest first.
func (w *world) fetch(d aurora.Device, wait time.Duration) string {
	w.Helper()
	list, err := w.inbox.Fetch(w.Context(), d, wait)
	w.check(err)
	var texts []string
	for _, m := range list {
		texts = append(texts, m.Content.InApp.Content)
	}
	return strings.Join(texts, " ")
}

// take asks once and acknowledges what it gets.
func (w *world) take(d aurora.Device) string {
	w.Helper()
	list, err := w.inbox.Fetch(w.Context(), d, 0)
	w.check(err)
	var texts []string
	for _, m := range list {
		texts = append(texts, m.Content.InApp.Content)
		w.receipt(d, m.ID, aurora.MessagePart)
	}
	return strings.Join(texts, " ")
}

func (w *world) receipt(d aurora.Device, id aurora.MessageID, part aurora.Part) {
	w.Helper()
	w.check(w.ledger.AddReceipts(w.Context(), d, []aurora.Receipt{{MessageID: id, Event: aurora.ReceivedEvent, Part: part}}))
}

// report returns the numbers of an in-app message in one line: targeted,
// handed, received, waiting, and the reasons of failures.
func (w *world) report(id aurora.MessageID) string {
	w.Helper()
	time.Sleep(time.Second) // what was handed out is written in the background
	r, err := w.ledger.Report(w.Context(), w.app.ID, id)
	w.check(err)
	if r.InApp == nil {
		return "none"
	}
	a := r.InApp
	var line strings.Builder
	fmt.Fprintf(&line, "targeted %d, handed %d, received %d, waiting %d", ledger.Sum(a.Targeted), ledger.Sum(a.Handed), ledger.Sum(a.Received), a.Waiting)
	for _, f := range a.FailedBy {
		fmt.Fprintf(&line, ", %s %d", f.Reason, f.Count)
	}
	return line.String()
}

func (w *world) want(what, got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("%s: %q, want %q", what, got, want)
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

// Everything passes on PostgreSQL, too.
func TestOnPostgres(t *testing.T) { storetest.Again(t, ".", "") }
