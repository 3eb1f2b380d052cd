package channel_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// What dispatch calls urgent passes what waits for the same connections.
func TestUrgentDeliveriesPassTheOthers(t *testing.T) {
	w := startWorld(t)
	p := w.apns.Policy()
	p.Streams, p.ResponseLatency = 1, localapns.Duration(5*time.Millisecond)
	check(t, w.apns.SetPolicy(p))
	route, err := w.openChannel(t).Open(t.Context(), w.message(1))
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const others = 200
	order := make(chan uint32, others+1)
	for i := range uint32(others + 1) {
		d := aurora.Delivery{Number: i, Token: fmt.Sprintf("%064x", i), Badge: aurora.NoBadge, Urgent: i == others}
		check(t, route.Send(ctx, d, func(d aurora.Delivery, o aurora.Outcome) {
			if o != (aurora.Outcome{}) {
				t.Errorf("device %d: %+v", d.Number, o)
			}
			order <- d.Number
		}))
	}
	place := -1
	for i := range others + 1 {
		if <-order == others {
			place = i
		}
	}
	if place < 0 || place > others/2 {
		t.Errorf("the urgent one was answered as number %d of %d", place, others+1)
	}
}
