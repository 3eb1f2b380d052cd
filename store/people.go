package store

import (
	"context"
	"errors"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

func putPerson(t *tx, p account.Person) (account.Person, error) {
	err := t.row("INSERT INTO person (email, password_hash, created_at) VALUES ($1, $2, $3) RETURNING id", p.Email, p.PasswordHash, millis(p.CreatedAt)).Scan(&p.ID)
	return p, err
}

const personColumns = "id, email, password_hash, created_at"

func scanPerson(row scanner) (p account.Person, err error) {
	var created int64
	err = row.Scan(&p.ID, &p.Email, &p.PasswordHash, &created)
	p.CreatedAt = fromMillis(created)
	return p, none(err, account.ErrNone)
}

// Person returns account.ErrNone if nobody has the address.
func (s *Store) Person(ctx context.Context, email string) (account.Person, error) {
	return scanPerson(s.row(ctx, "SELECT "+personColumns+" FROM person WHERE email = $1", email))
}

// PersonByID returns account.ErrNone if there is nobody.
func (s *Store) PersonByID(ctx context.Context, id int64) (account.Person, error) {
	return scanPerson(s.row(ctx, "SELECT "+personColumns+" FROM person WHERE id = $1", id))
}

// SetPassword replaces a person's password and ends their sessions but one and
// their links.
func (s *Store) SetPassword(ctx context.Context, personID int64, hash string, keep []byte) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("UPDATE person SET password_hash = $2 WHERE id = $1", personID, hash); err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM link WHERE person_id = $1", personID); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM session WHERE person_id = $1 AND hash <> $2", personID, keep)
		return err
	})
}

const memberColumns = `p.id, p.email, m.role, m.created_at,
	COALESCE((SELECT MAX(s.seen_at) FROM session s WHERE s.person_id = p.id AND s.account_id = m.account_id), 0),
	(SELECT COUNT(*) FROM totp f WHERE f.person_id = p.id AND f.confirmed_at > 0) + (SELECT COUNT(*) FROM passkey k WHERE k.person_id = p.id)`

func scanMember(row scanner) (m account.Member, err error) {
	var role string
	var joined, seen, factors int64
	err = row.Scan(&m.PersonID, &m.Email, &role, &joined, &seen, &factors)
	m.Role, m.JoinedAt, m.SeenAt, m.TwoFactor = aurora.Role(role), fromMillis(joined), fromMillis(seen), factors > 0
	return m, none(err, account.ErrNone)
}

const memberTables = " FROM membership m JOIN person p ON p.id = m.person_id WHERE m.account_id = $1"

// MembersOf returns an account's people, the first to join first.
func (s *Store) MembersOf(ctx context.Context, accountID int64) (members []account.Member, err error) {
	err = s.rows(ctx, func(row scanner) error {
		m, err := scanMember(row)
		members = append(members, m)
		return err
	}, "SELECT "+memberColumns+memberTables+" ORDER BY m.created_at, p.id LIMIT 1000", accountID)
	return members, err
}

// MembershipsOf returns a person's accounts, the oldest first.
func (s *Store) MembershipsOf(ctx context.Context, personID int64) (in []account.Membership, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var m account.Membership
		var created int64
		var role string
		err := row.Scan(append(accountScan(&m.Account, &created), &role)...)
		m.Account.CreatedAt, m.Role = fromMillis(created), aurora.Role(role)
		in = append(in, m)
		return err
	}, "SELECT "+accountColumns+", m.role FROM membership m JOIN account a ON a.id = m.account_id WHERE m.person_id = $1 ORDER BY a.id LIMIT 1000", personID)
	return in, err
}

// FirstOwner returns the owner who joined first.
func (s *Store) FirstOwner(ctx context.Context, accountID int64) (personID int64, err error) {
	err = s.row(ctx, "SELECT person_id FROM membership WHERE account_id = $1 AND role = $2 ORDER BY created_at, person_id LIMIT 1", accountID, string(aurora.OwnerRole)).Scan(&personID)
	return personID, none(err, account.ErrNone)
}

