package dispatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
)

// vendor stands for APNs: it notes every delivery and answers as the test says.
type vendor struct {
	mu     sync.Mutex
	sent   []aurora.Delivery
	counts map[uint32]int // deliveries by device
	at     []time.Time
	answer func(d aurora.Delivery, nth int) aurora.Outcome // nth delivery to the device, from 1
	open   func() (aurora.Route, error)                    // if set, instead of a working route
	parked []string
	delay  time.Duration // between a delivery and its answer
}

func (v *vendor) Open(context.Context, *aurora.Message) (aurora.Route, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open != nil {
		return v.open()
	}
	return aurora.Route{CredentialID: 7, Send: v.send}, nil
}

func (v *vendor) send(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
	v.mu.Lock()
	v.sent, v.at = append(v.sent, d), append(v.at, time.Now())
	v.counts[d.Number]++
	var o aurora.Outcome
	if v.answer != nil {
		o = v.answer(d, v.counts[d.Number])
	}
	delay := v.delay
	v.mu.Unlock()
	go func() {
		time.Sleep(delay)
		done(d, o)
	}()
	return nil
}

func (v *vendor) ParkCredential(_ context.Context, id int64, reason string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.parked = append(v.parked, fmt.Sprint(id, " ", reason))
	return nil
}

func (v *vendor) deliveries() []aurora.Delivery {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]aurora.Delivery(nil), v.sent...)
}

// world is everything but the network, over a real database.
type world struct {
	*testing.T
	db       *store.Store
	registry *registry.Service
	dispatch *dispatch.Service
	ledger   *ledger.Service
	vendor   *vendor
	app      aurora.App
	config   func(*dispatch.Config) // changes it, if set
	halt     func()                 // ends the workers
	stop     func()                 // ends the workers and closes the database
}

// inWorld runs a test in a bubble with its own time.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	inWorldOf(t, newDatabase(t), test)
}

// newDatabase returns a folder for a database. It is called outside of a bubble,
// since PostgreSQL's begins something that does not end with it.
func newDatabase(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	storetest.Database(t, dir)
	return dir
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
	storetest.Again(t, "SchedulesFireOnce|LostLeaseStops|FailedWrite|StopOvertakes|SameCID|DamagedRows|ChangedWhileDue|FailedFiring|Paced$|ScheduledPushWaits|AcceptedPushSurvives", "")
}

// inWorldOf is inWorld on a given folder.
func inWorldOf(t *testing.T, dir string, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
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
	if err != nil {
		w.Fatal(err)
	}
	w.db = db
	w.registry = registry.New(db, nil, nil)
	w.ledger = ledger.New(db, w.registry, nowhere{})
	c := dispatch.Config{Messages: db, Registry: w.registry, Channel: w.vendor, Parker: w.vendor}
	if w.config != nil {
		w.config(&c)
	}
	w.dispatch = dispatch.New(c)
	if w.app.ID == 0 {
		var p account.Founder
		p.Email, p.DevKey, p.DevSecret = "owner@example.com", aurora.NewKey(), []byte("sealed")
		a, err := db.CreateAccount(w.Context(), p, nil)
		if err != nil {
			w.Fatal(err)
		}
		if w.app, err = db.CreateApp(w.Context(), aurora.App{AccountID: a.ID, Key: aurora.NewKey(), Name: "App", BundleID: "com.example.app"}, []byte("sealed")); err != nil {
			w.Fatal(err)
		}
	}
	if err := db.FreeLeases(w.Context()); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.dispatch.Run(ctx) }()
	synctest.Wait()
	w.halt = func() {
		synctest.Wait() // cancelling a read that sleeps would stop the bubble's time
		cancel()
		<-done
	}
	w.stop = func() {
		w.halt()
		if err := db.Close(); err != nil {
			w.Error(err)
		}
	}
}

// device registers a device with a token of the environment.
func (w *world) device(i int, env aurora.Environment, tags ...string) aurora.Device {
	w.Helper()
	secret := strings.Repeat("s", 43)
	id, err := w.registry.Register(w.Context(), w.app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: secret, Platform: aurora.IOS})
	if err != nil {
		w.Fatal(err)
	}
	d, err := w.registry.Device(w.Context(), w.app.ID, id)
	if err != nil {
		w.Fatal(err)
	}
	c := registry.Change{AddTags: tags}
	if env != aurora.NoEnvironment {
		token := fmt.Sprintf("%064x", i)
		c.Token, c.Environment = &token, &env
	}
	if err := w.registry.Apply(w.Context(), w.app.ID, d.Number, c); err != nil {
		w.Fatal(err)
	}
	return d
}

func alert(text string) aurora.Message {
	raw, _ := json.Marshal(text)
	return aurora.Message{Content: aurora.Content{Alert: raw}}
}

func (w *world) push(r dispatch.Request) aurora.MessageID {
	w.Helper()
	receipt, err := w.dispatch.Accept(w.Context(), w.app, r)
	if err != nil {
		w.Fatal(err)
	}
	return receipt.MessageID
}

// report waits until nothing happens any more without time passing, and
// returns where the message stands.
func (w *world) report(id aurora.MessageID) ledger.Report {
	w.Helper()
	synctest.Wait()
	r, err := w.ledger.Report(w.Context(), w.app.ID, id)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// expect compares the numbers of a report.
func (w *world) expect(id aurora.MessageID, want string) {
	w.Helper()
	r := w.report(id)
	got := fmt.Sprintf("%s targeted %d accepted %d pending %d failed %v", r.State, r.Targeted, r.Accepted, r.Pending, r.FailedBy)
	if got != want {
		w.Errorf("the report says\n\t%s, want\n\t%s", got, want)
	}
}
