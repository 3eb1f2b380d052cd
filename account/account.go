// Package account knows who is calling and what is theirs: people, what they
// are in an account, their sessions, the accounts' apps with keys, and the
// apps' push credentials. Secrets leave it sealed (AES-256-GCM); the store
// never sees one in the clear.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora"
)

// ErrNone is what a store returns when there is no such row.
var ErrNone = errors.New("account: none")

// Config is what a Service is made of.
type Config struct {
	People      People
	Members     Members
	Invitations Invitations
	Doors       Doors
	Links       Links
	Factors     Factors
	Passkeys    Passkeys
	Identities  Identities
	Apps        Apps
	Groups      Groups
	Admin       Admin
	Credentials Credentials
	Accesses    Accesses
	APIKeys     APIKeys
	Audits      Audits
	Prover      Prover
	OIDC        *OIDC // nil: no sign-in provider
	Seal        *Seal
	Logger      *slog.Logger
	// Changed tells other servers that an app, a key or a credential is not what
	// it was: they Forget. May be nil.
	Changed func()
	// Strange tells a person that they signed in from a browser or a network that
	// they have not before. May be nil.
	Strange func(ctx context.Context, email string, in SignedIn) error
	// Moved tells who watches an app that its credentials changed. May be nil.
	Moved func(appID int64)
}

// Service answers for accounts, apps and credentials.
type Service struct {
	c         Config
	guesses   *guesses
	discovery discovery
	cache     sync.Map // AppKey → cachedApp
	keys      sync.Map // digest → *cachedKey

	credentials sync.Map     // credentialSlot → cachedCredential
	changes     atomic.Int64 // counts what may have changed one
}

// New returns a service.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{c: c, guesses: newGuesses()}
}

// FirstRun reports whether the installation has no account yet.
func (s *Service) FirstRun(ctx context.Context) (bool, error) {
	has, err := s.c.People.HasPeople(ctx)
	return !has, err
}

// CreateOwner creates the first account through the setup link that `serve`
// prints.
func (s *Service) CreateOwner(ctx context.Context, link, email, password string) (aurora.Account, error) {
	// Looked at first: hashing a password is too dear to be done for anybody.
	if _, err := s.c.Links.Link(ctx, hash(link), SetupLink); err != nil {
		return aurora.Account{}, explainSetup(err)
	}
	p, _, err := s.newFounder(ctx, email, password)
	if err != nil {
		return aurora.Account{}, err
	}
	a, err := s.c.People.CreateAccount(ctx, p, hash(link))
	if err != nil {
		return a, explainSetup(err)
	}
	s.recordAs(ctx, a.Email, aurora.AuditEntry{AccountID: a.ID, Action: "account.created", Subject: a.Email, Detail: "by the set-up link"})
	return a, nil
}

func explainSetup(err error) error {
	if errors.Is(err, ErrNone) {
		return aurora.Errorf(aurora.Forbidden, "This set-up link is not valid any more. The newest one is in the output of `aurora serve`; restarting the server prints a fresh one.")
	}
	return err
}

// Create makes an account without a link: the caller has the data folder. It
// returns the developer secret, which is shown once.
func (s *Service) Create(ctx context.Context, email, password string) (aurora.Account, aurora.Secret, error) {
	p, devSecret, err := s.newFounder(ctx, email, password)
	if err != nil {
		return aurora.Account{}, devSecret, err
	}
	a, err := s.c.People.CreateAccount(ctx, p, nil)
	if err == nil {
		s.Record(ctx, aurora.AuditEntry{AccountID: a.ID, Action: "account.created", Subject: a.Email})
	}
	return a, devSecret, err
}

func (s *Service) newFounder(ctx context.Context, email, password string) (Founder, aurora.Secret, error) {
	email, err := normalizeEmail(email)
	if err != nil {
		return Founder{}, aurora.Secret{}, err
	}
	if err := checkPasswordForm(password); err != nil {
		return Founder{}, aurora.Secret{}, err
	}
	devSecret := aurora.NewSecret(aurora.NewKey())
	hashed, err := hashPassword(ctx, password)
	if err != nil {
		return Founder{}, aurora.Secret{}, err
	}
	p := Founder{PasswordHash: hashed}
	p.Email, p.DevKey, p.CreatedAt = email, aurora.NewKey(), time.Now()
	p.DevSecret = s.c.Seal.Close([]byte(devSecret.Reveal()), "dev_secret "+p.DevKey)
	return p, devSecret, nil
}

func normalizeEmail(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return "", aurora.Errorf(aurora.Invalid, "That is not an email address. Enter one such as you@example.com.")
	}
	return s, nil
}

// AccountByEmail returns the account that someone founded, for a command-line
// caller.
func (s *Service) AccountByEmail(ctx context.Context, email string) (aurora.Account, error) {
	a, err := s.c.People.AccountByEmail(ctx, strings.ToLower(strings.TrimSpace(email)))
	if errors.Is(err, ErrNone) {
		return a, aurora.Errorf(aurora.NotFound, "There is no account %q. Create it with `aurora account create`.", email)
	}
	return a, err
}

func checkPasswordForm(password string) error {
	if len(password) < 10 || len(password) > 256 {
		return aurora.Errorf(aurora.Invalid, "The password must have 10 to 256 characters. A short sentence is a good one.")
	}
	return nil
}

// newToken returns 256 random bits for a link or a session.
func newToken() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hash is how tokens are stored: they are random, so a plain digest cannot be
// guessed back, and a stolen database opens no session.
func hash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}