// SetRole changes what somebody is in an account.
func (s *Store) SetRole(ctx context.Context, accountID, personID int64, role aurora.Role) (account.Member, error) {
	return s.changeMember(ctx, accountID, personID, role != aurora.OwnerRole, func(t *tx) error {
		_, err := t.exec("UPDATE membership SET role = $3 WHERE account_id = $1 AND person_id = $2", accountID, personID, string(role))
		return err
	})
}

// RemoveMember takes somebody out of an account and ends their sessions there.
func (s *Store) RemoveMember(ctx context.Context, accountID, personID int64) (account.Member, error) {
	return s.changeMember(ctx, accountID, personID, true, func(t *tx) error {
		if _, err := t.exec("DELETE FROM session WHERE account_id = $1 AND person_id = $2", accountID, personID); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM membership WHERE account_id = $1 AND person_id = $2", accountID, personID)
		return err
	})
}

// changeMember returns the member as they were. The account's row is written
// first, so that of two owners who demote each other one is too late, on every
// database.
func (s *Store) changeMember(ctx context.Context, accountID, personID int64, weakens bool, change func(*tx) error) (m account.Member, err error) {
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec("UPDATE account SET created_at = created_at WHERE id = $1", accountID); err != nil {
			return err
		}
		if m, err = scanMember(t.row("SELECT "+memberColumns+memberTables+" AND m.person_id = $2", accountID, personID)); err != nil {
			return err
		}
		var owners int
		if err := t.row("SELECT COUNT(*) FROM membership WHERE account_id = $1 AND role = $2", accountID, string(aurora.OwnerRole)).Scan(&owners); err != nil {
			return err
		}
		if weakens && m.Role == aurora.OwnerRole && owners < 2 {
			return account.ErrLastOwner
		}
		return change(t)
	})
	return m, err
}

const invitationColumns = "i.id, i.account_id, a.email, i.email, i.role, i.invited_by, i.created_at, i.expires_at"

func scanInvitation(row scanner) (i account.Invitation, err error) {
	var role string
	var created, expires int64
	err = row.Scan(&i.ID, &i.AccountID, &i.Account, &i.Email, &role, &i.InvitedBy, &created, &expires)
	i.Role, i.CreatedAt, i.ExpiresAt = aurora.Role(role), fromMillis(created), fromMillis(expires)
	return i, none(err, account.ErrNone)
}

// PutInvitation replaces an earlier one to the same address.
func (s *Store) PutInvitation(ctx context.Context, i account.Invitation, hash []byte, max int) (account.Invitation, error) {
	err := s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM invitation WHERE account_id = $1 AND (email = $2 OR expires_at < $3)", i.AccountID, i.Email, millis(t.now)); err != nil {
			return err
		}
		if err := t.gate("invitations", i.AccountID); err != nil {
			return err
		}
		var open int
		if err := t.row("SELECT COUNT(*) FROM invitation WHERE account_id = $1", i.AccountID).Scan(&open); err != nil {
			return err
		}
		if open >= max {
			return aurora.Errorf(aurora.Full, "The account has %d open invitations. Revoke some of them first.", open)
		}
		return t.row("INSERT INTO invitation (hash, account_id, email, role, invited_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
			hash, i.AccountID, i.Email, string(i.Role), i.InvitedBy, millis(i.CreatedAt), millis(i.ExpiresAt)).Scan(&i.ID)
	})
	return i, err
}

const invitationTables = " FROM invitation i JOIN account a ON a.id = i.account_id "

// Invitation returns account.ErrNone for one that is not valid.
func (s *Store) Invitation(ctx context.Context, hash []byte) (account.Invitation, error) {
	return scanInvitation(s.row(ctx, "SELECT "+invitationColumns+invitationTables+"WHERE i.hash = $1 AND i.expires_at >= $2", hash, nowMillis()))
}

// InvitationsOf returns an account's valid invitations, newest first.
func (s *Store) InvitationsOf(ctx context.Context, accountID int64) (all []account.Invitation, err error) {
	err = s.rows(ctx, func(row scanner) error {
		i, err := scanInvitation(row)
		all = append(all, i)
		return err
	}, "SELECT "+invitationColumns+invitationTables+"WHERE i.account_id = $1 AND i.expires_at >= $2 ORDER BY i.id DESC LIMIT 1000", accountID, nowMillis())
	return all, err
}

