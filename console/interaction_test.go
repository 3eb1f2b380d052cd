package console

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// page is a tab on a console with sample data.
type page struct {
	t    *testing.T
	ctx  context.Context
	base string
}

func openPage(t *testing.T, tab context.Context, w *world, path string) page {
	t.Helper()
	server := httptest.NewServer(newConsole(t, w))
	ctx, cancel := context.WithTimeout(tab, 60*time.Second)
	p := page{t, ctx, server.URL}
	t.Cleanup(func() {
		chromedp.Do(ctx, chromedp.Navigate("about:blank"))
		cancel()
		server.CloseClientConnections()
		server.Close()
	})
	_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: sessionCookie, Value: ownerSession, URL: server.URL})
	must(t, err)
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(server.URL+path)))
	return p
}

// until waits for a condition in the page, across navigations.
func (p page) until(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 15*time.Second)
	defer cancel()
	for {
		met, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err == nil && met {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			text, _ := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS("main")))
			p.t.Fatalf("not so within 15 s: %s (%v)\n%s", condition, err, text)
		}
	}
}

// watched waits until that many streams are open.
func (p page) watched(w *world, want int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 15*time.Second)
	defer cancel()
	for w.watching() != want {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			p.t.Fatalf("%d streams are open, want %d", w.watching(), want)
		}
	}
}

// show makes the page believe that its tab is looked at, or not.
func (p page) show(visible bool) {
	p.t.Helper()
	hidden := strconv.FormatBool(!visible)
	_, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`Object.defineProperty(document, "hidden", {configurable: true, get: () => `+hidden+`}); document.dispatchEvent(new Event("visibilitychange"))`))
	must(p.t, err)
}

func (p page) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, actions...))
}

func shows(selector, text string) string {
	return `document.querySelector("` + selector + `")?.textContent.includes("` + text + `")`
}

