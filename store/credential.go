package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// PutCredentials fills an app's slots and makes its waiting jobs due.
func (s *Store) PutCredentials(ctx context.Context, appID int64, cs []account.Sealed) error {
	return s.write(ctx, func(t *tx) error { return s.putCredentials(t, appID, cs) })
}

// AdoptCredentials fills an app's slots and gives it the bundle id they are for.
func (s *Store) AdoptCredentials(ctx context.Context, appID int64, bundleID string, cs []account.Sealed) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("UPDATE app SET bundle_id = $2 WHERE id = $1", appID, bundleID); err != nil {
			return err
		}
		return s.putCredentials(t, appID, cs)
	})
}

func (s *Store) putCredentials(t *tx, appID int64, cs []account.Sealed) error {
	for _, c := range cs {
		facts, err := json.Marshal(c.Credential)
		if err != nil {
			return err
		}
		if err := s.tellRecovered(t, appID, c.Credential); err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM credential WHERE app_id = $1 AND environment = $2", appID, int(c.Environment)); err != nil {
			return err
		}
		if _, err := t.exec("INSERT INTO credential (app_id, environment, facts, file, validated_at) VALUES ($1, $2, $3, $4, $5)",
			appID, int(c.Environment), string(facts), c.File, millis(c.ValidatedAt)); err != nil {
			return err
		}
	}
	_, err := t.exec("UPDATE job SET due_at = $1 WHERE app_id = $2 AND holder = '' AND due_at > $1", millis(t.now), appID)
	return err
}

const credentialColumns = "id, app_id, environment, facts, file, validated_at, parked, parked_at"

func scanCredential(row scanner) (c account.Sealed, err error) {
	var id, appID, validated, parkedAt int64
	var env int
	var facts, parked string
	if err := row.Scan(&id, &appID, &env, &facts, &c.File, &validated, &parked, &parkedAt); err != nil {
		return c, none(err, account.ErrNone)
	}
	if err := json.Unmarshal([]byte(facts), &c.Credential); err != nil {
		return c, err
	}
	c.ID, c.AppID, c.Environment, c.ValidatedAt = id, appID, aurora.Environment(env), fromMillis(validated)
	c.Parked, c.ParkedAt = parked, fromMillis(parkedAt)
	return c, nil
}

// Credentials returns an app's slots, development first.
func (s *Store) Credentials(ctx context.Context, appID int64) (cs []aurora.Credential, err error) {
	err = s.rows(ctx, func(row scanner) error {
		c, err := scanCredential(row)
		cs = append(cs, c.Credential)
		return err
	}, "SELECT "+credentialColumns+" FROM credential WHERE app_id = $1 ORDER BY environment", appID)
	return cs, err
}

// Credential returns one slot, or account.ErrNone.
func (s *Store) Credential(ctx context.Context, appID int64, env aurora.Environment) (account.Sealed, error) {
	return scanCredential(s.row(ctx, "SELECT "+credentialColumns+" FROM credential WHERE app_id = $1 AND environment = $2", appID, int(env)))
}

// RemoveCredential empties a slot.
func (s *Store) RemoveCredential(ctx context.Context, appID int64, env aurora.Environment) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM credential WHERE app_id = $1 AND environment = $2", appID, int(env))
		return err
	})
}

// ParkCredential notes why APNs refuses a credential; "" lifts it.
func (s *Store) ParkCredential(ctx context.Context, id int64, reason string) error {
	return s.write(ctx, func(t *tx) error {
		at := millis(t.now)
		if reason == "" {
			at = 0
		}
		c, err := scanCredential(t.row("SELECT "+credentialColumns+" FROM credential WHERE id = $1", id))
		if errors.Is(err, account.ErrNone) { // replaced meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := t.exec("UPDATE credential SET parked = $1, parked_at = $2 WHERE id = $3", reason, at, id); err != nil {
			return err
		}
		switch {
		case reason != "" && c.Parked == "":
			return s.tellCredential(t, c.Credential, aurora.EventCredentialParked, reason)
		case reason == "" && c.Parked != "":
			return s.tellCredential(t, c.Credential, aurora.EventCredentialRecovered, "")
		}
		return nil
	})
}

// ProvedCredential notes that APNs accepts a credential, and lets its app's
// waiting jobs run if it was parked.
func (s *Store) ProvedCredential(ctx context.Context, id int64, at time.Time) error {
	return s.write(ctx, func(t *tx) error {
		c, err := scanCredential(t.row("SELECT "+credentialColumns+" FROM credential WHERE id = $1", id))
		if errors.Is(err, account.ErrNone) { // replaced meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := t.exec("UPDATE credential SET validated_at = $2, parked = '', parked_at = 0 WHERE id = $1", id, millis(at)); err != nil || c.Parked == "" {
			return err
		}
		if _, err := t.exec("UPDATE job SET due_at = $1 WHERE app_id = $2 AND holder = '' AND due_at > $1", millis(t.now), c.AppID); err != nil {
			return err
		}
		return s.tellCredential(t, c.Credential, aurora.EventCredentialRecovered, "")
	})
}

// tellRecovered tells that a parked credential has a successor.
func (s *Store) tellRecovered(t *tx, appID int64, next aurora.Credential) error {
	old, err := scanCredential(t.row("SELECT "+credentialColumns+" FROM credential WHERE app_id = $1 AND environment = $2", appID, int(next.Environment)))
	if errors.Is(err, account.ErrNone) || err == nil && old.Parked == "" {
		return nil
	}
	if err != nil {
		return err
	}
	next.AppID = appID
	return s.tellCredential(t, next, aurora.EventCredentialRecovered, "")
}

func (s *Store) tellCredential(t *tx, c aurora.Credential, kind aurora.EventKind, reason string) error {
	detail, err := credentialDetail(c)
	if err != nil {
		return err
	}
	return s.tellIf(t, c.AppID, kind, reason, detail)
}
