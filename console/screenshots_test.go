package console_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/console"
	"github.com/aurora-push/aurora/registry"
)

// TestScreenshots opens every route that answers with a page: no violation of
// axe-core's rules in either theme, nothing that sticks out at any width in
// either language, nothing that moves once it stands, nothing that the policy
// refused. With AURORA_SCREENSHOTS=DIR it leaves pictures there. What pages look
// like in states that this site is not in is TestScreenshotsOfStates's.
func TestScreenshots(t *testing.T) {
	tab, complaints := console.OpenBrowser(t)
	s := openSite(t)
	s.furnish()
	p := console.NewTab(t, tab, s.url)
	mux := http.NewServeMux()
	for _, pattern := range console.Routes() {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	seen := map[string]bool{}
	for _, r := range rows {
		_, pattern := mux.Handler(httptest.NewRequest(r.method, r.path, nil))
		who := asker{"owner", email}
		if r.nobody != 0 || strings.HasPrefix(r.path, "/join") {
			who = asker{"nobody", ""}
		}
		if seen[pattern] || r.method == "POST" && (r.want != http.StatusOK || strings.Contains(path.Base(r.path), ".")) { // no page, or a file
			continue
		}
		session, path, fields := s.sessionOf(who), s.fill(r.path), make([]string, len(r.fields))
		for i, f := range r.fields {
			fields[i] = s.fill(f)
		}
		p.As(session)
		if r.method == "POST" {
			p.Submit(path, fields)
			s.used(r.path + strings.Join(r.fields, " "))
		} else if got := s.ask(t, session, "GET", path); got.status == http.StatusSeeOther || !strings.HasPrefix(got.Get("Content-Type"), "text/html") {
			continue
		} else {
			p.Open(path)
		}
		if !p.IsPage() {
			if r.method == "GET" {
				t.Errorf("%s answers with HTML that is no page, and has no picture", pattern)
			}
			continue
		}
		seen[pattern] = true
		name := nameOf(pattern)
		p.Look(name)
		if r.method == "GET" {
			p.LookInChinese(name, path)
		}
		for _, text := range complaints() {
			t.Errorf("%s: the browser's console: %s", name, text)
		}
	}
	if t.Logf("%d routes are pages", len(seen)); len(seen) < 40 {
		t.Error("fewer than there ever were: who asked for them may not see them")
	}
}

// nameOf names the pictures of a route: "app-devices-rid" for "GET /apps/{key}/devices/{rid}".
func nameOf(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	name := strings.NewReplacer("/apps/{key}", "app", "{", "", "}", "", "/", "-").Replace(path)
	if name = strings.Trim(name, "-"); method == "POST" {
		name += "-posted"
	}
	return cmp.Or(name, "not-found") // the route of everything else
}

// furnish puts something of every kind into the site, by names that people give.
func (s *site) furnish() {
	s.t.Helper()
	session, app := s.sessionOf(asker{"owner", email}), "/apps/"+s.app.Key
	s.make("credential")
	now, rows := time.Now(), &strings.Builder{}
	fmt.Fprintln(rows, "registration_id,token,environment,alias,tags,app_version,os_version,model,language,seen_at,registered_at,retired_reason,retired_at")
	for i := range 60 {
		reason, at := "", ""
		if i%6 == 5 {
			reason, at = []string{"Unregistered", "BadDeviceToken", "ExpiredToken"}[i/6%3], now.Add(-time.Duration(i*5)*time.Hour).Format(time.RFC3339)
		}
		fmt.Fprintf(rows, "1a0018970%010x,%064x,%s,%s,\"%s\",4.%d.0,%d.%d,\"iPhone%d,2\",%s,%s,%s,%s,%s\n", i*7919, 1<<30+i*7919, []string{"production", "development"}[i%2], []string{"mia", "noah@example.com", "", "小林", ""}[i%5]+fmt.Sprint(i),
			[]string{"beta,berlin", "vip", "读者,上海", ""}[i%4], i%8, 16+i%3, i%5, 12+i%5, []string{"en-US", "de-DE", "zh-Hans-CN"}[i%3], now.Add(-time.Duration(i*i)*time.Minute).Format(time.RFC3339), now.Add(-time.Duration(i*9+1)*time.Hour).Format(time.RFC3339), reason, at)
	}
	state, err := s.Registry.Import(s.t.Context(), s.app.ID, strings.NewReader(rows.String()), registry.ImportOptions{})
	check(s.t, err)
	if state.Added != 60 {
		s.t.Fatalf("%+v", state)
	}
	for _, form := range [][]string{
		{app + "/access/keys", "name=Shop server", "life=90", "scope=push", "scope=reports", "allow=192.0.2.0/24, 2001:db8::/32"},
		{app + "/access/keys", "name=Nightly reports", "life=0", "scope=reports"},
		{app + "/webhooks", "url=https://hooks.example.com/aurora/production", "kind=message.opened", "kind=device.retired"},
		{app + "/segments", "name=regulars", "expression=vip && !seen>30d"},
		{app + "/segments", "name=both-coasts", "expression=(berlin || 上海) && version<4.6 && lang:zh-Hans"},
		{app + "/send/testers", "audience=all", "environment=development", "life=1", "life_unit=hours", "test_id=" + s.made["device"], "test_name=Mia's iPhone"},
		{app + "/send", "audience=chosen", "tag=beta", "title=Boarding starts", "body=Gate B12 opens at 18:40.", "environment=production", "life=1", "life_unit=hours", "when=later", "at=" + s.make("tomorrow"), "zone=Europe/Berlin", "nonce=later1"},
		{app + "/send", "audience=all", "title=早安", "body=今天的极光指数很高，晚上记得出门。", "environment=development", "life=1", "life_unit=hours", "when=now", "nonce=now1"},
		{app + "/send", "audience=chosen", "tag=vip", "body=Three new articles in your list", "environment=production", "life=1", "life_unit=hours", "when=now", "nonce=now2"},
		{"/groups", "name=Both stores"},
		{"/team/invite", "email=noah@example.com", "role=sender"},
	} {
		if got := s.ask(s.t, session, "POST", form[0], form[1:]...); got.status >= 400 {
			s.t.Fatalf("%v: %d %.300s", form, got.status, notes.FindAllString(got.body, -1))
		}
	}
	s.make("approval")
	groups, err := s.Accounts.Groups(s.t.Context(), s.app.AccountID)
	check(s.t, err)
	check(s.t, s.Accounts.SetGroupApp(s.t.Context(), s.app.AccountID, groups[0].Key, s.app.Key, true))
}
