package store

import (
	"context"
	"errors"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
)

// Tally returns a message's numbers of devices by mark, and its open jobs.
func (s *Store) Tally(ctx context.Context, id aurora.MessageID) (t ledger.Tally, err error) {
	// The jobs first: a job goes in the transaction that writes its last marks,
	// so that who sees no job left also sees every mark.
	var next int64
	err = s.row(ctx, "SELECT COUNT(*), COALESCE(SUM(CASE WHEN targets IS NULL THEN 1 ELSE 0 END), 0), COALESCE(MIN(CASE WHEN holder = '' THEN due_at ELSE 0 END), 0) FROM job WHERE message_id = $1", int64(id)).
		Scan(&t.Jobs, &t.Unplanned, &next)
	if err != nil {
		return t, err
	}
	t.NextAt = fromMillis(next)
	t.Marks = map[aurora.Mark]uint64{}
	err = s.rows(ctx, func(row scanner) error {
		var mark string
		var devices uint64
		err := row.Scan(&mark, &devices)
		t.Marks[aurora.Mark(mark)] += devices
		return err
	}, "SELECT mark, SUM(devices) FROM mark WHERE message_id = $1 GROUP BY mark", int64(id))
	return t, err
}

// MarksOf returns the marks of one device.
func (s *Store) MarksOf(ctx context.Context, id aurora.MessageID, number uint32) (map[aurora.Mark]time.Time, error) {
	marks := map[aurora.Mark]time.Time{}
	err := s.rows(ctx, func(row scanner) error {
		var mark string
		var blob []byte
		var at int64
		if err := row.Scan(&mark, &blob, &at); err != nil {
			return err
		}
		b := roaring.New()
		if err := b.UnmarshalBinary(blob); err != nil {
			return err
		}
		if b.Contains(number) {
			marks[aurora.Mark(mark)] = fromMillis(at)
		}
		return nil
	}, "SELECT mark, bitmap, written_at FROM mark WHERE message_id = $1 AND block = $2", int64(id), audience.BlockOf(number))
	return marks, err
}

// AddReceipts marks messages that targeted a device as received or opened.
func (s *Store) AddReceipts(ctx context.Context, appID int64, number uint32, receipts []aurora.Receipt) (moved []aurora.MessageID, err error) {
	err = s.write(ctx, func(t *tx) error {
		moved = nil
		one := roaring.BitmapOf(number)
		for _, r := range receipts {
			ours, err := targeted(t, appID, r.MessageID, number)
			if err != nil {
				return err
			}
			if !ours {
				continue
			}
			marks := []aurora.Mark{aurora.Received}
			if r.Event == aurora.OpenedEvent { // what was opened had arrived
				marks = append(marks, aurora.Opened)
			}
			for _, m := range marks {
				if err := addMarks(t, r.MessageID, m, one); err != nil {
					return err
				}
			}
			moved = append(moved, r.MessageID)
		}
		return nil
	})
	return moved, err
}

func targeted(t *tx, appID int64, id aurora.MessageID, number uint32) (bool, error) {
	_, err := scanMessage(t.row("SELECT "+messageColumns+" FROM message WHERE id = $1 AND app_id = $2", int64(id), appID))
	if errors.Is(err, ledger.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	b, err := loadBitmap(t.row("SELECT bitmap FROM mark WHERE message_id = $1 AND block = $2 AND mark = $3", int64(id), audience.BlockOf(number), string(aurora.Targeted)))
	return err == nil && b.Contains(number), err
}
