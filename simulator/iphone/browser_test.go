package iphone

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// tab is the page in a real browser.
type tab struct {
	ctx context.Context

	mu         sync.Mutex
	complaints []string // exceptions, and what the content security policy refused
}

func openTab(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: the page is not tried in a browser")
	}
	limited, cancelLimit := context.WithTimeout(context.Background(), 3*time.Minute)
	ctx, cancel := chromedp.NewContext(limited, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox))
	b := &tab{ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	listened := make(chan struct{})
	messages := chromedp.Console(ctx)
	go func() {
		defer close(listened)
		for m, err := range messages {
			if err != nil {
				return
			}
			if (m.IsException() || m.Type == chromedp.ConsoleError) && m.Source != "network" {
				b.mu.Lock()
				b.complaints = append(b.complaints, m.String())
				b.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-listened; cancelLimit() })
	return b
}

func (b *tab) do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, b *tab, script string) T {
	t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%v in %.200s", err, script)
	}
	return value
}

// until waits for a condition of the page, looking after each change of the document.
func (b *tab) until(t *testing.T, condition string) {
	t.Helper()
	ok := eval[bool](t, b, `new Promise((done) => {
		const look = () => { if (`+condition+`) { watch.disconnect(); done(true); } };
		const watch = new MutationObserver(look);
		watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		setTimeout(() => done(false), 20000);
		look();
	})`)
	if !ok {
		t.Fatalf("the page never came to: %s\nthe screen reads: %s", condition, eval[string](t, b, `document.getElementById("screen").innerText`))
	}
}

func (b *tab) media(t *testing.T, theme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	b.do(t, err)
}

func visible(id string) string {
	return `document.getElementById("` + id + `").getClientRects().length > 0`
}

// look checks what must hold on every screen: nothing wider than the window, no violation of axe-core's rules.
func (b *tab) look(t *testing.T, screen string) {
	t.Helper()
	for _, theme := range []string{"light", "dark"} {
		b.media(t, theme)
		for _, width := range []int64{360, 1280} {
			b.do(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 860)))
			if over := eval[int](t, b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s: %d px wider than the window of %d", screen, over, width)
			}
			if dir := os.Getenv("AURORA_SCREENSHOTS"); dir != "" {
				png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
				b.do(t, err)
				name := strings.Join([]string{"phone", screen, theme, map[int64]string{360: "narrow", 1280: "wide"}[width]}, "-")
				b.do(t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
			}
		}
		for _, violation := range eval[[]string](t, b, `axe.run(document, { resultTypes: ["violations"] }).then((r) =>
			r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + v.help + "\n" + n.html + "\n" + n.failureSummary)))`) {
			t.Errorf("%s, %s: axe: %s", screen, theme, violation)
		}
	}
}