func TestInteractionInBrowser(t *testing.T) {
	tab, complaints := openBrowser(t)
	t.Run("numbers move without a reload", func(t *testing.T) {
		w := newWorld(plain)
		p := openPage(t, tab, w, full+"/messages/"+messageID.String())
		_, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`window.stayed = true`))
		must(t, err)
		p.until(shows(".funnel", "5,122"))
		p.watched(w, 1)
		w.received(messageID, 6001)
		p.until(shows(".funnel", "6,001") + ` && window.stayed && document.getElementById("bar-received").getAttribute("width") === "48.08%"`)
	})
	t.Run("what was opened or ticked stays through live updates", func(t *testing.T) {
		w := newWorld(plain)
		p := openPage(t, tab, w, full+"/messages/"+messageID.String())
		p.watched(w, 1)
		p.run(chromedp.Click(chromedp.CSS("#stop summary")))
		w.received(messageID, 6001)
		p.until(shows(".funnel", "6,001") + ` && document.getElementById("stop").open`)
		p.run(chromedp.Click(chromedp.CSS("#stop .button-bad")))
		p.until(shows(".flash", "stopped") + " && " + shows("header .tag", "Stopped"))
		p = openPage(t, tab, w, full+"/messages")
		p.watched(w, 1)
		p.run(chromedp.Click(chromedp.ID("tick"+messageID.String())), chromedp.Click(chromedp.ID("tick"+(messageID-1).String())))
		w.received(messageID, 6002)
		p.until(shows(".table", "6,002") + ` && document.getElementById("tick` + messageID.String() + `").checked`)
		p.run(chromedp.Click(chromedp.CSS(".after-table .button")))
		p.until(shows(".compare", "早安"))
	})
	t.Run("everything by keyboard", func(t *testing.T) {
		w := newWorld(plain)
		p := openPage(t, tab, w, full+"/send")
		p.run(chromedp.KeyEvent(kb.Tab))
		p.until(`document.activeElement.className === "skip" && document.activeElement.getBoundingClientRect().top >= 0`)
		p.run(chromedp.KeyEvent(kb.Enter))
		p.until(`location.hash === "#main"`)
		p.run(chromedp.KeyEvent(kb.Tab))
		p.until(`document.activeElement.id === "f-title"`)
		p.run(chromedp.KeyEvent("By keyboard"))
		_, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](`document.querySelector(".switcher summary").focus()`))
		must(t, err)
		p.run(chromedp.KeyEvent(" "))
		p.until(`document.querySelector(".switcher").open`)
		p.run(chromedp.KeyEvent(kb.Tab))
		p.until(`document.activeElement.getAttribute("href") === "` + full + `"`)
		p.run(chromedp.KeyEvent(kb.Escape))
		p.until(`!document.querySelector(".switcher").open && document.activeElement.tagName === "SUMMARY"`)
		for range 80 { // every stop on the way to the button can be seen
			stop, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`(() => {
				const e = document.activeElement, s = getComputedStyle(e), l = e.closest("label") && getComputedStyle(e.closest("label"));
				if (s.outlineStyle === "none" && !(l && l.outlineStyle !== "none")) return "unseen: " + e.outerHTML.slice(0, 120);
				return e.matches(".send-bar .button-main") ? "there" : "";
			})()`))
			must(t, err)
			if stop != "" && stop != "there" {
				t.Fatal(stop)
			}
			if stop == "there" {
				break
			}
			p.run(chromedp.KeyEvent(kb.Tab))
		}
		p.run(chromedp.KeyEvent(kb.Enter))
		p.until(`location.pathname.endsWith("/confirm") && document.querySelector(".confirm-send")`)
		_, err = chromedp.Run(p.ctx, chromedp.Evaluate[any](`document.querySelector(".confirm-send").focus()`))
		must(t, err)
		p.run(chromedp.KeyEvent(kb.Enter))
		p.until(`location.pathname.includes("/messages/")`)
		if len(w.sent) != 1 {
			t.Errorf("%d were sent", len(w.sent))
		}
	})
	t.Run("a hidden page gives its connection back", func(t *testing.T) {
		w := newWorld(plain)
		p := openPage(t, tab, w, full+"/devices")
		p.watched(w, 1)
		p.show(false)
		p.watched(w, 0)
		p.show(true)
		p.watched(w, 1)
		w.mu.Lock()
		w.devices[1][0].Alias = "renamed"
		w.mu.Unlock()
		w.hint(0)
		p.until(shows(".table", "renamed"))
		complaints() // the extension reports the reconnection as an error
	})
	t.Run("the preview follows the form, and Enter does not send", func(t *testing.T) {
		w := newWorld(plain)
		p := openPage(t, tab, w, full+"/send")
		p.until(shows("#preview", "Your message appears here"))
		p.run(chromedp.SendKeys(chromedp.ID("f-body"), "Now B12"))
		p.until(shows(".lock-body", "Now B12") + " && " + shows("#json", `\"alert\": \"Now B12\"`) + " && " + shows("#curl", "Now B12"))
		p.run(chromedp.Click(chromedp.ID("audience-chosen")), chromedp.SendKeys(chromedp.ID("f-tag"), "berlin"))
		p.until(shows(".count", "1 device"))
		p.run(chromedp.Click(chromedp.CSS(`[name="place"][value="banner"]`)))
		p.until(`getComputedStyle(document.querySelector(".lock-body")).webkitLineClamp === "2" && getComputedStyle(document.querySelector(".lock-time")).display === "none"`)
		p.run(chromedp.SendKeys(chromedp.ID("f-title"), "Gate change"+kb.Enter))
		p.until(`location.pathname.endsWith("/preview") && document.readyState === "complete"`)
		if len(w.sent) != 0 {
			t.Fatal("Enter in a field sent the message")
		}
		p.until(`document.getElementById("f-body").value === "Now B12" && document.getElementById("f-tag").value === "berlin"`)
		p.run(chromedp.Click(chromedp.CSS(".send-bar .button-main")))
		p.until(`location.pathname.endsWith("/confirm")`)
		p.run(chromedp.Click(chromedp.CSS("main form .button-main")))
		p.until(`location.pathname.endsWith("/messages/` + messageID.String() + `")`)
		if len(w.sent) != 1 || w.sent[0].Audience.String() != "tag:berlin" {
			t.Errorf("sent %+v", w.sent)
		}
	})
	t.Run("a refused upload keeps file and password", func(t *testing.T) {
		w := newWorld(plain)
		file := filepath.Join(t.TempDir(), "push.p12")
		must(t, os.WriteFile(file, []byte("0\x82 not really"), 0o600))
		p := openPage(t, tab, w, full+"/credential")
		w.mu.Lock()
		w.refuse = aurora.Errorf(aurora.Invalid, "The password does not open this file.")
		w.mu.Unlock()
		p.run(chromedp.SetUploadFiles(chromedp.ID("p12-file"), []string{file}), chromedp.SendKeys(chromedp.ID("p12-password"), "almost"),
			chromedp.Click(chromedp.CSS(`[aria-labelledby="p12-title"] .button-main`)))
		p.until(shows("#p12-verdict", "does not open"))
		p.until(`document.getElementById("p12-file").files.length === 1 && document.getElementById("p12-password").value === "almost"`)
		p.run(chromedp.Click(chromedp.CSS(`[aria-labelledby="p12-title"] .button-main`)))
		p.until(shows(".flash", "APNs accepted it"))
		if len(w.uploads) != 1 || w.uploads[0].Password != "almost" {
			t.Errorf("uploads %+v", w.uploads)
		}
	})
	t.Run("the secret is shown and copied", func(t *testing.T) {
		p := openPage(t, tab, newWorld(plain), full+"/keys")
		p.until(`!document.body.textContent.includes("` + masterSecret + `")`)
		p.run(chromedp.Click(chromedp.CSS("#secret button")))
		p.until(shows("#master-secret", masterSecret))
		p.run(chromedp.Click(chromedp.CSS("#secret .copy")))
		p.until(`["Copied", "Selected"].includes(document.querySelector("#secret .copy").textContent)`)
	})
	for _, text := range complaints() {
		t.Errorf("the browser's console: %s", text)
	}
	t.Run("without JavaScript", func(t *testing.T) {
		w := newWorld(plain)
		p := openPage(t, tab, w, "/apps")
		_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		must(t, err)
		p.run(chromedp.Navigate(p.base+full+"/send"),
			chromedp.SendKeys(chromedp.ID("f-body"), "Plain"), chromedp.Click(chromedp.CSS("noscript button")), chromedp.WaitVisible(chromedp.CSS(".lock-body")),
			chromedp.Click(chromedp.CSS(".send-bar .button-main")), chromedp.WaitVisible(chromedp.CSS("main form .confirm-send")),
			chromedp.Click(chromedp.CSS(".confirm-send")), chromedp.WaitVisible(chromedp.CSS(".funnel")))
		if len(w.sent) != 1 || string(w.sent[0].Message.Content.IOS.Alert) != `"Plain"` {
			t.Errorf("sent %+v", w.sent)
		}
		p.run(chromedp.Navigate(p.base+full+"/keys"), chromedp.Click(chromedp.CSS("#secret button")), chromedp.WaitVisible(chromedp.ID("master-secret")))
	})
}
