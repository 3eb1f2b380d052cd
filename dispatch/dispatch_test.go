package dispatch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store/storetest"
)

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
		if sent := w.vendor.deliveries(); len(sent) != 1 || sent[0].Number != 0 || !sent[0].Urgent {
			t.Errorf("sent %+v, want device 0 only, before what goes to many", sent)
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
			if s.Urgent {
				t.Fatalf("what device %d got goes before login codes", s.Number)
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
	storetest.SQLiteOnly(t, "a new process frees all leases")
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
	dir := newDatabase(t)
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
		w.open(dir)
		w.device(1, aurora.Development)
		w.vendor.open = func() (aurora.Route, error) { return aurora.Route{}, fmt.Errorf("no network") }
		id := w.push(dispatch.Request{Message: alert("hi")})
		w.expect(id, "waiting targeted 1 accepted 0 pending 1 failed []")
		w.stop()
		w.vendor.open = nil
		w.open(dir)
		time.Sleep(5 * time.Second) // what was interrupted waits for so long
		synctest.Wait()
		w.expect(id, "done targeted 1 accepted 1 pending 0 failed []")
		w.stop()
	})
}
