package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// SeenSets calls yield with the devices seen in each block of one period.
func (s *Store) SeenSets(ctx context.Context, appID int64, period registry.Period, kind registry.Sighting, yield func(uint32, *roaring.Bitmap)) error {
	return s.rows(ctx, func(row scanner) error {
		var block uint32
		var blob []byte
		if err := row.Scan(&block, &blob); err != nil {
			return err
		}
		numbers := roaring.New()
		if err := numbers.UnmarshalBinary(blob); err != nil {
			return err
		}
		yield(block, numbers)
		return nil
	}, "SELECT block, bitmap FROM presence WHERE app_id = $1 AND period = $2 AND kind = $3 AND block >= 0", appID, string(period), int(kind))
}

// TermSizes returns how many devices have each value of a field.
func (s *Store) TermSizes(ctx context.Context, appID int64, field audience.Field) (map[string]uint64, error) {
	sizes, prefix := map[string]uint64{}, string(field)+":"
	err := s.rows(ctx, func(row scanner) error {
		var term string
		var blob []byte
		if err := row.Scan(&term, &blob); err != nil {
			return err
		}
		numbers := roaring.New()
		if _, err := numbers.FromBuffer(blob); err != nil {
			return err
		}
		sizes[strings.TrimPrefix(term, prefix)] += numbers.GetCardinality()
		return nil
	}, "SELECT term, bitmap FROM index_block WHERE app_id = $1 AND term >= $2 AND term < $3", appID, prefix, string(field)+";") // ";" follows ":"
	return sizes, err
}

// PushesSince returns what became of an app's messages since a moment, the
// newest first; at most max of them, and whether there are more.
func (s *Store) PushesSince(ctx context.Context, appID int64, from time.Time, max int) (list []ledger.Push, more bool, err error) {
	at := map[int64]int{} // message id → place in the list, for those with bitmaps
	var lowest, highest int64
	err = s.rows(ctx, func(row scanner) error {
		var id, accepted int64
		var notes string
		if err := row.Scan(&id, &accepted, &notes); err != nil {
			return err
		}
		if len(list) == max {
			more = true
			return errEnough
		}
		if accepted < millis(from) {
			return errEnough // ids rise with time, but for what servers did in the same moment
		}
		p := ledger.Push{At: fromMillis(accepted), Marks: map[aurora.Mark]uint64{}}
		if notes == "" {
			if at[id] = len(list); highest == 0 {
				highest = id
			}
			lowest = id
		} else if err := tallyNotes(notes, p.Marks); err != nil {
			return err
		}
		list = append(list, p)
		return nil
	}, "SELECT id, accepted_at, notes FROM message WHERE app_id = $1 ORDER BY id DESC LIMIT $2", appID, max+1)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err != nil || len(at) == 0 {
		return list, more, err
	}
	err = s.rows(ctx, func(row scanner) error {
		var id int64
		var mark string
		var devices uint64
		err := row.Scan(&id, &mark, &devices)
		if i, ok := at[id]; ok {
			list[i].Marks[aurora.Mark(mark)] += devices
		}
		return err
	}, "SELECT k.message_id, k.mark, SUM(k.devices) FROM message m JOIN mark k ON k.message_id = m.id WHERE m.app_id = $1 AND m.id BETWEEN $2 AND $3 AND m.notes = '' GROUP BY k.message_id, k.mark", appID, lowest, highest)
	return list, more, err
}

func tallyNotes(text string, marks map[aurora.Mark]uint64) error {
	notes, err := parseNotes(text)
	if err != nil {
		return err
	}
	seen := map[aurora.Mark]*roaring.Bitmap{}
	for _, n := range notes {
		seen[n.mark] = orInto(seen[n.mark], n.numbers)
	}
	for mark, numbers := range seen {
		marks[mark] = numbers.GetCardinality()
	}
	return nil
}

func orInto(to, numbers *roaring.Bitmap) *roaring.Bitmap {
	if to == nil {
		return numbers
	}
	to.Or(numbers)
	return to
}

type enough struct{}

func (enough) Error() string { return "store: enough was read" }

// errEnough ends the reading of rows early.
var errEnough error = enough{}
