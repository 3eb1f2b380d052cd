package account

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/aurora-push/aurora"
)

// Caller is a server that has proved itself: with the app's Master Secret, or
// with one of its API keys. The checks that follow are made in this order:
// allow-list, rate limit, scope.
type Caller struct {
	App   aurora.App
	Key   *APIKey // nil for the Master Secret
	allow AllowList
}

// Authenticate returns the caller that an AppKey proves with the Master
// Secret, the one before it while it is still valid, or an API key; or
// aurora.Unauthorized.
func (s *Service) Authenticate(ctx context.Context, appKey, secret string) (Caller, error) {
	a, err := s.cachedApp(ctx, appKey)
	if err != nil && aurora.KindOf(err) != aurora.NotFound {
		return Caller{}, err
	}
	if err != nil {
		return Caller{}, errWrongSecret
	}
	if a.app.MasterSecret.Equal(secret) || a.access.previousIs(secret, time.Now()) {
		return Caller{App: a.app, allow: a.access.Allow}, nil
	}
	k, err := s.apiKey(ctx, secret)
	if errors.Is(err, ErrNone) || err == nil && k.key.AppID != a.app.ID {
		return Caller{}, errWrongSecret
	}
	if err != nil {
		return Caller{}, err
	}
	return s.withKey(ctx, a, k)
}

// AuthenticateBearer returns the caller that an API key proves by itself, or
// aurora.Unauthorized.
func (s *Service) AuthenticateBearer(ctx context.Context, secret string) (Caller, error) {
	k, err := s.apiKey(ctx, secret)
	if errors.Is(err, ErrNone) {
		return Caller{}, aurora.Errorf(aurora.Unauthorized, "The bearer token is no API key of this server. The Master Secret is no bearer token: send it by HTTP Basic with the AppKey as user.")
	}
	if err != nil {
		return Caller{}, err
	}
	a, err := s.cachedApp(ctx, k.key.AppKey)
	if aurora.KindOf(err) == aurora.NotFound {
		return Caller{}, aurora.Errorf(aurora.Unauthorized, "The API key's app was deleted.")
	}
	if err != nil {
		return Caller{}, err
	}
	return s.withKey(ctx, a, k)
}

var errWrongSecret = aurora.Errorf(aurora.Unauthorized, "The AppKey or the Master Secret is not right. Both are on the app's page in the console; an API key of the app would do too.")

func (s *Service) withKey(ctx context.Context, a cachedApp, k *cachedKey) (Caller, error) {
	now := time.Now()
	if err := k.key.usable(now); err != nil {
		return Caller{}, err
	}
	s.touch(ctx, k, now)
	return Caller{App: a.app, Key: &k.key, allow: a.access.Allow}, nil
}

// Admit refuses a caller whose address is not on the app's or the key's
// allow-list.
func (c Caller) Admit(from netip.Addr) error {
	if !c.allow.Has(from) {
		return aurora.Errorf(aurora.Forbidden, "The address %s is not on the app's allow-list. Add it with PUT /v1/access from an allowed address, or with `aurora app allow`.", from.Unmap())
	}
	if c.Key != nil && !c.Key.Allow.Has(from) {
		return aurora.Errorf(aurora.Forbidden, "The address %s is not on the allow-list of the API key %q. Make a key for this address.", from.Unmap(), c.Key.Name)
	}
	return nil
}

// May refuses what the caller's API key has no scope for; the Master Secret
// may everything.
func (c Caller) May(need Scope) error {
	if c.Key == nil || c.Key.may(need) {
		return nil
	}
	return aurora.Errorf(aurora.Forbidden, "The API key %q has no scope for this: it needs %s and has %s.", c.Key.Name, need, joined(c.Key.Scopes))
}

// MustBeMaster refuses API keys.
func (c Caller) MustBeMaster() error {
	if c.Key == nil {
		return nil
	}
	return aurora.Errorf(aurora.Forbidden, "This is for the Master Secret alone; no API key may do it.")
}

// Actor is how the caller appears in the audit log.
func (c Caller) Actor(from netip.Addr) aurora.Actor {
	a := aurora.Actor{Kind: aurora.MasterActor, Address: from.Unmap().String()}
	if c.Key != nil {
		a.Kind, a.Name = aurora.KeyActor, c.Key.Name
	}
	return a
}
