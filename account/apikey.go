package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// APIKey is a secret of an app that opens parts of the REST API. The secret
// itself is shown once and kept as a digest only.
type APIKey struct {
	ID         int64
	AppID      int64
	AppKey     string
	Name       string
	Hint       string // the first characters of the secret, to tell keys apart
	Scopes     []Scope
	Allow      AllowList
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // zero: not yet; exact to a minute
	RevokedAt  time.Time // zero: it is valid
}

// APIKeys stores keys by the SHA-256 digests of their secrets.
type APIKeys interface {
	// CreateAPIKey stores a key unless the app has max that are not revoked.
	CreateAPIKey(ctx context.Context, k APIKey, digest []byte, max int) (APIKey, error)
	// APIKeyByDigest returns ErrNone if there is no such key.
	APIKeyByDigest(ctx context.Context, digest []byte) (k APIKey, stored []byte, err error)
	// APIKeysOf returns an app's keys, newest first, revoked ones too.
	APIKeysOf(ctx context.Context, appID int64) ([]APIKey, error)
	// RevokeAPIKey returns ErrNone if the app has no such key that is valid.
	RevokeAPIKey(ctx context.Context, appID, id int64) (APIKey, error)
	// TouchAPIKey notes when a key was last used.
	TouchAPIKey(ctx context.Context, id int64, at time.Time) error
}

const (
	// MaxAPIKeys is how many valid keys an app may have.
	MaxAPIKeys = 50
	hintLength = 4
	touchPace  = time.Minute
)

// NewAPIKey is what a new key is made of.
type NewAPIKey struct {
	Name      string
	Scopes    []string
	Allow     []string  // addresses and ranges; none means any
	ExpiresAt time.Time // zero: never
}

// CreateAPIKey makes a key and returns its secret, which cannot be had again.
// Like every secret that JPush's clients take, it has 24 hexadecimal
// characters (spec/rest-api.md §3).
func (s *Service) CreateAPIKey(ctx context.Context, app aurora.App, n NewAPIKey) (APIKey, aurora.Secret, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return APIKey{}, aurora.Secret{}, err
	}
	none := aurora.Secret{}
	name := strings.TrimSpace(n.Name)
	if name == "" {
		return APIKey{}, none, aurora.Errorf(aurora.Missing, "The key needs a name, such as the server that will use it.")
	}
	if utf8.RuneCountInString(name) > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return APIKey{}, none, aurora.Errorf(aurora.Invalid, "The key's name must be 1 to 64 printable characters.")
	}
	scopes, err := ParseScopes(n.Scopes)
	if err != nil {
		return APIKey{}, none, err
	}
	allow, err := ParseAllowList(n.Allow)
	if err != nil {
		return APIKey{}, none, err
	}
	now := time.Now()
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now) {
		return APIKey{}, none, aurora.Errorf(aurora.Invalid, "The key would have expired already. Give a time to come.")
	}
	secret := aurora.NewKey()
	k := APIKey{AppID: app.ID, AppKey: app.Key, Name: name, Hint: secret[:hintLength], Scopes: scopes, Allow: allow, CreatedAt: now, ExpiresAt: n.ExpiresAt}
	if k, err = s.c.APIKeys.CreateAPIKey(ctx, k, hash(secret), MaxAPIKeys); err != nil {
		return k, none, err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: "key.created", Subject: name, Detail: "scopes " + joined(scopes)})
	return k, aurora.NewSecret(secret), nil
}

func joined(scopes []Scope) string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

// APIKeys returns an app's keys, newest first.
func (s *Service) APIKeys(ctx context.Context, appID int64) ([]APIKey, error) {
	return s.c.APIKeys.APIKeysOf(ctx, appID)
}

// RevokeAPIKey ends a key: here at once, on other servers of the database
// within ten seconds.
func (s *Service) RevokeAPIKey(ctx context.Context, app aurora.App, id int64) error {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return err
	}
	k, err := s.c.APIKeys.RevokeAPIKey(ctx, app.ID, id)
	if errors.Is(err, ErrNone) {
		return aurora.Errorf(aurora.NotFound, "The app has no valid key with the id %d.", id)
	}
	if err != nil {
		return err
	}
	s.changed()
	s.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: "key.revoked", Subject: k.Name})
	return nil
}

// cachedKey is a key as it was read. Its use is noted at most once for each
// time it is read.
type cachedKey struct {
	key     APIKey
	at      time.Time
	touched atomic.Bool
}

// apiKey returns the key with a secret, or ErrNone.
func (s *Service) apiKey(ctx context.Context, secret string) (*cachedKey, error) {
	digest := hash(secret)
	if c, ok := s.keys.Load(string(digest)); ok && time.Since(c.(*cachedKey).at) < cacheLife {
		return c.(*cachedKey), nil
	}
	c, changes := &cachedKey{at: time.Now()}, s.changes.Load()
	k, stored, err := s.c.APIKeys.APIKeyByDigest(ctx, digest)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(stored, digest) != 1 {
		return nil, ErrNone
	}
	c.key = k
	s.unlessChanged(changes, func() { s.keys.Store(string(digest), c) }, func() { s.keys.Delete(string(digest)) })
	return c, nil
}

// usable refuses a key that is over. Its secret was right, so the caller may
// know which key it is.
func (k *APIKey) usable(now time.Time) error {
	if !k.RevokedAt.IsZero() {
		return aurora.Errorf(aurora.Unauthorized, "The API key %q was revoked on %s. Make another one for this server.", k.Name, day(k.RevokedAt))
	}
	if !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
		return aurora.Errorf(aurora.Unauthorized, "The API key %q expired on %s. Make another one for this server.", k.Name, day(k.ExpiresAt))
	}
	return nil
}

// touch notes the use of a key, at most once a minute.
func (s *Service) touch(ctx context.Context, c *cachedKey, now time.Time) {
	if now.Sub(c.key.LastUsedAt) < touchPace || c.touched.Swap(true) {
		return
	}
	if err := s.c.APIKeys.TouchAPIKey(ctx, c.key.ID, now); err != nil {
		s.c.Logger.WarnContext(ctx, "the last use of an API key was not noted", "key", c.key.Name, "error", err)
	}
}

// may reports whether one of the key's scopes includes another.
func (k *APIKey) may(need Scope) bool {
	return slices.ContainsFunc(k.Scopes, func(s Scope) bool { return s.includes(need) })
}
