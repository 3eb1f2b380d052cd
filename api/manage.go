package api

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// Keys manages who may call for an app.
type Keys interface {
	CreateAPIKey(ctx context.Context, app aurora.App, n account.NewAPIKey) (account.APIKey, aurora.Secret, error)
	APIKeys(ctx context.Context, appID int64) ([]account.APIKey, error)
	RevokeAPIKey(ctx context.Context, app aurora.App, id int64) error
	RotateSecret(ctx context.Context, app aurora.App, overlap time.Duration) (aurora.Secret, error)
	AllowList(ctx context.Context, appID int64) (account.AllowList, error)
	SetAllowList(ctx context.Context, app aurora.App, entries []string, from netip.Addr) (account.AllowList, error)
	Audit(ctx context.Context, q account.AuditQuery) ([]aurora.AuditEntry, error)
}

// bodyOf reads a request's JSON object.
func bodyOf(r *http.Request) (object, error) {
	body, err := readBody(r, MaxBody)
	if err != nil {
		return object{}, err
	}
	return parseBody(body)
}

// instant is a time in an answer: null for none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// apiKeyAnswer is a key without its secret.
type apiKeyAnswer struct {
	ID         int64           `json:"id"`
	Name       string          `json:"name"`
	Hint       string          `json:"hint"`
	Scopes     []account.Scope `json:"scopes"`
	Allow      []string        `json:"allow"`
	CreatedAt  *time.Time      `json:"created_at"`
	ExpiresAt  *time.Time      `json:"expires_at"`
	LastUsedAt *time.Time      `json:"last_used_at"`
	RevokedAt  *time.Time      `json:"revoked_at"`
}

func answerOfKey(k account.APIKey) apiKeyAnswer {
	return apiKeyAnswer{k.ID, k.Name, k.Hint, k.Scopes, k.Allow.Texts(), instant(k.CreatedAt), instant(k.ExpiresAt), instant(k.LastUsedAt), instant(k.RevokedAt)}
}

// apiKeys is GET /v1/keys.
func (s *server) apiKeys(r *http.Request, app aurora.App) (any, error) {
	keys, err := s.Keys.APIKeys(r.Context(), app.ID)
	if err != nil {
		return nil, err
	}
	list := make([]apiKeyAnswer, len(keys))
	for i, k := range keys {
		list[i] = answerOfKey(k)
	}
	return struct {
		Keys []apiKeyAnswer `json:"keys"`
	}{list}, nil
}

// createAPIKey is POST /v1/keys. The secret is in this answer alone.
func (s *server) createAPIKey(r *http.Request, app aurora.App) (any, error) {
	n, err := decodeAPIKey(r)
	if err != nil {
		return nil, err
	}
	k, secret, err := s.Keys.CreateAPIKey(r.Context(), app, n)
	if err != nil {
		return nil, err
	}
	return struct {
		apiKeyAnswer
		Secret string `json:"secret"`
	}{answerOfKey(k), secret.Reveal()}, nil
}

func decodeAPIKey(r *http.Request) (n account.NewAPIKey, err error) {
	o, err := bodyOf(r)
	if err != nil {
		return n, err
	}
	if n.Name, _, err = o.text("name"); err != nil {
		return n, err
	}
	if n.Scopes, _, err = o.texts("scopes"); err != nil {
		return n, err
	}
	if n.Allow, _, err = o.texts("allow"); err != nil {
		return n, err
	}
	n.ExpiresAt, err = o.time("expires_at")
	return n, err
}

// time returns a member that must be a time; zero if it is absent.
func (o object) time(key string) (time.Time, error) {
	text, ok, err := o.text(key)
	if err != nil || !ok {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, aurora.Errorf(aurora.Invalid, "%s must be a time such as 2030-01-02T03:04:05Z.", o.name(key))
	}
	return t, nil
}

