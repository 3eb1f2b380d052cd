// Package account knows who is calling and what is theirs: people, their
// sessions, their apps with keys, and the apps' push credentials. Secrets
// leave it sealed (AES-256-GCM); the store never sees one in the clear.
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

// Person is an account with what proves it: the password's argon2id hash and
// the developer secret, sealed.
type Person struct {
	aurora.Account
	PasswordHash string
	DevSecret    []byte // sealed
}

// LinkPurpose is what a one-time link is good for.
type LinkPurpose string

// The purposes.
const (
	SetupLink  LinkPurpose = "setup"  // create the owner of a new installation
	SignInLink LinkPurpose = "signin" // sign in once without a password
)

// People stores accounts. Hashes are SHA-256 of the secret part of a link or session.
type People interface {
	// CreatePerson stores a new account. With a non-nil link hash it uses up
	// that setup link in the same transaction: ErrNone if it is not valid. A
	// second account of the same email is an aurora.Conflict.
	CreatePerson(ctx context.Context, p Person, link []byte) (aurora.Account, error)
	// PersonByEmail returns ErrNone if there is no such account.
	PersonByEmail(ctx context.Context, email string) (Person, error)
	// PersonByDevKey returns ErrNone if there is no such account.
	PersonByDevKey(ctx context.Context, key string) (Person, error)
	// HasPeople reports whether any account exists.
	HasPeople(ctx context.Context) (bool, error)
}

// Doors stores sessions and one-time links.
type Doors interface {
	// PutLink stores a link and drops the expired ones and earlier setup links.
	PutLink(ctx context.Context, hash []byte, purpose LinkPurpose, accountID int64, expires time.Time) error
	// UseLink deletes a link that is still valid and returns its account, or ErrNone.
	UseLink(ctx context.Context, hash []byte, purpose LinkPurpose) (accountID int64, err error)
	PutSession(ctx context.Context, hash []byte, accountID int64, expires time.Time) error
	// SessionAccount returns ErrNone for an unknown or expired session.
	SessionAccount(ctx context.Context, hash []byte) (aurora.Account, error)
	DropSession(ctx context.Context, hash []byte) error
}

// Config is what a Service is made of.
type Config struct {
	People      People
	Doors       Doors
	Apps        Apps
	Groups      Groups
	Admin       Admin
	Credentials Credentials
	Accesses    Accesses
	APIKeys     APIKeys
	Audits      Audits
	Prover      Prover
	Seal        *Seal
	Logger      *slog.Logger
}

// Service answers for accounts, apps and credentials.
type Service struct {
	c        Config
	throttle throttle
	cache    sync.Map // AppKey → cachedApp
	keys     sync.Map // digest → *cachedKey

	credentials      sync.Map     // credentialSlot → cachedCredential
	credentialChange atomic.Int64 // counts what may have changed one
}

// New returns a service.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{c: c}
}

const (
	sessionLife = 30 * 24 * time.Hour
	linkLife    = 24 * time.Hour
)

// FirstRun reports whether the installation has no account yet.
func (s *Service) FirstRun(ctx context.Context) (bool, error) {
	has, err := s.c.People.HasPeople(ctx)
	return !has, err
}

// IssueLink makes a one-time link's secret, valid for a day. The account is 0
// for a setup link. A new setup link makes the earlier one useless.
func (s *Service) IssueLink(ctx context.Context, purpose LinkPurpose, accountID int64) (string, error) {
	secret := newToken()
	return secret, s.c.Doors.PutLink(ctx, hash(secret), purpose, accountID, time.Now().Add(linkLife))
}

