package api

import (
	"context"
	"net/http"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/webhook"
)

// Webhooks manages where an app's events are delivered.
type Webhooks interface {
	Create(ctx context.Context, app aurora.App, c webhook.Change) (webhook.Endpoint, aurora.Secret, error)
	Endpoints(ctx context.Context, appID int64) ([]webhook.Endpoint, error)
	Endpoint(ctx context.Context, appID int64, id string) (webhook.Endpoint, error)
	Change(ctx context.Context, app aurora.App, id string, c webhook.Change) (webhook.Endpoint, error)
	Remove(ctx context.Context, app aurora.App, id string) error
	Rotate(ctx context.Context, app aurora.App, id string, overlap time.Duration) (aurora.Secret, error)
}

// Deliveries answers for what was delivered, and delivers again.
type Deliveries interface {
	Deliveries(ctx context.Context, appID int64, id string, state webhook.DeliveryState, before int64, limit int) (webhook.Endpoint, []webhook.Delivery, error)
	Replay(ctx context.Context, app aurora.App, id string, r webhook.Replay) (int, error)
	Test(ctx context.Context, app aurora.App, id string) (webhook.Delivery, error)
	Stream(ctx context.Context, app aurora.App, kinds aurora.EventSet, after string) (*webhook.Stream, error)
}

// endpointAnswer is a webhook without its secret.
type endpointAnswer struct {
	ID           string             `json:"id"`
	URL          string             `json:"url"`
	Description  string             `json:"description"`
	Events       []aurora.EventKind `json:"events"`
	Enabled      bool               `json:"enabled"`
	DisabledAt   *time.Time         `json:"disabled_at"`
	DisabledWhy  string             `json:"disabled_why"`
	FailingSince *time.Time         `json:"failing_since"`
	CreatedAt    *time.Time         `json:"created_at"`
}

func answerOfEndpoint(e webhook.Endpoint) endpointAnswer {
	return endpointAnswer{e.ID, e.URL, e.Description, e.Kinds.Kinds(), e.DisabledAt.IsZero(), instant(e.DisabledAt), e.DisabledWhy, instant(e.FailingSince), instant(e.CreatedAt)}
}

func decodeEndpoint(r *http.Request) (c webhook.Change, err error) {
	o, err := bodyOf(r)
	if err != nil {
		return c, err
	}
	for key, into := range map[string]**string{"url": &c.URL, "description": &c.Description} {
		text, ok, err := o.text(key)
		if err != nil {
			return c, err
		}
		if ok {
			*into = &text
		}
	}
	if c.Kinds, _, err = o.texts("events"); err != nil {
		return c, err
	}
	if enabled, ok, err := o.boolean("enabled"); err != nil {
		return c, err
	} else if ok {
		c.Enabled = &enabled
	}
	return c, nil
}

// createWebhook is POST /v1/webhooks. The secret is in this answer alone.
func (s *server) createWebhook(r *http.Request, app aurora.App) (any, error) {
	c, err := decodeEndpoint(r)
	if err != nil {
		return nil, err
	}
	e, secret, err := s.Webhooks.Create(r.Context(), app, c)
	if err != nil {
		return nil, err
	}
	return struct {
		endpointAnswer
		Secret string `json:"secret"`
	}{answerOfEndpoint(e), secret.Reveal()}, nil
}

// webhooks is GET /v1/webhooks.
func (s *server) webhooks(r *http.Request, app aurora.App) (any, error) {
	es, err := s.Webhooks.Endpoints(r.Context(), app.ID)
	if err != nil {
		return nil, err
	}
	list := make([]endpointAnswer, len(es))
	for i, e := range es {
		list[i] = answerOfEndpoint(e)
	}
	return struct {
		Webhooks []endpointAnswer `json:"webhooks"`
	}{list}, nil
}

// webhook is GET /v1/webhooks/{id}.
func (s *server) webhook(r *http.Request, app aurora.App) (any, error) {
	e, err := s.Webhooks.Endpoint(r.Context(), app.ID, r.PathValue("id"))
	return answerOfEndpoint(e), err
}

