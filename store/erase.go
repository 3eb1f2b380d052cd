package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// ProvisionApp stores an app, or returns the account's app of the same package.
func (s *Store) ProvisionApp(ctx context.Context, a aurora.App, sealed []byte) (app aurora.App, secret []byte, created bool, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		app, secret, err = scanApp(t.row("SELECT "+appColumns+" FROM app WHERE account_id = $1 AND package = $2 AND deleted_at = 0", a.AccountID, a.Package))
		if created = errors.Is(err, account.ErrNone); !created {
			return err
		}
		app, secret = a, sealed
		return t.row("INSERT INTO app (account_id, app_key, master_secret, name, bundle_id, package, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
			a.AccountID, a.Key, sealed, a.Name, a.BundleID, a.Package, millis(a.CreatedAt)).Scan(&app.ID)
	})
	return app, secret, created, err
}

// MarkDeleted makes an app unreachable.
func (s *Store) MarkDeleted(ctx context.Context, appID int64) error {
	return s.write(ctx, func(t *tx) error {
		for _, query := range []string{
			"DELETE FROM credential WHERE app_id = $1",
			"DELETE FROM api_key WHERE app_id = $1", // an app has few
			"DELETE FROM group_member WHERE app_id = $1",
			"DELETE FROM listener WHERE app_id = $1",
			"UPDATE schedule SET next_at = 0, enabled = 0 WHERE app_id = $1 AND next_at > 0",
		} {
			if _, err := t.exec(query, appID); err != nil {
				return err
			}
		}
		_, err := t.exec("UPDATE app SET deleted_at = $2 WHERE id = $1 AND deleted_at = 0", appID, millis(t.now))
		return err
	})
}

// owned is a table whose rows belong to apps.
type owned struct {
	table, key string // the key's columns besides app_id
	rows       int    // that one transaction deletes
	// parts, if set, is a table whose rows belong to this one's, by its first
	// key column, and go before them.
	parts, partKey string
}

const partRows = 2000 // of parts that one transaction deletes

// ownedByApps lists every table with the column app_id but the audit log, which
// is the account's and outlives its apps (TestEveryTableOfAnAppIsErased).
var ownedByApps = []owned{
	{table: "job", key: "id", rows: 500},
	{table: "device", key: "number", rows: 1000},
	{table: "number_range", key: "last", rows: 1000},
	{table: "badge", key: "run", rows: 1000},
	{table: "device_import", key: "source", rows: 1000},
	{table: "index_change", key: "block, seq", rows: 2000},
	{table: "index_block", key: "block, term", rows: 1000},
	{table: "index_generation", key: "block", rows: 2000},
	{table: "presence", key: "period, kind, platform, block", rows: 1000},
	{table: "message", key: "id", rows: 200, parts: "mark", partKey: "message_id, block, mark"},
	{table: "inbox", key: "seq", rows: 2000},
	{table: "paced", key: "message_id", rows: 2000},
	{table: "special_token", key: "number", rows: 1000},
	{table: "past_token", key: "number", rows: 1000},
	{table: "cid", key: "cid", rows: 2000},
	{table: "schedule", key: "id", rows: 200, parts: "firing", partKey: "schedule_id, number"},
	{table: "schedule_cid", key: "cid", rows: 2000},
	{table: "approval_limit", key: "app_id", rows: 1},
	{table: "approval", key: "id", rows: 200},
	{table: "credential", key: "id", rows: 10},
	{table: "app_access", key: "app_id", rows: 1},
	{table: "api_key", key: "id", rows: 1000},
	{table: "listener", key: "source", rows: 10},
	{table: "outbox", key: "number", rows: 500},
	{table: "event", key: "seq", rows: 200, parts: "delivery", partKey: "event, webhook, part"},
	{table: "webhook", key: "number", rows: 1000},
	{table: "group_member", key: "group_id", rows: 1000},
	{table: "group_message", key: "group_push_id", rows: 2000},
	{table: "audience_file", key: "id", rows: 1, parts: "audience_file_part", partKey: "file_id, part"},
	{table: "selection", key: "message_id, block", rows: 500},
	{table: "segment", key: "name", rows: 1000},
	{table: "test_device", key: "registration_id", rows: 2000},
	{table: "push_plan", key: "name", rows: 2000},
	{table: "image", key: "id", rows: 2000},
}

// some deletes a portion of an app's rows.
func (o owned) some(t *tx, appID int64) (deleted int64, err error) {
	first := "SELECT " + o.key + " FROM " + o.table + " WHERE app_id = $1 ORDER BY " + o.key + " LIMIT $2"
	if o.parts != "" {
		parent, _, _ := strings.Cut(o.partKey, ",")
		deleted, err = t.exec("DELETE FROM "+o.parts+" WHERE ("+o.partKey+") IN (SELECT "+o.partKey+" FROM "+o.parts+" WHERE "+parent+" IN ("+first+") LIMIT $3)", appID, o.rows, partRows)
		if err != nil || deleted > 0 {
			return deleted, err
		}
	}
	return t.exec("DELETE FROM "+o.table+" WHERE app_id = $1 AND ("+o.key+") IN ("+first+")", appID, o.rows)
}

// DropJobs deletes a portion of an app's jobs.
func (s *Store) DropJobs(ctx context.Context, appID int64) (done bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		deleted, err := ownedByApps[0].some(t, appID)
		done = deleted == 0
		return err
	})
	return done, err
}

// Erase deletes a portion of what belongs to one app that was deleted before a
// moment.
func (s *Store) Erase(ctx context.Context, before time.Time) (done bool, err error) {
	var appID int64
	err = s.row(ctx, "SELECT id FROM app WHERE deleted_at > 0 AND deleted_at < $1 ORDER BY deleted_at LIMIT 1", millis(before)).Scan(&appID)
	if err = none(err, account.ErrNone); err != nil {
		done = errors.Is(err, account.ErrNone)
		if done {
			err = nil
		}
		return done, err
	}
	for _, o := range ownedByApps {
		var deleted int64
		err := s.write(ctx, func(t *tx) (err error) {
			deleted, err = o.some(t, appID)
			return err
		})
		if err != nil || deleted > 0 {
			return false, err
		}
	}
	return false, s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM app WHERE id = $1 AND deleted_at > 0", appID)
		return err
	})
}
