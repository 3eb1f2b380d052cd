package console

import (
	"context"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// Steps are what a sign-in may take beside a password.
type Steps interface {
	// StepFactors says how a step that SignIn left open can be made.
	StepFactors(ctx context.Context, step string) (account.SecondFactors, error)
	SignInWithCode(ctx context.Context, step, code string) (session string, err error)
	// AskForPasskey starts a sign-in by passkey, for an open step or alone.
	AskForPasskey(ctx context.Context, base, step string) (account.Ceremony, error)
	SignInWithPasskey(ctx context.Context, base, step, state string, answer []byte) (session string, err error)
}

// Provider is an OpenID Connect provider that people sign in through.
type Provider interface {
	// ProviderName is "" if there is none.
	ProviderName() string
	// BeginOIDC returns where to send the browser, and what it keeps meanwhile.
	BeginOIDC(ctx context.Context, redirect string) (target, state string, err error)
	SignInByOIDC(ctx context.Context, kept, state, code string) (session string, err error)
}

// Team is the people of an account. Changes need a role, which the service
// checks.
type Team interface {
	Members(ctx context.Context, accountID int64) ([]account.Member, error)
	Memberships(ctx context.Context, personID int64) ([]account.Membership, error)
	SetRole(ctx context.Context, accountID, personID int64, role aurora.Role) error
	RemoveMember(ctx context.Context, v account.Visitor, personID int64) error
	SwitchAccount(ctx context.Context, v account.Visitor, session string, accountID int64) error
}

// Invitations ask people into an account.
type Invitations interface {
	Invite(ctx context.Context, v account.Visitor, email string, role aurora.Role) (account.Invitation, string, error)
	Invitations(ctx context.Context, accountID int64) ([]account.Invitation, error)
	RevokeInvitation(ctx context.Context, accountID, id int64) error
	// OpenInvitation also says whether its address signs in here already.
	OpenInvitation(ctx context.Context, secret string) (i account.Invitation, known bool, err error)
	JoinNew(ctx context.Context, secret, password string) (session string, err error)
	Join(ctx context.Context, v account.Visitor, session, secret string) error
}

// Factors are a person's second factors.
type Factors interface {
	SecondFactors(ctx context.Context, personID int64) (account.SecondFactors, error)
	BeginCodes(ctx context.Context, v account.Visitor, password string) (account.Enrolment, error)
	PendingCodes(ctx context.Context, v account.Visitor) (account.Enrolment, bool, error)
	ConfirmCodes(ctx context.Context, v account.Visitor, code string) (recovery []string, err error)
	DisableCodes(ctx context.Context, v account.Visitor, password string) error
	RenewRecoveryCodes(ctx context.Context, v account.Visitor, password string) ([]string, error)
}

// Passkeys are made and removed by their person.
type Passkeys interface {
	BeginPasskey(ctx context.Context, v account.Visitor, base, password string) (account.Ceremony, error)
	AddPasskey(ctx context.Context, v account.Visitor, base, name, state string, answer []byte) (recovery []string, err error)
	RemovePasskey(ctx context.Context, v account.Visitor, id int64, password string) error
}

// Sessions are where a person is signed in.
type Sessions interface {
	Sessions(ctx context.Context, personID int64, session string) ([]account.SignedIn, error)
	EndSession(ctx context.Context, v account.Visitor, id string) error
	EndOtherSessions(ctx context.Context, v account.Visitor, session string) (int64, error)
	ChangePassword(ctx context.Context, v account.Visitor, session, old, fresh string) error
}

// AuditLog is who did what.
type AuditLog interface {
	Audit(ctx context.Context, q account.AuditQuery) ([]aurora.AuditEntry, error)
}

// Membership is all of that; the account service is it.
type Membership interface {
	Steps
	Provider
	Team
	Invitations
	Factors
	Passkeys
	Sessions
	AuditLog
}
