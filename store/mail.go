package store

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/mail"
)

// PutMail stores letters, unless too many wait.
func (s *Store) PutMail(ctx context.Context, letters []mail.Letter, max int) error {
	return s.write(ctx, func(t *tx) error {
		var waiting int
		if err := t.row("SELECT COUNT(*) FROM mail WHERE given_up_at = 0").Scan(&waiting); err != nil {
			return err
		}
		if waiting+len(letters) > max {
			return aurora.Errorf(aurora.Full, "%d mails wait for the mail server, which is the most that is kept. The page System says why they do not get through.", waiting)
		}
		return putMail(t, letters)
	})
}

func putMail(t *tx, letters []mail.Letter) error {
	for _, l := range letters {
		if _, err := t.exec("INSERT INTO mail (recipient, subject, body, due_at, created_at) VALUES ($1, $2, $3, $4, $5)",
			l.To, l.Subject, l.Sealed, millis(t.now), millis(l.CreatedAt)); err != nil {
			return err
		}
	}
	return nil
}

// LeaseMail returns letters that are due and that nobody else gets before a time.
func (s *Store) LeaseMail(ctx context.Context, until time.Time, max int) (letters []mail.Letter, err error) {
	var due int
	if err := s.row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM mail WHERE given_up_at = 0 AND due_at <= $1 LIMIT 1) q", millis(time.Now())).Scan(&due); err != nil || due == 0 {
		return nil, err
	}
	err = s.claim(ctx, func(t *tx) error {
		letters = nil
		return t.rows(func(row scanner) error {
			var l mail.Letter
			var created int64
			err := row.Scan(&l.ID, &l.To, &l.Subject, &l.Sealed, &l.Attempt, &created)
			l.CreatedAt = fromMillis(created)
			letters = append(letters, l)
			return err
		}, "UPDATE mail SET due_at = $2 WHERE id IN (SELECT id FROM mail WHERE given_up_at = 0 AND due_at <= $1 ORDER BY due_at, id LIMIT $3) AND due_at <= $1 RETURNING id, recipient, subject, body, attempt, created_at",
			millis(t.now), millis(until), max)
	})
	return letters, err
}

// SettleMail writes what became of an attempt, unless another was made meanwhile.
func (s *Store) SettleMail(ctx context.Context, l mail.Letter, f mail.Fate) error {
	return s.write(ctx, func(t *tx) error {
		if f.Sent {
			_, err := t.exec("DELETE FROM mail WHERE id = $1", l.ID)
			return err
		}
		givenUp := t.now
		if !f.Again.IsZero() {
			givenUp = time.Time{}
		}
		_, err := t.exec("UPDATE mail SET attempt = $3, due_at = $4, tried_at = $5, problem = $6, given_up_at = $7 WHERE id = $1 AND attempt = $2",
			l.ID, l.Attempt-1, l.Attempt, millis(f.Again), millis(t.now), f.Problem, millis(givenUp))
		return err
	})
}

// MailQueue returns how many letters wait or were given up, and the newest problem.
func (s *Store) MailQueue(ctx context.Context) (q mail.Queue, err error) {
	var at int64
	err = s.row(ctx, `SELECT (SELECT COUNT(*) FROM mail WHERE given_up_at = 0), (SELECT COUNT(*) FROM mail WHERE given_up_at > 0),
		COALESCE((SELECT problem FROM mail WHERE tried_at > 0 ORDER BY tried_at DESC, id DESC LIMIT 1), ''), COALESCE((SELECT MAX(tried_at) FROM mail), 0)`).
		Scan(&q.Waiting, &q.GivenUp, &q.Problem, &at)
	q.At = fromMillis(at)
	return q, err
}

// SweepMail forgets letters that were given up, and warnings about credentials
// that are no more.
func (s *Store) SweepMail(ctx context.Context, before time.Time) error {
	var old int
	if err := s.row(ctx, `SELECT (SELECT COUNT(*) FROM mail WHERE given_up_at > 0 AND created_at < $1) +
		(SELECT COUNT(*) FROM expiry_mail WHERE NOT EXISTS (SELECT 1 FROM credential c WHERE c.id = expiry_mail.credential_id))`, millis(before)).Scan(&old); err != nil || old == 0 {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM mail WHERE given_up_at > 0 AND created_at < $1", millis(before)); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM expiry_mail WHERE NOT EXISTS (SELECT 1 FROM credential c WHERE c.id = expiry_mail.credential_id)")
		return err
	})
}

// EndingCredentials returns credentials that end before a time, with their apps.
func (s *Store) EndingCredentials(ctx context.Context, before time.Time) (list []mail.Ending, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var e mail.Ending
		c, err := scanCredential(with{row, []any{&e.App, &e.AppKey, &e.AccountID}})
		if err == nil && !c.NotAfter.IsZero() && c.NotAfter.Before(before) {
			e.Credential = c.Credential
			list = append(list, e)
		}
		return err
	}, "SELECT c.id, c.app_id, c.environment, c.facts, c.file, c.validated_at, c.parked, c.parked_at, a.name, a.app_key, a.account_id FROM credential c JOIN app a ON a.id = c.app_id WHERE a.deleted_at = 0 ORDER BY c.id")
	return list, err
}

// with scans further columns of a row after those that are asked for.
type with struct {
	scanner
	more []any
}

func (w with) Scan(into ...any) error { return w.scanner.Scan(append(into, w.more...)...) }

// AddressesOf returns the people of an account who have one of the roles.
func (s *Store) AddressesOf(ctx context.Context, accountID int64, roles []aurora.Role) (list []string, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var email, role string
		err := row.Scan(&email, &role)
		for _, r := range roles {
			if r == aurora.Role(role) {
				list = append(list, email)
			}
		}
		return err
	}, "SELECT p.email, m.role FROM membership m JOIN person p ON p.id = m.person_id WHERE m.account_id = $1 ORDER BY p.id LIMIT 1000", accountID)
	return list, err
}

// PutExpiryMail stores a warning's letters unless it was given before.
func (s *Store) PutExpiryMail(ctx context.Context, credentialID int64, days int, letters []mail.Letter) (given bool, err error) {
	var before int
	if err := s.row(ctx, "SELECT COUNT(*) FROM expiry_mail WHERE credential_id = $1 AND days = $2", credentialID, days).Scan(&before); err != nil || before > 0 {
		return false, err
	}
	err = s.write(ctx, func(t *tx) error {
		changed, err := t.exec("INSERT INTO expiry_mail (credential_id, days) VALUES ($1, $2) ON CONFLICT (credential_id, days) DO NOTHING", credentialID, days)
		given = changed > 0
		if err != nil || !given {
			return err
		}
		return putMail(t, letters)
	})
	return given, err
}
