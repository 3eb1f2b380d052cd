package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// Scope is what an API key may do (docs/rest.md, "Keys and access").
type Scope string

// The scopes. Each includes its own :read.
const (
	PushScope          Scope = "push"
	PushReadScope      Scope = "push:read"
	DevicesScope       Scope = "devices"
	DevicesReadScope   Scope = "devices:read"
	SchedulesScope     Scope = "schedules"
	SchedulesReadScope Scope = "schedules:read"
	ReportsScope       Scope = "reports"
	WebhooksScope      Scope = "webhooks"
	WebhooksReadScope  Scope = "webhooks:read"
	EventsScope        Scope = "events"
	AuditScope         Scope = "audit"
)

// NewKey is an API key to be made.
type NewKey struct {
	Name      string    `json:"name"`
	Scopes    []Scope   `json:"scopes"`
	Allow     []string  `json:"allow,omitempty"`     // addresses and ranges that may use it, such as 203.0.113.0/24; none means any
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero means never
}

// Key is an API key.
type Key struct {
	ID         int64     `json:"id"`
	Name       string    `json:"name"`
	Hint       string    `json:"hint"` // the first characters of its secret
	Scopes     []Scope   `json:"scopes"`
	Allow      []string  `json:"allow"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`   // zero means never
	LastUsedAt time.Time `json:"last_used_at"` // exact to a minute; zero means never
	RevokedAt  time.Time `json:"revoked_at"`   // zero while it is valid
	Secret     string    `json:"secret"`       // after CreateKey only
}

// CreateKey makes an API key. Its secret is told this once; see Config.APIKey. An
// app may have 50 ([ErrFull]). It takes the Master Secret.
func (c *Client) CreateKey(ctx context.Context, n NewKey) (Key, error) {
	var k Key
	return k, c.call(ctx, once(post("/v1/keys", n)), &k)
}

// Keys returns the app's API keys, newest first. It takes the Master Secret.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	var a struct {
		Keys []Key `json:"keys"`
	}
	err := c.call(ctx, get("/v1/keys", nil), &a)
	return a.Keys, err
}

// RevokeKey ends an API key: at once on the server that is asked, within ten
// seconds on others. It takes the Master Secret.
func (c *Client) RevokeKey(ctx context.Context, id int64) error {
	return c.call(ctx, remove("/v1/keys/{}", nil).to(strconv.FormatInt(id, 10)), nil)
}

type allowBody struct {
	Allow []string `json:"allow"`
}

// AllowList returns where the app's servers may call from; none means anywhere.
// It takes the Master Secret.
func (c *Client) AllowList(ctx context.Context) ([]string, error) {
	var a allowBody
	err := c.call(ctx, get("/v1/access", nil), &a)
	return a.Allow, err
}

// SetAllowList says from which addresses and ranges the app's servers may call;
// none means anywhere. A list without the caller's own address is refused. It
// takes the Master Secret.
func (c *Client) SetAllowList(ctx context.Context, entries ...string) error {
	return c.call(ctx, put("/v1/access", allowBody{append([]string{}, entries...)}), nil)
}

// overlapBody is how long a rotated secret stays valid; nil is the server's
// default of a day.
type overlapBody struct {
	Seconds *int64 `json:"overlap_seconds,omitempty"`
}

func overlapOf(overlap *time.Duration) (b overlapBody, err error) {
	if overlap != nil {
		var n int64
		n, err = whole("the overlap", *overlap, time.Second)
		b.Seconds = &n
	}
	return b, err
}

// Rotated is a new secret.
type Rotated struct {
	Secret        string
	PreviousUntil time.Time // until when the old one is valid too
}

// RotateSecret replaces the app's Master Secret. The old one stays valid for the
// overlap, up to 30 days; nil means a day. This client goes on with the one it
// was made with: make another with the new one. It takes the Master Secret.
func (c *Client) RotateSecret(ctx context.Context, overlap *time.Duration) (Rotated, error) {
	b, err := overlapOf(overlap)
	if err != nil {
		return Rotated{}, err
	}
	var a struct {
		Secret string    `json:"master_secret"`
		Until  time.Time `json:"previous_valid_until"`
	}
	err = c.call(ctx, once(post("/v1/secret/rotate", b)), &a)
	return Rotated{a.Secret, a.Until}, err
}

// once marks a request that a repeat might do twice.
func once(r *request) *request {
	r.once = true
	return r
}

// AuditEntry is one thing that somebody did.
type AuditEntry struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"` // a person, an API key, the command line …
	Name    string    `json:"name"`  // of the actor
	Address string    `json:"address"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Detail  string    `json:"detail"`
}

// auditPage is how many entries are asked for at once: the most allowed.
const auditPage = 1000

// Audit yields who did what with the app, newest first. An error is yielded and
// ends it. It takes the Master Secret, or an API key with the scope audit.
func (c *Client) Audit(ctx context.Context) iter.Seq2[AuditEntry, error] {
	return pages(ctx, c, func(query url.Values) (*request, any, func() []AuditEntry) {
		var a struct {
			Entries []AuditEntry `json:"entries"`
		}
		return get("/v1/audit", query), &a, func() []AuditEntry { return a.Entries }
	}, func(e AuditEntry) int64 { return e.ID })
}

// pages yields a list that the server gives newest first, a page below an id.
func pages[T any](ctx context.Context, c *Client, ask func(url.Values) (*request, any, func() []T), idOf func(T) int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(auditPage)}}
		for {
			r, into, list := ask(query)
			if err := c.call(ctx, r, into); err != nil {
				var none T
				yield(none, err)
				return
			}
			items := list()
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if len(items) < auditPage {
				return
			}
			query.Set("before", strconv.FormatInt(idOf(items[len(items)-1]), 10))
		}
	}
}
