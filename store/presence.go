package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// Notice adds devices to those seen in their periods and moves last contacts on.
func (s *Store) Notice(ctx context.Context, notices []registry.Notice, touches []registry.Touch) error {
	if len(notices)+len(touches) == 0 {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		for _, n := range notices {
			for block, part := range audience.ByBlock(n.Numbers) {
				if err := notice(t, n, block, part); err != nil {
					return err
				}
			}
		}
		for _, touch := range touches {
			if err := reindexSeen(t, touch); err != nil {
				return err
			}
			if _, err := t.exec("UPDATE device SET seen_at = $3 WHERE app_id = $1 AND number = $2 AND seen_at < $3", touch.AppID, touch.Number, millis(touch.At)); err != nil {
				return err
			}
		}
		return nil
	})
}

// reindexSeen moves a device to the day it is seen on. Mostly that is the day it
// was last seen on, which needs no look.
func reindexSeen(t *tx, touch registry.Touch) error {
	day := audience.Date(touch.At)
	if audience.Date(touch.Was) == day {
		return nil
	}
	var last int64
	err := t.row("SELECT seen_at FROM device WHERE app_id = $1 AND number = $2", touch.AppID, touch.Number).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if before := audience.Date(fromMillis(last)); err == nil && before < day {
		seen := func(day string) []string { return []string{string(audience.Seen) + ":" + day} }
		t.reindex(touch.AppID, touch.Number, seen(before), seen(day))
	}
	return err
}

// notice adds devices of one block. What is on record already costs no write.
func notice(t *tx, n registry.Notice, block uint32, numbers *roaring.Bitmap) error {
	b, err := loadBitmap(t.row("SELECT bitmap FROM presence WHERE app_id = $1 AND period = $2 AND kind = $3 AND platform = $4 AND block = $5",
		n.AppID, string(n.Period), int(n.Kind), string(n.Platform), block))
	if err != nil {
		return err
	}
	before := b.GetCardinality()
	b.Or(numbers)
	if b.GetCardinality() == before {
		return nil
	}
	_, err = t.exec(`INSERT INTO presence (app_id, period, kind, platform, block, bitmap, devices) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (app_id, period, kind, platform, block) DO UPDATE SET bitmap = excluded.bitmap, devices = excluded.devices`,
		n.AppID, string(n.Period), int(n.Kind), string(n.Platform), block, blobOf(b), int64(b.GetCardinality()))
	return err
}

// CountSeen returns how many devices were seen in each period of a range.
func (s *Store) CountSeen(ctx context.Context, appID int64, first, last registry.Period) (list []registry.Seen, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var seen registry.Seen
		var period, platform string
		err := row.Scan(&period, &seen.Kind, &platform, &seen.Devices)
		seen.Period, seen.Platform = registry.Period(period), aurora.Platform(platform)
		list = append(list, seen)
		return err
	}, "SELECT period, kind, platform, SUM(devices) FROM presence WHERE app_id = $1 AND period BETWEEN $2 AND $3 GROUP BY period, kind, platform", appID, string(first), string(last))
	return list, err
}

// CloseSeen keeps only the numbers of past periods of one unit, and forgets the
// oldest. It goes app by app, so that no transaction is long.
func (s *Store) CloseSeen(ctx context.Context, open, kept registry.Period) error {
	first := string(open[:1])
	var apps []int64
	err := s.rows(ctx, func(row scanner) error {
		var id int64
		err := row.Scan(&id)
		apps = append(apps, id)
		return err
	}, "SELECT id FROM app")
	if err != nil {
		return err
	}
	for _, app := range apps {
		var stale int
		if err := s.row(ctx, "SELECT COUNT(*) FROM presence WHERE app_id = $1 AND period >= $2 AND period < $3 AND (block >= 0 OR period < $4)",
			app, first, string(open), string(kept)).Scan(&stale); err != nil {
			return err
		}
		if stale == 0 { // nothing to do costs a read, not a commit
			continue
		}
		if err := s.write(ctx, func(t *tx) error { return closeSeen(t, app, first, string(open), string(kept)) }); err != nil {
			return err
		}
	}
	return nil
}

func closeSeen(t *tx, app int64, first, open, kept string) error {
	if _, err := t.exec("DELETE FROM presence WHERE app_id = $1 AND period >= $2 AND period < $3", app, first, kept); err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO presence (app_id, period, kind, platform, block, bitmap, devices)
		SELECT app_id, period, kind, platform, -1, NULL, SUM(devices) FROM presence
		WHERE app_id = $1 AND period >= $2 AND period < $3 AND block >= 0 GROUP BY app_id, period, kind, platform
		ON CONFLICT (app_id, period, kind, platform, block) DO UPDATE SET devices = presence.devices + excluded.devices`, app, first, open); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM presence WHERE app_id = $1 AND period >= $2 AND period < $3 AND block >= 0", app, first, open)
	return err
}

// noticeNew counts a registration, in the transaction that makes it.
func noticeNew(t *tx, d aurora.Device) {
	for _, unit := range registry.Units {
		key := noticeKey{d.AppID, unit.Period(d.RegisteredAt), registry.Registered, d.Platform, audience.BlockOf(d.Number)}
		if t.late.notices[key] == nil {
			t.late.notices[key] = roaring.New()
		}
		t.late.notices[key].Add(d.Number)
	}
}
