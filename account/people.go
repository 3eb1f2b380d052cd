package account

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// Founder is a new account with its first owner: the password's argon2id hash
// and the developer secret, sealed.
type Founder struct {
	aurora.Account
	PasswordHash string
	DevSecret    []byte // sealed
}

// Person is someone who signs in. One person may be in several accounts.
type Person struct {
	ID           int64
	Email        string
	PasswordHash string // argon2id; "" if they sign in through a provider only
	CreatedAt    time.Time
}

// People stores accounts and the people in them. Emails are in lower case.
type People interface {
	// CreateAccount stores a new account, its founder and that they own it. With
	// a non-nil link hash it uses up that setup link in the same transaction:
	// ErrNone if it is not valid. A second account or person of the same email is
	// an aurora.Conflict.
	CreateAccount(ctx context.Context, f Founder, link []byte) (aurora.Account, error)
	// AccountByEmail returns ErrNone if nobody founded one with this address.
	AccountByEmail(ctx context.Context, email string) (aurora.Account, error)
	// AccountByDevKey returns ErrNone if there is no such account.
	AccountByDevKey(ctx context.Context, key string) (Founder, error)
	// HasPeople reports whether any account exists.
	HasPeople(ctx context.Context) (bool, error)
	// Person returns whoever has the email address, ErrNone if nobody has.
	Person(ctx context.Context, email string) (Person, error)
	// SetPassword replaces a person's password and ends their sessions but one,
	// and every link and half-done sign-in of theirs.
	SetPassword(ctx context.Context, personID int64, hash string, keep []byte) error
}

// Member is a person in an account.
type Member struct {
	PersonID  int64
	Email     string
	Role      aurora.Role
	JoinedAt  time.Time
	SeenAt    time.Time // of their newest session in the account; zero if they have none
	TwoFactor bool      // they have a second factor
}

// Membership is an account as one of its people sees it.
type Membership struct {
	Account aurora.Account
	Role    aurora.Role
}

// Members stores who is in an account. What would leave an account without an
// owner is refused with ErrLastOwner.
type Members interface {
	// MembersOf returns an account's people, the first to join first.
	MembersOf(ctx context.Context, accountID int64) ([]Member, error)
	// MembershipsOf returns a person's accounts, the oldest first.
	MembershipsOf(ctx context.Context, personID int64) ([]Membership, error)
	// SetRole returns ErrNone if the person is not in the account.
	SetRole(ctx context.Context, accountID, personID int64, role aurora.Role) (Member, error)
	// RemoveMember takes a person out of an account and ends their sessions there.
	RemoveMember(ctx context.Context, accountID, personID int64) (Member, error)
	// FirstOwner returns the owner who joined first.
	FirstOwner(ctx context.Context, accountID int64) (personID int64, err error)
}
