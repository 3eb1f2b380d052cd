package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// Owners proves callers that are no app: groups of apps, and accounts.
type Owners interface {
	// AuthenticateGroup returns the group, or aurora.Unauthorized.
	AuthenticateGroup(ctx context.Context, key, secret string) (aurora.Group, error)
	// AuthenticateDeveloper returns the account; aurora.NotFound for an unknown
	// developer key and aurora.Unauthorized for a wrong secret.
	AuthenticateDeveloper(ctx context.Context, key, secret string) (aurora.Account, error)
	// GroupApps returns the apps of a group, oldest first.
	GroupApps(ctx context.Context, groupID int64) ([]aurora.App, error)
	// AllowList returns where an app's servers may call from; none means anywhere.
	AllowList(ctx context.Context, appID int64) (account.AllowList, error)
}

// call answers a request whose caller it proves itself; the header is the
// answer's, for the limits.
type call func(s *server, h http.Header, r *http.Request) (any, error)

// forGroup makes a call of a group's server. JPush tells group keys from
// AppKeys by "group-" before them (spec/rest-api.md §3).
func forGroup(f family, handle func(*server, *http.Request, aurora.Group) (any, error)) call {
	return func(s *server, h http.Header, r *http.Request) (any, error) {
		user, secret, ok := r.BasicAuth()
		if !ok {
			return nil, aurora.Errorf(aurora.Unauthorized, "No credentials were sent. Use HTTP Basic authentication with \"group-\" and the group key as user and the group's secret as password.")
		}
		key, isGroup := strings.CutPrefix(user, "group-")
		if !isGroup {
			return nil, aurora.Errorf(aurora.Unauthorized, "This call is a group's: the user must be \"group-\" followed by the group key, and the password the group's secret.")
		}
		g, err := s.Owners.AuthenticateGroup(r.Context(), key, secret)
		if err != nil {
			return nil, err
		}
		if err := s.limit(h, surface{ofGroup, g.ID, f}); err != nil {
			return nil, err
		}
		return handle(s, r, g)
	}
}

// forDeveloper makes a call of the admin API. Each way to fail has a number of
// its own (spec/rest-api.md §3.1).
func forDeveloper(handle func(*server, *http.Request, aurora.Account) (any, error)) call {
	return func(s *server, h http.Header, r *http.Request) (any, error) {
		key, secret, ok := r.BasicAuth()
		switch {
		case r.Header.Get("Authorization") == "":
			return nil, numbered{http.StatusUnauthorized, 4004, "No credentials were sent. Use HTTP Basic authentication with the developer key as user and the developer secret as password."}
		case !ok || !aurora.ValidKey(key):
			return nil, numbered{http.StatusUnauthorized, 4005, "The credentials are malformed. Use HTTP Basic authentication; a developer key is 24 letters and digits."}
		}
		a, err := s.Owners.AuthenticateDeveloper(r.Context(), key, secret)
		switch aurora.KindOf(err) {
		case aurora.NotFound:
			return nil, numbered{http.StatusUnauthorized, 4006, "There is no developer key like this one. `aurora account create` prints an account's key and secret."}
		case aurora.Unauthorized:
			return nil, numbered{http.StatusUnauthorized, 4007, "The developer secret is not right."}
		}
		if err != nil {
			return nil, err
		}
		if err := s.limit(h, surface{ofAccount, a.ID, adminFamily}); err != nil {
			return nil, err
		}
		return handle(s, r, a)
	}
}