// DropInvitation returns account.ErrNone if there is none.
func (s *Store) DropInvitation(ctx context.Context, accountID, id int64) (i account.Invitation, err error) {
	err = s.write(ctx, func(t *tx) error {
		if i, err = scanInvitation(t.row("SELECT "+invitationColumns+invitationTables+"WHERE i.account_id = $1 AND i.id = $2", accountID, id)); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM invitation WHERE id = $1", id)
		return err
	})
	return i, err
}

// AcceptInvitation uses an invitation up and puts the person into its account.
func (s *Store) AcceptInvitation(ctx context.Context, hash []byte, p account.Person) (i account.Invitation, _ account.Person, err error) {
	err = s.write(ctx, func(t *tx) error {
		if i, err = scanInvitation(t.row("SELECT "+invitationColumns+invitationTables+"WHERE i.hash = $1 AND i.expires_at >= $2", hash, millis(t.now))); err != nil {
			return err
		}
		if used, err := t.exec("DELETE FROM invitation WHERE id = $1", i.ID); err != nil || used == 0 {
			return errors.Join(err, account.ErrNone)
		}
		joined := p
		if joined.ID == 0 {
			var taken int
			if err := t.row("SELECT COUNT(*) FROM person WHERE email = $1", p.Email).Scan(&taken); err != nil {
				return err
			}
			if taken > 0 {
				return aurora.Errorf(aurora.Conflict, "%s signs in here already. Sign in first and open the invitation again.", p.Email)
			}
			if joined, err = putPerson(t, p); err != nil {
				return err
			}
		}
		p = joined
		_, err := t.exec("INSERT INTO membership (account_id, person_id, role, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, person_id) DO NOTHING", i.AccountID, p.ID, string(i.Role), millis(t.now))
		return err
	})
	return i, p, err
}

// PersonByIdentity returns account.ErrNone if nobody has signed in so.
func (s *Store) PersonByIdentity(ctx context.Context, issuer, subject string) (account.Person, error) {
	return scanPerson(s.row(ctx, "SELECT "+personColumns+" FROM person WHERE id = (SELECT person_id FROM identity WHERE issuer = $1 AND subject = $2)", issuer, subject))
}

// PutIdentity notes who somebody is at a provider, and stores them if they are
// new. See account.Identities for what that ends.
func (s *Store) PutIdentity(ctx context.Context, issuer, subject string, p account.Person, accountID int64, role aurora.Role) (who account.Person, fresh bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		who, err = scanPerson(t.row("SELECT "+personColumns+" FROM person WHERE email = $1", p.Email))
		if fresh = errors.Is(err, account.ErrNone); fresh {
			if accountID == 0 {
				return account.ErrNone
			}
			if who, err = putPerson(t, p); err != nil {
				return err
			}
			_, err = t.exec("INSERT INTO membership (account_id, person_id, role, created_at) VALUES ($1, $2, $3, $4)", accountID, who.ID, string(role), millis(t.now))
		} else if err == nil {
			err = endUnproven(t, who)
		}
		if err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO identity (issuer, subject, person_id) VALUES ($1, $2, $3) ON CONFLICT (issuer, subject) DO UPDATE SET person_id = excluded.person_id", issuer, subject, who.ID)
		return err
	})
	return who, fresh, err
}

// endUnproven takes from a person whose address nobody has proved so far every
// way in that was set up under it. Founders have the data folder or its link.
func endUnproven(t *tx, p account.Person) error {
	var proven int
	if err := t.row("SELECT (SELECT COUNT(*) FROM identity WHERE person_id = $1) + (SELECT COUNT(*) FROM account WHERE email = $2)", p.ID, p.Email).Scan(&proven); err != nil || proven > 0 {
		return err
	}
	if _, err := t.exec("UPDATE person SET password_hash = '' WHERE id = $1", p.ID); err != nil {
		return err
	}
	for _, table := range []string{"session", "link", "totp", "recovery_code", "passkey"} {
		if _, err := t.exec("DELETE FROM "+table+" WHERE person_id = $1", p.ID); err != nil {
			return err
		}
	}
	return nil
}
