package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/aurora-push/aurora"
)

// OIDC is an OpenID Connect provider that people sign in through. Second
// factors are then the provider's business.
type OIDC struct {
	Issuer       string // its URL, as its tokens say it
	ClientID     string
	ClientSecret aurora.Secret
	Name         string // what people call it; "" means the issuer's host
	// Account is the founder's address of the account that people join who are
	// new here; "" refuses them. Domains, if any, are those of their addresses.
	Account string
	Domains []string
	Role    aurora.Role // what they are there; "" means viewer
}

// Check refuses a provider that could not work.
func (o OIDC) Check() error {
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		return aurora.Errorf(aurora.Invalid, "The OpenID Connect issuer must be an https URL such as https://login.example.com.")
	}
	if o.ClientID == "" {
		return aurora.Errorf(aurora.Missing, "The OpenID Connect client id is missing.")
	}
	if o.Role != "" {
		if _, err := aurora.ParseRole(string(o.Role)); err != nil {
			return err
		}
	}
	return nil
}

// Identities stores who people are at providers.
type Identities interface {
	// PersonByIdentity returns ErrNone if nobody has signed in so.
	PersonByIdentity(ctx context.Context, issuer, subject string) (Person, error)
	// PutIdentity notes who somebody is. One who is new, with the id 0, is stored
	// first and put into the account; ErrNone if there is nobody of the address and
	// the account is 0. The first identity of one who was invited ends their
	// password, second factors, sessions and links in the same transaction: an
	// invitation's link does not prove the address, the provider does.
	PutIdentity(ctx context.Context, issuer, subject string, p Person, accountID int64, role aurora.Role) (_ Person, fresh bool, err error)
}

const (
	oidcLife  = 10 * time.Minute
	oidcLabel = "oidc state"
	oidcTime  = 15 * time.Second // for each request to the provider
	oidcPause = 2 * time.Second  // before a provider that failed is asked again
)

// discovery is what the provider says of itself, asked once and, if that
// failed, again at a sign-in a moment later: those who waited for the answer
// share it, so that nobody waits longer than one question takes.
type discovery struct {
	mu       sync.Mutex
	provider *oidc.Provider
	failed   error
	until    time.Time // when to ask again
}

func (d *discovery) get(ctx context.Context, issuer string) (*oidc.Provider, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.provider != nil {
		return d.provider, nil
	}
	if time.Now().Before(d.until) {
		return nil, d.failed
	}
	bounded, cancel := context.WithTimeout(ctx, oidcTime)
	defer cancel()
	// The provider keeps the client, for keys that it fetches later.
	p, err := oidc.NewProvider(oidc.ClientContext(bounded, &http.Client{Timeout: oidcTime}), issuer)
	if err != nil {
		err = aurora.Errorf(aurora.Unavailable, "The sign-in provider %s does not answer as it should. Try again in a moment, or sign in with a password: %w", hostOf(issuer), err)
		if ctx.Err() == nil { // not because whoever asked has left
			d.failed, d.until = err, time.Now().Add(oidcPause)
		}
		return nil, err
	}
	d.provider = p
	return p, nil
}

func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer
	}
	return u.Host
}

// ProviderName returns what to write on the button of the provider; "" if none
// is configured.
func (s *Service) ProviderName() string {
	switch {
	case s.c.OIDC == nil:
		return ""
	case s.c.OIDC.Name != "":
		return s.c.OIDC.Name
	}
	return hostOf(s.c.OIDC.Issuer)
}

var errNoProvider = aurora.Errorf(aurora.NotFound, "This server has no sign-in provider. Its operator can configure one with --oidc-issuer.")

// oidcState is what the browser holds, sealed, while the person is at the
// provider.
type oidcState struct{ State, Nonce, Verifier, Redirect string }

// BeginOIDC returns where to send the browser, and what it keeps meanwhile.
// redirect is the address of this server that the provider sends it back to.
func (s *Service) BeginOIDC(ctx context.Context, redirect string) (target, state string, err error) {
	if s.c.OIDC == nil {
		return "", "", errNoProvider
	}
	if err := s.ask(ctx); err != nil {
		return "", "", err
	}
	p, err := s.discovery.get(ctx, s.c.OIDC.Issuer)
	if err != nil {
		return "", "", err
	}
	o := oidcState{newToken(), newToken(), oauth2.GenerateVerifier(), redirect}
	if err := s.c.Links.PutLink(ctx, hash(o.State), provider, LinkFor{}, time.Now().Add(oidcLife)); err != nil {
		return "", "", err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return "", "", err
	}
	target = s.oauth(p, redirect).AuthCodeURL(o.State, oidc.Nonce(o.Nonce), oauth2.S256ChallengeOption(o.Verifier))
	return target, base64.RawURLEncoding.EncodeToString(s.c.Seal.Close(text, oidcLabel)), nil
}

