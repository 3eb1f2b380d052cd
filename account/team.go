package account

import (
	"context"
	"errors"

	"github.com/aurora-push/aurora"
)

// ErrLastOwner is what a store returns instead of leaving an account without
// an owner.
var ErrLastOwner = errors.New("account: the last owner")

// Members returns an account's people, the first to join first.
func (s *Service) Members(ctx context.Context, accountID int64) ([]Member, error) {
	return s.c.Members.MembersOf(ctx, accountID)
}

// Memberships returns a person's accounts, the oldest first.
func (s *Service) Memberships(ctx context.Context, personID int64) ([]Membership, error) {
	return s.c.Members.MembershipsOf(ctx, personID)
}

// SetRole changes what somebody is in an account. There is always an owner.
func (s *Service) SetRole(ctx context.Context, accountID, personID int64, role aurora.Role) error {
	if err := aurora.Require(ctx, aurora.TeamRight); err != nil {
		return err
	}
	if _, err := aurora.ParseRole(string(role)); err != nil {
		return err
	}
	m, err := s.c.Members.SetRole(ctx, accountID, personID, role)
	if err != nil {
		return explainMember(err)
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: accountID, Action: "member.role-changed", Subject: m.Email, Detail: "now " + string(role)})
	return nil
}

// RemoveMember takes somebody out of an account and ends their sessions there.
// People may leave by themselves.
func (s *Service) RemoveMember(ctx context.Context, v Visitor, personID int64) error {
	if personID != v.PersonID {
		if err := aurora.Require(ctx, aurora.TeamRight); err != nil {
			return err
		}
	}
	m, err := s.c.Members.RemoveMember(ctx, v.Account.ID, personID)
	if err != nil {
		return explainMember(err)
	}
	detail := ""
	if personID == v.PersonID {
		detail = "left"
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "member.removed", Subject: m.Email, Detail: detail})
	return nil
}

func explainMember(err error) error {
	switch {
	case errors.Is(err, ErrNone):
		return aurora.Errorf(aurora.NotFound, "That person is not in the account any more.")
	case errors.Is(err, ErrLastOwner):
		return aurora.Errorf(aurora.Conflict, "The account needs an owner. Make somebody else one first.")
	}
	return err
}
