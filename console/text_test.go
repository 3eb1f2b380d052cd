package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// TestTextsThatCannotBeStored: a text that PostgreSQL would refuse is refused in
// each field and each address, on SQLite too, and changes nothing.
func TestTextsThatCannotBeStored(t *testing.T) {
	s := openSite(t)
	who := asker{string(aurora.OwnerRole), email}
	tried, session := 0, s.sessionOf(who)
	refused := func(r row, path string, fields []string) {
		t.Helper()
		tried++
		got := s.ask(t, session, r.method, path, fields...)
		if got.status < 400 || got.status >= 500 {
			t.Errorf("%s %q %q: status %d: %.300s", r.method, path, fields, got.status, notes.FindAllString(got.body, -1))
		}
	}
	before := s.dump()
	for _, r := range rows {
		if strings.Contains(r.path, "{") && !strings.HasPrefix(r.path, "/apps/{app}") || strings.HasPrefix(r.path, "/static/") || r.path == "/signout" {
			continue
		}
		path := s.known(r.path)
		at, query, _ := strings.Cut(path, "?")
		values, err := url.ParseQuery(query)
		check(t, err)
		for name := range values {
			for _, bad := range []string{"a\x00b", "a\xffb"} {
				refused(r, at+"?"+url.Values{name: {bad}}.Encode(), r.fields)
			}
		}
		if before, last, ok := cutLast(r.path, "/{"); ok && r.method == "GET" && !strings.Contains(last, "/") {
			refused(r, s.known(before)+"/a%00b", nil)
			refused(r, s.known(before)+"/a%FFb", nil)
		}
		for i, field := range r.fields {
			name, _, _ := strings.Cut(field, "=")
			if name == "file" {
				continue
			}
			for _, bad := range []string{"a\x00b", "a\xffb"} {
				fields := make([]string, len(r.fields))
				for j, f := range r.fields {
					fields[j] = s.known(f)
				}
				fields[i] = name + "=" + bad
				refused(r, path, fields)
			}
		}
	}
	if changes := changed(before, s.dump()); len(changes) > 0 || tried < 150 {
		t.Errorf("%d requests changed %q", tried, changes)
	}
}

// known fills in what the site has already; what it would make first stands as
// another word, since the request is refused before it is looked for.
func (s *site) known(text string) string {
	return braces.ReplaceAllStringFunc(text, func(name string) string {
		if have := s.made[strings.Trim(name, "{}")]; have != "" {
			return have
		}
		return "unknown"
	})
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