func (s *Service) oauth(p *oidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{ClientID: s.c.OIDC.ClientID, ClientSecret: s.c.OIDC.ClientSecret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: redirect, Scopes: []string{oidc.ScopeOpenID, "email"}}
}

var errProviderOver = aurora.Errorf(aurora.Forbidden, "This sign-in was completed before, took longer than ten minutes, or began in another browser. Sign in again.")

// claims are what Aurora reads of an id token.
type claims struct {
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // some providers send it as text
}

func (c claims) verified() bool { return c.Verified == true || c.Verified == "true" }

// SignInByOIDC completes what BeginOIDC began, with what the browser kept and
// what the provider sent back.
func (s *Service) SignInByOIDC(ctx context.Context, kept, state, code string) (string, error) {
	if s.c.OIDC == nil {
		return "", errNoProvider
	}
	o, err := s.openOIDC(kept)
	if err != nil || !aurora.NewSecret(o.State).Equal(state) {
		return "", errProviderOver
	}
	if _, err := s.c.Links.UseLink(ctx, hash(state), provider); errors.Is(err, ErrNone) {
		return "", errProviderOver
	} else if err != nil {
		return "", err
	}
	p, err := s.discovery.get(ctx, s.c.OIDC.Issuer)
	if err != nil {
		return "", err
	}
	token, c, err := s.exchange(ctx, p, o, code)
	if err != nil {
		return "", aurora.Errorf(aurora.Unauthorized, "%s did not confirm the sign-in. Try again: %w", s.ProviderName(), err)
	}
	who, err := s.personOf(ctx, token, c)
	if err != nil {
		return "", err
	}
	return s.openSession(ctx, who.ID, who.Email, "through "+s.ProviderName())
}

func (s *Service) openOIDC(kept string) (o oidcState, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return o, err
	}
	text, err := s.c.Seal.Open(sealed, oidcLabel)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(text, &o)
}

func (s *Service) exchange(ctx context.Context, p *oidc.Provider, o oidcState, code string) (*oidc.IDToken, claims, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, &http.Client{Timeout: oidcTime}), oidcTime)
	defer cancel()
	answer, err := s.oauth(p, o.Redirect).Exchange(ctx, code, oauth2.VerifierOption(o.Verifier))
	if err != nil {
		return nil, claims{}, err
	}
	raw, ok := answer.Extra("id_token").(string)
	if !ok {
		return nil, claims{}, errors.New("the answer has no id token")
	}
	token, err := p.Verifier(&oidc.Config{ClientID: s.c.OIDC.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, claims{}, err
	}
	if !aurora.NewSecret(o.Nonce).Equal(token.Nonce) {
		return nil, claims{}, errors.New("the id token's nonce is not ours")
	}
	var c claims
	return token, c, token.Claims(&c)
}

// personOf returns who a token stands for: whoever it stood for before; else,
// by their verified address, somebody who is here; else somebody new.
func (s *Service) personOf(ctx context.Context, token *oidc.IDToken, c claims) (Person, error) {
	who, err := s.c.Identities.PersonByIdentity(ctx, token.Issuer, token.Subject)
	if !errors.Is(err, ErrNone) {
		return who, err
	}
	email, err := normalizeEmail(c.Email)
	if err != nil || !c.verified() {
		return who, aurora.Errorf(aurora.Forbidden, "%s gave no verified email address for you, by which people are known here. Verify your address there, or ask for the scope email to be released.", s.ProviderName())
	}
	account, role := int64(0), s.c.OIDC.Role
	if s.c.OIDC.Account != "" && s.admits(email) {
		a, err := s.AccountByEmail(ctx, s.c.OIDC.Account)
		if err != nil {
			return who, err
		}
		account = a.ID
	}
	if role == "" {
		role = aurora.ViewerRole
	}
	who, fresh, err := s.c.Identities.PutIdentity(ctx, token.Issuer, token.Subject, Person{Email: email, CreatedAt: time.Now()}, account, role)
	if errors.Is(err, ErrNone) {
		return who, aurora.Errorf(aurora.Forbidden, "%s is in no account here. Ask an owner for an invitation.", email)
	}
	if err == nil && fresh {
		s.recordAs(ctx, email, aurora.AuditEntry{AccountID: account, Action: "member.joined", Subject: email, Detail: "as " + string(role) + ", through " + s.ProviderName()})
	}
	return who, err
}

// admits reports whether somebody new of this address may join.
func (s *Service) admits(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return len(s.c.OIDC.Domains) == 0 || slices.ContainsFunc(s.c.OIDC.Domains, func(d string) bool { return strings.EqualFold(d, domain) })
}
