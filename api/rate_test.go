package api_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/server"
)

// Every answer to a server tells its limit in the headers that JPush's clients
// read, also a refusal, and one call too many is refused.
func TestRateLimitHeaders(t *testing.T) {
	w := startWorld(t, api.Limits{Reports: 2})
	report := request{path: "/v3/received?msg_ids=1"}.as(w.app)
	for i, want := range []struct {
		status    int
		remaining string
	}{{200, "1"}, {200, "0"}, {429, "0"}} {
		a := w.call(t, report)
		if a.status != want.status || a.header.Get("X-Rate-Limit-Limit") != "2" || a.header.Get("X-Rate-Limit-Quota") != "2" || a.header.Get("X-Rate-Limit-Remaining") != want.remaining {
			t.Errorf("call %d was answered %d with %v", i+1, a.status, a.header)
		}
		if n, err := strconv.Atoi(a.header.Get("X-Rate-Limit-Reset")); err != nil || n < 1 || n > 60 {
			t.Errorf("X-Rate-Limit-Reset is %q", a.header.Get("X-Rate-Limit-Reset"))
		}
	}
	w.refused(t, report, 429, 2002)
	for _, r := range []request{{path: "/v3/push", body: `{}`}, {path: "/v3/devices/INVALID_ID"}} {
		if a := w.call(t, r.as(w.app)); a.header.Get("X-Rate-Limit-Limit") == "" {
			t.Errorf("%s was answered %d without rate headers", r.path, a.status)
		}
	}
}

// Without a limit any number of calls is let through, and the headers say so in
// a way that clients can read into an int.
func TestUnlimited(t *testing.T) {
	w := startWorld(t, api.Limits{Reports: -1})
	for range 3 {
		a := w.call(t, request{path: "/v3/received?msg_ids=1"}.as(w.app))
		if a.status != 200 || a.header.Get("X-Rate-Limit-Limit") != "2147483647" || a.header.Get("X-Rate-Limit-Remaining") != "2147483647" {
			t.Errorf("answered %d with %v", a.status, a.header)
		}
	}
}

// The limit of broadcasts is off unless it is set. It counts what is sent to
// everybody and nothing else: no check, no refusal, no repeat.
func TestBroadcastLimit(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"tags":{"set":["vip"]}}`)
	w.register(t, w.other, "")
	g := w.newGroup(t, "Both", w.app, w.other)
	all := `{"platform":"all","audience":"all","notification":{"alert":"hi"}}`
	for range 12 { // more than JPush allows
		w.push(t, w.app, all)
	}
	w.restart(t, func(c *server.Config) { c.Broadcasts = 2 })
	send := func(body string) request { return request{path: "/v3/push", body: body}.as(w.app) }
	w.refused(t, send(set(all, "notification.alert", "5")), 400, 1003)
	w.refused(t, send(set(all, "platform", `["android"]`)), 400, 1011)
	w.accepted(t, request{path: "/v3/push/validate", body: all}.as(w.app), nil)
	repeated := set(all, "cid", quoted(w.app.Key+"-01234567-89ab-4cde-8f01-23456789abcd"))
	first := w.push(t, w.app, repeated)
	if again := w.push(t, w.app, repeated); again != first {
		t.Errorf("the repeat was answered %v, the first %v", again, first)
	}
	w.push(t, w.app, all)
	// Those that were accepted may still be on their way, so only their number counts.
	messages := func() string { n, _, _ := strings.Cut(w.state(t)["message"], ","); return n }
	before := messages()
	w.refused(t, send(all), 403, 2008)
	w.refused(t, send(set(all, "platform", `["ios"]`)), 403, 2008)
	w.accepted(t, request{path: "/v1/segments", body: `{"name":"everyone","expression":"vip || !vip"}`}.as(w.app), nil)
	for _, everybody := range []string{`{"expression":"segment:everyone"}`, `{"segment":["everyone"]}`, `{"expression":"all"}`} {
		w.refused(t, send(set(all, "audience", everybody)), 403, 2008)
	}
	if again := w.push(t, w.app, repeated); again != first {
		t.Errorf("a repeat over the limit was answered %v, the first %v", again, first)
	}
	if after := messages(); after != before {
		t.Errorf("%s of messages became %s by refused broadcasts", before, after)
	}
	w.push(t, w.app, goodPush) // to a tag
	var answer map[string]struct {
		MessageID string `json:"msg_id"`
		Error     struct{ Code int }
	}
	a := w.call(t, request{path: "/v3/grouppush", body: all}.asGroup(g))
	if _ = json.Unmarshal(a.body, &answer); answer[w.app.Key].Error.Code != 2008 || answer[w.other.Key].MessageID == "" {
		t.Errorf("the group was answered %s", a.body)
	}
}
