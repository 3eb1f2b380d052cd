package dispatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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
	v.mu.Unlock()
	go done(d, o)
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
	halt     func() // ends the workers
	stop     func() // ends the workers and closes the database
}

// inWorld runs a test in a bubble with its own time.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	dir := t.TempDir()
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
	db, err := store.Open(w.Context(), dir)
	if err != nil {
		w.Fatal(err)
	}
	w.db = db
	w.registry = registry.New(db, db, db, nil, nil)
	w.ledger = ledger.New(db, w.registry, nowhere{})
	w.dispatch = dispatch.New(dispatch.Config{Messages: db, Registry: w.registry, Channel: w.vendor, Parker: w.vendor})
	if w.app.ID == 0 {
		var p account.Person
		p.Email, p.DevKey, p.DevSecret = "owner@example.com", aurora.NewKey(), []byte("sealed")
		a, err := db.CreatePerson(w.Context(), p, nil)
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

func TestEveryDeviceHasAnOutcome(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		w.device(2, aurora.Production)
		w.device(3, aurora.NoEnvironment)
		off := w.device(4, aurora.Development)
		disabled := true
		if err := w.registry.Apply(w.Context(), w.app.ID, off.Number, registry.Change{PushDisabled: &disabled}); err != nil {
			t.Fatal(err)
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "done targeted 4 accepted 1 pending 0 failed [{NoToken 1} {OtherEnvironment 1} {PushDisabled 1}]")
		if sent := w.vendor.deliveries(); len(sent) != 1 || sent[0].Number != 0 {
			t.Errorf("sent %v, want device 0 only", sent)
		}
	})
}

func TestAudienceWithoutDevices(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		_, err := w.dispatch.Accept(w.Context(), w.app, dispatch.Request{Message: alert("hi"), Audience: audience.Is(audience.Tag, "nobody")})
		if aurora.KindOf(err) != aurora.NoTarget {
			t.Errorf("got %v, want a refusal for no target", err)
		}
		id := w.push(dispatch.Request{Message: alert("hi"), Audience: audience.Is(audience.Tag, "nobody"), AllowEmpty: true})
		w.expect(id, "done targeted 0 accepted 0 pending 0 failed []")
	})
}

func TestVendorFaultsAreRetriedWithBackOff(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		w.device(2, aurora.Development)
		w.vendor.answer = func(d aurora.Delivery, nth int) aurora.Outcome {
			if d.Number == 0 && nth < 4 {
				return aurora.Outcome{Fault: aurora.VendorFault, Reason: "ServiceUnavailable"}
			}
			return aurora.Outcome{}
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "waiting targeted 2 accepted 1 pending 1 failed []")
		time.Sleep(time.Minute)
		w.expect(id, "done targeted 2 accepted 2 pending 0 failed []")
		if n := len(w.vendor.deliveries()); n != 5 {
			t.Errorf("%d deliveries, want 4 to the troubled device and 1 to the other", n)
		}
		var waits []time.Duration
		for i := 2; i < len(w.vendor.at); i++ {
			waits = append(waits, w.vendor.at[i].Sub(w.vendor.at[i-1]))
		}
		for i, least := range []time.Duration{800 * time.Millisecond, 3 * time.Second, 12 * time.Second} {
			if i >= len(waits) || waits[i] < least {
				t.Errorf("waits between attempts %v; want the %dth at least %v", waits, i+1, least)
			}
		}
	})
}

func TestRetriesEnd(t *testing.T) {
	down := func(aurora.Delivery, int) aurora.Outcome {
		return aurora.Outcome{Fault: aurora.VendorFault, Reason: "ServiceUnavailable"}
	}
	for name, c := range map[string]struct {
		ttl  int64
		most int // deliveries
	}{
		"time to live of 0: one attempt": {0, 1},
		"time to live of 10 s":           {10, 3},
		"a day: attempts run out":        {86400, 10},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.device(1, aurora.Development)
				w.vendor.answer = down
				m := alert("hi")
				m.Options.TimeToLive = &c.ttl
				id := w.push(dispatch.Request{Message: m})
				time.Sleep(90 * time.Minute)
				w.expect(id, "done targeted 1 accepted 0 pending 0 failed [{ServiceUnavailable 1}]")
				if n := len(w.vendor.deliveries()); n < 1 || n > c.most {
					t.Errorf("%d attempts, want 1 to %d", n, c.most)
				}
			})
		})
	}
}

