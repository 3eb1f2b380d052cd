package webhook

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

const (
	// MaxEndpoints is how many webhooks an app may have.
	MaxEndpoints = 10
	// MaxOverlap is the longest that a secret signs beside its successor.
	MaxOverlap = 7 * 24 * time.Hour
)

// Change is a partial change of an endpoint: nil fields stay as they are.
type Change struct {
	URL         *string
	Description *string
	Kinds       []string // nil stays; empty means all but message.accepted
	Enabled     *bool
}

// Create makes an endpoint and returns its secret, which cannot be had again.
func (s *Service) Create(ctx context.Context, app aurora.App, c Change) (Endpoint, aurora.Secret, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return Endpoint{}, aurora.Secret{}, err
	}
	e := Endpoint{ID: newID(), AppID: app.ID, AppKey: app.Key, Kinds: aurora.AllEvents(), CreatedAt: time.Now()}
	if c.URL == nil || *c.URL == "" {
		return e, aurora.Secret{}, aurora.Errorf(aurora.Missing, "url is missing: where the events are to be posted.")
	}
	if err := s.apply(&e, c); err != nil {
		return e, aurora.Secret{}, err
	}
	k := secrets{Current: newSecret()}
	e.Secrets = s.seal(e.ID, k)
	e, err := s.c.Endpoints.CreateEndpoint(ctx, e, MaxEndpoints)
	if err != nil {
		return e, aurora.Secret{}, err
	}
	s.audit(ctx, app, "webhook.created", e.ID, e.URL)
	return e, aurora.NewSecret(k.Current), nil
}

// newID returns an id of an endpoint: 96 random bits.
func newID() string {
	var b [12]byte
	rand.Read(b[:])
	return "wh_" + hex.EncodeToString(b[:])
}

func (s *Service) apply(e *Endpoint, c Change) error {
	if c.URL != nil {
		if err := checkURL(*c.URL, s.c.AllowPrivate); err != nil {
			return err
		}
		e.URL = *c.URL
	}
	if c.Description != nil {
		if d := *c.Description; utf8.RuneCountInString(d) > 200 || !utf8.ValidString(d) || strings.ContainsFunc(d, unicode.IsControl) {
			return aurora.Errorf(aurora.Invalid, "description may have 200 printable characters.")
		}
		e.Description = *c.Description
	}
	if c.Kinds != nil {
		kinds, err := aurora.ParseEventSet(c.Kinds)
		if err != nil {
			return err
		}
		if e.Kinds = kinds; len(c.Kinds) == 0 {
			e.Kinds = aurora.AllEvents()
		}
	}
	if c.Enabled != nil && *c.Enabled != e.DisabledAt.IsZero() {
		e.DisabledAt, e.DisabledWhy, e.FailingSince = time.Time{}, "", time.Time{}
		if !*c.Enabled {
			e.DisabledAt, e.DisabledWhy = time.Now(), "Its owner switched it off."
		}
	}
	return nil
}

// Endpoint returns an endpoint of an app, or aurora.NotFound.
func (s *Service) Endpoint(ctx context.Context, appID int64, id string) (Endpoint, error) {
	e, err := s.c.Endpoints.Endpoint(ctx, appID, id)
	if errors.Is(err, ErrNone) {
		return e, aurora.Errorf(aurora.NotFound, "The app has no webhook %.40q.", id)
	}
	return e, err
}

// Endpoints returns an app's endpoints, oldest first.
func (s *Service) Endpoints(ctx context.Context, appID int64) ([]Endpoint, error) {
	return s.c.Endpoints.EndpointsOf(ctx, appID)
}

// Change changes an endpoint. What happens while it is disabled is not
// delivered afterwards, but can be replayed while somebody else listens.
func (s *Service) Change(ctx context.Context, app aurora.App, id string, c Change) (Endpoint, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return Endpoint{}, err
	}
	e, err := s.Endpoint(ctx, app.ID, id)
	if err != nil {
		return e, err
	}
	e, err = s.c.Endpoints.ChangeEndpoint(ctx, e.Number, disabledDetail(e, "Its owner switched it off."), func(e *Endpoint) error { return s.apply(e, c) })
	if err != nil {
		return e, err
	}
	s.release(e.Number)
	what := "webhook.changed"
	if c.Enabled != nil {
		what = map[bool]string{true: "webhook.enabled", false: "webhook.disabled"}[*c.Enabled]
	}
	s.audit(ctx, app, what, e.ID, e.URL)
	return e, nil
}

func disabledDetail(e Endpoint, why string) string {
	return detailOf(map[string]any{"webhook": e.ID, "url": e.URL, "why": why})
}

func detailOf(members map[string]any) string {
	b, err := json.Marshal(members)
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	return string(b)
}

// Remove removes an endpoint with its deliveries.
func (s *Service) Remove(ctx context.Context, app aurora.App, id string) error {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return err
	}
	e, err := s.Endpoint(ctx, app.ID, id)
	if err != nil {
		return err
	}
	if err := s.c.Endpoints.RemoveEndpoint(ctx, e.Number); err != nil {
		return err
	}
	s.audit(ctx, app, "webhook.removed", e.ID, e.URL)
	return nil
}

// Rotate gives an endpoint a new secret. For the overlap, 0 to MaxOverlap, each
// delivery is signed with the old one too.
func (s *Service) Rotate(ctx context.Context, app aurora.App, id string, overlap time.Duration) (aurora.Secret, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return aurora.Secret{}, err
	}
	if overlap < 0 || overlap > MaxOverlap {
		return aurora.Secret{}, aurora.Errorf(aurora.Invalid, "The old secret can sign for another 0 to %d seconds (7 days).", int(MaxOverlap.Seconds()))
	}
	e, err := s.Endpoint(ctx, app.ID, id)
	if err != nil {
		return aurora.Secret{}, err
	}
	k := secrets{Current: newSecret(), PreviousUntil: time.Now().Add(overlap)}
	_, err = s.c.Endpoints.ChangeEndpoint(ctx, e.Number, "", func(e *Endpoint) error {
		old, err := s.open(*e)
		k.Previous = old.Current
		e.Secrets = s.seal(e.ID, k)
		return err
	})
	if err != nil {
		return aurora.Secret{}, err
	}
	s.audit(ctx, app, "webhook.rotated", e.ID, "")
	return aurora.NewSecret(k.Current), nil
}

func (s *Service) audit(ctx context.Context, app aurora.App, action, subject, detail string) {
	s.c.Audit.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: action, Subject: subject, Detail: detail})
}
