// Package mail tells people by email what they must not miss: that a credential
// ends, that they are invited, and that somebody signed in as them. What is to be sent is in the database before
// anybody relies on it, and stays there until the mail server has taken it.
package mail

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Letter is a mail that waits in the outbox.
type Letter struct {
	ID        int64
	To        string
	Subject   string
	Sealed    []byte // the text: it may hold a link that opens a door
	Attempt   int    // how often it was tried
	CreatedAt time.Time
}

// Fate is what became of an attempt.
type Fate struct {
	Sent    bool
	Again   time.Time // when to try again; zero with Sent unset gives the letter up
	Problem string    // what went wrong
}

// Queue is how the outbox stands.
type Queue struct {
	Waiting, GivenUp int
	// Problem is why the newest letter that is not through did not get through.
	Problem string
	At      time.Time // of that attempt
}

// Outbox keeps letters until they are through.
type Outbox interface {
	// PutMail stores letters together. If more than max wait it refuses with
	// aurora.Full.
	PutMail(ctx context.Context, letters []Letter, max int) error
	// LeaseMail returns letters that are due, the longest due first, which nobody
	// else gets before until.
	LeaseMail(ctx context.Context, until time.Time, max int) ([]Letter, error)
	// SettleMail writes an attempt's fate, unless another was made meanwhile.
	SettleMail(ctx context.Context, l Letter, f Fate) error
	MailQueue(ctx context.Context) (Queue, error)
	// SweepMail forgets letters made before a moment that were given up.
	SweepMail(ctx context.Context, before time.Time) error
}

// Ending is a credential that ends soon, and whose it is.
type Ending struct {
	aurora.Credential
	App       string // its name
	AppKey    string
	AccountID int64
}

// Expiries knows which credentials end and who is told.
type Expiries interface {
	// EndingCredentials returns those that end before the time.
	EndingCredentials(ctx context.Context, before time.Time) ([]Ending, error)
	// AddressesOf returns an account's people who have one of the roles.
	AddressesOf(ctx context.Context, accountID int64, roles []aurora.Role) ([]string, error)
	// PutExpiryMail stores a warning's letters unless it was given before, in one
	// transaction, whatever number waits.
	PutExpiryMail(ctx context.Context, credentialID int64, days int, letters []Letter) (given bool, err error)
}

// Sealer encrypts secrets at rest.
type Sealer interface {
	Close(secret []byte, label string) []byte
	Open(sealed []byte, label string) ([]byte, error)
}

// Config is what a Service is made of.
type Config struct {
	Relay    Relay
	Outbox   Outbox
	Expiries Expiries
	Sealer   Sealer
	// PublicURL is where the console is, for links; "" leaves them out.
	PublicURL string
	Logger    *slog.Logger
	// TLS is how the mail server is trusted; nil means as the system does.
	TLS *tls.Config
}

// Service writes and posts letters.
type Service struct {
	c    Config
	wake chan struct{}
}

// New returns a service. It posts once Run is called.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return &Service{c: c, wake: make(chan struct{}, 1)}
}

// Relay returns the mail server in use.
func (s *Service) Relay() Relay { return s.c.Relay }

// Queue returns how the outbox stands.
func (s *Service) Queue(ctx context.Context) (Queue, error) { return s.c.Outbox.MailQueue(ctx) }

// Invitation asks somebody into an account.
type Invitation struct {
	To, Account, InvitedBy string
	Role                   aurora.Role
	Link                   string
	Until                  time.Time
}

// maxWaiting bounds the letters that wait because of what people do.
const maxWaiting = 10_000

// Invite mails an invitation's link. When it returns without an error the letter
// is in the outbox, durably.
func (s *Service) Invite(ctx context.Context, i Invitation) error {
	if err := aurora.Require(ctx, aurora.TeamRight); err != nil {
		return err
	}
	if err := s.c.Outbox.PutMail(ctx, []Letter{s.letter(i.To, invitationText(i))}, maxWaiting); err != nil {
		return err
	}
	s.Wake()
	return nil
}

// SignIn is a sign-in from where its person has not signed in before.
type SignIn struct {
	To, Browser, Address string // "" is not known
	At                   time.Time
}

// TellSignIn mails a person that somebody has signed in as them. When it returns
// without an error the letter is in the outbox, durably.
func (s *Service) TellSignIn(ctx context.Context, in SignIn) error {
	if err := s.c.Outbox.PutMail(ctx, []Letter{s.letter(in.To, signInText(in, s.c.PublicURL))}, maxWaiting); err != nil {
		return err
	}
	s.Wake()
	return nil
}

// Test sends a mail at once and returns what the mail server said to it.
func (s *Service) Test(ctx context.Context, to string) error {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return err
	}
	t := testText(s.c.PublicURL)
	if err := s.send(ctx, to, t, ""); err != nil {
		return aurora.Errorf(aurora.Unavailable, "%s", s.sentence(err))
	}
	return nil
}

// Wake makes Run look at once.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) letter(to string, t text) Letter {
	return Letter{To: to, Subject: t.Subject, Sealed: s.c.Sealer.Close([]byte(t.Body), label(to)), CreatedAt: time.Now()}
}

func label(to string) string { return "mail " + to }
