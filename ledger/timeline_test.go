package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/bus"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
)

// book is a ledger over a real database, with one app and one device in it.
type book struct {
	*testing.T
	db       *store.Store
	registry *registry.Service
	ledger   *ledger.Service
	app      int64
	device   aurora.Device
	messages aurora.MessageID
}

func newBook(t *testing.T) *book {
	t.Helper()
	return newBookIn(t, t.TempDir())
}

func newBookIn(t *testing.T, dir string) *book {
	t.Helper()
	db, err := openStore(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &book{T: t, db: db, registry: registry.New(db, nil, nil), messages: 1000}
	b.ledger = ledger.New(db, b.registry, &bus.Local{})
	b.app, b.device = b.newApp("owner@example.com")
	return b
}

// damage changes a row behind everyone's back.
func damage(t *testing.T, dir, statement string, args ...any) {
	t.Helper()
	if _, err := storetest.Beside(t, dir).Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *book) newApp(email string) (int64, aurora.Device) {
	b.Helper()
	var p account.Founder
	p.Email, p.DevKey, p.DevSecret = email, aurora.NewKey(), []byte("sealed")
	a, err := b.db.CreateAccount(b.Context(), p, nil)
	if err != nil {
		b.Fatal(err)
	}
	app, err := b.db.CreateApp(b.Context(), aurora.App{AccountID: a.ID, Key: aurora.NewKey()}, []byte("sealed"))
	if err != nil {
		b.Fatal(err)
	}
	id, err := b.registry.Register(b.Context(), app.ID, registry.Registration{InstallID: "install-1", Secret: strings.Repeat("s", 43), Platform: aurora.IOS})
	if err != nil {
		b.Fatal(err)
	}
	d, err := b.registry.Device(b.Context(), app.ID, id)
	if err != nil {
		b.Fatal(err)
	}
	return app.ID, d
}

// message stores a message for the device numbers and settles what marks say;
// devices without a mark stay with the job.
func (b *book) message(targets *roaring.Bitmap, marks map[aurora.Mark]*roaring.Bitmap) aurora.MessageID {
	b.Helper()
	b.messages++
	m := aurora.Message{ID: b.messages, AppID: b.app, Audience: "tag:vip", AcceptedAt: time.Now(), Content: aurora.Content{Alert: json.RawMessage(`"hi"`)}}
	_, job, err := b.db.AcceptMessage(b.Context(), dispatch.Accepted{Message: m, Targets: targets, Holder: "test", Until: time.Now().Add(time.Minute)})
	if err != nil {
		b.Fatal(err)
	}
	if job == nil {
		return m.ID
	}
	for _, numbers := range marks {
		job.Targets.AndNot(numbers)
	}
	s := dispatch.Settlement{Job: *job, Marks: marks, Done: job.Targets.IsEmpty()}
	s.Job.NotBefore = time.Now().Add(time.Hour)
	if err := b.db.Settle(b.Context(), s); err != nil {
		b.Fatal(err)
	}
	return m.ID
}

func (b *book) steps(id aurora.MessageID) string {
	b.Helper()
	steps, err := b.ledger.Timeline(b.Context(), b.app, b.device.RegistrationID, id)
	if err != nil {
		b.Fatal(err)
	}
	var parts []string
	for _, s := range steps {
		parts = append(parts, fmt.Sprintf("%s %s", s.Name, s.State))
		if s.Text == "" || (s.Remedy != "") != (s.State == ledger.StepBroken) {
			b.Errorf("step %+v must have a text, and a remedy only if it is broken", s)
		}
	}
	return strings.Join(parts, ", ")
}

func TestTimeline(t *testing.T) {
	b := newBook(t)
	me := func() *roaring.Bitmap { return roaring.BitmapOf(b.device.Number) }
	nobody, somebody := roaring.New(), roaring.BitmapOf(77)
	marked := func(m aurora.Mark) map[aurora.Mark]*roaring.Bitmap { return map[aurora.Mark]*roaring.Bitmap{m: me()} }
	const start = "Registered done, Accepted by Aurora done, "

	for _, c := range []struct {
		name  string
		id    aurora.MessageID
		steps string
	}{
		{"not selected", b.message(nobody, nil), start + "Selected broken"},
		{"somebody else selected", b.message(somebody, nil), start + "Selected broken"},
		{"waiting for another attempt", b.message(me(), nil), start + "Selected done, Accepted by APNs waiting"},
		{"accepted", b.message(me(), marked(aurora.Accepted)), start + "Selected done, Accepted by APNs done, Received unknown, Opened unknown"},
		{"no token", b.message(me(), marked(aurora.Failed(aurora.ReasonNoToken))), start + "Selected done, Token broken"},
		{"other environment", b.message(me(), marked(aurora.Failed(aurora.ReasonOtherEnvironment))), start + "Selected done, Environment broken"},
		{"no credential", b.message(me(), marked(aurora.Failed(aurora.ReasonNoCredential))), start + "Selected done, Credential broken"},
		{"expired", b.message(me(), marked(aurora.Failed(aurora.ReasonExpired))), start + "Selected done, Sent in time broken"},
		{"refused by APNs", b.message(me(), marked(aurora.Failed("BadDeviceToken"))), start + "Selected done, Token done, Accepted by APNs broken"},
		{"a reason of tomorrow", b.message(me(), marked(aurora.Failed("BrandNew"))), start + "Selected done, Token done, Accepted by APNs broken"},
	} {
		if got := b.steps(c.id); got != c.steps {
			t.Errorf("%s:\n\t%s, want\n\t%s", c.name, got, c.steps)
		}
	}
}

// Receipts count once, only for messages that targeted the device, and what
// was opened had arrived.
func TestReceipts(t *testing.T) {
	b := newBook(t)
	me := roaring.BitmapOf(b.device.Number)
	mine := b.message(me.Clone(), map[aurora.Mark]*roaring.Bitmap{aurora.Accepted: me})
	notMine := b.message(roaring.BitmapOf(77), nil)
	_, stranger := b.newApp("eve@example.com") // device 0 of another app

	events, stop := b.ledger.Watch(t.Context(), b.app)
	defer stop()
	opened := []aurora.Receipt{{MessageID: mine, Event: aurora.OpenedEvent}, {MessageID: notMine, Event: aurora.OpenedEvent}, {MessageID: 42, Event: aurora.ReceivedEvent}}
	for _, d := range []aurora.Device{stranger, b.device, b.device} {
		if err := b.ledger.AddReceipts(t.Context(), d, opened); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case e := <-events:
		if e.MessageID != mine {
			t.Errorf("the hint is about message %v, want %v", e.MessageID, mine)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody was told of the receipts")
	}
	for id, want := range map[aurora.MessageID]uint64{mine: 1, notMine: 0} {
		r, err := b.ledger.Report(t.Context(), b.app, id)
		if err != nil || r.Received != want || r.Opened != want {
			t.Errorf("message %v: received %d, opened %d, %v; want %d each", id, r.Received, r.Opened, err, want)
		}
	}
	if got := b.steps(mine); !strings.HasSuffix(got, "Received done, Opened done") {
		t.Errorf("the timeline is %s", got)
	}
	if _, err := b.ledger.Report(t.Context(), stranger.AppID, mine); aurora.KindOf(err) != aurora.NotFound {
		t.Errorf("another app reads the report: %v", err)
	}
	if _, err := b.ledger.Timeline(t.Context(), stranger.AppID, stranger.RegistrationID, mine); aurora.KindOf(err) != aurora.NotFound {
		t.Errorf("another app reads the timeline: %v", err)
	}
	if err := b.ledger.AddReceipts(t.Context(), b.device, make([]aurora.Receipt, ledger.MaxReceipts+1)); aurora.KindOf(err) != aurora.Invalid {
		t.Errorf("too many receipts: %v", err)
	}
}

// A report's numbers are those of its sets, also across blocks, and failures
// are sorted by how many they hit.
func TestReport(t *testing.T) {
	b := newBook(t)
	span := func(from, to uint64) *roaring.Bitmap { r := roaring.New(); r.AddRange(from, to); return r }
	id := b.message(span(65_000, 66_000), map[aurora.Mark]*roaring.Bitmap{
		aurora.Accepted: span(65_000, 65_700), aurora.Failed("Unregistered"): span(65_700, 65_720), aurora.Failed("BadDeviceToken"): span(65_720, 65_800),
	})
	r, err := b.ledger.Report(t.Context(), b.app, id)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%d %d %d %d %v %s %v", r.Targeted, r.Accepted, r.Failed, r.Pending, r.FailedBy, r.State, r.NextAt.IsZero())
	if want := "1000 700 100 200 [{BadDeviceToken 80} {Unregistered 20}] waiting false"; got != want {
		t.Errorf("the report is %s, want %s", got, want)
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
