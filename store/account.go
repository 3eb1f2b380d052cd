package store

import (
	"context"
	"errors"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// CreateAccount stores an account with its founder, using up a setup link if one
// is given. Any other setup link dies with it.
func (s *Store) CreateAccount(ctx context.Context, f account.Founder, link []byte) (aurora.Account, error) {
	err := s.write(ctx, func(t *tx) error {
		if link != nil {
			if _, err := useLink(t, link, account.SetupLink); err != nil {
				return err
			}
		}
		var taken int
		if err := t.row("SELECT (SELECT COUNT(*) FROM account WHERE email = $1) + (SELECT COUNT(*) FROM person WHERE email = $1)", f.Email).Scan(&taken); err != nil {
			return err
		}
		if taken > 0 {
			return aurora.Errorf(aurora.Conflict, "There is already an account %s.", f.Email)
		}
		// A set-up link is for the first account: one in an old log must not make
		// another beside an account from the command line.
		if _, err := t.exec("DELETE FROM link WHERE purpose = $1", string(account.SetupLink)); err != nil {
			return err
		}
		if err := t.row("INSERT INTO account (email, password_hash, dev_key, dev_secret, created_at) VALUES ($1, '', $2, $3, $4) RETURNING id",
			f.Email, f.DevKey, f.DevSecret, millis(f.CreatedAt)).Scan(&f.ID); err != nil {
			return err
		}
		p, err := putPerson(t, account.Person{Email: f.Email, PasswordHash: f.PasswordHash, CreatedAt: f.CreatedAt})
		if err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO membership (account_id, person_id, role, created_at) VALUES ($1, $2, $3, $4)", f.ID, p.ID, string(aurora.OwnerRole), millis(f.CreatedAt))
		return err
	})
	return f.Account, err
}

const accountColumns = "a.id, a.email, a.dev_key, a.created_at"

// accountScan returns where the columns of an account go.
func accountScan(a *aurora.Account, created *int64) []any {
	return []any{&a.ID, &a.Email, &a.DevKey, created}
}

// AccountByEmail returns account.ErrNone if nobody founded one with this address.
func (s *Store) AccountByEmail(ctx context.Context, email string) (a aurora.Account, err error) {
	var created int64
	err = s.row(ctx, "SELECT "+accountColumns+" FROM account a WHERE a.email = $1", email).Scan(accountScan(&a, &created)...)
	a.CreatedAt = fromMillis(created)
	return a, none(err, account.ErrNone)
}

// AccountByDevKey returns account.ErrNone if there is no such account.
func (s *Store) AccountByDevKey(ctx context.Context, key string) (f account.Founder, err error) {
	var created int64
	err = s.row(ctx, "SELECT "+accountColumns+", a.dev_secret FROM account a WHERE a.dev_key = $1", key).Scan(append(accountScan(&f.Account, &created), &f.DevSecret)...)
	f.CreatedAt = fromMillis(created)
	return f, none(err, account.ErrNone)
}

// HasPeople reports whether any account exists.
func (s *Store) HasPeople(ctx context.Context) (bool, error) {
	var n int
	err := s.row(ctx, "SELECT COUNT(*) FROM account").Scan(&n)
	return n > 0, err
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

// FirstSetting stores a named text unless there is one, and returns the one
// that there is then.
func (s *Store) FirstSetting(ctx context.Context, name, value string) (stored string, err error) {
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, value); err != nil {
			return err
		}
		return t.row("SELECT value FROM setting WHERE name = $1", name).Scan(&stored)
	})
	return stored, err
}

// Setting returns a named text, "" if it was never stored.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.row(ctx, "SELECT value FROM setting WHERE name = $1", name).Scan(&value)
	if err = none(err, account.ErrNone); errors.Is(err, account.ErrNone) {
		return "", nil
	}
	return value, err
}
