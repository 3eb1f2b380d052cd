package store

import (
	"context"
	"errors"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// byAlias are the devices of app $1 with alias $2. Asked for more than the
// numbers at once, SQLite would rather walk through all devices of the app
// than go from the index of aliases to each of few.
const byAlias = "number IN (SELECT number FROM device WHERE app_id = $1 AND alias = $2)"

const aliasDevicesQuery = "SELECT " + deviceColumns + " FROM device WHERE app_id = $1 AND " + byAlias + " ORDER BY number LIMIT $3"

// DevicesByAlias returns up to limit devices with an alias.
func (s *Store) DevicesByAlias(ctx context.Context, appID int64, alias string, limit int) (ds []aurora.Device, err error) {
	err = s.rows(ctx, func(row scanner) error {
		d, err := scanDevice(row)
		ds = append(ds, d.Device)
		return err
	}, aliasDevicesQuery, appID, alias, limit)
	return ds, err
}

// TagNames returns up to limit tags of the app, sorted: the folded ones and
// those that devices gained since. A tag that its last device lost a moment
// ago may still be listed.
func (s *Store) TagNames(ctx context.Context, appID int64, limit int) ([]string, error) {
	const prefix = "tag:"
	var names []string
	err := s.rows(ctx, func(row scanner) error {
		var term string
		err := row.Scan(&term)
		names = append(names, term[len(prefix):])
		return err
	}, "SELECT DISTINCT term FROM index_block WHERE app_id = $1 AND term >= 'tag:' AND term < 'tag;' ORDER BY term LIMIT $2", appID, limit)
	if err != nil {
		return nil, err
	}
	err = s.rows(ctx, func(row scanner) error {
		var c change
		if err := row.Scan(&c.gained); err != nil {
			return err
		}
		return c.each(func(term string, _, _ uint32, _ bool) error {
			if len(term) > len(prefix) && term[:len(prefix)] == prefix {
				names = append(names, term[len(prefix):])
			}
			return nil
		})
	}, "SELECT gained FROM index_change WHERE app_id = $1 AND gained LIKE '%tag:%'", appID)
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), limit)], err
}

// ChangeDevices applies change to several devices in one transaction.
func (s *Store) ChangeDevices(ctx context.Context, appID int64, numbers []uint32, change func(*aurora.Device) error) error {
	return s.writeFor(ctx, appID, func(t *tx) error {
		for _, n := range numbers {
			stored, err := scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND number = $2", appID, n))
			if errors.Is(err, registry.ErrNone) {
				continue
			}
			if err != nil {
				return err
			}
			d := stored.Device
			d.Tags = slices.Clone(d.Tags)
			if err := change(&d); err != nil {
				return err
			}
			if err := putDevice(t, stored.Device, d); err != nil {
				return err
			}
		}
		return nil
	})
}
