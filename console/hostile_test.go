package console_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// marker is an element that no template has.
const marker = "x-hit"

// hostiles break out of every context that forgets to escape, or whoever reads
// them: text, attributes, addresses. What cannot be stored is refused (text_test.go).
var hostiles = []string{`"'><x-hit onerror=alert(1)>`, "javascript:alert(1)"}

// floods are for all fields at once: scripts, templates, streams of events, other
// directions of writing, memory.
var floods = []string{
	"</title></textarea></script><x-hit><script>window.__hit=1</script>{{.}}\r\n\r\nevent: x\r\ndata: <x-hit>\u202e",
	strings.Repeat("<x-hit>", 100<<10/7),
}

// form is what a page offers to fill in.
type form struct {
	action string   // with the method before it
	fields []string // names
}

// TestHostileTextInEveryField sends hostile text in every field of every form and
// every parameter of every page, and then reads all pages: none of it is markup,
// and nothing fails inside.
func TestHostileTextInEveryField(t *testing.T) {
	s := openSite(t)
	who := asker{"owner", email}
	fields := map[string][]string{} // of a path without its query
	for _, f := range s.forms(who) {
		fields[f.action] = append(fields[f.action], f.fields...)
	}
	asked, tried := 0, map[string]bool{}
	for _, r := range rows {
		base, query, _ := strings.Cut(s.fill(r.path), "?")
		sample := r.fields
		if strings.HasPrefix(base, "/static/") || base == "/favicon.ico" {
			continue
		}
		if r.method == "GET" {
			sample = append(strings.Split(query, "&"), "next=", "from=", "q=")
		}
		all := names(append(fields[r.method+" "+base], sample...))
		for _, sent := range attacks(sample, all, !tried[r.method+r.path]) {
			sent = s.fillAll(sent)
			var got answer
			switch text := encoded(sent); {
			case r.method == "POST":
				got = s.ask(t, s.sessionOf(who), "POST", s.fill(base), sent...)
			case len(text) > 16<<10: // longer than addresses are
				continue
			default:
				got = s.ask(t, s.sessionOf(who), "GET", s.fill(base)+"?"+text)
			}
			if asked++; got.status >= 500 {
				t.Errorf("%s %s with %.400q: status %d", r.method, r.path, sent, got.status)
			}
			s.clean(r.method+" "+r.path, got)
			if r.method == "POST" && got.status < 400 && !strings.Contains(r.path, "/credential") {
				s.used(r.path + strings.Join(r.fields, " "))
				s.removeWebhooks()
			}
		}
		tried[r.method+r.path] = true
	}
	stored := 0
	for _, r := range rows {
		if r.method == "GET" {
			stored += s.clean(r.path, s.ask(t, s.sessionOf(who), "GET", s.fill(r.path)))
		}
	}
	if asked < 500 || stored < 20 {
		t.Errorf("%d requests left %d hostile texts on the pages; too few to prove anything", asked, stored)
	}
}

// forms are those of all pages, with paths as forms send them.
func (s *site) forms(who asker) (all []form) {
	s.t.Helper()
	for _, name := range []string{"apikey", "group", "hook", "invitation", "schedule", "approval", "segment", "tester", "retired"} {
		s.fill("{" + name + "}")
	}
	for _, r := range rows {
		path := s.fill(r.path)
		if r.method != "GET" || strings.HasSuffix(path, ".zip") {
			continue
		}
		here, _, _ := strings.Cut(path, "?")
		root, err := html.Parse(strings.NewReader(s.ask(s.t, s.sessionOf(who), "GET", path).body))
		check(s.t, err)
		for n := range root.Descendants() {
			if n.Data != "form" {
				continue
			}
			method, action := "GET", here
			if strings.EqualFold(attribute(n, "method"), "post") {
				method = "POST"
			}
			if to, _, _ := strings.Cut(attribute(n, "action"), "?"); to != "" {
				action = to
			}
			f := form{action: method + " " + action}
			for in := range n.Descendants() {
				if name := attribute(in, "name"); name != "" && slices.Contains([]string{"input", "textarea", "select", "button"}, in.Data) {
					f.fields = append(f.fields, name)
				}
			}
			all = append(all, f)
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// names are those of fields, each once.
func names(fields []string) (list []string) {
	for _, f := range fields {
		if name, _, _ := strings.Cut(f, "="); name != "" && name != "file" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// attacks are fields to send: a text in all of those named, and, if each is set,
// one in each.
func attacks(sample, named []string, each bool) (list [][]string) {
	for _, text := range floods {
		flooded := sample
		for _, name := range named {
			flooded = replaced(flooded, name, text[:min(len(text), 200<<10/len(named))]) // within what a form may have
		}
		list = append(list, flooded)
	}
	for _, name := range named {
		for _, text := range hostiles {
			if each {
				list = append(list, replaced(sample, name, text))
			}
		}
	}
	return list
}

// removeWebhooks makes room for more; an app has few.
func (s *site) removeWebhooks() {
	list, err := s.Webhooks.Endpoints(s.t.Context(), s.app.ID)
	check(s.t, err)
	for _, e := range list {
		if e.ID != s.made["hook"] && len(list) > 5 {
			check(s.t, s.Webhooks.Remove(s.t.Context(), s.app, e.ID))
		}
	}
}

func (s *site) fillAll(fields []string) []string {
	filled := make([]string, len(fields))
	for i, f := range fields {
		filled[i] = s.fill(f)
	}
	return filled
}

// replaced are fields with another value for one of them.
func replaced(fields []string, name, value string) []string {
	kept := slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == "" || strings.HasPrefix(f, name+"=") })
	return append(kept, name+"="+value)
}

func encoded(fields []string) string {
	values := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values.Add(name, value)
	}
	return values.Encode()
}

// clean reads an answer as a browser does, a stream as the pieces that a script
// puts into the page. It returns how often it finds the marker as a text.
func (s *site) clean(name string, got answer) (texts int) {
	s.t.Helper()
	kind, _, _ := strings.Cut(got.Get("Content-Type"), ";")
	if kind != "text/html" && kind != "text/event-stream" {
		return 0
	}
	if kind == "text/event-stream" && strings.Count(got.body, "event: ") > 1 {
		s.t.Errorf("%s: an event was smuggled in: %.300q", name, got.body)
	}
	root, err := html.Parse(strings.NewReader(got.body))
	check(s.t, err)
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && strings.Contains(n.Data, marker):
			texts++
		case n.Data == marker, n.Type == html.ElementNode && slices.Contains([]string{"style", "iframe", "object", "embed", "base"}, n.Data):
			s.t.Errorf("%s has an element %s", name, n.Data)
		case n.Data == "script" && (attribute(n, "src") == "" || n.FirstChild != nil):
			s.t.Errorf("%s has a script of its own", name)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				s.t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
			}
			if slices.Contains([]string{"href", "src", "action", "formaction", "xlink:href"}, a.Key) && !harmless(a.Val) {
				s.t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
			}
		}
	}
	return texts
}

// harmless is an address on this site, or a page elsewhere.
func harmless(address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	return err == nil && (u.Scheme == "" || u.Scheme == "https" || u.Scheme == "http")
}
