package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// elsewhere are addresses of other sites, as browsers and careless servers read
// them.
var elsewhere = []string{"https://evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "/%2f/evil.example", "%2f%2fevil.example", "/\t/evil.example", "https:evil.example", "https:/evil.example",
	"javascript:alert(1)", "/apps@evil.example", "/..//evil.example", "/.//evil.example", "//evil.example/%2e%2e", "http://localhost@evil.example", " //evil.example", "\u2028//evil.example"}

// TestNoParameterLeadsElsewhere: whichever field or parameter of a route, or
// header, names another site, nobody is led there.
func TestNoParameterLeadsElsewhere(t *testing.T) {
	s := openSite(t)
	who := asker{"owner", email}
	for _, r := range rows {
		base, query, _ := strings.Cut(s.fill(r.path), "?")
		if r.want != http.StatusSeeOther || strings.Contains(r.path, "/credential") || strings.HasPrefix(r.path, "/static/") {
			continue
		}
		for i, to := range elsewhere {
			if i > 0 && !leads(r) || i > 4 && r.path == "/signin" { // what ignores one ignores all; passwords cost time
				break
			}
			more := []string{"next=" + to, "return=" + to, "redirect=" + to, "url=" + to, "back=" + to}
			request := s.request(t, s.sessionOf(who), r.method, s.fill(base)+"?"+encoded(append(replacedNext(strings.Split(query, "&")), more...)), append(replacedNext(s.fillAll(r.fields)), more...)...)
			request.Header.Set("Referer", to)
			got := s.send(t, request)
			if r.method == "POST" && got.status < 400 {
				s.used(r.path + strings.Join(r.fields, " "))
			}
			s.staysHere(r.method+" "+r.path, to, got.Get("Location"))
		}
	}
	for _, to := range elsewhere { // a script that is not signed in any more
		if u, err := url.Parse(to); err == nil {
			request := s.request(t, "guessed", "GET", "/apps")
			request.Header.Set("HX-Request", "true")
			request.Header.Set("HX-Current-URL", u.String())
			s.staysHere("a script", to, s.send(t, request).Get("HX-Redirect"))
		}
	}
}

// leads reports whether a row has a parameter that names where to go next.
func leads(r row) bool {
	return slices.Contains([]string{"/signin?next=/team", "/signin", "/language"}, r.path)
}

func replacedNext(fields []string) []string {
	return slices.DeleteFunc(fields, func(f string) bool { return f == "" || strings.HasPrefix(f, "next=") })
}

// staysHere reads a Location as a browser does.
func (s *site) staysHere(name, to, location string) {
	s.t.Helper()
	read := strings.NewReplacer(`\`, "/", "\t", "", "\r", "", "\n", "").Replace(strings.TrimSpace(location))
	u, err := url.Parse(read)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.HasPrefix(read, "//") || location != "" && !strings.HasPrefix(read, "/") {
		s.t.Errorf("%s with %q leads to %q", name, to, location)
	}
	if next := u.Query().Get("next"); next != "" {
		s.staysHere(name+", then", to, next)
	}
}
