package account

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// LinkPurpose is what a one-time link is good for.
type LinkPurpose string

// The purposes. The last three are in no link: a browser holds them between two
// steps.
const (
	SetupLink  LinkPurpose = "setup"  // create the owner of a new installation
	SignInLink LinkPurpose = "signin" // sign in once without a password
	secondStep LinkPurpose = "second" // the password was right, the second factor is owed
	ceremony   LinkPurpose = "webauthn"
	provider   LinkPurpose = "oidc"
)

// LinkFor is whom a link is for: an account, a person, or, before there is one,
// nobody.
type LinkFor struct{ AccountID, PersonID int64 }

// Links stores one-time links by the SHA-256 of their secret.
type Links interface {
	// PutLink stores a link and drops the expired ones and earlier setup links.
	PutLink(ctx context.Context, hash []byte, purpose LinkPurpose, whom LinkFor, expires time.Time) error
	// Link returns whom a valid link is for, or ErrNone.
	Link(ctx context.Context, hash []byte, purpose LinkPurpose) (LinkFor, error)
	// UseLink deletes a link that is still valid and returns whom it was for, or ErrNone.
	UseLink(ctx context.Context, hash []byte, purpose LinkPurpose) (LinkFor, error)
}

// SignedIn is one of a person's sessions.
type SignedIn struct {
	ID        string // says which; it opens nothing
	AccountID int64
	PersonID  int64
	CreatedAt time.Time
	SeenAt    time.Time // exact to a minute
	ExpiresAt time.Time
	Address   string // where it was seen last
	Agent     string // the browser's own description, shortened
	Current   bool   // it is the session that asks
	New       bool   // of this week, from a browser or a network that none of the older ones has
}

// Visitor is who a session stands for.
type Visitor struct {
	Account  aurora.Account
	PersonID int64
	Email    string
	Role     aurora.Role
	SeenAt   time.Time // when the session was used before; exact to a minute
}

// Doors stores sessions by the SHA-256 of their secret.
type Doors interface {
	PutSession(ctx context.Context, hash []byte, s SignedIn) error
	// Visitor returns ErrNone for a session that is unknown or has expired, or
	// whose person is not in the account any more.
	Visitor(ctx context.Context, hash []byte) (Visitor, error)
	// TouchSession notes that a session was used.
	TouchSession(ctx context.Context, hash []byte, at time.Time, address string) error
	// SessionsOf returns a person's sessions, last used first, with their hashes in hex as ids.
	SessionsOf(ctx context.Context, personID int64) ([]SignedIn, error)
	// DropSessions ends those of a person's sessions whose hash is the one, or,
	// if others is set, is not, and then their links too. It returns how many.
	DropSessions(ctx context.Context, personID int64, hash []byte, others bool) (int64, error)
	// MoveSession makes a session one of another of the person's accounts.
	MoveSession(ctx context.Context, hash []byte, accountID int64) error
}

const (
	sessionLife = 30 * 24 * time.Hour
	linkLife    = 24 * time.Hour
	secondLife  = 10 * time.Minute // between the password and the second factor
	maxAgent    = 200
)

// Entry is how far a sign-in got: a session, or a step that is still owed.
type Entry struct {
	Session string
	// Step is set instead of Session if the person has a second factor: pass it
	// to SignInWithCode or to the passkey's ceremony within ten minutes.
	Step string
}

// IssueLink makes a one-time link's secret, valid for a day. The account is 0
// for a setup link; a sign-in link is for the account's first owner. A new setup
// link makes the earlier one useless.
func (s *Service) IssueLink(ctx context.Context, purpose LinkPurpose, accountID int64) (string, error) {
	secret := newToken()
	return secret, s.c.Links.PutLink(ctx, hash(secret), purpose, LinkFor{AccountID: accountID}, time.Now().Add(linkLife))
}

// IssueSignInLink makes a sign-in link for a person, for someone who has the
// data folder: it needs neither password nor second factor.
func (s *Service) IssueSignInLink(ctx context.Context, email string) (string, error) {
	p, err := s.c.People.Person(ctx, strings.ToLower(strings.TrimSpace(email)))
	if errors.Is(err, ErrNone) {
		return "", aurora.Errorf(aurora.NotFound, "Nobody here has the address %q.", email)
	}
	if err != nil {
		return "", err
	}
	secret := newToken()
	if err := s.c.Links.PutLink(ctx, hash(secret), SignInLink, LinkFor{PersonID: p.ID}, time.Now().Add(linkLife)); err != nil {
		return "", err
	}
	s.Record(ctx, aurora.AuditEntry{Action: "signin-link.issued", Subject: p.Email})
	return secret, nil
}

