package dispatch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

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
