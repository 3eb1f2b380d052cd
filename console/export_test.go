package console

import (
	"context"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/webhook"
)

// For the tests that drive the console with real services.
var (
	OpenBrowser = openBrowser
	Inline      = inline
)

// Routes returns the pattern of every route that a console can have.
func Routes() (patterns []string) {
	var account *account.Service
	var registry *registry.Service
	c := console{Config: Config{People: account, Settings: account, Figures: registry, Pushes: (*ledger.Statistics)(nil), Hooks: (*webhook.Service)(nil), Editor: registry, Quarantine: registry, Operator: anyOperator{}, Sample: staticFiles}}
	c.routes(listed{&patterns})
	return patterns
}

type listed struct{ patterns *[]string }

func (l listed) Handle(pattern string, _ http.Handler) { *l.patterns = append(*l.patterns, pattern) }

type anyOperator struct{ Operator }

// Tab is a browser's tab on a console at a base URL.
type Tab struct{ page }

// NewTab opens nothing yet.
func NewTab(t *testing.T, ctx context.Context, base string) Tab { return Tab{page{t, ctx, base}} }

// As signs the tab in by a session's secret; "" signs it out.
func (p Tab) As(session string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.SetCookie, network.SetCookieParams{Name: sessionCookie, Value: session, URL: p.base})
	must(p.t, err)
}

// Open opens a page.
func (p Tab) Open(path string) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(p.base+path)))
}

// Until waits for a condition in the page, across navigations.
func (p Tab) Until(condition string) { p.t.Helper(); p.until(condition) }

// Do runs a script in the page.
func (p Tab) Do(script string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](script)); err != nil {
		p.t.Fatal(err)
	}
}

// Text returns the text of the first element that a selector names.
func (p Tab) Text(selector string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS(selector)))
	must(p.t, err)
	return text
}

// Look checks the page that is open in both themes and at three widths, and
// leaves pictures if asked to (AURORA_SCREENSHOTS). Parts that were folded up
// are open in it.
func (p Tab) Look(name string) {
	p.t.Helper()
	p.steady(name)
	p.Do(`document.querySelectorAll("details.fold").forEach(d => d.open = true)`)
	for _, theme := range []string{"light", "dark"} {
		_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		must(p.t, err)
		sight{name: name}.check(p.t, p.ctx, theme)
		picture(p.t, p.ctx, name, theme)
	}
}
