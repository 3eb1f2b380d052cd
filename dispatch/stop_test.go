package dispatch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/store"
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

// stopping stops a message between a worker's last look at it and the moment at
// which it stores what is to wait.
type stopping struct {
	*store.Store
	done bool
}

func (s *stopping) Settle(ctx context.Context, st dispatch.Settlement) error {
	if !s.done {
		s.done = true
		if err := s.StopMessage(ctx, st.Job.AppID, st.Job.MessageID); err != nil {
			return err
		}
	}
	return s.Store.Settle(ctx, st)
}

// What is stored after the stop does not wait for its time: not the slices of a
// paced push, nor devices for another attempt, nor a job that is given back.
func TestStopOvertakesWhatIsToWait(t *testing.T) {
	for name, test := range map[string]struct {
		request dispatch.Request
		answer  func(aurora.Delivery, int) aurora.Outcome
	}{
		"slices": {request: paced(60)},
		"retry": {request: dispatch.Request{Message: alert("hi")}, answer: func(aurora.Delivery, int) aurora.Outcome {
			return aurora.Outcome{Fault: aurora.VendorFault, Reason: "ServiceUnavailable", Retry: time.Hour}
		}},
		"given back": {request: dispatch.Request{Message: alert("hi")}, answer: func(aurora.Delivery, int) aurora.Outcome {
			return aurora.Outcome{Fault: aurora.CredentialFault, Reason: "InvalidProviderToken"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}, answer: test.answer}}
				w.config = func(c *dispatch.Config) { c.Messages = &stopping{Store: w.db} }
				w.open(newDatabase(t))
				for i := range 5 {
					w.device(i+1, aurora.Development)
				}
				id := w.push(test.request)
				time.Sleep(time.Second)
				w.expect(id, "done targeted 5 accepted 0 pending 0 failed [{Stopped 5}]")
				w.stop()
			})
		})
	}
}
