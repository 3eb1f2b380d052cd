package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
)

// maxReplay is how many deliveries one replay may make due.
const maxReplay = 10_000

// Deliveries returns an endpoint's deliveries below an id (0: from the newest),
// newest first; state -1 means all.
func (s *Service) Deliveries(ctx context.Context, appID int64, id string, state DeliveryState, before int64, limit int) (Endpoint, []Delivery, error) {
	e, err := s.Endpoint(ctx, appID, id)
	if err != nil {
		return e, nil, err
	}
	ds, err := s.c.Log.DeliveriesOf(ctx, e.Number, state, before, limit)
	return e, ds, err
}

// Replay says what to deliver again: one delivery, or those of events of a
// time.
type Replay struct {
	Delivery   int64 // 0: by time
	From, To   time.Time
	FailedOnly bool // leave out what was delivered
}

// Replay delivers again what an endpoint was, or could have been, told. Each
// delivery keeps its webhook-id, so that a receiver can tell. It returns how
// many are due now.
func (s *Service) Replay(ctx context.Context, app aurora.App, id string, r Replay) (deliveries int, err error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return 0, err
	}
	e, err := s.Endpoint(ctx, app.ID, id)
	if err != nil {
		return 0, err
	}
	if !e.DisabledAt.IsZero() {
		return 0, aurora.Errorf(aurora.Conflict, "The webhook is disabled. Enable it first, with PATCH and {\"enabled\":true}.")
	}
	if r.Delivery < 0 {
		return 0, aurora.Errorf(aurora.Invalid, "delivery must be the id of one, as GET /v1/webhooks/{id}/deliveries lists them.")
	}
	if r.Delivery != 0 {
		err := s.c.Log.ReplayDelivery(ctx, e.Number, r.Delivery)
		if errors.Is(err, ErrNone) {
			return 0, aurora.Errorf(aurora.NotFound, "The webhook has no delivery %d; they are kept for %d days.", r.Delivery, int(s.c.Keep.Hours()/24))
		}
		deliveries = 1
		if err != nil {
			return 0, err
		}
	} else {
		if r.From.IsZero() {
			return 0, aurora.Errorf(aurora.Missing, "Say what to replay: \"delivery\", or \"from\" and perhaps \"to\".")
		}
		if r.To.IsZero() {
			r.To = time.Now()
		}
		if deliveries, err = s.c.Log.ReplayEvents(ctx, e, r.From, r.To, r.FailedOnly, maxReplay); err != nil {
			return 0, err
		}
	}
	s.release(e.Number)
	s.audit(ctx, app, "webhook.replayed", e.ID, "")
	return deliveries, nil
}

// Test posts a test event to an endpoint now, whether it is enabled or not,
// and returns the answer. It is tried once.
func (s *Service) Test(ctx context.Context, app aurora.App, id string) (Delivery, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return Delivery{}, err
	}
	e, err := s.Endpoint(ctx, app.ID, id)
	if err != nil {
		return Delivery{}, err
	}
	detail := detailOf(map[string]any{"webhook": e.ID, "text": "A test, asked for by the owner of the webhook."})
	d, err := s.c.Log.AddTest(ctx, e, detail, time.Now().Add(leaseTime))
	if err != nil {
		return d, err
	}
	d = s.post(ctx, e, d)
	_, err = s.c.Outbox.SettleDeliveries(context.WithoutCancel(ctx), e.Number, []Delivery{d})
	if d.State == Delivered {
		s.release(e.Number)
	}
	return d, err
}
