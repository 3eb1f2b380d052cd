package console

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/aurora-push/aurora"
)

//go:embed templates
var templateFiles embed.FS

// frame is what every page gets: its own data and what stands around it.
type frame struct {
	Title    string
	Account  aurora.Account
	App      aurora.App
	Apps     []aurora.App // of the account, for the switcher
	Section  string       // which entry of the navigation is the current one
	Here     string       // the page's own address, to come back to
	Flash    string       // what was just done
	PhoneURL string
	Care     []slot // credentials that need care now, on pages that do not show them anyway
	Data     any
}

// Places are the entries of the navigation that leads through an app.
func (f frame) Places() []place { return appPlaces }

// AccountPlaces are the entries beside apps.
func (f frame) AccountPlaces() []place { return accountPlaces }

// Tabs are the pages beside this one.
func (f frame) Tabs() []place { return tabsOf(f.Section) }

// Base is what the path of a tab follows.
func (f frame) Base() string {
	if f.App.ID == 0 {
		return ""
	}
	return "/apps/" + f.App.Key
}

// pageSet has the templates of every page in one language.
type pageSet map[string]*template.Template

// pages are the page sets of every language. They are parsed once in a
// process: a server opens one console, its tests hundreds.
var pages = sync.OnceValue(func() map[*language]pageSet {
	sets := map[*language]pageSet{}
	for _, l := range languages {
		sets[l] = parsePages(l)
	}
	return sets
})

// parsePages reads one template set for each page: the layout, the parts that
// several pages share, and the page's own blocks. Templates are part of the
// program, so one that does not parse is a defect that every test finds.
func parsePages(l *language) pageSet {
	base := template.Must(template.New("").Funcs(l.funcs()).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/compose.html", "templates/icons.html"))
	files, err := fs.Glob(templateFiles, "templates/pages/*.html")
	if err != nil {
		panic(err)
	}
	pages := pageSet{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		pages[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
	}
	return pages
}

// page writes a whole page. title is an English text of the catalogue, or a
// name that is the same in every language.
func (c *console) page(w http.ResponseWriter, r *http.Request, v visit, status int, name, title string, data any) error {
	section, _, _ := strings.Cut(name, "-")
	v.lang = languageOf(r)
	f := frame{Title: v.lang.say(title), Account: v.account, App: v.app, Section: section, Here: "/", PhoneURL: c.PhoneURL, Data: data}
	if r.Method == http.MethodGet {
		f.Here = r.URL.RequestURI()
	}
	if v.account.ID != 0 {
		var err error
		if f.Apps, err = c.Account.Apps(r.Context(), v.account.ID); err != nil { // the switcher is a comfort
			c.log.Error("console: list of apps", "err", err)
		}
		f.Flash = c.flash(w, r)
	}
	if v.app.ID != 0 && section != "overview" && section != "credential" {
		f.Care = c.urgent(r.Context(), v.app.ID)
	}
	return c.write(w, v, status, name, "layout", f)
}

// fragment writes one block of a page, for a script that swaps it in.
func (c *console) fragment(w http.ResponseWriter, status int, name, block string, v visit, data any) error {
	return c.write(w, v, status, name, block, frame{Account: v.account, App: v.app, PhoneURL: c.PhoneURL, Data: data})
}

func (c *console) write(w http.ResponseWriter, v visit, status int, name, block string, f frame) error {
	var b bytes.Buffer // a template that fails half-way must not have sent half a page
	if err := pages()[v.lang][name].ExecuteTemplate(&b, block, f); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // the visitor may be gone; nobody is left to tell
	return nil
}

type errorPage struct {
	Status int
	Title  string
	Text   string
}

// fail shows a refusal as a page, or as a short fragment to a script.
func (c *console) fail(w http.ResponseWriter, r *http.Request, v visit, err error) {
	v.lang = languageOf(r)
	data := errorPage{Status: statusOf(err), Text: c.sentence(r, err)}
	switch aurora.KindOf(err) {
	case aurora.NotFound:
		data.Title = "Not found"
	case aurora.Internal, aurora.Unavailable:
		data.Title = "That did not work"
	default:
		data.Title = "Refused"
	}
	if r.Context().Err() != nil {
		return // the visitor left
	}
	if isScripted(r) {
		err = c.fragment(w, data.Status, "error", "refusal", v, data.Text)
	} else {
		err = c.page(w, r, v, data.Status, "error", data.Title, data)
	}
	if err != nil {
		c.log.Error("console: error page", "err", err)
		http.Error(w, "Something went wrong here.", http.StatusInternalServerError)
	}
}

// refuse shows a form again with the reason in place. Defects go to fail.
func (c *console) refuse(w http.ResponseWriter, r *http.Request, v visit, err error, name, title string, data func(problem string) any) error {
	if aurora.KindOf(err) == aurora.Internal {
		return err
	}
	return c.page(w, r, v, statusOf(err), name, title, data(c.sentence(r, err)))
}

// sentence is what a person reads about an error: a refusal's own words, and
// for a defect only that it is one.
func (c *console) sentence(r *http.Request, err error) string {
	refusal, ok := errors.AsType[*aurora.Error](err)
	if !ok || refusal.Kind == aurora.Internal {
		if r.Context().Err() == nil {
			c.log.Error("console: request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		}
		return languageOf(r).say("Something went wrong here. Nothing you entered is wrong; the server's log says more. Try again in a moment.")
	}
	return languageOf(r).refusal(refusal)
}

func statusOf(err error) int {
	switch aurora.KindOf(err) {
	case aurora.Invalid, aurora.Missing, aurora.NoTarget:
		return http.StatusUnprocessableEntity
	case aurora.TooLarge:
		return http.StatusRequestEntityTooLarge
	case aurora.NotFound:
		return http.StatusNotFound
	case aurora.Unauthorized:
		return http.StatusUnauthorized
	case aurora.Forbidden:
		return http.StatusForbidden
	case aurora.Conflict, aurora.Full:
		return http.StatusConflict
	case aurora.TooMany:
		return http.StatusTooManyRequests
	case aurora.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func refuseForm(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return aurora.Errorf(aurora.TooLarge, "The form is larger than %s. Shorten it and try again.", bytesText(maxForm))
	}
	return aurora.Errorf(aurora.Invalid, "The form could not be read. Load the page again and retry.")
}

// isScripted reports whether htmx sent the request and will swap the answer
// into the page.
func isScripted(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// redirect leads on after a form. Scripts are told to load the page.
func redirect(w http.ResponseWriter, r *http.Request, target string) error {
	if isScripted(r) {
		w.Header().Set("HX-Redirect", target)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}
