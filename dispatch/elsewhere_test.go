package dispatch_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// A server that cannot reach the vendor while others do gives its jobs back
// without an outcome and without counting an attempt, and leases none, until it
// reaches the vendor again.
func TestJobsAreLeftToWhoReachesTheVendor(t *testing.T) {
	dir := newDatabase(t)
	synctest.Test(t, func(t *testing.T) {
		var out, elsewhere atomic.Bool
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
		w.config = func(c *dispatch.Config) {
			c.Elsewhere = func(env aurora.Environment) bool { return env == aurora.Development && elsewhere.Load() }
		}
		w.open(dir)
		defer w.stop()
		w.device(1, aurora.Production) // looked at before there is an attempt
		for i := range 5 {
			w.device(i+2, aurora.Development)
		}
		w.vendor.answer = func(aurora.Delivery, int) aurora.Outcome {
			if out.Load() {
				elsewhere.Store(true) // it is found out by sending
				return aurora.Outcome{Fault: aurora.VendorFault, Reason: "ConnectionFailed"}
			}
			return aurora.Outcome{}
		}
		out.Store(true)
		once := alert("found out")
		once.Options.TimeToLive = new(int64(0)) // has one attempt, which this is not
		first := w.push(dispatch.Request{Message: once})
		time.Sleep(time.Second) // several goroutines look for work: it must be this message's
		second := w.push(dispatch.Request{Message: alert("handed over")})
		time.Sleep(time.Minute)
		tried := len(w.vendor.deliveries())
		if tried == 0 || tried > 5 {
			t.Errorf("%d attempts, want one for each device at most", tried)
		}
		w.expect(first, "sending targeted 6 accepted 0 pending 5 failed [{OtherEnvironment 1}]")
		w.expect(second, "sending targeted 6 accepted 0 pending 6 failed []")

		out.Store(false)
		production := alert("the other environment")
		production.Options.Production = true
		third := w.push(dispatch.Request{Message: production})
		time.Sleep(5 * time.Second)
		w.expect(third, "done targeted 6 accepted 1 pending 0 failed [{OtherEnvironment 5}]")

		elsewhere.Store(false)
		time.Sleep(5 * time.Second)
		w.expect(first, "done targeted 6 accepted 5 pending 0 failed [{OtherEnvironment 1}]")
		w.expect(second, "done targeted 6 accepted 5 pending 0 failed [{OtherEnvironment 1}]")
	})
}
