package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// authenticate proves a server: by AppKey and Master Secret, by AppKey and an
// API key in its place, so that official clients can use one, or by an API key
// as bearer token.
func (s *server) authenticate(r *http.Request, f family) (account.Caller, error) {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		if token = strings.TrimSpace(token); !aurora.ValidKey(token) {
			return account.Caller{}, aurora.Errorf(aurora.Unauthorized, "The bearer token is no API key: one has 24 letters and digits.")
		}
		return s.Accounts.AuthenticateBearer(r.Context(), token)
	}
	key, secret, ok := r.BasicAuth()
	if !ok {
		const text = "No credentials were sent. Use HTTP Basic authentication with the AppKey as user and the Master Secret as password."
		if f == labelFamily {
			return account.Caller{}, numbered{http.StatusUnauthorized, 7001, text}
		}
		return account.Caller{}, aurora.Errorf(aurora.Unauthorized, text)
	}
	if !aurora.ValidKey(key) {
		const text = "The AppKey must be 24 letters and digits. It is on the app's page in the console."
		if f == pushFamily {
			return account.Caller{}, numbered{http.StatusBadRequest, 1008, text}
		}
		if f == labelFamily {
			return account.Caller{}, numbered{http.StatusBadRequest, 7008, text}
		}
		return account.Caller{}, aurora.Errorf(aurora.Unauthorized, text)
	}
	return s.Accounts.Authenticate(r.Context(), key, secret)
}

// admitted checks a caller in the order of spec/rest-api.md §7.1.4:
// credentials, allow-list, rate limit; then what its key has a scope for. The
// request it returns knows who acts.
func (s *server) admitted(h http.Header, r *http.Request, rt *route) (account.Caller, *http.Request, error) {
	c, err := s.authenticate(r, rt.family)
	if err != nil {
		return c, r, err
	}
	from := s.address(r)
	if err := c.Admit(from); err != nil {
		return c, r, numbered{http.StatusForbidden, 2004, err.Error()}
	}
	if err := s.limit(h, surface{ofApp, c.App.ID, rt.family}); err != nil {
		return c, r, err
	}
	if err := mayUse(c, rt); err != nil {
		return c, r, err
	}
	return c, r.WithContext(aurora.WithActor(r.Context(), c.Actor(from))), nil
}

func mayUse(c account.Caller, rt *route) error {
	need, ok := scopeOf(rt)
	if !ok {
		return c.MustBeMaster()
	}
	return c.May(need)
}

// readingPosts are routes that change nothing although they are a POST.
var readingPosts = []string{"v3/push/validate", "v3/devices/status", "v1/audience/count"}

// scopeOf returns the scope that an API key needs for a route; ok is false for
// what only the Master Secret may do. A family that is not named here is
// closed to API keys.
func scopeOf(rt *route) (scope account.Scope, ok bool) {
	reads := rt.method == http.MethodGet || slices.Contains(readingPosts, strings.Join(rt.pattern, "/"))
	either := func(read, change account.Scope) (account.Scope, bool) {
		if reads {
			return read, true
		}
		return change, true
	}
	switch rt.family {
	case pushFamily, fileFamily, flatFamily:
		return either(account.PushReadScope, account.PushScope)
	case labelFamily:
		return either(account.DevicesReadScope, account.DevicesScope)
	case scheduleFamily:
		return either(account.SchedulesReadScope, account.SchedulesScope)
	case reportFamily:
		return account.ReportsScope, true
	case manageFamily:
		switch rt.pattern[1] {
		case "segments":
			return either(account.PushReadScope, account.PushScope)
		case "quarantine":
			return either(account.DevicesReadScope, account.DevicesScope)
		case "webhooks":
			return either(account.WebhooksReadScope, account.WebhooksScope)
		case "events":
			return account.EventsScope, true
		case "audit":
			return account.AuditScope, true
		}
	}
	return "", false
}

// address returns where a request comes from.
func (s *server) address(r *http.Request) netip.Addr {
	return account.Origin(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), s.TrustedProxies)
}
