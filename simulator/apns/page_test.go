package apns

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The page shows a push and what becomes of it while it is open, in a real browser.
func TestPageShowsPushes(t *testing.T) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine")
	}
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	send(1)
	phone.ack(phone.next(), "ok")
	phone.quiet()

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	const rows = `document.querySelectorAll("#notifications tr").length`
	until := func(what, condition string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](condition)); err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
	if _, err := chromedp.Run(ctx, chromedp.Navigate(s.ManageURL())); err != nil {
		t.Fatal(err)
	}
	until("what was there before", `document.getElementById("live").textContent === "live" && `+rows+` === 1`)
	until("phones and connections", `document.querySelectorAll("#devices tr").length === 2 && document.querySelectorAll("#connections tr").length === 1`)
	send(2, "apns-priority", "3")
	send(3)
	until("what came meanwhile", rows+` === 3 && document.querySelector("#notifications").textContent.includes("delivered")`)
	table, err := chromedp.Run(ctx, chromedp.Text("#notifications"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Click("#notifications tr:first-child button")); err != nil {
		t.Fatal(err)
	}
	detail, err := chromedp.Run(ctx, chromedp.Text("#detail pre"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"400 BadPriority", "acknowledged", "delivered", testBundle} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not show %q:\n%s", want, table)
		}
	}
	if !strings.Contains(detail, uuid(3)) {
		t.Errorf("the detail is of another push:\n%s", detail)
	}
}
