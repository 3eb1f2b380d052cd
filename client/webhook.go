package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Webhook is an address of yours that Aurora posts events to.
type Webhook struct {
	ID           string      `json:"id"`
	URL          string      `json:"url"`
	Description  string      `json:"description"`
	Events       []EventType `json:"events"`
	Enabled      bool        `json:"enabled"`
	DisabledAt   time.Time   `json:"disabled_at"` // zero while it is enabled
	DisabledWhy  string      `json:"disabled_why"`
	FailingSince time.Time   `json:"failing_since"` // zero while it answers
	CreatedAt    time.Time   `json:"created_at"`
	Secret       string      `json:"secret"` // after CreateWebhook only; see NewVerifier
}

// NewWebhook is a webhook to be made.
type NewWebhook struct {
	URL         string      `json:"url"`
	Events      []EventType `json:"events,omitempty"` // none means all but message.accepted
	Description string      `json:"description,omitempty"`
}

// CreateWebhook makes a webhook. Its secret is told this once. An app may have 10
// ([ErrFull]).
func (c *Client) CreateWebhook(ctx context.Context, n NewWebhook) (Webhook, error) {
	var w Webhook
	return w, c.call(ctx, once(post("/v1/webhooks", n)), &w)
}

// Webhooks returns the app's webhooks.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	var a struct {
		Webhooks []Webhook `json:"webhooks"`
	}
	err := c.call(ctx, get("/v1/webhooks", nil), &a)
	return a.Webhooks, err
}

// Webhook returns a webhook. [ErrNotFound] if the app has no such one.
func (c *Client) Webhook(ctx context.Context, id string) (Webhook, error) {
	var w Webhook
	return w, c.call(ctx, get("/v1/webhooks/{}", nil).to(id), &w)
}

// WebhookChange is what to change; nil leaves a member as it is.
type WebhookChange struct {
	URL         *string     `json:"url,omitempty"`
	Events      []EventType `json:"events,omitempty"`
	Description *string     `json:"description,omitempty"`
	Enabled     *bool       `json:"enabled,omitempty"`
}

// ChangeWebhook changes a webhook and returns what it is then.
func (c *Client) ChangeWebhook(ctx context.Context, id string, change WebhookChange) (Webhook, error) {
	var w Webhook
	r := (&request{method: http.MethodPatch, path: "/v1/webhooks/{}", body: change}).to(id)
	return w, c.call(ctx, r, &w)
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.call(ctx, remove("/v1/webhooks/{}", nil).to(id), nil)
}

// RotateWebhook gives a webhook a new secret. For the overlap, up to seven days,
// deliveries are signed with both; nil means a day.
func (c *Client) RotateWebhook(ctx context.Context, id string, overlap *time.Duration) (Rotated, error) {
	b, err := overlapOf(overlap)
	if err != nil {
		return Rotated{}, err
	}
	var a struct {
		Secret string    `json:"secret"`
		Until  time.Time `json:"previous_valid_until"`
	}
	err = c.call(ctx, once(post("/v1/webhooks/{}/rotate", b)).to(id), &a)
	return Rotated{a.Secret, a.Until}, err
}

// WebhookDelivery is one event on its way to one webhook, with its latest answer.
type WebhookDelivery struct {
	ID        int64     `json:"id"`
	EventID   string    `json:"webhook_id"` // the header webhook-id, Event.ID
	Event     EventType `json:"event"`
	MessageID string    `json:"msg_id"` // "" if the event is about none
	At        time.Time `json:"at"`     // of the event
	State     string    `json:"state"`  // waiting, delivered or failed
	Attempts  int       `json:"attempts"`
	TriedAt   time.Time `json:"tried_at"`
	NextAt    time.Time `json:"next_at"` // zero unless it waits
	Status    int       `json:"status"`  // HTTP status of the answer; 0 if there was none
	Answer    string    `json:"answer"`  // its first 1,024 bytes
	Problem   string    `json:"problem"`
	TookMS    int64     `json:"took_ms"`
}

// TestWebhook posts an event of type webhook.test now, once, and returns what the
// receiver answered.
func (c *Client) TestWebhook(ctx context.Context, id string) (WebhookDelivery, error) {
	var d WebhookDelivery
	return d, c.call(ctx, once(post("/v1/webhooks/{}/test", nil)).to(id), &d)
}

// WebhookDeliveries yields what was and is to be delivered to a webhook, newest
// first; state is "", "waiting", "delivered" or "failed". An error is yielded and
// ends it.
func (c *Client) WebhookDeliveries(ctx context.Context, id, state string) iter.Seq2[WebhookDelivery, error] {
	return pages(ctx, c, func(query url.Values) (*request, any, func() []WebhookDelivery) {
		if state != "" {
			query.Set("state", state)
		}
		var a struct {
			Deliveries []WebhookDelivery `json:"deliveries"`
		}
		return get("/v1/webhooks/{}/deliveries", query).to(id), &a, func() []WebhookDelivery { return a.Deliveries }
	}, func(d WebhookDelivery) int64 { return d.ID })
}

// Replay says which deliveries to make again: one, or those of a span of time.
type Replay struct {
	Delivery   int64     `json:"delivery,omitempty"`
	From       time.Time `json:"from,omitzero"`
	To         time.Time `json:"to,omitzero"`
	FailedOnly bool      `json:"failed_only,omitempty"`
}

// ReplayWebhook makes deliveries due now, 10,000 at most, and returns how many.
func (c *Client) ReplayWebhook(ctx context.Context, id string, r Replay) (int, error) {
	var a struct {
		Deliveries int `json:"deliveries"`
	}
	err := c.call(ctx, once(post("/v1/webhooks/{}/replay", r)).to(id), &a)
	return a.Deliveries, err
}
