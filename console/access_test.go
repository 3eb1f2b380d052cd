package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// routes are all pages, with an answer for the owner of the app.
var routes = []struct {
	method, path string
	owner        int
	open         bool // anybody may
}{
	{"GET", "/", 303, true},
	{"GET", "/setup", 200, true},
	{"POST", "/setup", 403, true},
	{"GET", "/signin", 303, true},
	{"POST", "/signin", 401, true},
	{"GET", "/static/base.css", 200, true},
	{"POST", "/language", 303, true},
	{"GET", "/apps", 200, false},
	{"POST", "/apps", 422, false},
	{"GET", "/apps/new", 200, false},
	{"GET", full, 200, false},
	{"POST", full + "/secret", 200, false},
	{"GET", full + "/keys", 200, false},
	{"POST", full + "/keys/rotate", 422, false},
	{"GET", full + "/PushConfig.plist?environment=production", 200, false},
	{"GET", full + "/credential", 200, false},
	{"POST", full + "/credential", 422, false},
	{"POST", full + "/credential/remove", 422, false},
	{"GET", full + "/send", 200, false},
	{"POST", full + "/send", 422, false},
	{"POST", full + "/send/preview", 200, false},
	{"POST", full + "/send/confirm", 422, false},
	{"POST", full + "/send/test", 422, false},
	{"POST", full + "/send/testers", 422, false},
	{"GET", full + "/send?from=" + messageID.String(), 200, false},
	{"GET", full + "/schedules", 200, false},
	{"POST", full + "/schedules/" + scheduleID, 422, false},
	{"GET", full + "/approvals", 200, false},
	{"POST", full + "/approvals", 422, false},
	{"POST", full + "/approvals/" + approvalID, 422, false},
	{"GET", full + "/messages", 200, false},
	{"GET", full + "/messages?q=Gate", 200, false},
	{"GET", full + "/messages?q=nothing", 200, false},
	{"GET", full + "/messages/compare?id=" + messageID.String() + "&id=" + (messageID - 1).String(), 200, false},
	{"GET", full + "/messages/compare", 200, false},
	{"GET", full + "/messages/" + messageID.String(), 200, false},
	{"GET", full + "/messages/" + messageID.String() + "/devices?with=received&without=opened", 200, false},
	{"POST", full + "/messages/" + messageID.String() + "/stop", 303, false},
	{"GET", full + "/messages/" + messageID.String() + "/device?registration_id=" + phoneID, 303, false},
	{"GET", full + "/devices", 200, false},
	{"GET", full + "/devices/" + retiredID, 200, false},
	{"GET", full + "/quarantine", 200, false},
	{"GET", full + "/quarantine?reason=Unregistered&since=2020-01-01", 200, false},
	{"POST", full + "/quarantine", 422, false},
	{"GET", full + "/devices/" + phoneID, 200, false},
	{"GET", full + "/devices/" + phoneID + "/messages/" + messageID.String(), 200, false},
}

func request(method, path string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func TestScriptsAreLedToSignInAndBack(t *testing.T) {
	v := newVisitor(t, newWorld(plain), "expired")
	r := request("POST", full+"/send/preview")
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Current-URL", "http://example.com"+full+"/send")
	rec := v.do(r)
	if got, want := rec.Header().Get("HX-Redirect"), "/signin?next="+url.QueryEscape(full+"/send"); got != want {
		t.Errorf("HX-Redirect %q, want %q", got, want)
	}
}

// inline finds what the policy would refuse, and what it cannot see: links to
// other hosts.
var inline = regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:|(src|href|action)="(https?:)?//`)

func TestEveryPageIsGuarded(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	for _, r := range routes {
		rec := v.do(request(r.method, r.path))
		h := rec.Header()
		if got := h.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'self';") || !strings.Contains(got, "frame-ancestors 'none'") || strings.Contains(got, "unsafe") {
			t.Errorf("%s %s: policy %q", r.method, r.path, got)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s %s: headers %v", r.method, r.path, h)
		}
		if !strings.HasPrefix(r.path, "/static/") && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s may be cached: %q", r.method, r.path, h.Get("Cache-Control"))
		}
		if found := inline.FindString(rec.Body.String()); found != "" && !strings.HasPrefix(r.path, "/static/") && !strings.Contains(r.path, "plist") {
			t.Errorf("%s %s contains %q", r.method, r.path, found)
		}
	}
}

// hostile breaks out of every context that forgets to escape: text, quoted
// and unquoted attributes, URLs, scripts, JSON, server-sent events.
const hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{.}}\r\nevent: x\r\ndata: y</pre></textarea>"

func TestHostileTextIsEscapedEverywhere(t *testing.T) {
	w := newWorld(func(s string) string { return hostile + s })
	w.devices[1][0].RetiredReason = hostile
	w.credentials[1][0].Parked = hostile
	v := newVisitor(t, w, ownerSession)
	pages := map[string]string{}
	for _, r := range routes {
		if r.method == "GET" && !strings.HasPrefix(r.path, "/static/") && !strings.Contains(r.path, "plist") {
			if rec := v.get(r.path); rec.Code == http.StatusOK {
				pages[r.path] = rec.Body.String()
			}
		}
	}
	pages["quarantine"] = v.get(full + "/quarantine?" + form("reason="+hostile, "since="+hostile, "until="+hostile, "after="+hostile)).Body.String()
	pages["search"] = v.get(full + "/devices?" + form("q="+hostile)).Body.String()
	pages["setup"] = newVisitorFirstRun(t).get("/setup?" + form("link="+hostile)).Body.String()
	pages["signin"] = newVisitor(t, w, "").get("/signin?" + form("next=/"+hostile, "link=")).Body.String()
	pages["missing app"] = v.get("/apps/" + url.PathEscape(hostile)).Body.String()
	pages["missing device"] = v.get(full + "/devices/" + url.PathEscape(hostile)).Body.String()
	for _, path := range []string{"/signin", "/setup", "/apps", full + "/send", full + "/send/preview", full + "/send/confirm", full + "/send/test", full + "/send/testers", full + "/credential/remove"} {
		var fields []string
		for _, name := range []string{"email", "password", "link", "next", "name", "bundle_id", "title", "subtitle", "body", "sound", "badge", "category", "thread", "level", "extras", "audience", "tag", "tag_and", "tag_not", "alias", "registration_id", "environment", "life", "life_unit", "collapse_id", "nonce", "media", "expression", "when", "at", "zone", "pace", "test_id", "test_name"} {
			fields = append(fields, name+"="+hostile)
		}
		if path == "/signin" { // a link would lead on
			fields = slices.DeleteFunc(fields, func(f string) bool { return strings.HasPrefix(f, "link=") })
		}
		pages["POST "+path] = v.post(path, fields...).Body.String()
	}
	w.refuse = aurora.Errorf(aurora.Invalid, "%s", hostile)
	pages["refusal"] = v.upload(full+"/credential", "kind=p8", "key_id="+hostile, "team_id="+hostile, "environment="+hostile, "password="+hostile).Body.String()
	for name, body := range pages {
		if !strings.Contains(body, "</html>") {
			t.Errorf("%s is not a page: %.200s", name, body)
		}
		for _, bad := range []string{"<script>alert", "<img src=x", "</pre></textarea>"} {
			if strings.Contains(body, bad) {
				i := strings.Index(body, bad)
				t.Errorf("%s contains %q: …%s…", name, bad, body[max(0, i-120):i+40])
			}
		}
	}
}

func newVisitorFirstRun(t *testing.T) *visitor {
	w := newWorld(plain)
	firstRun(w)
	return newVisitor(t, w, "")
}