// SignIn checks a password and opens a session, or says that a second factor is
// owed. Attempts are slowed down (throttle.go).
func (s *Service) SignIn(ctx context.Context, email, password string) (Entry, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if len(email) > 254 {
		return Entry{}, errWrongPassword
	}
	g := s.guessAt(ctx, email)
	if err := s.attempt(g); err != nil {
		return Entry{}, err
	}
	p, err := s.c.People.Person(ctx, email)
	if err != nil && !errors.Is(err, ErrNone) {
		return Entry{}, err
	}
	// Unknown addresses cost the same time as known ones, so that nobody can
	// find out who has an account.
	if right, err := checkPassword(ctx, p.PasswordHash, password); err != nil {
		return Entry{}, err
	} else if !right {
		return Entry{}, errWrongPassword
	}
	protected, err := s.hasSecondFactor(ctx, p.ID)
	if err != nil {
		return Entry{}, err
	}
	if protected {
		step := newToken()
		return Entry{Step: step}, s.c.Links.PutLink(ctx, hash(step), secondStep, LinkFor{PersonID: p.ID}, time.Now().Add(secondLife))
	}
	s.guesses.succeeded(g)
	session, err := s.openSession(ctx, p.ID, p.Email, "with a password")
	return Entry{Session: session}, err
}

var errWrongPassword = aurora.Errorf(aurora.Unauthorized, "The email address or the password is not right.")

// SignInLinkOf returns whom a sign-in link lets in, and leaves it usable: what
// looks at links before people do must not use them up.
func (s *Service) SignInLinkOf(ctx context.Context, link string) (email string, err error) {
	whom, err := s.c.Links.Link(ctx, hash(link), SignInLink)
	p, err := s.linked(ctx, whom, err)
	return p.Email, err
}

// SignInByLink opens a session through a one-time link.
func (s *Service) SignInByLink(ctx context.Context, link string) (string, error) {
	// Looked at first: what anybody types here must not cost a write.
	whom, err := s.c.Links.Link(ctx, hash(link), SignInLink)
	if err == nil {
		whom, err = s.c.Links.UseLink(ctx, hash(link), SignInLink)
	}
	p, err := s.linked(ctx, whom, err)
	if err != nil {
		return "", err
	}
	return s.openSession(ctx, p.ID, p.Email, "by a sign-in link")
}

// linked returns the person of a link that the store answered with whom and err.
func (s *Service) linked(ctx context.Context, whom LinkFor, err error) (p Person, _ error) {
	if errors.Is(err, ErrNone) {
		return p, aurora.Errorf(aurora.Unauthorized, "This sign-in link was used before or has expired. Sign in with your password.")
	}
	if err == nil && whom.PersonID == 0 {
		whom.PersonID, err = s.c.Members.FirstOwner(ctx, whom.AccountID)
	}
	if err != nil {
		return p, err
	}
	return s.c.Passkeys.PersonByID(ctx, whom.PersonID)
}

// openSession opens a session in the person's oldest account.
func (s *Service) openSession(ctx context.Context, personID int64, email, how string) (string, error) {
	in, err := s.c.Members.MembershipsOf(ctx, personID)
	if err != nil {
		return "", err
	}
	if len(in) == 0 {
		return "", aurora.Errorf(aurora.Forbidden, "You are in no account any more. Ask an owner to invite you again.")
	}
	session, now, actor := newToken(), time.Now(), aurora.ActorOf(ctx)
	opened := SignedIn{AccountID: in[0].Account.ID, PersonID: personID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(sessionLife), Address: actor.Address, Agent: shortAgent(AgentOf(ctx))}
	s.tell(ctx, email, opened)
	if err := s.c.Doors.PutSession(ctx, hash(session), opened); err != nil {
		return "", err
	}
	s.recordAs(ctx, email, aurora.AuditEntry{AccountID: opened.AccountID, Action: "signed-in", Subject: email, Detail: how})
	return session, nil
}

// recordAs writes a line for a person who has just proved who they are, which
// the context cannot know yet.
func (s *Service) recordAs(ctx context.Context, email string, e aurora.AuditEntry) {
	if a := aurora.ActorOf(ctx); email != "" && a.Kind != aurora.PersonActor {
		ctx = aurora.WithActor(ctx, aurora.Actor{Kind: aurora.PersonActor, Name: email, Address: a.Address})
	}
	s.Record(ctx, e)
}

// recordOf writes a line for a person into every account that they are in:
// the owners of each are concerned.
func (s *Service) recordOf(ctx context.Context, personID int64, email, action, detail string) {
	in, err := s.c.Members.MembershipsOf(ctx, personID)
	if err != nil {
		s.c.Logger.ErrorContext(ctx, "a line of the audit log was not written", "action", action, "subject", email, "error", err)
	}
	for _, m := range in {
		s.recordAs(ctx, email, aurora.AuditEntry{AccountID: m.Account.ID, Action: action, Subject: email, Detail: detail})
	}
}

type agentKey struct{}

// WithAgent notes on a context what a browser calls itself, for the list of
// sessions.
func WithAgent(ctx context.Context, agent string) context.Context {
	return context.WithValue(ctx, agentKey{}, agent)
}