// revokeAPIKey is DELETE /v1/keys/{id}.
func (s *server) revokeAPIKey(r *http.Request, app aurora.App) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, aurora.Errorf(aurora.NotFound, "The id of a key is a number; GET /v1/keys lists them.")
	}
	return empty{}, s.Keys.RevokeAPIKey(r.Context(), app, id)
}

type allowAnswer struct {
	Allow []string `json:"allow"`
}

// allowList is GET /v1/access.
func (s *server) allowList(r *http.Request, app aurora.App) (any, error) {
	list, err := s.Keys.AllowList(r.Context(), app.ID)
	return allowAnswer{list.Texts()}, err
}

// setAllowList is PUT /v1/access: the list replaces the one before.
func (s *server) setAllowList(r *http.Request, app aurora.App) (any, error) {
	o, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	entries, ok, err := o.texts("allow")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, aurora.Errorf(aurora.Missing, "allow is missing: the addresses and ranges that may call, or [] for any.")
	}
	list, err := s.Keys.SetAllowList(r.Context(), app, entries, s.address(r))
	return allowAnswer{list.Texts()}, err
}

// defaultOverlap is how long a rotated secret stays valid unless the caller
// says otherwise.
const defaultOverlap = 24 * time.Hour

// overlapOf reads overlap_seconds; the body may be empty.
func overlapOf(r *http.Request) (time.Duration, error) {
	if r.ContentLength == 0 {
		return defaultOverlap, nil
	}
	o, err := bodyOf(r)
	if err != nil {
		return 0, err
	}
	seconds, ok, err := o.integer("overlap_seconds")
	if err != nil || !ok {
		return defaultOverlap, err
	}
	if seconds < 0 || seconds > int64(account.MaxOverlap.Seconds()) {
		return 0, aurora.Errorf(aurora.Invalid, "overlap_seconds must be 0 to %d (30 days).", int64(account.MaxOverlap.Seconds()))
	}
	return time.Duration(seconds) * time.Second, nil
}

// rotateSecret is POST /v1/secret/rotate. The new secret is in this answer and
// in the console.
func (s *server) rotateSecret(r *http.Request, app aurora.App) (any, error) {
	overlap, err := overlapOf(r)
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(overlap)
	secret, err := s.Keys.RotateSecret(r.Context(), app, overlap)
	if err != nil {
		return nil, err
	}
	return struct {
		MasterSecret  string     `json:"master_secret"`
		PreviousUntil *time.Time `json:"previous_valid_until"`
	}{secret.Reveal(), instant(until)}, nil
}

type auditAnswer struct {
	ID      int64      `json:"id"`
	At      *time.Time `json:"at"`
	Actor   string     `json:"actor"`
	Name    string     `json:"name"`
	Address string     `json:"address"`
	Action  string     `json:"action"`
	Subject string     `json:"subject"`
	Detail  string     `json:"detail"`
}

// audit is GET /v1/audit: newest first, a page below ?before=.
func (s *server) audit(r *http.Request, app aurora.App) (any, error) {
	before, limit, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	entries, err := s.Keys.Audit(r.Context(), account.AuditQuery{AppID: app.ID, Before: before, Limit: limit})
	if err != nil {
		return nil, err
	}
	list := make([]auditAnswer, len(entries))
	for i, e := range entries {
		list[i] = auditAnswer{e.ID, instant(e.At), string(e.Actor.Kind), e.Actor.Name, e.Actor.Address, e.Action, e.Subject, e.Detail}
	}
	return struct {
		Entries []auditAnswer `json:"entries"`
	}{list}, nil
}

// pageOf reads ?before= and ?limit= of a list that is given newest first.
func pageOf(r *http.Request) (before int64, limit int, err error) {
	limit = 100
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			return 0, 0, aurora.Errorf(aurora.Invalid, "limit must be 1 to 1000.")
		}
	}
	if text := r.URL.Query().Get("before"); text != "" {
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return 0, 0, aurora.Errorf(aurora.Invalid, "before must be the id of the last entry of the page before.")
		}
	}
	return before, limit, nil
}
