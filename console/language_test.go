package console

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// said finds texts in templates: {{t "…"}} and {{tn … "…" "…"}}.
var said = regexp.MustCompile("\\b(?:t|tn [^\"`{}]*?) ?(\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`)(?: (\"(?:[^\"\\\\]|\\\\.)*\"))?")

// textsOf returns what the console says by itself, with where.
func textsOf(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	pages, _ := filepath.Glob("templates/pages/*.html")
	parts, _ := filepath.Glob("templates/*.html")
	for _, file := range slices.Concat(pages, parts) {
		source, err := os.ReadFile(file)
		must(t, err)
		for _, m := range said.FindAllStringSubmatch(string(source), -1) {
			for _, quoted := range m[1:] {
				if text, err := strconv.Unquote(quoted); err == nil {
					texts[text] = file
				}
			}
		}
	}
	for _, p := range slices.Concat(appPlaces, accountPlaces) {
		texts[p.Name] = "nav.go"
		for _, tab := range p.Tabs {
			texts[tab.Name] = "nav.go"
		}
	}
	sources, _ := filepath.Glob("*.go")
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		must(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				name = f.Sel.Name
			case *ast.Ident:
				name = f.Name
			}
			for _, i := range map[string][]int{"say": {0}, "count": {1, 2}, "done": {3}, "page": {5}, "refuse": {5}, "Errorf": {1}}[name] {
				if i < len(call.Args) {
					if text, ok := constant(call.Args[i]); ok {
						texts[text] = file
					}
				}
			}
			return true
		})
	}
	return texts
}

// constant folds a literal, or several joined by +.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := constant(e.X)
		right, also := constant(e.Y)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}

// sentencesOf returns every string constant of the packages whose words reach
// the console.
func sentencesOf(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, folder := range []string{".", "..", "../account", "../registry", "../dispatch", "../ledger", "../audience", "../store"} {
		sources, _ := filepath.Glob(folder + "/*.go")
		for _, file := range sources {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			must(t, err)
			ast.Inspect(tree, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if text, ok := constant(e); ok {
						all[text] = true
					}
				}
				return true
			})
		}
	}
	return all
}

var verb = regexp.MustCompile(`%[.0-9]*(?:\[\d\])?([a-z])`)

func verbs(s string) []string {
	var found []string
	for _, m := range verb.FindAllStringSubmatch(s, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found
}

// Every text of the console is in every catalogue, nothing else is, and no
// translation loses a value.
func TestCatalogues(t *testing.T) {
	texts, sentences := textsOf(t), sentencesOf(t)
	for _, l := range languages[1:] {
		for _, text := range slices.Sorted(maps.Keys(texts)) {
			if _, ok := l.words[text]; !ok {
				t.Errorf("%s: no word for %q (%s)", l.Code, text, texts[text])
			}
		}
		for text, word := range l.words {
			if _, ok := texts[text]; !ok && !sentences[text] {
				t.Errorf("%s: nobody says %q", l.Code, text)
			}
			if !slices.Equal(verbs(text), verbs(word)) {
				t.Errorf("%s: %q has other verbs than %q", l.Code, word, text)
			}
			if strings.TrimSpace(word) == "" {
				t.Errorf("%s: %q has no word", l.Code, text)
			}
		}
	}
	files, _ := filepath.Glob("words/*/*.json")
	seen := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		d := json.NewDecoder(strings.NewReader(string(data)))
		for key := true; d.More(); key = !key {
			tok, err := d.Token()
			must(t, err)
			text, ok := tok.(string)
			if !ok {
				key = !key // the opening brace
				continue
			}
			if key {
				id := filepath.Dir(file) + ":" + text
				if seen[id] != "" {
					t.Errorf("%q is in %s and in %s", text, seen[id], file)
				}
				seen[id] = file
			}
		}
	}
}

// english is three or more words in a row, outside of code.
var (
	english = regexp.MustCompile(`[A-Za-z]{2,}(?:,? [a-z]{2,}){2,}`)
	code    = regexp.MustCompile(`(?s)<(code|pre|textarea|script|style)\b.*?</(code|pre|textarea|script|style)>|<[^>]*class="[^"]*mono[^"]*"[^>]*>[^<]*`)
	spoken  = regexp.MustCompile(`(?:aria-label|placeholder|title|data-name|data-text)="([^"]*)"`)
	tags    = regexp.MustCompile(`<[^>]*>`)
)