// A 410 retires the token, unless the app has reported it again since.
func TestDeadTokensAreRetiredByTheirTimestamp(t *testing.T) {
	inWorld(t, func(w *world) {
		stale, live := w.device(1, aurora.Development), w.device(2, aurora.Development)
		registered := time.Now()
		time.Sleep(time.Hour)
		w.vendor.answer = func(d aurora.Delivery, _ int) aurora.Outcome {
			dead := registered.Add(time.Minute) // after the token was registered
			if d.Number == live.Number {
				dead = registered.Add(-time.Minute) // before
			}
			return aurora.Outcome{Fault: aurora.DeviceFault, Reason: "Unregistered", InactiveAt: dead}
		}
		id := w.push(dispatch.Request{Message: alert("one")})
		w.expect(id, "done targeted 2 accepted 0 pending 0 failed [{Unregistered 2}]")
		w.vendor.answer = nil
		id = w.push(dispatch.Request{Message: alert("two")})
		w.expect(id, "done targeted 2 accepted 1 pending 0 failed [{Unregistered 1}]")

		// Reporting the token again brings the device back.
		d, err := w.registry.Device(w.Context(), w.app.ID, stale.RegistrationID)
		if err != nil || d.RetiredReason != "Unregistered" || d.Token == "" {
			t.Fatalf("the retired device is %+v, %v", d, err)
		}
		env := aurora.Development
		if err := w.registry.Apply(w.Context(), w.app.ID, stale.Number, registry.Change{Token: &d.Token, Environment: &env}); err != nil {
			t.Fatal(err)
		}
		id = w.push(dispatch.Request{Message: alert("three")})
		w.expect(id, "done targeted 2 accepted 2 pending 0 failed []")
	})
}

func TestMessageFaultStopsTheMessage(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 50 {
			w.device(i+1, aurora.Development)
		}
		w.vendor.answer = func(aurora.Delivery, int) aurora.Outcome {
			return aurora.Outcome{Fault: aurora.MessageFault, Reason: "PayloadTooLarge"}
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "done targeted 50 accepted 0 pending 0 failed [{PayloadTooLarge 50}]")
	})
}

func TestRefusedCredentialIsParkedAndThePushWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		w.vendor.answer = func(_ aurora.Delivery, nth int) aurora.Outcome {
			if nth == 1 {
				return aurora.Outcome{Fault: aurora.CredentialFault, Reason: "BadCertificate"}
			}
			return aurora.Outcome{}
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "waiting targeted 1 accepted 0 pending 1 failed []")
		if got := fmt.Sprint(w.vendor.parked); got != "[7 BadCertificate]" {
			t.Errorf("parked %s", got)
		}
		time.Sleep(2 * time.Minute)
		w.expect(id, "done targeted 1 accepted 1 pending 0 failed []")
	})
}

func TestRefusedCredentialUntilTheMessageExpires(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		w.vendor.open = func() (aurora.Route, error) { return aurora.Route{CredentialID: 7, Parked: "CertificateExpired"}, nil }
		m, ttl := alert("hi"), int64(90)
		m.Options.TimeToLive = &ttl
		id := w.push(dispatch.Request{Message: m})
		time.Sleep(3 * time.Minute)
		w.expect(id, "done targeted 1 accepted 0 pending 0 failed [{CertificateExpired 1}]")
	})
}

func TestWithoutCredential(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		w.device(2, aurora.NoEnvironment)
		w.vendor.open = func() (aurora.Route, error) { return aurora.Route{}, aurora.Errorf(aurora.NotFound, "none") }
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "done targeted 2 accepted 0 pending 0 failed [{NoCredential 1} {NoToken 1}]")
	})
}

