package console

import (
	"context"
	_ "embed"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe-4.14.1.min.js
var axe string

// violation is what axe-core reports.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// runAxe applies every rule; a second theme can differ in colours only.
var runAxe = map[string]string{
	"light": `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`,
	"dark":  `axe.run(document, {resultTypes: ["violations"], runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}}).then(r => r.violations)`,
}

// wide names the elements that stick out of the window and the texts that
// stick out of their box, but for what scrolls or clips on purpose.
const wide = `(() => {
  const over = [];
  for (const e of document.querySelectorAll("body *")) {
    const r = e.getBoundingClientRect();
    if (r.width && r.height && r.right > innerWidth + 0.5 && !e.closest(".clip, .unseen, .phone, svg, .scroll > *")) over.push(e.tagName + "." + e.className + " " + Math.round(r.right));
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let t; t = texts.nextNode();) {
    const box = t.parentElement.closest(".card, tr, .tile, .note, .links, .side, .button, .tag, main");
    if (!t.data.trim() || !box || t.parentElement.closest(".clip, .unseen, .button-word, .phone, .switcher-name, .account-mail, .menu-name, .menu-title, details:not([open]), .scroll, pre, textarea, select, option")) continue;
    range.selectNodeContents(t);
    const r = range.getBoundingClientRect();
    if (r.width && r.right > box.getBoundingClientRect().right + 0.5) over.push("text " + t.data.trim().slice(0, 40) + " " + Math.round(r.right));
  }
  const main = document.querySelector("main").getBoundingClientRect();
  for (const e of document.querySelectorAll("main > *, main .table, main .scroll")) if (e.getBoundingClientRect().right > main.right + 0.5) over.push(e.tagName + "." + e.className + " leaves main");
  if (document.documentElement.scrollWidth > innerWidth) over.push("page " + document.documentElement.scrollWidth);
  return over.slice(0, 5);
})()`

// sight is a page to look at.
type sight struct {
	name, path string
	signedOut  bool
	chinese    bool
	world      func(*world) // changes to the sample before
	act        string       // a script to run first, that submits or opens something
	status     int64        // 0 means 200
}

var full, fresh = "/apps/" + fullKey, "/apps/" + freshKey

var sights = []sight{
	{name: "setup-without-link", path: "/setup", signedOut: true, world: firstRun},
	{name: "setup", path: "/setup?link=right-link", signedOut: true, world: firstRun},
	{name: "signin-link", path: "/signin?link=right-link", signedOut: true},
	{name: "signin-refused", path: "/signin?link=used", signedOut: true, status: 401},
	{name: "menus", path: full, act: `document.querySelectorAll("details.menu").forEach(d => d.open = true)`},
	{name: "apps-empty", path: "/apps", world: func(w *world) { w.apps = nil }},
	{name: "overview", path: full},
	{name: "overview-fresh", path: fresh},
	{name: "keys", path: full + "/keys", world: func(w *world) { w.rotated, w.overlap = true, time.Hour }},
	{name: "keys-secret", path: full + "/keys", act: `document.querySelector("#secret button").click()`},
	{name: "credential-empty", path: fresh + "/credential"},
	{name: "credential-parked", path: full + "/credential", world: func(w *world) {
		w.credentials[1][0].Parked, w.credentials[1][0].ParkedAt = "BadCertificate", time.Now()
		w.credentials[1][1].NotAfter = time.Now().Add(-30 * time.Hour)
	}},
	{name: "send-refused", path: full + "/send", act: `(() => {
		const f = document.getElementById("compose");
		f.body.value = "Zwei neue Artikel für dich"; f.title.value = "Northlight"; f.badge.value = "many"; f.extras.value = "{oops";
		document.getElementById("audience-chosen").checked = true; f.tag.value = "beta, berlin";
		f.submit(); })()`},
	{name: "send-filled", path: full + "/send?from=" + messageID.String()},
	{name: "send-confirm", path: full + "/send", act: `(() => {
		const f = document.getElementById("compose");
		f.body.value = "Zwei neue Artikel für dich"; f.title.value = "Northlight"; f.pace.value = "30";
		f.submit(); })()`},
	{name: "approvals-empty", path: fresh + "/approvals"},
	{name: "schedules-empty", path: fresh + "/schedules"},
	{name: "messages-empty", path: fresh + "/messages"},
	{name: "message", path: full + "/messages/" + messageID.String()},
	{name: "messages-search", path: full + "/messages?q=Gate"},
	{name: "compare", path: full + "/messages/compare?id=" + messageID.String() + "&id=" + (messageID - 1).String() + "&id=" + (messageID - 2).String()},
	{name: "message-devices", path: full + "/messages/" + messageID.String() + "/devices?with=received&without=opened"},
	{name: "message-done", path: full + "/messages/" + (messageID - 2).String()},
	{name: "devices-empty", path: fresh + "/devices"},
	{name: "devices-none", path: full + "/devices?q=nobody"},
	{name: "device", path: full + "/devices/" + phoneID},
	{name: "device-retired", path: full + "/devices/" + retiredID},
	{name: "quarantine", path: full + "/quarantine", world: func(w *world) {
		for i, reason := range []string{"BadDeviceToken", "DeviceTokenNotForTopic", "ExpiredToken"} {
			d := w.devices[1][1]
			d.RetiredReason, d.Alias, d.RegistrationID, d.RetiredAt = reason, "", d.RegistrationID[:18]+strconv.Itoa(i), d.RetiredAt.Add(-time.Duration(i*31)*time.Hour)
			if i == 1 {
				d.Token = ""
			}
			w.devices[1] = append(w.devices[1], d)
		}
	}},
	{name: "quarantine-empty", path: fresh + "/quarantine"},
	{name: "quarantine-none", path: full + "/quarantine?reason=ExpiredToken", chinese: true},
	{name: "timeline", path: full + "/devices/" + phoneID + "/messages/" + messageID.String()},
	{name: "timeline-waiting", path: full + "/devices/" + phoneID + "/messages/" + messageID.String(), world: func(w *world) {
		w.steps[3] = ledger.Step{Name: "Accepted by APNs", State: ledger.StepDone, Text: "APNs took the notification for this device.", At: time.Now()}
		w.steps = append(w.steps, ledger.Step{Name: "Received", State: ledger.StepUnknown, Text: "The app has not reported it. If the phone is off, APNs delivers later, until the push expires."}, ledger.Step{Name: "Opened", State: ledger.StepWaiting, Text: "Not opened so far."})
	}},
	{name: "long", path: full, world: func(w *world) {
		w.apps[0].Name, w.apps[0].BundleID = strings.Repeat("Donaudampfschiff", 4), "com."+strings.Repeat("example-", 17)+"reader"
	}},
	{name: "long-device", path: full + "/devices/" + phoneID, world: func(w *world) {
		d := &w.devices[1][0]
		d.Alias = strings.Repeat("w", aurora.MaxTagBytes)
		d.Tags = []string{strings.Repeat("m", aurora.MaxTagBytes), strings.Repeat("W", aurora.MaxTagBytes)}
		d.Profile.Model = strings.Repeat("M", 128)
	}},
	{name: "long-devices", path: full + "/devices", world: func(w *world) {
		d := &w.devices[1][0]
		d.Alias, d.Tags = strings.Repeat("w", aurora.MaxTagBytes), []string{strings.Repeat("m", aurora.MaxTagBytes), "b", "c"}
	}},
}

func firstRun(w *world) { w.first = true }

// TestScreenshotsOfStates is as TestScreenshots, about pages in states that
// need samples of their own.
func TestScreenshotsOfStates(t *testing.T) {
	tab, complaints := openBrowser(t)
	for _, s := range sights {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(plain)
			if s.world != nil {
				s.world(w)
			}
			server := httptest.NewServer(newConsole(t, w))
			defer server.Close()
			defer server.CloseClientConnections() // live streams would hold it open
			ctx, cancel := context.WithTimeout(tab, 60*time.Second)
			defer cancel()
			session := ownerSession
			if s.signedOut {
				session = "none"
			}
			if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: sessionCookie, Value: session, URL: server.URL}); err != nil {
				t.Fatal(err)
			}
			language := "en"
			if s.chinese {
				language = "zh-Hans"
			}
			if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: languageCookie, Value: language, URL: server.URL}); err != nil {
				t.Fatal(err)
			}
			s.open(t, ctx, server.URL)
			for _, theme := range []string{"light", "dark"} {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
				must(t, err)
				s.check(t, ctx, theme)
				picture(t, ctx, s.name, theme)
			}
			must(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // or the stream would complain of the server's end
			for _, text := range complaints() {
				t.Errorf("the browser's console: %s", text)
			}
		})
	}
}

