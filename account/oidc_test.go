package account_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

const backURL = "http://localhost:8080/signin/provider/back"

// startProvider starts an OpenID Connect provider that checks PKCE and signs
// its tokens.
func startProvider(t *testing.T) *mockoidc.MockOIDC {
	t.Helper()
	p, err := mockoidc.Run()
	check(t, err)
	t.Cleanup(func() { p.Shutdown() })
	return p
}

// visitProvider follows a browser to the provider and back: the state and the
// code that it brings.
func visitProvider(t *testing.T, p *mockoidc.MockOIDC, target string, user *mockoidc.MockUser) (state, code string) {
	t.Helper()
	p.QueueUser(user)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(target)
	check(t, err)
	answer.Body.Close()
	back, err := answer.Location()
	check(t, err)
	if !strings.HasPrefix(back.String(), backURL) {
		t.Fatalf("the provider sends the browser to %s", back)
	}
	return back.Query().Get("state"), back.Query().Get("code")
}

func openWithProvider(t *testing.T, p *mockoidc.MockOIDC, c account.OIDC) *account.Service {
	t.Helper()
	c.Issuer, c.ClientID, c.ClientSecret = p.Issuer(), p.Config().ClientID, aurora.NewSecret(p.Config().ClientSecret)
	check(t, c.Check())
	s := open(t, server.Config{Data: t.TempDir(), OIDC: &c}).Accounts
	_, _, err := s.Create(t.Context(), email, password)
	check(t, err)
	return s
}

// through signs somebody in through the provider.
func through(t *testing.T, s *account.Service, p *mockoidc.MockOIDC, user *mockoidc.MockUser) (string, error) {
	t.Helper()
	target, kept, err := s.BeginOIDC(t.Context(), backURL)
	check(t, err)
	state, code := visitProvider(t, p, target, user)
	return s.SignInByOIDC(t.Context(), kept, state, code)
}

// TestSignInThroughProvider: people who are here are known by their verified
// address the first time and by the provider's own id afterwards; others join
// if the operator says so.
func TestSignInThroughProvider(t *testing.T) {
	p := startProvider(t)
	s := openWithProvider(t, p, account.OIDC{Account: email, Domains: []string{"Example.org"}, Role: aurora.SenderRole})
	who := func(session string, err error) account.Visitor {
		t.Helper()
		check(t, err)
		v, err := s.Session(t.Context(), session)
		check(t, err)
		return v
	}
	mia := &mockoidc.MockUser{Subject: "s-1", Email: "Mia@Example.com", EmailVerified: true}
	if v := who(through(t, s, p, mia)); v.Email != email || v.Role != aurora.OwnerRole {
		t.Errorf("%+v", v)
	}
	mia.Email, mia.EmailVerified = "renamed@example.com", false // the id counts, not the address
	if v := who(through(t, s, p, mia)); v.Email != email {
		t.Errorf("%+v", v)
	}
	if v := who(through(t, s, p, &mockoidc.MockUser{Subject: "s-2", Email: "zoe@example.org", EmailVerified: true})); v.Email != "zoe@example.org" || v.Role != aurora.SenderRole {
		t.Errorf("%+v", v)
	}
	for _, stranger := range []*mockoidc.MockUser{
		{Subject: "s-3", Email: "eve@example.net", EmailVerified: true}, // another domain
		{Subject: "s-4", Email: "eve@example.org"},                      // says so, unverified
		{Subject: "s-5", Email: "Mia@example.com"},
		{Subject: "s-6", EmailVerified: true},
	} {
		_, err := through(t, s, p, stranger)
		refused(t, err, aurora.Forbidden)
	}
	if members, err := s.Members(t.Context(), 1); err != nil || len(members) != 2 {
		t.Errorf("%+v, %v", members, err)
	}
	// Nobody can sign in with an empty password as somebody who has none.
	_, err := s.SignIn(t.Context(), "zoe@example.org", "")
	refused(t, err, aurora.Unauthorized)
}

