package console_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/console"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// TestFirstPushInBrowser: a new app gets as far as its first push without a
// script; and while the page Start is open in a browser that has them, each of
// its steps turns green by what happens.
func TestFirstPushInBrowser(t *testing.T) {
	tab, complaints := console.OpenBrowser(t)
	certificates := t.TempDir()
	apns, err := localapns.NewServer(localapns.Config{Dir: certificates, AcceptAnyToken: true})
	check(t, err)
	check(t, apns.Start(t.Context()))
	t.Cleanup(func() { apns.Shutdown(context.Background()) })
	h := openHouseOn(t, server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: filepath.Join(certificates, "ca.pem")})
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	p := console.NewTab(t, ctx, h.url)
	t.Run("without scripts", func(t *testing.T) { withoutScripts(t, h, apns, p) })
	p.Scripts(true)
	p.As(h.session[aurora.OwnerRole])
	t.Run("step by step", func(t *testing.T) { stepByStep(t, h, apns, p) })
	for _, text := range complaints() {
		t.Errorf("the browser's console: %s", text)
	}
}

func withoutScripts(t *testing.T, h *house, apns *localapns.Server, p console.Tab) {
	const bundle = "com.example.plain"
	issued, err := apns.Issue(localapns.IssueRequest{BundleID: bundle, Development: true})
	check(t, err)
	file := filepath.Join(t.TempDir(), "push.p12")
	check(t, os.WriteFile(file, issued.P12, 0o600))
	write := func(id, text string) chromedp.Action[chromedp.Void] { return chromedp.SendKeys(chromedp.ID(id), text) }
	click := func(selector string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(selector)) }
	see := func(selector string) chromedp.Action[chromedp.Void] {
		return chromedp.WaitVisible(chromedp.CSS(selector))
	}
	p.As("none")
	p.Scripts(false)
	p.Open("/apps/new")
	p.Run(write("email", email), write("password", password), click(".button-main"), see("#bundle_id"), // led on to where it wanted to be
		write("name", "Plain"), write("bundle_id", bundle), click("main form .button-main"), see(".is-next"), click(".is-next .button"),
		see("#p12-file"), chromedp.SetUploadFiles(chromedp.ID("p12-file"), []string{file}), click(`[aria-labelledby="p12-title"] .button-main`), see(".flash"))
	v, err := h.Accounts.Session(t.Context(), h.session[aurora.OwnerRole])
	check(t, err)
	apps, err := h.Accounts.Apps(t.Context(), v.Account.ID)
	check(t, err)
	app := apps[len(apps)-1]
	if app.Name != "Plain" {
		t.Fatalf("the newest app is %q", app.Name)
	}
	h.reachable(t, app, 1, new(fmt.Sprintf("%064x", 7)))
	p.Open("/apps/" + app.Key + "/send")
	p.Run(write("f-body", "By hand"), click(".send-bar .button-main"), see(".confirm-send"), click(".confirm-send"), see(".funnel"))
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		list, err := h.Ledger.Messages(t.Context(), app.ID, 0, 1)
		check(t, err)
		if len(list) == 1 && list[0].Accepted == 1 {
			p.Open("/apps/" + app.Key + "/messages/" + list[0].Message.ID.String())
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", list)
		}
	}
	if text := p.Text(".funnel"); !strings.Contains(text, "100 %") {
		t.Errorf("the result is shown as %q", text)
	}
}

// reachable registers a device; a second time for its token, perhaps.
func (h *house) reachable(t *testing.T, app aurora.App, n int, token *string) string {
	t.Helper()
	r := registry.Registration{InstallID: fmt.Sprint("install", n), Secret: strings.Repeat("s", 43), Platform: aurora.IOS}
	if token != nil {
		r.Change = registry.Change{Token: token, Environment: new(aurora.Development)}
	}
	id, err := h.Registry.Register(t.Context(), app.ID, r)
	check(t, err)
	return id
}

func stepByStep(t *testing.T, h *house, apns *localapns.Server, p console.Tab) {
	ctx := t.Context()
	app, err := h.Accounts.CreateApp(ctx, h.app.AccountID, "Stepwise", "com.example.steps")
	check(t, err)
	p.Open("/apps/" + app.Key)
	p.Do(`window.stayed = true`)
	begin := time.Now()
	done := func(want int) {
		t.Helper()
		p.Until(fmt.Sprintf(`window.stayed && document.querySelectorAll(".path .is-done").length === %d`, want))
		if want < 7 {
			p.Until(fmt.Sprintf(`document.querySelector(".path .is-next") === document.querySelectorAll(".path li")[%d]`, want))
		}
	}
	done(1)
	issued, err := apns.Issue(localapns.IssueRequest{BundleID: app.BundleID, Development: true})
	check(t, err)
	_, err = h.Accounts.StoreCredential(ctx, app, aurora.CredentialFile{File: issued.P12})
	check(t, err)
	done(2)
	id := h.reachable(t, app, 2, nil)
	done(3)
	h.reachable(t, app, 2, new(fmt.Sprintf("%064x", 8)))
	done(4)
	push := push(audience.All())
	receipt, err := h.Dispatch.Accept(ctx, app, push)
	check(t, err)
	done(5)
	d, err := h.Registry.Device(ctx, app.ID, id)
	check(t, err)
	for i, event := range []aurora.ReceiptEvent{aurora.ReceivedEvent, aurora.OpenedEvent} {
		check(t, h.Ledger.AddReceipts(ctx, d, []aurora.Receipt{{MessageID: receipt.MessageID, Event: event, At: time.Now()}}))
		done(6 + i)
	}
	if took := time.Since(begin); took > 14*time.Second { // it looks again after 15 s
		t.Errorf("the steps took %v: one was not told of, but found by looking again", took)
	}
	p.Until(`document.getElementById("path-done")`) // folded up: the rest of the page is for every day
}