func (s sight) open(t *testing.T, ctx context.Context, base string) {
	t.Helper()
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800)))
	answer, err := chromedp.Run(ctx, chromedp.NavigateResponse(base+s.path))
	must(t, err)
	if want := max(s.status, 200); answer.Status != want {
		t.Fatalf("status %d, want %d", answer.Status, want)
	}
	if s.act == "" {
		return
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](s.act)); err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		var err error
		if done, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !!document.querySelector("#master-secret, .complaint, .menu[open], .confirm-send")`)); err != nil && ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func (s sight) check(t *testing.T, ctx context.Context, theme string) {
	t.Helper()
	if theme == "light" { // the page stays as it is for the other
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](axe+"; null")); err != nil {
			t.Fatal(err)
		}
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]violation](runAxe[theme], chromedp.EvalAwaitPromise))
	must(t, err)
	for _, v := range found {
		for _, n := range v.Nodes {
			t.Errorf("%s %s: axe: %s (%s)\n%s\n%s", s.name, theme, v.ID, v.Help, n.HTML, n.Summary)
		}
	}
	if theme == "light" {
		fits(t, ctx, s.name)
	}
}

// fits checks that nothing is wider than the window, whatever that is.
func fits(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	for _, width := range []int64{360, 768, 1280} {
		must(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)))
		over, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](wide))
		must(t, err)
		if len(over) > 0 {
			t.Errorf("%s: wider than %d px: %v", name, width, over)
		}
	}
}

// picture leaves pictures of the page that is open, whole, on a desk and on a
// phone, in the folder AURORA_SCREENSHOTS if that is set.
func picture(t *testing.T, ctx context.Context, name, theme string) {
	t.Helper()
	dir := os.Getenv("AURORA_SCREENSHOTS")
	if dir == "" {
		return
	}
	must(t, os.MkdirAll(dir, 0o755))
	for size, width := range map[string]int64{"1440": 1440, "390": 390} {
		must(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)))
		height, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
		must(t, err)
		must(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, max(height, 900))))                                                                                                                        // what sticks to an edge is there once
		_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => drawn(true), 50))))`, chromedp.EvalAwaitPromise)) // or parts that scroll by themselves may be empty
		must(t, err)
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name+"-"+size+"-"+theme+".png"), png, 0o644))
	}
}

// openBrowser returns a tab of a fresh Chromium, and a function that returns
// what went wrong in its pages since it was asked last: exceptions, and what
// the content security policy refused.
func openBrowser(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox))
	must(t, chromedp.Do(ctx))
	var mu sync.Mutex
	var bad []string
	done := make(chan struct{})
	messages := chromedp.Console(ctx)
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if (m.IsException() || m.Type == chromedp.ConsoleError) && m.Source != "network" { // a page of status 404 is a network error
				mu.Lock()
				bad = append(bad, m.String())
				mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		said := bad
		bad = nil
		return said
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