// AgentOf returns what WithAgent noted.
func AgentOf(ctx context.Context) string {
	agent, _ := ctx.Value(agentKey{}).(string)
	return agent
}

func shortAgent(agent string) string {
	agent = strings.ToValidUTF8(agent, "")
	for len(agent) > maxAgent {
		_, n := utf8.DecodeLastRuneInString(agent)
		agent = agent[:len(agent)-n]
	}
	return agent
}

// Session returns who a session stands for, or aurora.Unauthorized.
func (s *Service) Session(ctx context.Context, session string) (Visitor, error) {
	v, err := s.c.Doors.Visitor(ctx, hash(session))
	if errors.Is(err, ErrNone) {
		return v, aurora.Errorf(aurora.Unauthorized, "You are signed out. Sign in again.")
	}
	if err != nil {
		return v, err
	}
	if now := time.Now(); now.Sub(v.SeenAt) >= touchPace {
		if err := s.c.Doors.TouchSession(ctx, hash(session), now, aurora.ActorOf(ctx).Address); err != nil {
			s.c.Logger.WarnContext(ctx, "the last use of a session was not noted", "error", err)
		}
	}
	return v, nil
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, session string) error {
	v, err := s.c.Doors.Visitor(ctx, hash(session))
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.c.Doors.DropSessions(ctx, v.PersonID, hash(session), false)
	return err
}

// Sessions returns a person's sessions, the last used first.
func (s *Service) Sessions(ctx context.Context, personID int64, session string) ([]SignedIn, error) {
	all, err := s.c.Doors.SessionsOf(ctx, personID)
	own := hex.EncodeToString(hash(session))
	markNew(all, time.Now())
	for i := range all {
		all[i].Current = all[i].ID == own
	}
	return all, err
}

// EndSession ends one of a person's sessions by its id.
func (s *Service) EndSession(ctx context.Context, v Visitor, id string) error {
	digest, err := hex.DecodeString(id)
	if err != nil {
		return errNoSession
	}
	n, err := s.c.Doors.DropSessions(ctx, v.PersonID, digest, false)
	if err == nil && n == 0 {
		return errNoSession
	}
	if err == nil {
		s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "session.ended", Subject: v.Email})
	}
	return err
}

var errNoSession = aurora.Errorf(aurora.NotFound, "That session has ended already.")

// EndOtherSessions signs a person out everywhere but here and returns how many
// sessions that ended.
func (s *Service) EndOtherSessions(ctx context.Context, v Visitor, session string) (int64, error) {
	n, err := s.c.Doors.DropSessions(ctx, v.PersonID, hash(session), true)
	if err == nil && n > 0 {
		s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "sessions.ended", Subject: v.Email, Detail: "all but the one that asked"})
	}
	return n, err
}

// SwitchAccount moves a session to another of the person's accounts.
func (s *Service) SwitchAccount(ctx context.Context, v Visitor, session string, accountID int64) error {
	in, err := s.c.Members.MembershipsOf(ctx, v.PersonID)
	if err != nil {
		return err
	}
	for _, m := range in {
		if m.Account.ID == accountID {
			return s.c.Doors.MoveSession(ctx, hash(session), accountID)
		}
	}
	return aurora.Errorf(aurora.NotFound, "You are not in that account.")
}

// ChangePassword replaces a person's password, which they must know, and ends
// their other sessions and the sign-ins that are half done: whoever began one
// knew the old password.
func (s *Service) ChangePassword(ctx context.Context, v Visitor, session, old, fresh string) error {
	if err := checkPasswordForm(fresh); err != nil {
		return err
	}
	if err := s.confirm(ctx, v, old); err != nil {
		return err
	}
	hashed, err := hashPassword(ctx, fresh)
	if err != nil {
		return err
	}
	if err := s.c.People.SetPassword(ctx, v.PersonID, hashed, hash(session)); err != nil {
		return err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "password.changed", Subject: v.Email, Detail: "other sessions were ended"})
	return nil
}

// confirm asks a signed-in person for their password again, before a change
// that a borrowed browser must not make. Who has none is not asked.
func (s *Service) confirm(ctx context.Context, v Visitor, password string) error {
	p, err := s.c.People.Person(ctx, v.Email)
	if err != nil {
		return err
	}
	if p.PasswordHash == "" {
		return nil
	}
	// Counted by itself: strangers who guess at the account do not keep those
	// out who are signed in.
	g := guess{account: v.Email, trusted: "session"}
	if err := s.attempt(g); err != nil {
		return err
	}
	if right, err := checkPassword(ctx, p.PasswordHash, password); err != nil {
		return err
	} else if !right {
		return aurora.Errorf(aurora.Forbidden, "That is not your password. Nothing was changed.")
	}
	s.guesses.succeeded(g)
	return nil
}
