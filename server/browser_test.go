package server_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/simulator/iphone"
)

const bundleID = "com.example.reader"

// Someone new to Aurora creates the owner's account and an app, uploads the
// certificate, sends from the console, and watches the phone: all in a browser.
// With AURORA_SCREENSHOTS=DIR it leaves the README's pictures there.
func TestFirstPushInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	apns, phone, s := newInstallation(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, close := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(chromium), chromedp.NoSandbox))
	t.Cleanup(close)
	console := tab{t, ctx}

	link, err := s.SetupLink(ctx)
	if err != nil {
		t.Fatal(err)
	}
	console.do(chromedp.EmulateViewport(1200, 860), chromedp.Navigate(link))
	console.fill("email", "owner@example.com")
	console.fill("password", "correct horse battery")
	console.click("main form .button-main")
	console.waitFor(`location.pathname.startsWith("/apps")`)

	console.do(chromedp.Navigate(s.URL() + "/apps/new"))
	console.fill("name", "Reader")
	console.fill("bundle_id", bundleID)
	console.click("main form .button-main")
	console.waitFor(`/^\/apps\/[0-9a-f]{24}$/.test(location.pathname)`)
	app := strings.TrimPrefix(evaluate[string](console, "location.pathname"), "/apps/")
	if text := evaluate[string](console, "document.body.innerText"); !strings.Contains(text, app) {
		t.Errorf("the new app's page does not show its AppKey %s", app)
	}

	p12, err := apns.Issue(localapns.IssueRequest{BundleID: bundleID, Password: "secret", Legacy: true})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "push.p12")
	if err := os.WriteFile(file, p12.P12, 0o600); err != nil {
		t.Fatal(err)
	}
	console.do(chromedp.Navigate(s.URL() + "/apps/" + app + "/credential"))
	console.do(chromedp.SetUploadFiles(chromedp.ID("p12-file"), []string{file}))
	console.fill("p12-password", "secret")
	console.click(`form:has(#p12-file) .button-main`)
	console.waitFor(`(document.body.innerText.match(/validated/gi) || []).length >= 2`)

	plist := evaluateAsync[string](console, `fetch("/apps/`+app+`/PushConfig.plist?environment=development&channel=test").then(r => r.text())`)
	if err := phone.Install(iphone.App{BundleID: bundleID, Name: "Reader", Environment: "development", PushConfig: []byte(plist)}); err != nil {
		t.Fatalf("the downloaded plist does not work: %v\n%s", err, plist)
	}
	phone.Start()

	second, closeSecond := chromedp.NewContext(ctx)
	t.Cleanup(closeSecond)
	screen := tab{t, second}
	screen.do(chromedp.EmulateViewport(1200, 900), chromedp.Navigate(s.URL()+"/phone/"))
	if err := phone.Open(bundleID); err != nil {
		t.Fatal(err)
	}
	screen.click(`[data-do="allow"]`)
	screen.waitFor(`document.getElementById("registration-id").textContent.length === 19`)
	screen.waitFor(`document.getElementById("veil").hidden`) // it catches clicks while the question fades
	screen.click(".homebar")
	screen.waitFor(`document.getElementById("screen").dataset.screen === "home"`)

	console.do(chromedp.Navigate(s.URL() + "/apps/" + app + "/send"))
	console.fill("f-title", "Gate change")
	console.fill("f-body", "Your flight now leaves from B12.")
	console.do(chromedp.SetValue(chromedp.ID("f-environment"), "development"))
	console.waitFor(`document.getElementById("count").innerText === "1"`) // the live count, from the real index
	console.click(`.send-bar .button-main`)
	console.waitFor(`/Send now to 1 device/.test(document.querySelector(".confirm-send")?.innerText)`)
	console.click(`.confirm-send`)
	console.waitFor(`/\/messages\/\d+$/.test(location.pathname)`)

	screen.waitFor(`!document.getElementById("banner").hidden && document.getElementById("banner").innerText.includes("B12")`)
	screen.picture("phone")
	console.waitFor(`/Accepted[^]*?\b1\b/.test(document.querySelector(".funnel").innerText)`)

	evaluate[bool](console, "window.stayed = true")
	screen.clickUntil("#banner", `document.getElementById("messages").innerText.includes("Gate change")`)
	console.waitFor(`[...document.querySelectorAll(".funnel-n")].map(n => n.innerText).join() === "1,1,1,1"`)
	if !evaluate[bool](console, "window.stayed === true") {
		t.Error("the message page was reloaded to show the receipts")
	}
	console.picture("console")
}

// newInstallation returns a running local APNs, a phone and an empty Aurora.
func newInstallation(t *testing.T) (*localapns.Server, *iphone.Phone, *server.Server) {
	t.Helper()
	dir := t.TempDir()
	apns, err := localapns.NewServer(localapns.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := apns.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	phone := iphone.New(iphone.Config{ID: "phone", Dial: iphone.DialCourier(apns.ManageURL()), BannerTime: time.Minute})
	t.Cleanup(phone.Close)
	s := start(t, server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: filepath.Join(dir, "ca.pem"), Phone: phone.Handler()})
	t.Cleanup(func() { stop(t, apns) })
	return apns, phone, s
}

func start(t *testing.T, c server.Config) *server.Server {
	t.Helper()
	s, err := server.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, s interface{ Shutdown(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("shutting down: %v", err)
	}
}

// tab is a page in the browser; whatever fails ends the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func (p tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

func (p tab) fill(id, text string) {
	p.t.Helper()
	p.do(chromedp.WaitVisible(chromedp.ID(id)), chromedp.SendKeys(chromedp.ID(id), text))
}

func (p tab) click(css string) {
	p.t.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS(css)), chromedp.Click(chromedp.CSS(css)))
}

// clickUntil clicks a thing that moves, again if the click missed it, until a
// JavaScript condition holds.
func (p tab) clickUntil(css, condition string) {
	p.t.Helper()
	for range 10 {
		p.click(css)
		if p.comes(condition, 2*time.Second) == nil {
			return
		}
	}
	p.waitFor(condition)
}

// waitFor waits until a JavaScript condition holds, across page loads.
func (p tab) waitFor(condition string) {
	p.t.Helper()
	if err := p.comes(condition, 20*time.Second); err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
		p.t.Fatalf("the page did not come to %s (%v):\n%s", condition, err, text)
	}
}

// comes asks until a JavaScript condition holds, or the time is over.
func (p tab) comes(condition string, within time.Duration) error {
	deadline := time.After(within)
	for {
		met, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err == nil && met {
			return nil
		}
		select {
		case <-deadline:
			return fmt.Errorf("not within %v; last error: %w", within, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func evaluate[T any](p tab, js string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func evaluateAsync[T any](p tab, js string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// picture leaves a screenshot for the README if asked to.
func (p tab) picture(name string) {
	dir := os.Getenv("AURORA_SCREENSHOTS")
	if dir == "" {
		return
	}
	p.waitFor(`document.getAnimations().every(a => a.playState !== "running" || a.effect.getComputedTiming().endTime === Infinity)`) // not half-way
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
