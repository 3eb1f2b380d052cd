package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/store/storetest"
)

// APNs is gone for ten minutes: what waits is tried again with growing pauses,
// arrives once it is back, and what was not worth waiting fails with a reason.
func TestAPNsGoneForTenMinutes(t *testing.T) {
	inWorld(t, func(w *world) {
		const devices = 200
		for i := range devices {
			w.device(i+1, aurora.Development, "all")
		}
		one := w.device(devices+1, aurora.Development)
		back := time.Now().Add(10 * time.Minute)
		w.vendor.answer = func(aurora.Delivery, int) aurora.Outcome {
			if time.Now().Before(back) {
				return aurora.Outcome{Fault: aurora.VendorFault, Reason: "ConnectionFailed"}
			}
			return aurora.Outcome{}
		}
		living := func(seconds int64) aurora.Message {
			m := alert("hi")
			m.Options.TimeToLive = &seconds
			return m
		}
		tagged := audience.Is(audience.Tag, "all")
		single := audience.AnyOf(audience.Registration, []string{one.RegistrationID})
		day := w.push(dispatch.Request{Message: alert("a day"), Audience: tagged})
		code := w.push(dispatch.Request{Message: living(300), Audience: single})
		now := w.push(dispatch.Request{Message: living(0), Audience: single})
		w.expect(day, "waiting targeted 200 accepted 0 pending 200 failed []")
		w.expect(now, "done targeted 1 accepted 0 pending 0 failed [{ConnectionFailed 1}]")
		time.Sleep(5 * time.Minute)
		w.expect(code, "done targeted 1 accepted 0 pending 0 failed [{ConnectionFailed 1}]")
		attempts := len(w.vendor.deliveries())
		if least, most := 4*devices, 8*devices; attempts < least || attempts > most {
			t.Errorf("%d attempts in five minutes, want %d to %d: growing pauses", attempts, least, most)
		}
		time.Sleep(20 * time.Minute) // the pause before the attempt that succeeds was up to 15
		w.expect(day, "done targeted 200 accepted 200 pending 0 failed []")
		for number, n := range w.vendor.counts {
			if n > 10 {
				t.Errorf("device %d was tried %d times", number, n)
			}
		}
	})
}

// The clock is set forward by an hour while a push is on the wire: its lease
// looks expired, it is sent again, and every device still counts once.
func TestClockSetForward(t *testing.T) {
	dir := newDatabase(t)
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
		w.open(dir)
		for i := range 5 {
			w.device(i+1, aurora.Development)
		}
		w.vendor.delay = 10 * time.Second // on the wire
		id := w.push(dispatch.Request{Message: alert("hi")})
		time.Sleep(time.Second)
		db := storetest.Beside(t, dir)
		// To a lease it is the same whether the clock goes on by an hour or its end
		// comes an hour earlier.
		if _, err := db.Exec("UPDATE job SET due_at = due_at - 3600000"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.expect(id, "done targeted 5 accepted 5 pending 0 failed []")
		for number, n := range w.vendor.counts {
			if n > 2 {
				t.Errorf("device %d got it %d times, want at most one repeat", number, n)
			}
		}
		if n := len(w.vendor.deliveries()); n != 10 {
			t.Errorf("%d deliveries; the step of the clock was to make five repeats, or the test has no weight", n)
		}
		w.stop()
	})
}
