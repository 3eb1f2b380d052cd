package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Invitation asks somebody into an account. Its link is shown once, to whoever
// invites, and works once, within a week.
type Invitation struct {
	ID        int64
	AccountID int64
	Account   string // the account's name: its founder's address
	Email     string
	Role      aurora.Role
	InvitedBy string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Invitations stores invitations by the SHA-256 of their link's secret.
type Invitations interface {
	// PutInvitation replaces an earlier one to the same address. An invitation
	// too many is refused with aurora.Full.
	PutInvitation(ctx context.Context, i Invitation, hash []byte, max int) (Invitation, error)
	// Invitation returns ErrNone for one that was used, revoked or has expired.
	Invitation(ctx context.Context, hash []byte) (Invitation, error)
	// InvitationsOf returns an account's valid invitations, newest first.
	InvitationsOf(ctx context.Context, accountID int64) ([]Invitation, error)
	// DropInvitation returns ErrNone if there is none.
	DropInvitation(ctx context.Context, accountID, id int64) (Invitation, error)
	// AcceptInvitation uses an invitation up and puts the person, who is stored
	// first if the id is 0, into its account. Who is in it already keeps their role.
	AcceptInvitation(ctx context.Context, hash []byte, p Person) (Invitation, Person, error)
}

const (
	invitationLife = 7 * 24 * time.Hour
	maxInvitations = 100 // open ones of an account
)

// Invite makes an invitation and returns the secret of its link.
func (s *Service) Invite(ctx context.Context, v Visitor, email string, role aurora.Role) (Invitation, string, error) {
	if err := aurora.Require(ctx, aurora.TeamRight); err != nil {
		return Invitation{}, "", err
	}
	email, err := normalizeEmail(email)
	if err != nil {
		return Invitation{}, "", err
	}
	if _, err := aurora.ParseRole(string(role)); err != nil {
		return Invitation{}, "", err
	}
	members, err := s.c.Members.MembersOf(ctx, v.Account.ID)
	if err != nil {
		return Invitation{}, "", err
	}
	for _, m := range members {
		if m.Email == email {
			return Invitation{}, "", aurora.Errorf(aurora.Conflict, "%s is in the account already, as %s.", email, m.Role)
		}
	}
	now, secret := time.Now(), newToken()
	i := Invitation{AccountID: v.Account.ID, Account: v.Account.Email, Email: email, Role: role, InvitedBy: v.Email, CreatedAt: now, ExpiresAt: now.Add(invitationLife)}
	if i, err = s.c.Invitations.PutInvitation(ctx, i, hash(secret), maxInvitations); err != nil {
		return i, "", err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "invitation.created", Subject: email, Detail: "as " + string(role)})
	return i, secret, nil
}

// Invitations returns an account's open invitations, newest first.
func (s *Service) Invitations(ctx context.Context, accountID int64) ([]Invitation, error) {
	return s.c.Invitations.InvitationsOf(ctx, accountID)
}

// RevokeInvitation makes an invitation's link useless.
func (s *Service) RevokeInvitation(ctx context.Context, accountID, id int64) error {
	if err := aurora.Require(ctx, aurora.TeamRight); err != nil {
		return err
	}
	i, err := s.c.Invitations.DropInvitation(ctx, accountID, id)
	if errors.Is(err, ErrNone) {
		return aurora.Errorf(aurora.NotFound, "That invitation was used or revoked before.")
	}
	if err != nil {
		return err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: accountID, Action: "invitation.revoked", Subject: i.Email})
	return nil
}

var errNoInvitation = aurora.Errorf(aurora.Forbidden, "This invitation was used before, was revoked, or is older than a week. Ask for another one.")

// OpenInvitation returns the invitation of a link, and whether somebody with
// its address signs in here already: they join by signing in.
func (s *Service) OpenInvitation(ctx context.Context, secret string) (i Invitation, known bool, err error) {
	if i, err = s.c.Invitations.Invitation(ctx, hash(secret)); err != nil {
		return i, false, orNoInvitation(err)
	}
	_, err = s.c.People.Person(ctx, i.Email)
	if errors.Is(err, ErrNone) {
		return i, false, nil
	}
	return i, err == nil, err
}

func orNoInvitation(err error) error {
	if errors.Is(err, ErrNone) {
		return errNoInvitation
	}
	return err
}

// JoinNew accepts an invitation for somebody who is new here and returns their
// first session.
func (s *Service) JoinNew(ctx context.Context, secret, password string) (string, error) {
	i, known, err := s.OpenInvitation(ctx, secret)
	if err != nil {
		return "", err
	}
	if known {
		return "", aurora.Errorf(aurora.Conflict, "%s signs in here already. Sign in first and open the invitation again.", i.Email)
	}
	if err := checkPasswordForm(password); err != nil {
		return "", err
	}
	hashed, err := hashPassword(ctx, password)
	if err != nil {
		return "", err
	}
	p, err := s.join(ctx, secret, Person{Email: i.Email, PasswordHash: hashed, CreatedAt: time.Now()})
	if err != nil {
		return "", err
	}
	return s.openSession(ctx, p.ID, p.Email, "on joining")
}

// Join accepts an invitation for somebody who is signed in, and leads their
// session into the account. The invitation must be for their address.
func (s *Service) Join(ctx context.Context, v Visitor, session, secret string) error {
	i, err := s.c.Invitations.Invitation(ctx, hash(secret))
	if err != nil {
		return orNoInvitation(err)
	}
	if !strings.EqualFold(i.Email, v.Email) {
		return aurora.Errorf(aurora.Forbidden, "The invitation is for %s and you are signed in as %s. Sign out and sign in as %s, or ask for an invitation of your own.", i.Email, v.Email, i.Email)
	}
	if _, err := s.join(ctx, secret, Person{ID: v.PersonID, Email: v.Email}); err != nil {
		return err
	}
	return s.c.Doors.MoveSession(ctx, hash(session), i.AccountID)
}

func (s *Service) join(ctx context.Context, secret string, p Person) (Person, error) {
	i, p, err := s.c.Invitations.AcceptInvitation(ctx, hash(secret), p)
	if err != nil {
		return p, orNoInvitation(err)
	}
	s.recordAs(ctx, p.Email, aurora.AuditEntry{AccountID: i.AccountID, Action: "member.joined", Subject: p.Email, Detail: "as " + string(i.Role) + ", invited by " + i.InvitedBy})
	return p, nil
}
