package console_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/console"
)

// TestPasskeyInBrowser: a passkey is made on the page Security, brings recovery
// codes, and then signs in by itself and after the password; what the other
// pages about people look like is checked on the way.
func TestPasskeyInBrowser(t *testing.T) {
	tab, complaints := console.OpenBrowser(t)
	h := openHouse(t)
	ctx, cancel := context.WithTimeout(tab, 120*time.Second)
	defer cancel()
	_, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
	check(t, err)
	_, err = chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	check(t, err)
	p := console.NewTab(t, ctx, h.url)
	p.As(h.session[aurora.OwnerRole])
	p.Open("/team")
	p.Look("team")
	p.Open("/audit")
	p.Look("audit")
	p.Open("/security")
	p.Do(`document.getElementById("codes-on-password").value = "` + password + `"; document.getElementById("codes-on-password").form.submit()`)
	p.Until(`document.querySelector(".qr")`)
	p.Look("security-codes")

	p.Do(`document.getElementById("passkey-password").value = "wrong password"; document.getElementById("passkey-name").value = "Mia's phone";
		document.getElementById("passkey-password").form.requestSubmit()`)
	p.Until(`document.querySelector("#passkeys [data-problem]:not([hidden])")`)
	p.Do(`document.getElementById("passkey-password").value = "` + password + `"; document.getElementById("passkey-password").form.requestSubmit()`)
	p.Until(`document.getElementById("recovery-codes")`)
	p.Look("security-recovery")

	p.As("none")
	p.Open("/signin")
	p.Look("signin-passkey")
	p.Do(`document.querySelector("form[data-passkey]").requestSubmit()`)
	p.Until(`location.pathname === "/apps"`)

	p.As("none")
	p.Open("/signin?next=/team")
	p.Do(`document.getElementById("email").value = "` + email + `"; document.getElementById("password").value = "` + password + `"; document.getElementById("email").form.submit()`)
	p.Until(`location.pathname === "/signin/second" && document.querySelector("form[data-passkey]:not([hidden])")`)
	p.Look("signin-second")
	p.Do(`document.querySelector("form[data-passkey]").requestSubmit()`)
	p.Until(`location.pathname === "/team"`)

	v, err := h.Accounts.Session(t.Context(), h.session[aurora.OwnerRole])
	check(t, err)
	_, link, err := h.Accounts.Invite(aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.CommandActor}), v, "noah@example.com", aurora.SenderRole)
	check(t, err)
	p.As("none")
	p.Open("/join?link=" + link)
	p.Look("join")
	for _, text := range complaints() {
		t.Errorf("the browser's console: %s", text)
	}
}
