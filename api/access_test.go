package api_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/server"
)

// newKey makes an API key by REST and returns its id and secret.
func (w *world) newKey(t *testing.T, body string) (id int64, secret string) {
	t.Helper()
	var made struct {
		ID     int64
		Secret string
	}
	w.accepted(t, request{path: "/v1/keys", body: body}.as(w.app), &made)
	return made.ID, made.Secret
}

// Every scope opens its own routes and nothing else, whichever way the key is
// sent; what no scope names is closed.
func TestScopes(t *testing.T) {
	w := startWorld(t)
	p := w.register(t, w.app, `{"alias":"mia"}`)
	routes := map[account.Scope][]request{
		account.PushScope:          {{path: "/v3/push", body: `{}`}, {method: "DELETE", path: "/v3/push/123"}, {path: "/v3/push/batch/alias/single", body: `{}`}},
		account.PushReadScope:      {{path: "/v3/push/cid"}, {path: "/v3/push/validate", body: `{}`}},
		account.DevicesScope:       {{path: "/v3/devices/" + p.id, body: `{"tags":""}`}, {method: "DELETE", path: "/v3/aliases/none"}, {path: "/v3/tags/t", body: `{}`}},
		account.DevicesReadScope:   {{path: "/v3/devices/" + p.id}, {path: "/v3/tags"}, {path: "/v3/devices/status", body: `{}`}},
		account.SchedulesScope:     {{path: "/v3/schedules", body: `{}`}},
		account.SchedulesReadScope: {{path: "/v3/schedules"}},
		account.ReportsScope:       {{path: "/v3/received?msg_ids=1"}, {path: "/v1/messages/1"}, {path: "/v3/status/message", body: `{}`}},
		account.AuditScope:         {{path: "/v1/audit"}},
		"the Master Secret":        {{path: "/v1/keys"}, {path: "/v1/keys", body: `{"name":"n","scopes":["push"]}`}, {path: "/v1/access"}, {method: "PUT", path: "/v1/access", body: `{"allow":[]}`}, {path: "/v1/secret/rotate", body: `{}`}, {method: "DELETE", path: "/v1/keys/1"}},
	}
	opens := func(scope, route account.Scope) bool { return scope == route || scope+":read" == route }
	for _, scope := range account.Scopes {
		_, secret := w.newKey(t, fmt.Sprintf(`{"name":"key","scopes":[%q]}`, scope))
		for of, requests := range routes {
			for _, r := range requests {
				r.user, r.password = w.app.Key, secret
				basic := w.call(t, r)
				r.user, r.password, r.header = "", "", http.Header{"Authorization": {"Bearer " + secret}}
				bearer := w.call(t, r)
				for _, a := range []answer{basic, bearer} {
					if closed := a.status == 403; closed == opens(scope, of) || a.status == 401 {
						t.Errorf("scope %s at %s %s: %d %.200s", scope, r.method, r.path, a.status, a.body)
					}
				}
			}
		}
	}
}

// The order of checks: credentials, allow-list, rate limit, scope.
func TestOrderOfChecks(t *testing.T) {
	w := startWorld(t, api.Limits{Push: 2})
	_, here := w.newKey(t, `{"name":"here","scopes":["reports"],"allow":["127.0.0.0/8"]}`)
	_, elsewhere := w.newKey(t, `{"name":"elsewhere","scopes":["reports"],"allow":["203.0.113.0/24"]}`)
	push := request{path: "/v3/push", body: `{}`, user: w.app.Key}
	with := func(r request, secret string) request { r.password = secret; return r }
	w.refused(t, with(push, "wrong"), 401, 1004)
	for range 5 { // before the rate limit, which they do not touch
		w.refused(t, with(push, elsewhere), 403, 2004)
	}
	w.refused(t, with(push, here), 403, 2007)
	w.refused(t, with(push, here), 403, 2007)
	w.refused(t, with(push, here), 429, 2002) // before the scope
	for path, code := range map[string]int{"/v3/devices/x": 2004, "/v3/schedules": 2004, "/v3/received": 2004, "/v1/keys": 2004} {
		w.refused(t, request{path: path, user: w.app.Key, password: elsewhere}, 403, code)
	}
	w.refused(t, request{path: "/v1/audit", user: w.app.Key, password: "wrong"}, 401, 9004)
	w.refused(t, request{path: "/v1/nothing", user: w.app.Key, password: here}, 404, 1003)
	w.refused(t, request{path: "/v1/keys/1/2", user: w.app.Key, password: here}, 404, 9005)
}