// CreateOwner creates the first account through the setup link that `serve`
// prints.
func (s *Service) CreateOwner(ctx context.Context, link, email, password string) (aurora.Account, error) {
	p, _, err := s.newPerson(email, password)
	if err != nil {
		return aurora.Account{}, err
	}
	a, err := s.c.People.CreatePerson(ctx, p, hash(link))
	if errors.Is(err, ErrNone) {
		return a, aurora.Errorf(aurora.Forbidden, "This set-up link is not valid any more. The newest one is in the output of `aurora serve`; restarting the server prints a fresh one.")
	}
	if err == nil {
		s.Record(ctx, aurora.AuditEntry{AccountID: a.ID, Action: "account.created", Subject: a.Email, Detail: "by the set-up link"})
	}
	return a, err
}

// Create makes an account without a link: the caller has the data folder. It
// returns the developer secret, which is shown once.
func (s *Service) Create(ctx context.Context, email, password string) (aurora.Account, aurora.Secret, error) {
	p, devSecret, err := s.newPerson(email, password)
	if err != nil {
		return aurora.Account{}, devSecret, err
	}
	a, err := s.c.People.CreatePerson(ctx, p, nil)
	if err == nil {
		s.Record(ctx, aurora.AuditEntry{AccountID: a.ID, Action: "account.created", Subject: a.Email})
	}
	return a, devSecret, err
}

func (s *Service) newPerson(email, password string) (Person, aurora.Secret, error) {
	email, err := normalizeEmail(email)
	if err != nil {
		return Person{}, aurora.Secret{}, err
	}
	if len(password) < 10 || len(password) > 256 {
		return Person{}, aurora.Secret{}, aurora.Errorf(aurora.Invalid, "The password must have 10 to 256 characters. A short sentence is a good one.")
	}
	devSecret := aurora.NewSecret(aurora.NewKey())
	p := Person{PasswordHash: hashPassword(password)}
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

// SignIn checks a password and opens a session. Wrong attempts for one email
// are slowed down: five in a minute, then one every twelve seconds.
func (s *Service) SignIn(ctx context.Context, email, password string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if wait := s.throttle.wait(email); wait > 0 {
		return "", aurora.Errorf(aurora.TooMany, "Too many attempts for this account. Try again in %d seconds.", int(wait.Seconds())+1)
	}
	p, err := s.c.People.PersonByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNone) {
		return "", err
	}
	// Unknown addresses cost the same time as known ones, so that nobody can
	// find out who has an account.
	if !checkPassword(p.PasswordHash, password) {
		return "", aurora.Errorf(aurora.Unauthorized, "The email address or the password is not right.")
	}
	s.throttle.forget(email)
	return s.openSession(ctx, p.ID)
}

// SignInByLink opens a session through a one-time link.
func (s *Service) SignInByLink(ctx context.Context, link string) (string, error) {
	id, err := s.c.Doors.UseLink(ctx, hash(link), SignInLink)
	if errors.Is(err, ErrNone) {
		return "", aurora.Errorf(aurora.Unauthorized, "This sign-in link was used before or has expired. Sign in with your password.")
	}
	if err != nil {
		return "", err
	}
	return s.openSession(ctx, id)
}

func (s *Service) openSession(ctx context.Context, accountID int64) (string, error) {
	session := newToken()
	return session, s.c.Doors.PutSession(ctx, hash(session), accountID, time.Now().Add(sessionLife))
}

// Session returns the account behind a session, or aurora.Unauthorized.
func (s *Service) Session(ctx context.Context, session string) (aurora.Account, error) {
	a, err := s.c.Doors.SessionAccount(ctx, hash(session))
	if errors.Is(err, ErrNone) {
		return a, aurora.Errorf(aurora.Unauthorized, "You are signed out. Sign in again.")
	}
	return a, err
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, session string) error {
	return s.c.Doors.DropSession(ctx, hash(session))
}

// AccountByEmail returns an account for a command-line caller.
func (s *Service) AccountByEmail(ctx context.Context, email string) (aurora.Account, error) {
	p, err := s.c.People.PersonByEmail(ctx, strings.ToLower(strings.TrimSpace(email)))
	if errors.Is(err, ErrNone) {
		return p.Account, aurora.Errorf(aurora.NotFound, "There is no account %q. Create it with `aurora account create`.", email)
	}
	return p.Account, err
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
