package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// Access returns the zero value for an app that has none stored.
func (s *Store) Access(ctx context.Context, appID int64) (a account.Access, err error) {
	var allow string
	var until int64
	err = none(s.row(ctx, "SELECT allow, previous, previous_until FROM app_access WHERE app_id = $1", appID).Scan(&allow, &a.Previous, &until), account.ErrNone)
	if errors.Is(err, account.ErrNone) {
		return account.Access{}, nil
	}
	if err != nil {
		return a, err
	}
	a.PreviousUntil = fromMillis(until)
	a.Allow, err = splitAllowList(allow)
	return a, err
}

func splitAllowList(text string) (account.AllowList, error) {
	if text == "" {
		return nil, nil
	}
	return account.ParseAllowList(strings.Split(text, ","))
}

// PutAllowList replaces an app's allow-list.
func (s *Store) PutAllowList(ctx context.Context, appID int64, list account.AllowList) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO app_access (app_id, allow) VALUES ($1, $2) ON CONFLICT (app_id) DO UPDATE SET allow = excluded.allow", appID, list.String())
		return err
	})
}

// RotateSecret stores a new Master Secret; the one before is valid until the time.
func (s *Store) RotateSecret(ctx context.Context, appID int64, sealed []byte, until time.Time) error {
	return s.write(ctx, func(t *tx) error {
		var previous []byte
		if err := t.row("SELECT master_secret FROM app WHERE id = $1", appID).Scan(&previous); err != nil {
			return none(err, account.ErrNone)
		}
		if _, err := t.exec(`INSERT INTO app_access (app_id, previous, previous_until) VALUES ($1, $2, $3)
			ON CONFLICT (app_id) DO UPDATE SET previous = excluded.previous, previous_until = excluded.previous_until`, appID, previous, millis(until)); err != nil {
			return err
		}
		_, err := t.exec("UPDATE app SET master_secret = $2 WHERE id = $1", appID, sealed)
		return err
	})
}

const apiKeyColumns = "k.id, k.app_id, a.app_key, k.digest, k.name, k.hint, k.scopes, k.allow, k.created_at, k.expires_at, k.last_used_at, k.revoked_at"

func scanAPIKey(row scanner) (k account.APIKey, digest []byte, err error) {
	var scopes, allow string
	var created, expires, used, revoked int64
	if err := row.Scan(&k.ID, &k.AppID, &k.AppKey, &digest, &k.Name, &k.Hint, &scopes, &allow, &created, &expires, &used, &revoked); err != nil {
		return k, nil, none(err, account.ErrNone)
	}
	for s := range strings.SplitSeq(scopes, ",") {
		k.Scopes = append(k.Scopes, account.Scope(s))
	}
	k.CreatedAt, k.ExpiresAt, k.LastUsedAt, k.RevokedAt = fromMillis(created), fromMillis(expires), fromMillis(used), fromMillis(revoked)
	k.Allow, err = splitAllowList(allow)
	return k, digest, err
}

// CreateAPIKey stores a key unless the app has max valid ones.
func (s *Store) CreateAPIKey(ctx context.Context, k account.APIKey, digest []byte, max int) (account.APIKey, error) {
	scopes := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		scopes[i] = string(s)
	}
	err := s.write(ctx, func(t *tx) error {
		if err := t.gate("api keys", k.AppID); err != nil {
			return err
		}
		var valid int
		if err := t.row("SELECT COUNT(*) FROM api_key WHERE app_id = $1 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2)", k.AppID, millis(t.now)).Scan(&valid); err != nil {
			return err
		}
		if valid >= max {
			return aurora.Errorf(aurora.Full, "The app has %d valid API keys. Revoke one that is no longer used.", valid)
		}
		return t.row("INSERT INTO api_key (app_id, digest, name, hint, scopes, allow, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
			k.AppID, digest, k.Name, k.Hint, strings.Join(scopes, ","), k.Allow.String(), millis(k.CreatedAt), millis(k.ExpiresAt)).Scan(&k.ID)
	})
	return k, err
}

// APIKeyByDigest returns account.ErrNone if there is no such key.
func (s *Store) APIKeyByDigest(ctx context.Context, digest []byte) (account.APIKey, []byte, error) {
	return scanAPIKey(s.row(ctx, "SELECT "+apiKeyColumns+" FROM api_key k JOIN app a ON a.id = k.app_id WHERE k.digest = $1", digest))
}

// APIKeysOf returns an app's keys, newest first.
func (s *Store) APIKeysOf(ctx context.Context, appID int64) (keys []account.APIKey, err error) {
	err = s.rows(ctx, func(row scanner) error {
		k, _, err := scanAPIKey(row)
		keys = append(keys, k)
		return err
	}, "SELECT "+apiKeyColumns+" FROM api_key k JOIN app a ON a.id = k.app_id WHERE k.app_id = $1 ORDER BY k.id DESC LIMIT 1000", appID)
	return keys, err
}

// RevokeAPIKey returns account.ErrNone if the app has no such key that is not revoked.
func (s *Store) RevokeAPIKey(ctx context.Context, appID, id int64) (k account.APIKey, err error) {
	err = s.write(ctx, func(t *tx) error {
		changed, err := t.exec("UPDATE api_key SET revoked_at = $3 WHERE app_id = $1 AND id = $2 AND revoked_at = 0", appID, id, millis(t.now))
		if err != nil {
			return err
		}
		if changed == 0 {
			return account.ErrNone
		}
		k, _, err = scanAPIKey(t.row("SELECT "+apiKeyColumns+" FROM api_key k JOIN app a ON a.id = k.app_id WHERE k.id = $1", id))
		return err
	})
	return k, err
}

// TouchAPIKey notes when a key was last used.
func (s *Store) TouchAPIKey(ctx context.Context, id int64, at time.Time) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2", id, millis(at))
		return err
	})
}

// AddAudit appends a line to the audit log.
func (s *Store) AddAudit(ctx context.Context, e aurora.AuditEntry) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO audit (at, account_id, app_id, actor_kind, actor_name, address, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			millis(e.At), e.AccountID, e.AppID, string(e.Actor.Kind), e.Actor.Name, e.Actor.Address, e.Action, e.Subject, e.Detail)
		return err
	})
}

// AuditEntries returns lines of the audit log, newest first. An account's are
// also those of its apps.
func (s *Store) AuditEntries(ctx context.Context, q account.AuditQuery) (entries []aurora.AuditEntry, err error) {
	if q.Before == 0 {
		q.Before = 1 << 62
	}
	err = s.rows(ctx, func(row scanner) error {
		var e aurora.AuditEntry
		var at int64
		var kind string
		err := row.Scan(&e.ID, &at, &e.AccountID, &e.AppID, &kind, &e.Actor.Name, &e.Actor.Address, &e.Action, &e.Subject, &e.Detail)
		e.At, e.Actor.Kind = fromMillis(at), aurora.ActorKind(kind)
		entries = append(entries, e)
		return err
	}, `SELECT id, at, account_id, app_id, actor_kind, actor_name, address, action, subject, detail FROM audit
		WHERE id < $1 AND ($2 = 0 OR app_id = $2) AND ($3 = 0 OR account_id = $3 OR app_id IN (SELECT id FROM app WHERE account_id = $3))
		AND ($5 = '' OR actor_name = $5) AND ($6 = '' OR SUBSTR(action, 1, LENGTH($6)) = $6) ORDER BY id DESC LIMIT $4`, q.Before, q.AppID, q.AccountID, q.Limit, q.Actor, q.Action)
	return entries, err
}