func TestRelativeBadges(t *testing.T) {
	inWorld(t, func(w *world) {
		d := w.device(1, aurora.Development)
		w.device(2, aurora.Development)
		start := 41
		if err := w.registry.Apply(w.Context(), w.app.ID, d.Number, registry.Change{Badge: &start}); err != nil {
			t.Fatal(err)
		}
		m := alert("hi")
		m.Content.IOS = &aurora.IOSNotification{Badge: &aurora.Badge{Relative: true, N: 1}}
		var wg sync.WaitGroup
		for range 5 { // at the same moment: five different numbers each
			wg.Go(func() { w.push(dispatch.Request{Message: m}) })
		}
		wg.Wait()
		synctest.Wait()
		seen := map[string]bool{}
		for _, s := range w.vendor.deliveries() {
			seen[fmt.Sprint(s.Number, ":", s.Badge)] = true
		}
		for i := 1; i <= 5; i++ {
			for _, want := range []string{fmt.Sprint("0:", start+i), fmt.Sprint("1:", i)} {
				if !seen[want] {
					t.Errorf("no delivery with device:badge %s; got %v", want, seen)
				}
			}
		}
	})
}

func TestSameCIDSendsOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		var wg sync.WaitGroup
		ids := make([]aurora.MessageID, 10)
		for i := range ids {
			wg.Go(func() { ids[i] = w.push(dispatch.Request{Message: alert("hi"), CID: "one"}) })
		}
		wg.Wait()
		synctest.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("answers differ: %v", ids)
			}
		}
		if n := len(w.vendor.deliveries()); n != 1 {
			t.Errorf("%d deliveries, want 1", n)
		}
		w.halt() // or its looking for work once a second would make the day long
		time.Sleep(25 * time.Hour)
		if again := w.push(dispatch.Request{Message: alert("hi"), CID: "one"}); again == ids[0] {
			t.Error("a day later the cid still stands for the first push")
		}
	})
}

// More devices than a handful are sent block by block.
func TestBroadcastJobs(t *testing.T) {
	if testing.Short() {
		t.Skip("registers 5,000 devices")
	}
	inWorld(t, func(w *world) {
		const n = 5000
		var wg sync.WaitGroup
		for worker := range 100 { // together, so that they share commits
			wg.Go(func() {
				for i := worker; i < n; i += 100 {
					w.device(i+1, aurora.Development, []string{"even", "odd"}[i%2])
				}
			})
		}
		wg.Wait()
		m := alert("hi")
		m.Content.IOS = &aurora.IOSNotification{Badge: &aurora.Badge{Relative: true, N: 1}}
		id := w.push(dispatch.Request{Message: m})
		w.expect(id, fmt.Sprintf("done targeted %d accepted %d pending 0 failed []", n, n))
		sent := w.vendor.deliveries()
		seen := map[uint32]bool{}
		for _, s := range sent {
			seen[s.Number] = true
			if s.Badge != 1 {
				t.Fatalf("device %d got badge %d, want 1", s.Number, s.Badge)
			}
		}
		if len(sent) != n || len(seen) != n {
			t.Errorf("%d deliveries to %d devices, want %d each", len(sent), len(seen), n)
		}
		id = w.push(dispatch.Request{Message: alert("hi"), Audience: audience.Is(audience.Tag, "odd")})
		w.expect(id, fmt.Sprintf("done targeted %d accepted %d pending 0 failed []", n/2, n/2))
	})
}

// A job whose worker vanished is repeated when its lease ends, for the devices
// without an outcome; the worker that comes back too late settles nothing.
func TestLostLease(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		var stuck []func()
		var mu sync.Mutex
		w.vendor.open = func() (aurora.Route, error) {
			return aurora.Route{CredentialID: 7, Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
				mu.Lock()
				defer mu.Unlock()
				stuck = append(stuck, func() { done(d, aurora.Outcome{}) })
				return nil
			}}, nil
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "sending targeted 1 accepted 0 pending 1 failed []")
		// A new process takes the folder over while the old one hangs.
		if err := w.db.FreeLeases(w.Context()); err != nil {
			t.Fatal(err)
		}
		jobs, err := w.db.LeaseJobs(w.Context(), dispatch.Direct, "other", time.Now().Add(time.Hour), 10)
		if err != nil || len(jobs) != 1 || jobs[0].Targets.GetCardinality() != 1 {
			t.Fatalf("leased %v, %v; want the one job with its one device", jobs, err)
		}
		mu.Lock()
		for _, answer := range stuck {
			answer()
		}
		mu.Unlock()
		time.Sleep(time.Second)
		w.expect(id, "sending targeted 1 accepted 0 pending 1 failed []")
		if err := w.db.Settle(w.Context(), dispatch.Settlement{Job: jobs[0], Done: true}); err != nil {
			t.Errorf("the new holder cannot settle: %v", err)
		}
	})
}