func TestAppAllowList(t *testing.T) {
	w := startWorld(t)
	put := func(body string) request {
		return request{method: "PUT", path: "/v1/access", body: body}.as(w.app)
	}
	w.refused(t, put(`{"allow":["203.0.113.0/24"]}`), 400, 9002) // would lock the caller out
	w.refused(t, put(`{"allow":["home"]}`), 400, 9002)
	w.refused(t, put(`{"allow":"127.0.0.1"}`), 400, 9002)
	w.refused(t, put(`{}`), 400, 9002)
	var got struct{ Allow []string }
	w.accepted(t, put(`{"allow":["127.0.0.0/8","203.0.113.5"]}`), &got)
	if strings.Join(got.Allow, " ") != "127.0.0.0/8 203.0.113.5" {
		t.Errorf("%q", got.Allow)
	}
	report := request{path: "/v3/received?msg_ids=1"}.as(w.app)
	w.accepted(t, report, nil)
	report.header = http.Header{"X-Forwarded-For": {"198.51.100.1"}}
	w.accepted(t, report, nil) // no proxy is trusted
	var log struct {
		Entries []struct{ Action, Actor, Address, Detail string }
	}
	w.accepted(t, request{path: "/v1/audit"}.as(w.app), &log)
	if e := log.Entries[0]; e.Action != "allow-list.changed" || e.Actor != "master secret" || e.Address != "127.0.0.1" || e.Detail != "127.0.0.0/8,203.0.113.5" {
		t.Errorf("%+v", e)
	}
	_, err := w.s.Accounts.SetAllowList(t.Context(), w.app, []string{"203.0.113.5"}, netip.Addr{})
	check(t, err)
	w.refused(t, report, 403, 2004)
	w.register(t, w.app, "") // phones come from anywhere
}

func TestTrustedProxies(t *testing.T) {
	w := startWorld(t)
	trusted, err := account.ParseAllowList([]string{"127.0.0.0/8", "10.0.0.0/8"})
	check(t, err)
	w.restart(t, func(c *server.Config) { c.TrustedProxies = trusted })
	_, secret := w.newKey(t, `{"name":"far","scopes":["reports"],"allow":["203.0.113.7"]}`)
	for chain, want := range map[string]int{
		"203.0.113.7":                    200,
		"203.0.113.7, 10.1.1.1":          200,
		"198.51.100.1, 203.0.113.7":      200, // what stands before may be made up
		"203.0.113.7, 198.51.100.1":      403,
		"203.0.113.7, unknown":           403,
		"203.0.113.7, unknown, 10.1.1.1": 403,
		"":                               403,
	} {
		r := request{path: "/v3/received?msg_ids=1", user: w.app.Key, password: secret, header: http.Header{"X-Forwarded-For": {chain}}}
		if a := w.call(t, r); a.status != want {
			t.Errorf("%q was answered %d, want %d: %.200s", chain, a.status, want, a.body)
		}
	}
}

func TestRotateSecretByREST(t *testing.T) {
	w := startWorld(t)
	var got struct {
		MasterSecret       string `json:"master_secret"`
		PreviousValidUntil string `json:"previous_valid_until"`
	}
	rotate := request{path: "/v1/secret/rotate", method: "POST"}.as(w.app)
	rotate.body = `{"overlap_seconds":-1}`
	w.refused(t, rotate, 400, 9002)
	rotate.body = `{"overlap_seconds":3e9}`
	w.refused(t, rotate, 400, 9002)
	rotate.body = ""
	w.accepted(t, rotate, &got)
	report := request{path: "/v3/received?msg_ids=1"}.as(w.app)
	w.accepted(t, report, nil)
	report.password = got.MasterSecret
	w.accepted(t, report, nil)
	rotate.body, rotate.password = `{"overlap_seconds":0}`, got.MasterSecret
	w.accepted(t, rotate, &got)
	w.refused(t, report, 401, 3001)
	w.refused(t, request{path: "/v3/received?msg_ids=1"}.as(w.app), 401, 3001)
}