// On a Chinese page no English sentence is left, but for what people, devices
// and Apple wrote.
func TestPagesInChinese(t *testing.T) {
	w := newWorld(func(string) string { return "北极光" })
	w.steps[0].Text = ""
	v := newVisitor(t, w, ownerSession)
	check := func(name, body string) {
		t.Helper()
		if !strings.Contains(body, `lang="zh-Hans"`) {
			t.Errorf("%s is not said to be Chinese:\n%s", name, excerpt(body))
			return
		}
		body = code.ReplaceAllString(body[strings.Index(body, "<body"):], " ")
		for _, m := range spoken.FindAllStringSubmatch(body, -1) {
			body += "<p>" + m[1]
		}
		for text := range strings.SplitSeq(tags.ReplaceAllString(body, "\n"), "\n") {
			if found := english.FindString(html.UnescapeString(text)); found != "" {
				t.Errorf("%s says %q in %q", name, found, strings.TrimSpace(text))
			}
		}
	}
	ask := func(method, path string, fields ...string) string {
		r := request(method, path)
		if method == "POST" {
			r = visitorForm(path, fields...)
		}
		r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")
		return v.do(r).Body.String()
	}
	for _, r := range routes {
		if r.method == "GET" && r.owner == http.StatusOK && !strings.HasPrefix(r.path, "/static/") && !strings.Contains(r.path, "plist") {
			check(r.path, ask("GET", r.path))
			check(r.path+" of a new app", ask("GET", strings.Replace(r.path, full, fresh, 1)))
		}
	}
	check("refused form", ask("POST", full+"/send", "badge=many", "extras={\"aps\":1}", "audience=chosen", "life=x", "level=no", "environment=none"))
	check("not found", ask("GET", "/nothing"))
	w.refuse = aurora.Errorf(aurora.NoTarget, "The audience selects no device. Check the tags, alias or registration ids; a device can be reached once its app has registered.")
	check("no target", ask("POST", full+"/send", "body=x", "audience=all", "environment=production", "life_unit=hours"))
	w.apps = nil
	check("no apps", ask("GET", "/apps"))
	v = newVisitorFirstRun(t)
	check("first run", ask("GET", "/setup"))
	check("first run by link", ask("GET", "/setup?link=x"))
	v = newVisitor(t, w, "")
	check("sign-in", ask("GET", "/signin"))
	check("refused sign-in", ask("POST", "/signin", "email=x", "password=y"))
}

func TestLanguageIsChosen(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "zh": "zh-Hans", "zh-CN,zh;q=0.9,en;q=0.8": "zh-Hans", "zh-TW": "zh-Hans", "de,en;q=0.5,zh;q=0.4": "en", "de": "en",
		"en-GB;q=0.7, zh-CN;q=0.8": "zh-Hans", "zh;q=0": "en", "zh;q=NaN": "en", "zh;q=2": "en", " ZH-cn ": "zh-Hans", "*": "en",
	} {
		if got := preferred(header).Code; got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
	v := newVisitor(t, newWorld(plain), ownerSession)
	rec := v.post("/language", "language=zh-Hans", "next="+full+"/send?x=1")
	if rec.Code != 303 || rec.Header().Get("Location") != full+"/send?x=1" {
		t.Fatalf("status %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	cookie := rec.Result().Cookies()[0]
	if cookie.Name != languageCookie || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %+v", cookie)
	}
	r := request("GET", "/apps")
	r.Header.Set("Accept-Language", "en")
	r.AddCookie(cookie)
	contains(t, v.do(r).Body.String(), `lang="zh-Hans"`)
	if rec := v.post("/language", "language=xx", "next=//evil.example"); len(rec.Result().Cookies()) != 0 || rec.Header().Get("Location") != "/apps" {
		t.Errorf("an unknown language sets %v and leads to %q", rec.Result().Cookies(), rec.Header().Get("Location"))
	}
}

// A sentence that was not put there by the console is not shown.
func TestFlash(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	for value, shown := range map[string]bool{"The+credential+was+removed.": true, "Call+%2B49+900+for+help": false, "%zz": false} {
		r := request("GET", full+"/credential")
		r.AddCookie(&http.Cookie{Name: flashCookie, Value: value})
		rec := v.do(r)
		if got := strings.Contains(rec.Body.String(), `class="note note-good flash"`); got != shown {
			t.Errorf("%q: shown %v", value, got)
		}
		if c := rec.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
			t.Errorf("%q stays: %v", value, c)
		}
	}
}

func FuzzAcceptLanguage(f *testing.F) {
	f.Add("zh-CN,zh;q=0.9,en;q=0.8")
	f.Add(",,;q=;q=1,zh;q=-1,*;q=0.1")
	f.Fuzz(func(t *testing.T, header string) {
		if !slices.Contains(languages, preferred(header)) {
			t.Error("no language")
		}
	})
}
