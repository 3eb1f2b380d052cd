package store

import (
	"context"
	"database/sql"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// fillTerms indexes what devices were not indexed by before: environment,
// versions, language, channel, and the days on which they registered and were
// last seen. Nothing has changed these terms yet, so that whole bitmaps are
// written, block by block.
func fillTerms(ctx context.Context, conn *sql.Conn, d dialect) error {
	blocks := map[int64]int64{} // by app: how many
	rows, err := conn.QueryContext(ctx, "SELECT app_id, MAX(number) FROM device GROUP BY app_id")
	if err != nil {
		return err
	}
	if err := each(rows, func(row scanner) error {
		var app, last int64
		err := row.Scan(&app, &last)
		blocks[app] = last/audience.BlockSize + 1
		return err
	}); err != nil {
		return err
	}
	for app, n := range blocks {
		for block := range n {
			if err := fillBlock(ctx, conn, d, app, block); err != nil {
				return err
			}
		}
	}
	return nil
}

func fillBlock(ctx context.Context, conn *sql.Conn, d dialect, app, block int64) error {
	rows, err := conn.QueryContext(ctx, d.rewrite("SELECT number, token, environment, profile, registered_at, seen_at FROM device WHERE app_id = $1 AND number >= $2 AND number < $3 ORDER BY number"),
		app, block*audience.BlockSize, (block+1)*audience.BlockSize)
	if err != nil {
		return err
	}
	bitmaps := map[string]*roaring.Bitmap{}
	if err := each(rows, func(row scanner) error {
		var d aurora.Device
		var token []byte
		var profile string
		var env int
		var registered, seen int64
		err := row.Scan(&d.Number, &token, &env, &profile, &registered, &seen)
		if err != nil {
			return err
		}
		if d.Profile, err = unpackProfile(profile); err != nil {
			return err
		}
		d.Token, d.Environment = string(token), aurora.Environment(env)
		d.RegisteredAt, d.SeenAt = fromMillis(registered), fromMillis(seen)
		for _, term := range lateTerms(subject(d)) {
			if bitmaps[term] == nil {
				bitmaps[term] = roaring.New()
			}
			bitmaps[term].Add(d.Number)
		}
		return nil
	}); err != nil {
		return err
	}
	for term, b := range bitmaps {
		if _, err := conn.ExecContext(ctx, d.rewrite("INSERT INTO index_block (app_id, block, term, bitmap) VALUES ($1, $2, $3, $4)"), app, block, term, blobOf(b)); err != nil {
			return err
		}
	}
	return nil
}
