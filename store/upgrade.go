package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/aurora-push/aurora"
)

// steps are what migrations do beside their statements, by their numbers: what
// SQL cannot say in the same words for every database.
var steps = map[int]func(context.Context, *sql.Conn, dialect) error{16: compactDevices, 17: fillTerms}

// moveAtOnce is how many rows a step holds in memory.
const moveAtOnce = 2048

// compactDevices moves devices from device_old, where they were until schema 16.
func compactDevices(ctx context.Context, conn *sql.Conn, d dialect) error {
	put, err := conn.PrepareContext(ctx, d.rewrite(`INSERT INTO device (app_id, number, registration_id, install_id, secret_hash, platform, token, environment, token_at,
		retired_reason, retired_at, alias, tags, mobile, push_disabled, muted, profile, registered_at, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`))
	if err != nil {
		return err
	}
	defer put.Close()
	var icons oldBadges
	var app, number int64 = -1, -1 // the last that was moved
	for {
		var rows []oldDevice
		list, err := conn.QueryContext(ctx, d.rewrite(`SELECT app_id, number, registration_id, install_id, secret_hash, platform, COALESCE(token, ''), environment, token_at,
			retired_reason, retired_at, alias, tags, badge, mobile, push_disabled, muted, profile, registered_at, seen_at
			FROM device_old WHERE app_id = $1 AND number > $2 OR app_id > $1 ORDER BY app_id, number LIMIT $3`), app, number, moveAtOnce)
		if err != nil {
			return err
		}
		if err := each(list, func(row scanner) error {
			var o oldDevice
			err := o.scan(row)
			rows = append(rows, o)
			return err
		}); err != nil {
			return err
		}
		for _, o := range rows {
			if err := o.move(ctx, put); err != nil {
				return fmt.Errorf("app %d, device %s: %w", o.app, o.registration, err)
			}
			if err := icons.add(ctx, conn, d, o); err != nil {
				return err
			}
			app, number = o.app, o.number
		}
		if len(rows) < moveAtOnce {
			break
		}
	}
	if err := icons.write(ctx, conn, d); err != nil {
		return err
	}
	for _, statement := range []string{
		"DROP TABLE device_old",
		"CREATE UNIQUE INDEX device_registration ON device (registration_id, app_id)",
		"CREATE UNIQUE INDEX device_install ON device (app_id, install_id) WHERE install_id IS NOT NULL",
		"CREATE UNIQUE INDEX device_token ON device (app_id, token) WHERE token IS NOT NULL",
		"CREATE INDEX device_alias ON device (app_id, alias) WHERE alias IS NOT NULL",
		"CREATE INDEX device_retired ON device (app_id, retired_at, number) WHERE retired_at > 0",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w: %s", err, statement)
		}
	}
	return nil
}

// oldDevice is a row of device_old.
type oldDevice struct {
	app, number, tokenAt, retiredAt, registered, seen     int64
	registration, install, platform, token, retired, tags string
	mobile, profile                                       string
	secret                                                []byte
	environment, badge, disabled, muted                   int
	alias                                                 sql.NullString
}

func (o *oldDevice) scan(row scanner) error {
	return row.Scan(&o.app, &o.number, &o.registration, &o.install, &o.secret, &o.platform, &o.token, &o.environment, &o.tokenAt,
		&o.retired, &o.retiredAt, &o.alias, &o.tags, &o.badge, &o.mobile, &o.disabled, &o.muted, &o.profile, &o.registered, &o.seen)
}

func (o *oldDevice) move(ctx context.Context, put *sql.Stmt) error {
	var p aurora.Profile
	if err := json.Unmarshal([]byte(o.profile), &p); err != nil {
		return err
	}
	token, err := packToken(o.token)
	if err != nil {
		return err
	}
	_, err = put.ExecContext(ctx, o.app, o.number, o.registration, packInstall(o.install), o.secret[:min(len(o.secret), keptDigest)], o.platform, token, o.environment, o.tokenAt,
		o.retired, o.retiredAt, o.alias, o.tags, o.mobile, o.disabled, o.muted, packProfile(p), o.registered, o.seen)
	return err
}

// oldBadges gathers the badges of a run of devices from their own rows. A run
// that has a row of badges keeps it: what stands with the devices is older.
type oldBadges struct {
	app, run int64
	numbers  badges
	any      bool
}

func (b *oldBadges) add(ctx context.Context, conn *sql.Conn, d dialect, o oldDevice) error {
	if o.app != b.app || o.number/badgeRun != b.run {
		if err := b.write(ctx, conn, d); err != nil {
			return err
		}
		*b = oldBadges{app: o.app, run: o.number / badgeRun}
	}
	if o.badge > 0 {
		b.numbers[o.number%badgeRun], b.any = uint32(o.badge), true
	}
	return nil
}

func (b *oldBadges) write(ctx context.Context, conn *sql.Conn, d dialect) error {
	if !b.any {
		return nil
	}
	_, err := conn.ExecContext(ctx, d.rewrite("INSERT INTO badge (app_id, run, numbers) VALUES ($1, $2, $3) ON CONFLICT (app_id, run) DO NOTHING"), b.app, b.run, b.numbers.encode())
	return err
}