// changeWebhook is PATCH /v1/webhooks/{id}: what is given replaces what is stored.
func (s *server) changeWebhook(r *http.Request, app aurora.App) (any, error) {
	c, err := decodeEndpoint(r)
	if err != nil {
		return nil, err
	}
	e, err := s.Webhooks.Change(r.Context(), app, r.PathValue("id"), c)
	return answerOfEndpoint(e), err
}

// removeWebhook is DELETE /v1/webhooks/{id}.
func (s *server) removeWebhook(r *http.Request, app aurora.App) (any, error) {
	return empty{}, s.Webhooks.Remove(r.Context(), app, r.PathValue("id"))
}

// rotateWebhook is POST /v1/webhooks/{id}/rotate.
func (s *server) rotateWebhook(r *http.Request, app aurora.App) (any, error) {
	overlap, err := overlapOf(r)
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(overlap)
	secret, err := s.Webhooks.Rotate(r.Context(), app, r.PathValue("id"), overlap)
	if err != nil {
		return nil, err
	}
	return struct {
		Secret        string     `json:"secret"`
		PreviousUntil *time.Time `json:"previous_valid_until"`
	}{secret.Reveal(), instant(until)}, nil
}

// deliveryAnswer is one POST with its latest answer.
type deliveryAnswer struct {
	ID        int64            `json:"id"`
	WebhookID string           `json:"webhook_id"` // the header webhook-id
	Event     aurora.EventKind `json:"event"`
	MessageID string           `json:"msg_id,omitempty"`
	At        *time.Time       `json:"at"`
	State     string           `json:"state"`
	Attempts  int              `json:"attempts"`
	TriedAt   *time.Time       `json:"tried_at"`
	NextAt    *time.Time       `json:"next_at"`
	Status    int              `json:"status"`
	Answer    string           `json:"answer"`
	Problem   string           `json:"problem"`
	TookMS    int64            `json:"took_ms"`
}

func answerOfDelivery(d webhook.Delivery) deliveryAnswer {
	a := deliveryAnswer{d.ID, d.WebhookID(), d.Event.Kind, "", instant(d.Event.At), d.State.String(), d.Attempt, instant(d.TriedAt), nil, d.Status, d.Answer, d.Problem, d.Took.Milliseconds()}
	if d.Event.MessageID != 0 {
		a.MessageID = d.Event.MessageID.String()
	}
	if d.State == webhook.Waiting {
		a.NextAt = instant(d.DueAt)
	}
	return a
}

// deliveries is GET /v1/webhooks/{id}/deliveries: newest first.
func (s *server) deliveries(r *http.Request, app aurora.App) (any, error) {
	before, limit, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	state := webhook.DeliveryState(-1)
	switch text := r.URL.Query().Get("state"); text {
	case "":
	case "waiting":
		state = webhook.Waiting
	case "delivered":
		state = webhook.Delivered
	case "failed":
		state = webhook.GivenUp
	default:
		return nil, aurora.Errorf(aurora.Invalid, "state must be waiting, delivered or failed.")
	}
	_, ds, err := s.Deliveries.Deliveries(r.Context(), app.ID, r.PathValue("id"), state, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]deliveryAnswer, len(ds))
	for i, d := range ds {
		list[i] = answerOfDelivery(d)
	}
	return struct {
		Deliveries []deliveryAnswer `json:"deliveries"`
	}{list}, nil
}

// testWebhook is POST /v1/webhooks/{id}/test: it answers with what the
// receiver answered.
func (s *server) testWebhook(r *http.Request, app aurora.App) (any, error) {
	d, err := s.Deliveries.Test(r.Context(), app, r.PathValue("id"))
	return answerOfDelivery(d), err
}

// replayWebhook is POST /v1/webhooks/{id}/replay.
func (s *server) replayWebhook(r *http.Request, app aurora.App) (any, error) {
	o, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	var replay webhook.Replay
	if replay.Delivery, _, err = o.integer("delivery"); err != nil {
		return nil, err
	}
	if replay.From, err = o.time("from"); err != nil {
		return nil, err
	}
	if replay.To, err = o.time("to"); err != nil {
		return nil, err
	}
	if replay.FailedOnly, _, err = o.boolean("failed_only"); err != nil {
		return nil, err
	}
	n, err := s.Deliveries.Replay(r.Context(), app, r.PathValue("id"), replay)
	return struct {
		Deliveries int `json:"deliveries"`
	}{n}, err
}