// A push that was accepted before a crash is sent after it.
func TestAcceptedPushSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
		w.open(dir)
		w.device(1, aurora.Development)
		w.vendor.open = func() (aurora.Route, error) { return aurora.Route{}, fmt.Errorf("no network") }
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "sending targeted 1 accepted 0 pending 1 failed []")
		w.stop()
		w.vendor.open = nil
		w.open(dir)
		w.expect(id, "done targeted 1 accepted 1 pending 0 failed []")
		w.stop()
	})
}

// A stopped message is not sent to whoever has not had their turn: those
// waiting for another attempt, and the rest of a block that is being sent.
func TestStop(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 5 {
			w.device(i+1, aurora.Development)
		}
		w.vendor.answer = func(d aurora.Delivery, _ int) aurora.Outcome {
			if d.Number < 3 {
				return aurora.Outcome{}
			}
			return aurora.Outcome{Fault: aurora.VendorFault, Reason: "ServiceUnavailable", Retry: time.Hour}
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "waiting targeted 5 accepted 3 pending 2 failed []")
		if err := w.dispatch.Stop(w.Context(), w.app.ID+1, id); err != nil {
			t.Fatal(err)
		}
		w.expect(id, "waiting targeted 5 accepted 3 pending 2 failed []") // not that app's
		if err := w.dispatch.Stop(w.Context(), w.app.ID, id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.expect(id, "done targeted 5 accepted 3 pending 0 failed [{Stopped 2}]")
	})
}

func TestStopWhileSending(t *testing.T) {
	inWorld(t, func(w *world) {
		const n = 50
		for i := range n {
			w.device(i+1, aurora.Development)
		}
		var count atomic.Int64
		w.vendor.open = func() (aurora.Route, error) {
			return aurora.Route{CredentialID: 7, Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
				time.Sleep(50 * time.Millisecond) // a slow vendor
				count.Add(1)
				done(d, aurora.Outcome{})
				return nil
			}}, nil
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		time.Sleep(500 * time.Millisecond)
		if err := w.dispatch.Stop(w.Context(), w.app.ID, id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		sent := int(count.Load())
		if sent < 5 || sent > 20 {
			t.Errorf("%d of %d were sent; stopped after half a second, about 10 to 13 are right", sent, n)
		}
		w.expect(id, fmt.Sprintf("done targeted %d accepted %d pending 0 failed [{Stopped %d}]", n, sent, n-sent))
	})
}

// A push that cannot arrive does not count on the icon.
func TestBadgesOfUnreachableDevicesStay(t *testing.T) {
	inWorld(t, func(w *world) {
		reached := w.device(1, aurora.Development)
		other, none, off := w.device(2, aurora.Production), w.device(3, aurora.NoEnvironment), w.device(4, aurora.Development)
		if err := w.registry.Apply(w.Context(), w.app.ID, off.Number, registry.Change{PushDisabled: new(true)}); err != nil {
			t.Fatal(err)
		}
		m := alert("hi")
		m.Content.IOS = &aurora.IOSNotification{Badge: &aurora.Badge{Relative: true, N: 1}}
		w.push(dispatch.Request{Message: m})
		w.push(dispatch.Request{Message: m, Audience: audience.AnyOf(audience.Registration, []string{reached.RegistrationID, other.RegistrationID, none.RegistrationID, off.RegistrationID})})
		synctest.Wait()
		for _, c := range []struct {
			d    aurora.Device
			want int
		}{{reached, 2}, {other, 0}, {none, 0}, {off, 0}} {
			d, err := w.registry.Device(w.Context(), w.app.ID, c.d.RegistrationID)
			if err != nil || d.Badge != c.want {
				t.Errorf("device %d has badge %d, %v; want %d", c.d.Number, d.Badge, err, c.want)
			}
		}
	})
}