func TestThePageInABrowser(t *testing.T) {
	b := openTab(t)
	found, err := filepath.Glob("../../console/testdata/axe-*.min.js") // one copy for the whole repository
	if err != nil || len(found) != 1 {
		t.Fatalf("axe-core is not where the console keeps it: %v, %v", found, err)
	}
	axe, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) {
		c.Permission = AskUser
		c.BannerTime = time.Hour // the test decides when it goes
	})
	b.media(t, "light")
	b.do(t, chromedp.Do(b.ctx, chromedp.Navigate(mounted(t, r.Phone))))
	// Evaluated from outside, the policy of the page does not apply to it.
	eval[any](t, b, string(axe)+"; null")
	press := func(label string) {
		t.Helper()
		b.until(t, `(() => {
			const wanted = "`+label+`";
			const button = [...document.querySelectorAll("button")].find((b) => b.getClientRects().length && !b.disabled &&
				((b.getAttribute("aria-label") || "").startsWith(wanted) || b.textContent.trim() === wanted));
			if (button) button.click();
			return Boolean(button);
		})()`)
	}
	wait := func(what string, ok func(State) bool) { t.Helper(); r.wait(t, what, ok) }

	b.until(t, `document.getElementById("session").dataset.state === "connected"`)
	b.look(t, "home")

	press("Open Shop")
	b.until(t, visible("prompt"))
	b.look(t, "prompt")
	press("Allow")
	wait("the app is registered", func(s State) bool { return s.Apps[0].Token != "" && s.Apps[0].Synced })
	b.until(t, `document.getElementById("registration-id").textContent.endsWith("100")`)
	eval[any](t, b, `(() => {
		const form = document.getElementById("form");
		form.elements.alias.value = "ann";
		form.elements.tags.value = "vip, 北京，vip";
		form.dispatchEvent(new Event("input", { bubbles: true }));
		form.requestSubmit();
	})()`)
	wait("alias and tags", func(s State) bool {
		return s.Apps[0].Alias == "ann" && slices.Equal(s.Apps[0].Tags, []string{"vip", "北京"})
	})
	r.courier.push(t, `{"aps":{"alert":{"title":"In the app","body":"<b>not bold</b>"}},"_j_msgid":1}`)
	b.until(t, `document.getElementById("messages").textContent.includes("<b>not bold</b>")`)
	if eval[bool](t, b, visible("banner")) {
		t.Error("a banner shows although the app is in the foreground")
	}
	b.look(t, "app")

	press("Home")
	wait("home", func(s State) bool { return s.Screen == "home" })
	r.courier.push(t, `{"aps":{"alert":{"title":"Flash sale","subtitle":"Today","body":"Half price"},"category":"INVITATION","badge":3,"sound":"default"},"_j_msgid":2}`)
	b.until(t, visible("banner")+` && document.querySelector("#grid .badge")?.dataset.count === "3"`)
	if said := eval[string](t, b, `document.getElementById("announcer").textContent`); said != "Banner from Shop: Flash sale: Today: Half price" {
		t.Errorf("a screen reader hears %q", said)
	}
	b.look(t, "banner")
	press("Actions of the banner")
	b.until(t, visible("options")+` && document.getElementById("options-menu").textContent.startsWith("AcceptDecline")`)
	press("Cancel")
	eval[any](t, b, `document.getElementById("banner").click()`)
	wait("the tap opens the app", func(s State) bool { return s.Foreground == testBundle && s.Banner == nil })

	press("Alert with Close and View")
	press("Home")
	wait("home, alert style", func(s State) bool { return s.Screen == "home" && s.AlertStyle == Alert })
	r.courier.push(t, `{"aps":{"alert":"Close me"},"_j_msgid":3}`)
	b.until(t, visible("alert"))
	b.look(t, "alert")
	press("Close")
	wait("closed", func(s State) bool { return s.Alert == nil && s.Screen == "home" })
	r.courier.push(t, `{"aps":{"alert":"View me"},"_j_msgid":4}`)
	b.until(t, visible("alert"))
	press("View")
	wait("viewed", func(s State) bool { return s.Foreground == testBundle })

	press("Side button")
	wait("locked", func(s State) bool { return s.Locked })
	r.courier.push(t, `{"aps":{"alert":"On the lock screen"},"_j_msgid":5}`)
	r.courier.push(t, `{"aps":{"alert":"Another one"},"_j_msgid":6}`)
	r.courier.push(t, `{"aps":{"alert":{"title":"Ann","body":"Lunch?"},"thread-id":"ann","category":"MESSAGE"},"_j_msgid":7}`)
	b.until(t, `document.querySelectorAll("#lock-entries > li").length === 2`)
	b.look(t, "lock")
	b.until(t, `document.querySelector("#lock-entries .stack").textContent.includes("and 1 more")`)
	eval[any](t, b, `document.querySelector("#lock-entries .stack > button").click()`)
	b.until(t, `document.querySelectorAll("#lock-entries .stack .entry").length === 2`)
	b.look(t, "stack")
	press("Actions of Ann")
	press("Reply")
	b.until(t, visible("reply")+` && document.activeElement.id === "reply-text"`)
	b.look(t, "actions")
	eval[any](t, b, `(() => {
		document.getElementById("reply-text").value = "at noon";
		document.getElementById("reply").requestSubmit();
	})()`)
	wait("the app has the reply", func(s State) bool {
		m := s.Apps[0].Messages
		return len(m) > 0 && m[len(m)-1].Action == "REPLY" && m[len(m)-1].Text == "at noon" && s.Locked
	})
	b.until(t, `!(`+visible("options")+`)`)
	eval[any](t, b, `document.querySelectorAll("#lock-entries .stack .entry > .note")[1].click()`)
	wait("unlocked through the entry", func(s State) bool { return !s.Locked && s.Foreground == testBundle })
	press("Home")
	press("Notification center")
	b.until(t, visible("center")+` && document.getElementById("center-entries").textContent.includes("Another one")`)
	b.look(t, "center")

	eval[any](t, b, `document.getElementById("more").open = true`)
	press("Focus")
	wait("Focus", func(s State) bool { return s.Focus.On })
	press("Low power")
	press("Start a live activity")
	wait("a live activity", func(s State) bool { return s.LowPower && len(s.Activities) == 1 })
	press("Lock")
	r.courier.push(t, `{"aps":{"alert":"Held back"}}`)
	b.until(t, `document.getElementById("focus-text").textContent.includes("1 held back") && document.getElementById("lock-activities").textContent.includes("On its way")`)
	b.look(t, "more")
	press("Calls")
	wait("PushKit", func(s State) bool { return s.Apps[0].VoIPToken != "" })
	r.courier.push(t, `{"caller":"Ann Example"}`, func(m map[string]any) { m["push_type"], m["bundle_id"] = "voip", testBundle+voipTopic })
	b.until(t, visible("call")+` && document.getElementById("call").textContent.includes("Ann Example")`)
	b.look(t, "call")
	press("Accept")
	wait("the call is taken", func(s State) bool { return len(s.Calls) == 1 && s.Calls[0].Answered })
	press("End")
	wait("the call is over", func(s State) bool { return len(s.Calls) == 0 })
	press("Focus")
	wait("the held one appears", func(s State) bool { return len(s.Held) == 0 && s.NotificationCenter[0].Body == "Held back" })
	for _, name := range []string{"Badges", "Mute switch", "Low power", "Background mode"} {
		press(name)
	}
	eval[any](t, b, `document.querySelector("[data-do=present][data-key=banner]").click()`)
	eval[any](t, b, `(() => { const s = document.getElementById("extension"); s.value = "prefix"; s.dispatchEvent(new Event("change")); })()`)
	wait("the switches", func(s State) bool {
		a := s.Apps[0]
		return !a.Settings.Badges && s.Muted && !s.LowPower
	})
	eval[any](t, b, `document.getElementById("more").open = false`)
	press("Unlock")
	press("Airplane mode")
	wait("airplane", func(s State) bool { return s.Airplane })
	b.until(t, `document.getElementById("session-text").textContent.includes("Airplane")`)
	eval[any](t, b, `control("explode")`)
	b.until(t, visible("problem"))
	press("Sound on this page")
	b.until(t, `document.getElementById("sound").getAttribute("aria-pressed") === "true"`)
	press("Airplane mode")
	if got := r.synced(t); !slices.Equal(got, []string{"1 received", "2 received", "2 opened", "4 received", "4 opened", "7 received", "7 opened", "5 received", "5 opened"}) {
		t.Errorf("receipts %v", got)
	}
	b.do(t, chromedp.Do(b.ctx, chromedp.Navigate("about:blank"))) // or the stream would complain of the server's end
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		t.Errorf("the browser's console: %s", complaint)
	}
}
