package console

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Submit sends a form that the page does not need to have.
func (p Tab) Submit(path string, fields []string) {
	p.t.Helper()
	list, err := json.Marshal(fields)
	must(p.t, err)
	p.run(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(p.base+"/nowhere"))
	p.Do(`(() => {
		const form = document.createElement("form");
		form.method = "post"; form.action = "` + path + `";
		for (const field of ` + string(list) + `) {
			const input = document.createElement("input"), at = field.indexOf("=");
			input.type = "hidden"; input.name = field.slice(0, at); input.value = field.slice(at + 1);
			form.append(input);
		}
		document.body.append(form);
		form.submit();
	})()`)
	p.until(`location.pathname === "` + path + `" && document.readyState === "complete"`)
}

// IsPage reports whether what is open is one, and not a file or an answer to a script.
func (p Tab) IsPage() bool {
	p.t.Helper()
	is, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`document.contentType === "text/html" && !!document.querySelector("main")`))
	must(p.t, err)
	return is
}

// speak sets the language of the pages that are opened next.
func speak(t *testing.T, p page, language string) {
	t.Helper()
	_, err := chromedp.Call(p.ctx, network.SetCookie, network.SetCookieParams{Name: languageCookie, Value: language, URL: p.base})
	must(t, err)
}

// LookInChinese opens a page on a phone and looks at what the language can
// change: widths, and what moves.
func (p Tab) LookInChinese(name, path string) {
	p.t.Helper()
	speak(p.t, p.page, "zh-Hans")
	p.run(chromedp.EmulateViewport(390, 900), chromedp.Navigate(p.base+path))
	p.steady(name + " in Chinese, on a phone")
	fits(p.t, p.ctx, name+" in Chinese")
	picture(p.t, p.ctx, name, "zh")
	speak(p.t, p.page, "en")
}

// moved sums up by how much elements moved by themselves since the page was
// opened (Cumulative Layout Shift), and names them.
const moved = `new Promise(done => {
	let sum = 0, who = [];
	new PerformanceObserver(list => {
		for (const shift of list.getEntries()) {
			sum += shift.value;
			for (const s of shift.sources) who.push((s.node?.outerHTML || s.node?.textContent || "").slice(0, 80));
		}
	}).observe({type: "layout-shift", buffered: true});
	setTimeout(() => done({sum, who}), 150);
})`

// most is how much may move: a fifth of what is called good.
const most = 0.02

func (p page) steady(name string) {
	p.t.Helper()
	shift, err := chromedp.Run(p.ctx, chromedp.Evaluate[struct {
		Sum float64  `json:"sum"`
		Who []string `json:"who"`
	}](moved, chromedp.EvalAwaitPromise))
	must(p.t, err)
	if shift.Sum > most {
		p.t.Errorf("%s: the layout shifts by %.3f, at most %.2f may: %q", name, shift.Sum, most, shift.Who)
	}
}

// Scripts lets pages run theirs, or not.
func (p Tab) Scripts(run bool) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
	must(p.t, err)
}

// Run does what a person does.
func (p Tab) Run(actions ...chromedp.Action[chromedp.Void]) { p.t.Helper(); p.run(actions...) }
