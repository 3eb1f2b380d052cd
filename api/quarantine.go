package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// Quarantine is where devices are whose token the vendor calls dead.
type Quarantine interface {
	// Quarantined returns up to limit devices after a place, the newest first.
	Quarantined(ctx context.Context, appID int64, f registry.QuarantineFilter, after registry.QuarantinePlace, limit int) ([]registry.Quarantined, error)
	CountQuarantined(ctx context.Context, appID int64) (uint64, error)
	// Restore returns *registry.UnknownDevices, and changes nothing, if an id is
	// not the app's.
	Restore(ctx context.Context, app aurora.App, registrationIDs []string) (restored int, err error)
	RestoreAll(ctx context.Context, app aurora.App, f registry.QuarantineFilter) (restored int, more bool, err error)
	// PastTokens returns a device's former tokens, the newest first.
	PastTokens(ctx context.Context, d aurora.Device) ([]registry.PastToken, error)
}

type quarantinedAnswer struct {
	RegistrationID string     `json:"registration_id"`
	Token          *string    `json:"token"` // shortened; null once another device has it
	Environment    string     `json:"environment"`
	Reason         string     `json:"reason"`
	Explanation    string     `json:"explanation"`
	RetiredAt      *time.Time `json:"retired_at"`
	MessageID      *string    `json:"msg_id"`
	SeenAt         *time.Time `json:"seen_at"`
}

// quarantine is GET /v1/quarantine.
func (s *server) quarantine(r *http.Request, app aurora.App) (any, error) {
	f, after, err := quarantineQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	_, limit, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	found, err := s.Quarantine.Quarantined(r.Context(), app.ID, f, after, limit)
	if err != nil {
		return nil, err
	}
	total, err := s.Quarantine.CountQuarantined(r.Context(), app.ID)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Total   uint64              `json:"total"`
		Devices []quarantinedAnswer `json:"devices"`
		Next    *string             `json:"next"`
	}{Total: total, Devices: make([]quarantinedAnswer, len(found))}
	for i, d := range found {
		answer.Devices[i] = quarantinedAnswer{d.RegistrationID, shortened(d.Token), d.Environment.String(), d.RetiredReason, aurora.ExplainReason(d.RetiredReason), instant(d.RetiredAt), messageOf(d.FoundBy), instant(d.SeenAt)}
	}
	if len(found) == limit {
		last := found[limit-1]
		answer.Next = new(fmt.Sprintf("%d-%d", last.RetiredAt.UnixMilli(), last.Number))
	}
	return answer, nil
}

func shortened(token string) *string {
	if token == "" {
		return nil
	}
	return new(registry.ShortToken(token))
}

func messageOf(id aurora.MessageID) *string {
	if id == 0 {
		return nil
	}
	return new(id.String())
}

// quarantineQuery reads which devices to list, and after which place.
func quarantineQuery(q url.Values) (f registry.QuarantineFilter, after registry.QuarantinePlace, err error) {
	f.Reason = q.Get("reason")
	for name, into := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if text := q.Get(name); text != "" {
			if *into, err = time.Parse(time.RFC3339, text); err != nil {
				return f, after, aurora.Errorf(aurora.Invalid, "%s must be a time such as 2030-01-31T09:30:00Z.", name)
			}
		}
	}
	text := q.Get("after")
	if text == "" {
		return f, after, nil
	}
	at, number, _ := strings.Cut(text, "-")
	ms, err := strconv.ParseInt(at, 10, 64)
	n, wrong := strconv.ParseUint(number, 10, 32)
	if err != nil || wrong != nil || ms < 1 || ms > 1<<48 {
		return f, after, aurora.Errorf(aurora.Invalid, "after must be what next said in the answer before.")
	}
	return f, registry.QuarantinePlace{At: time.UnixMilli(ms), Number: uint32(n)}, nil
}

type restoredAnswer struct {
	Restored int  `json:"restored"`
	More     bool `json:"more"`
}

// restore is POST /v1/quarantine/restore: of devices by their ids, or of all
// that a filter selects.
func (s *server) restore(r *http.Request, app aurora.App) (any, error) {
	o, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	all, named, err := o.boolean("all")
	if err != nil {
		return nil, err
	}
	if o.raw("registration_ids") != nil {
		if named {
			return nil, aurora.Errorf(aurora.Invalid, "Give registration_ids or all, not both.")
		}
		ids, err := registrationIDs(o, "registration_ids", 1)
		if err != nil {
			return nil, err
		}
		n, err := s.Quarantine.Restore(r.Context(), app, ids)
		return restoredAnswer{n, false}, err
	}
	switch {
	case !named:
		return nil, aurora.Errorf(aurora.Missing, "Say which devices to restore: registration_ids, or \"all\": true, perhaps with reason, since and until.")
	case !all:
		return nil, aurora.Errorf(aurora.Invalid, "all must be true. To restore single devices give registration_ids.")
	}
	var f registry.QuarantineFilter
	if f.Reason, _, err = o.text("reason"); err != nil {
		return nil, err
	}
	if f.Since, err = o.time("since"); err != nil {
		return nil, err
	}
	if f.Until, err = o.time("until"); err != nil {
		return nil, err
	}
	n, more, err := s.Quarantine.RestoreAll(r.Context(), app, f)
	return restoredAnswer{n, more}, err
}

// tokenAnswer is a token that a device has or had.
type tokenAnswer struct {
	Token       string     `json:"token"`
	Environment string     `json:"environment"`
	Since       *time.Time `json:"since"`
	Until       *time.Time `json:"until"` // null of the one it has
	Reason      *string    `json:"reason"`
	MessageID   *string    `json:"msg_id"`
}

// tokensOf are a device's present token and those before it, the newest first.
func (s *server) tokensOf(ctx context.Context, d aurora.Device) ([]tokenAnswer, error) {
	past, err := s.Quarantine.PastTokens(ctx, d)
	list := []tokenAnswer{}
	if d.Token != "" && d.RetiredReason == "" {
		list = append(list, tokenAnswer{Token: registry.ShortToken(d.Token), Environment: d.Environment.String(), Since: instant(d.TokenAt)})
	}
	for _, p := range past {
		list = append(list, tokenAnswer{p.Token, p.Environment.String(), instant(p.Since), instant(p.Until), new(p.Reason), messageOf(p.MessageID)})
	}
	return list, err
}
