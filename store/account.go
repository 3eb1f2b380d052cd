package store

import (
	"context"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// CreatePerson stores an account, using up a setup link if one is given. Any
// other setup link dies with it.
func (s *Store) CreatePerson(ctx context.Context, p account.Person, link []byte) (aurora.Account, error) {
	err := s.write(ctx, func(t *tx) error {
		if link != nil {
			if _, err := useLink(t, link, account.SetupLink); err != nil {
				return err
			}
		}
		var taken int
		if err := t.row("SELECT COUNT(*) FROM account WHERE email = $1", p.Email).Scan(&taken); err != nil {
			return err
		}
		if taken > 0 {
			return aurora.Errorf(aurora.Conflict, "There is already an account %s.", p.Email)
		}
		// A set-up link is for the first account: one in an old log must not make
		// another beside an account from the command line.
		if _, err := t.exec("DELETE FROM link WHERE purpose = $1", string(account.SetupLink)); err != nil {
			return err
		}
		return t.row("INSERT INTO account (email, password_hash, dev_key, dev_secret, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
			p.Email, p.PasswordHash, p.DevKey, p.DevSecret, millis(p.CreatedAt)).Scan(&p.ID)
	})
	return p.Account, err
}

// PersonByEmail returns account.ErrNone if there is no such account.
func (s *Store) PersonByEmail(ctx context.Context, email string) (account.Person, error) {
	return s.person(ctx, "email", email)
}

// PersonByDevKey returns account.ErrNone if there is no such account.
func (s *Store) PersonByDevKey(ctx context.Context, key string) (account.Person, error) {
	return s.person(ctx, "dev_key", key)
}

func (s *Store) person(ctx context.Context, column, value string) (p account.Person, err error) {
	var created int64
	err = s.row(ctx, "SELECT id, email, password_hash, dev_key, dev_secret, created_at FROM account WHERE "+column+" = $1", value).
		Scan(&p.ID, &p.Email, &p.PasswordHash, &p.DevKey, &p.DevSecret, &created)
	p.CreatedAt = fromMillis(created)
	return p, none(err, account.ErrNone)
}

// HasPeople reports whether any account exists.
func (s *Store) HasPeople(ctx context.Context) (bool, error) {
	var n int
	err := s.row(ctx, "SELECT COUNT(*) FROM account").Scan(&n)
	return n > 0, err
}

// PutLink stores a one-time link and drops those that are no longer valid.
func (s *Store) PutLink(ctx context.Context, hash []byte, purpose account.LinkPurpose, accountID int64, expires time.Time) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM link WHERE expires_at < $1 OR (purpose = $2 AND purpose = $3)", millis(t.now), string(purpose), string(account.SetupLink)); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO link (hash, purpose, account_id, expires_at) VALUES ($1, $2, $3, $4)", hash, string(purpose), accountID, millis(expires))
		return err
	})
}

// UseLink deletes a valid link and returns its account, or account.ErrNone.
func (s *Store) UseLink(ctx context.Context, hash []byte, purpose account.LinkPurpose) (id int64, err error) {
	err = s.write(ctx, func(t *tx) error {
		id, err = useLink(t, hash, purpose)
		return err
	})
	return id, err
}

func useLink(t *tx, hash []byte, purpose account.LinkPurpose) (id int64, err error) {
	err = t.row("DELETE FROM link WHERE hash = $1 AND purpose = $2 AND expires_at >= $3 RETURNING account_id", hash, string(purpose), millis(t.now)).Scan(&id)
	return id, none(err, account.ErrNone)
}

// PutSession stores a session and drops the expired ones.
func (s *Store) PutSession(ctx context.Context, hash []byte, accountID int64, expires time.Time) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM session WHERE expires_at < $1", millis(t.now)); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO session (hash, account_id, expires_at) VALUES ($1, $2, $3)", hash, accountID, millis(expires))
		return err
	})
}

// SessionAccount returns account.ErrNone for an unknown or expired session.
func (s *Store) SessionAccount(ctx context.Context, hash []byte) (a aurora.Account, err error) {
	var created int64
	err = s.row(ctx, "SELECT a.id, a.email, a.dev_key, a.created_at FROM session s JOIN account a ON a.id = s.account_id WHERE s.hash = $1 AND s.expires_at >= $2", hash, time.Now().UnixMilli()).
		Scan(&a.ID, &a.Email, &a.DevKey, &created)
	a.CreatedAt = fromMillis(created)
	return a, none(err, account.ErrNone)
}

// DropSession ends a session.
func (s *Store) DropSession(ctx context.Context, hash []byte) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM session WHERE hash = $1", hash)
		return err
	})
}

// CreateApp stores a new app.
func (s *Store) CreateApp(ctx context.Context, a aurora.App, sealed []byte) (aurora.App, error) {
	err := s.write(ctx, func(t *tx) error {
		return t.row("INSERT INTO app (account_id, app_key, master_secret, name, bundle_id, created_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
			a.AccountID, a.Key, sealed, a.Name, a.BundleID, millis(a.CreatedAt)).Scan(&a.ID)
	})
	return a, err
}

const appColumns = "id, account_id, app_key, master_secret, name, bundle_id, package, created_at"

func scanApp(row scanner) (a aurora.App, sealed []byte, err error) {
	var created int64
	err = row.Scan(&a.ID, &a.AccountID, &a.Key, &sealed, &a.Name, &a.BundleID, &a.Package, &created)
	a.CreatedAt = fromMillis(created)
	return a, sealed, none(err, account.ErrNone)
}

// AppByKey returns account.ErrNone if there is no such app.
func (s *Store) AppByKey(ctx context.Context, key string) (aurora.App, []byte, error) {
	return scanApp(s.row(ctx, "SELECT "+appColumns+" FROM app WHERE app_key = $1 AND deleted_at = 0", key))
}

// AppByID returns account.ErrNone if there is no such app.
func (s *Store) AppByID(ctx context.Context, id int64) (aurora.App, error) {
	a, _, err := scanApp(s.row(ctx, "SELECT "+appColumns+" FROM app WHERE id = $1 AND deleted_at = 0", id))
	return a, err
}

// AppsOf returns an account's apps, oldest first.
func (s *Store) AppsOf(ctx context.Context, accountID int64) (apps []aurora.App, err error) {
	err = s.rows(ctx, func(row scanner) error {
		a, _, err := scanApp(row)
		apps = append(apps, a)
		return err
	}, "SELECT "+appColumns+" FROM app WHERE account_id = $1 AND deleted_at = 0 ORDER BY id", accountID)
	return apps, err
}

// AllApps returns every app, oldest first.
func (s *Store) AllApps(ctx context.Context) (apps []aurora.App, err error) {
	err = s.rows(ctx, func(row scanner) error {
		a, _, err := scanApp(row)
		apps = append(apps, a)
		return err
	}, "SELECT "+appColumns+" FROM app WHERE deleted_at = 0 ORDER BY id")
	return apps, err
}

// PutSetting stores a named text.
func (s *Store) PutSetting(ctx context.Context, name, value string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
		return err
	})
}

// Setting returns a named text, "" if it was never stored.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.row(ctx, "SELECT value FROM setting WHERE name = $1", name).Scan(&value)
	if err = none(err, account.ErrNone); errors.Is(err, account.ErrNone) {
		return "", nil
	}
	return value, err
}
