package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// The icon numbers of 1,024 neighbouring devices are one row: "+1" for a
// million of them writes a thousand small rows and leaves the devices alone, and
// for one device it writes one.

// badgeRun is how many devices share a row.
const badgeRun = 1024

type badges [badgeRun]uint32

const badgeQuery = "SELECT numbers FROM badge WHERE app_id = $1 AND run = $2"

// decodeRun reads varints, one a device; those that are missing are 0.
func decodeRun(blob []byte) (b badges, err error) {
	for i := 0; len(blob) > 0; i++ {
		n, size := binary.Uvarint(blob)
		if size <= 0 || i == badgeRun || n > aurora.MaxBadge {
			return b, errors.New("store: a row of badges is damaged")
		}
		b[i], blob = uint32(n), blob[size:]
	}
	return b, nil
}

func (b *badges) encode() []byte {
	last := badgeRun
	for last > 0 && b[last-1] == 0 {
		last--
	}
	blob := make([]byte, 0, last+last/4)
	for _, n := range b[:last] {
		blob = binary.AppendUvarint(blob, uint64(n))
	}
	return blob
}

// loadRun returns the badges of a run.
func loadRun(t *tx, appID int64, run uint32) (b badges, err error) {
	var blob []byte
	err = t.row(badgeQuery, appID, run).Scan(&blob)
	if errors.Is(err, sql.ErrNoRows) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	return decodeRun(blob)
}

func putRun(t *tx, appID int64, run uint32, b *badges) error {
	_, err := t.exec("INSERT INTO badge (app_id, run, numbers) VALUES ($1, $2, $3) ON CONFLICT (app_id, run) DO UPDATE SET numbers = excluded.numbers", appID, run, b.encode())
	return err
}

// putBadge sets one device's badge.
func putBadge(t *tx, appID int64, number uint32, badge int) error {
	b, err := loadRun(t, appID, number/badgeRun)
	if err != nil {
		return err
	}
	b[number%badgeRun] = uint32(badge)
	return putRun(t, appID, number/badgeRun, &b)
}

// applyBadges updates the badges of devices as the message says, and returns
// the new numbers if they differ between devices.
func applyBadges(t *tx, appID int64, m *aurora.Message, devices *roaring.Bitmap) (dispatch.Badges, error) {
	if !m.HasBadge() || devices == nil {
		return nil, nil
	}
	change := *m.Content.IOS.Badge
	var planned dispatch.Badges
	if change.Relative {
		planned = make(dispatch.Badges, 0, devices.GetCardinality())
	}
	it := devices.Iterator()
	for it.HasNext() {
		run := it.PeekNext() / badgeRun
		b, err := loadRun(t, appID, run)
		if err != nil {
			return nil, err
		}
		for it.HasNext() && it.PeekNext()/badgeRun == run {
			n := it.Next()
			b[n%badgeRun] = uint32(change.Apply(int(b[n%badgeRun])))
			if change.Relative {
				planned = append(planned, dispatch.BadgeOf{Number: n, Badge: b[n%badgeRun]})
			}
		}
		if err := putRun(t, appID, run, &b); err != nil {
			return nil, err
		}
	}
	return planned, nil
}

// fillBadges reads the badges of devices that were read.
func (s *Store) fillBadges(ctx context.Context, devices ...*aurora.Device) error {
	type place struct {
		app int64
		run uint32
	}
	known := map[place]*badges{}
	for _, d := range devices {
		at := place{d.AppID, d.Number / badgeRun}
		if _, ok := known[at]; !ok {
			var blob []byte
			err := s.row(ctx, badgeQuery, at.app, at.run).Scan(&blob)
			switch {
			case errors.Is(err, sql.ErrNoRows): // none was ever set
				known[at] = nil
			case err != nil:
				return err
			default:
				b, err := decodeRun(blob)
				if err != nil {
					return fmt.Errorf("app %d, devices from %d: %w", at.app, at.run*badgeRun, err)
				}
				known[at] = &b
			}
		}
		if b := known[at]; b != nil {
			d.Badge = int(b[d.Number%badgeRun])
		}
	}
	return nil
}
