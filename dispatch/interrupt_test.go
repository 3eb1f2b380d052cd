package dispatch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// A vendor that takes nothing for a while must not keep the database from
// everybody else: workers that wait for room hold no connection to it.
func TestBlockedSendersLeaveTheDatabaseToOthers(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 3 {
			w.device(i+1, aurora.Development)
		}
		room := make(chan struct{})
		w.vendor.open = func() (aurora.Route, error) {
			return aurora.Route{CredentialID: 7, Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
				<-room
				go done(d, aurora.Outcome{})
				return nil
			}}, nil
		}
		var ids []aurora.MessageID
		for range 64 { // more than the database has connections
			ctx, cancel := context.WithTimeout(w.Context(), 5*time.Second)
			receipt, err := w.dispatch.Accept(ctx, w.app, dispatch.Request{Message: alert("hi")})
			cancel()
			if err != nil {
				t.Errorf("after %d pushes that wait for the vendor the next one is refused: %v", len(ids), err)
				break
			}
			ids = append(ids, receipt.MessageID)
			synctest.Wait()
		}
		close(room)
		for _, id := range ids {
			w.expect(id, "done targeted 3 accepted 3 pending 0 failed []")
		}
	})
}
