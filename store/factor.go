package store

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

func nowMillis() int64 { return time.Now().UnixMilli() }

// Totp returns account.ErrNone if the person has none.
func (s *Store) Totp(ctx context.Context, personID int64) (f account.Totp, err error) {
	var confirmed int64
	err = s.row(ctx, "SELECT secret, confirmed_at, last_step FROM totp WHERE person_id = $1", personID).Scan(&f.Secret, &confirmed, &f.LastStep)
	f.ConfirmedAt = fromMillis(confirmed)
	return f, none(err, account.ErrNone)
}

// PutTotp stores a secret that is not confirmed yet; a confirmed one stays.
func (s *Store) PutTotp(ctx context.Context, personID int64, sealed []byte) error {
	return s.write(ctx, func(t *tx) error {
		changed, err := t.exec(`INSERT INTO totp (person_id, secret) VALUES ($1, $2)
			ON CONFLICT (person_id) DO UPDATE SET secret = excluded.secret, last_step = 0 WHERE totp.confirmed_at = 0`, personID, sealed)
		if err == nil && changed == 0 {
			return account.ErrNone
		}
		return err
	})
}

// UseTotp confirms the secret and notes the step of a code, which must be newer
// than the last.
func (s *Store) UseTotp(ctx context.Context, personID, step int64) error {
	return s.write(ctx, func(t *tx) error {
		changed, err := t.exec("UPDATE totp SET last_step = $2, confirmed_at = CASE WHEN confirmed_at = 0 THEN $3 ELSE confirmed_at END WHERE person_id = $1 AND last_step < $2", personID, step, millis(t.now))
		if err == nil && changed == 0 {
			return account.ErrNone
		}
		return err
	})
}

// DropTotp removes the secret.
func (s *Store) DropTotp(ctx context.Context, personID int64) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM totp WHERE person_id = $1", personID)
		return err
	})
}

// PutRecoveryCodes replaces a person's recovery codes.
func (s *Store) PutRecoveryCodes(ctx context.Context, personID int64, hashes [][]byte) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM recovery_code WHERE person_id = $1", personID); err != nil {
			return err
		}
		for _, h := range hashes {
			if _, err := t.exec("INSERT INTO recovery_code (person_id, hash) VALUES ($1, $2)", personID, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecoveryCode deletes a code and counts the rest.
func (s *Store) UseRecoveryCode(ctx context.Context, personID int64, hash []byte) (left int, err error) {
	err = s.write(ctx, func(t *tx) error {
		used, err := t.exec("DELETE FROM recovery_code WHERE person_id = $1 AND hash = $2", personID, hash)
		if err != nil {
			return err
		}
		if used == 0 {
			return account.ErrNone
		}
		return t.row("SELECT COUNT(*) FROM recovery_code WHERE person_id = $1", personID).Scan(&left)
	})
	return left, err
}

const passkeyColumns = "id, person_id, credential_id, name, data, created_at, used_at"

func scanPasskey(row scanner) (p account.Passkey, err error) {
	var created, used int64
	err = row.Scan(&p.ID, &p.PersonID, &p.CredentialID, &p.Name, &p.Data, &created, &used)
	p.CreatedAt, p.UsedAt = fromMillis(created), fromMillis(used)
	return p, none(err, account.ErrNone)
}

// PutPasskey stores a new passkey unless the person has max.
func (s *Store) PutPasskey(ctx context.Context, p account.Passkey, max int) (account.Passkey, error) {
	err := s.write(ctx, func(t *tx) error {
		var have, known int
		if err := t.row("SELECT COUNT(*), (SELECT COUNT(*) FROM passkey WHERE credential_id = $2) FROM passkey WHERE person_id = $1", p.PersonID, p.CredentialID).Scan(&have, &known); err != nil {
			return err
		}
		if known > 0 {
			return aurora.Errorf(aurora.Conflict, "This passkey is stored already.")
		}
		if have >= max {
			return aurora.Errorf(aurora.Full, "You have %d passkeys. Remove one that you no longer use.", have)
		}
		return t.row("INSERT INTO passkey (person_id, credential_id, name, data, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
			p.PersonID, p.CredentialID, p.Name, p.Data, millis(p.CreatedAt)).Scan(&p.ID)
	})
	return p, err
}

// PasskeysOf returns a person's passkeys, the oldest first.
func (s *Store) PasskeysOf(ctx context.Context, personID int64) (all []account.Passkey, err error) {
	err = s.rows(ctx, func(row scanner) error {
		p, err := scanPasskey(row)
		all = append(all, p)
		return err
	}, "SELECT "+passkeyColumns+" FROM passkey WHERE person_id = $1 ORDER BY id LIMIT 100", personID)
	return all, err
}

// UsePasskey notes a use with the data that it changed.
func (s *Store) UsePasskey(ctx context.Context, id int64, data string, at time.Time) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE passkey SET data = $2, used_at = $3 WHERE id = $1", id, data, millis(at))
		return err
	})
}

// DropPasskey returns account.ErrNone if the person has no such passkey.
func (s *Store) DropPasskey(ctx context.Context, personID, id int64) (p account.Passkey, err error) {
	err = s.write(ctx, func(t *tx) error {
		p, err = scanPasskey(t.row("DELETE FROM passkey WHERE person_id = $1 AND id = $2 RETURNING "+passkeyColumns, personID, id))
		return err
	})
	return p, err
}