// TestProviderProvesAnInvitedAddress: an invitation's link is in the hands of
// who invites, so whoever joins by it has not proved the address. Nothing that
// they set survives the first sign-in of the one whom the provider vouches for.
func TestProviderProvesAnInvitedAddress(t *testing.T) {
	p := startProvider(t)
	s := openWithProvider(t, p, account.OIDC{})
	owner, _ := visitor(t, s)
	_, link, err := s.Invite(as(t, aurora.OwnerRole), owner, "eve@example.com", aurora.SenderRole)
	check(t, err)
	session, err := s.JoinNew(t.Context(), link, password) // not by eve
	check(t, err)
	v, err := s.Session(t.Context(), session)
	check(t, err)
	enrolled, err := s.BeginCodes(t.Context(), v, password)
	check(t, err)
	recovery, err := s.ConfirmCodes(t.Context(), v, appCode(t, enrolled.URI))
	check(t, err)
	owed, err := s.SignIn(t.Context(), "eve@example.com", password)
	check(t, err)
	if owed.Step == "" {
		t.Fatal("the code is not asked for")
	}

	eve := &mockoidc.MockUser{Subject: "s-9", Email: "eve@example.com", EmailVerified: true}
	hers, err := through(t, s, p, eve)
	check(t, err)
	if _, err = s.Session(t.Context(), session); err == nil {
		t.Error("the other one's session goes on")
	}
	_, err = s.SignIn(t.Context(), "eve@example.com", password)
	refused(t, err, aurora.Unauthorized)
	if _, err := s.SignInWithCode(t.Context(), owed.Step, recovery[0]); err == nil {
		t.Error("a sign-in that was begun before is ended by a recovery code")
	}
	if v, err := s.Session(t.Context(), hers); err != nil || v.Email != "eve@example.com" || v.Role != aurora.SenderRole {
		t.Errorf("%+v, %v", v, err)
	}
	// Her next sign-in ends nothing of hers, nor the founder's first one theirs.
	_, err = through(t, s, p, eve)
	check(t, err)
	if _, err := s.Session(t.Context(), hers); err != nil {
		t.Error(err)
	}
	_, err = through(t, s, p, &mockoidc.MockUser{Subject: "s-1", Email: email, EmailVerified: true})
	check(t, err)
	if _, err := s.SignIn(t.Context(), email, password); err != nil {
		t.Error(err)
	}
}

// TestProviderAnswersAreBound: to the browser that began, to one use, to the
// code verifier and to the nonce.
func TestProviderAnswersAreBound(t *testing.T) {
	p := startProvider(t)
	s := openWithProvider(t, p, account.OIDC{})
	ctx := t.Context()
	mia := &mockoidc.MockUser{Subject: "s-1", Email: email, EmailVerified: true}
	target, kept, err := s.BeginOIDC(ctx, backURL)
	check(t, err)
	q, err := url.Parse(target)
	check(t, err)
	if v := q.Query(); v.Get("code_challenge_method") != "S256" || len(v.Get("nonce")) < 40 || len(v.Get("state")) < 40 || v.Get("redirect_uri") != backURL {
		t.Errorf("%s", target)
	}
	_, others, err := s.BeginOIDC(ctx, backURL)
	check(t, err)
	state, code := visitProvider(t, p, target, mia)
	for _, tt := range [][2]string{{others, state}, {"", state}, {kept, ""}, {kept, state + "x"}, {kept[:len(kept)-2], state}} {
		_, err := s.SignInByOIDC(ctx, tt[0], tt[1], code)
		refused(t, err, aurora.Forbidden)
	}
	if _, err := s.SignInByOIDC(ctx, kept, state, code); err != nil {
		t.Error(err)
	}
	_, err = s.SignInByOIDC(ctx, kept, state, code)
	refused(t, err, aurora.Forbidden)

	// A code that was given to another browser comes with its challenge and nonce.
	targetA, keptA, err := s.BeginOIDC(ctx, backURL)
	check(t, err)
	targetB, _, err := s.BeginOIDC(ctx, backURL)
	check(t, err)
	stateA, _ := visitProvider(t, p, targetA, mia)
	_, codeB := visitProvider(t, p, targetB, mia)
	_, err = s.SignInByOIDC(ctx, keptA, stateA, codeB)
	refused(t, err, aurora.Unauthorized)
}

// TestProviderAway: the refusal says so, and the next attempt works.
func TestProviderAway(t *testing.T) {
	p := startProvider(t)
	s := openWithProvider(t, p, account.OIDC{Name: "Our login"})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.BeginOIDC(gone, backURL)
	refused(t, err, aurora.Unavailable)
	if _, _, err := s.BeginOIDC(t.Context(), backURL); err != nil {
		t.Error(err)
	}
	if s.ProviderName() != "Our login" {
		t.Error(s.ProviderName())
	}
	for _, wrong := range []account.OIDC{{}, {Issuer: "http://login.example.com", ClientID: "x"}, {Issuer: "https://login.example.com"}, {Issuer: "https://login.example.com", ClientID: "x", Role: "emperor"}} {
		if wrong.Check() == nil {
			t.Errorf("%+v", wrong)
		}
	}
}
