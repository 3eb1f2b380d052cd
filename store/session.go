package store

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// PutLink stores a one-time link and drops those that are no longer valid.
func (s *Store) PutLink(ctx context.Context, hash []byte, purpose account.LinkPurpose, whom account.LinkFor, expires time.Time) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM link WHERE expires_at < $1 OR (purpose = $2 AND purpose = $3)", millis(t.now), string(purpose), string(account.SetupLink)); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO link (hash, purpose, account_id, person_id, expires_at) VALUES ($1, $2, $3, $4, $5)", hash, string(purpose), whom.AccountID, whom.PersonID, millis(expires))
		return err
	})
}

// Link returns whom a valid link is for, or account.ErrNone.
func (s *Store) Link(ctx context.Context, hash []byte, purpose account.LinkPurpose) (whom account.LinkFor, err error) {
	err = s.row(ctx, "SELECT account_id, person_id FROM link WHERE hash = $1 AND purpose = $2 AND expires_at >= $3", hash, string(purpose), time.Now().UnixMilli()).Scan(&whom.AccountID, &whom.PersonID)
	return whom, none(err, account.ErrNone)
}

// UseLink deletes a valid link and returns whom it was for, or account.ErrNone.
func (s *Store) UseLink(ctx context.Context, hash []byte, purpose account.LinkPurpose) (whom account.LinkFor, err error) {
	err = s.write(ctx, func(t *tx) error {
		whom, err = useLink(t, hash, purpose)
		return err
	})
	return whom, err
}

func useLink(t *tx, hash []byte, purpose account.LinkPurpose) (whom account.LinkFor, err error) {
	err = t.row("DELETE FROM link WHERE hash = $1 AND purpose = $2 AND expires_at >= $3 RETURNING account_id, person_id", hash, string(purpose), millis(t.now)).Scan(&whom.AccountID, &whom.PersonID)
	return whom, none(err, account.ErrNone)
}

// PutSession stores a session and drops the expired ones.
func (s *Store) PutSession(ctx context.Context, hash []byte, in account.SignedIn) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM session WHERE expires_at < $1", millis(t.now)); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO session (hash, account_id, person_id, created_at, seen_at, expires_at, address, agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			hash, in.AccountID, in.PersonID, millis(in.CreatedAt), millis(in.SeenAt), millis(in.ExpiresAt), in.Address, in.Agent)
		return err
	})
}

// Visitor returns account.ErrNone for a session that is unknown or has expired,
// or whose person is not in the account any more.
func (s *Store) Visitor(ctx context.Context, hash []byte) (v account.Visitor, err error) {
	var created, seen int64
	var role string
	err = s.row(ctx, "SELECT "+accountColumns+`, p.id, p.email, m.role, s.seen_at FROM session s
		JOIN membership m ON m.account_id = s.account_id AND m.person_id = s.person_id
		JOIN account a ON a.id = s.account_id JOIN person p ON p.id = s.person_id
		WHERE s.hash = $1 AND s.expires_at >= $2`, hash, time.Now().UnixMilli()).
		Scan(append(accountScan(&v.Account, &created), &v.PersonID, &v.Email, &role, &seen)...)
	v.Account.CreatedAt, v.SeenAt, v.Role = fromMillis(created), fromMillis(seen), aurora.Role(role)
	return v, none(err, account.ErrNone)
}

// TouchSession notes that a session was used.
func (s *Store) TouchSession(ctx context.Context, hash []byte, at time.Time, address string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE session SET seen_at = $2, address = $3 WHERE hash = $1", hash, millis(at), address)
		return err
	})
}

// SessionsOf returns a person's sessions, the last used first.
func (s *Store) SessionsOf(ctx context.Context, personID int64) (all []account.SignedIn, err error) {
	err = s.rows(ctx, func(row scanner) error {
		in := account.SignedIn{PersonID: personID}
		var hash []byte
		var created, seen, expires int64
		err := row.Scan(&hash, &in.AccountID, &created, &seen, &expires, &in.Address, &in.Agent)
		in.ID, in.CreatedAt, in.SeenAt, in.ExpiresAt = hex.EncodeToString(hash), fromMillis(created), fromMillis(seen), fromMillis(expires)
		all = append(all, in)
		return err
	}, "SELECT hash, account_id, created_at, seen_at, expires_at, address, agent FROM session WHERE person_id = $1 AND expires_at >= $2 ORDER BY seen_at DESC, hash LIMIT 200", personID, time.Now().UnixMilli())
	return all, err
}

// DropSessions ends one of a person's sessions, or all others and their links.
func (s *Store) DropSessions(ctx context.Context, personID int64, hash []byte, others bool) (n int64, err error) {
	query := "DELETE FROM session WHERE person_id = $1 AND hash = $2"
	if others {
		query = "DELETE FROM session WHERE person_id = $1 AND hash <> $2"
	}
	err = s.write(ctx, func(t *tx) error {
		if others {
			if _, err := t.exec("DELETE FROM link WHERE person_id = $1", personID); err != nil {
				return err
			}
		}
		n, err = t.exec(query, personID, hash)
		return err
	})
	return n, err
}

// MoveSession makes a session one of another account.
func (s *Store) MoveSession(ctx context.Context, hash []byte, accountID int64) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE session SET account_id = $2 WHERE hash = $1", hash, accountID)
		return err
	})
}
