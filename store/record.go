package store

import (
	"context"
	"database/sql"
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
	notes, err := s.notes(ctx, id)
	if err != nil || notes != nil {
		for _, n := range notes {
			t.Marks[n.mark] = noted(notes, n.mark).GetCardinality()
		}
		return t, err
	}
	err = s.rows(ctx, func(row scanner) error {
		var mark string
		var devices uint64
		err := row.Scan(&mark, &devices)
		t.Marks[aurora.Mark(mark)] += devices
		return err
	}, "SELECT mark, SUM(devices) FROM mark WHERE message_id = $1 GROUP BY mark", int64(id))
	return t, err
}

// notes returns the notes of a message, nil if it has bitmaps instead.
func (s *Store) notes(ctx context.Context, id aurora.MessageID) ([]note, error) {
	var text string
	err := s.row(ctx, "SELECT notes FROM message WHERE id = $1", int64(id)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseNotes(text)
}

// MarksOf returns the marks of one device.
func (s *Store) MarksOf(ctx context.Context, id aurora.MessageID, number uint32) (map[aurora.Mark]time.Time, error) {
	marks := map[aurora.Mark]time.Time{}
	notes, err := s.notes(ctx, id)
	if err != nil || notes != nil {
		for _, n := range notes {
			if _, earlier := marks[n.mark]; !earlier && n.numbers.Contains(number) {
				marks[n.mark] = n.at
			}
		}
		return marks, err
	}
	err = s.rows(ctx, func(row scanner) error {
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

// AddReceipts marks messages as received or opened by the devices they
// targeted, and returns what was not on record before.
func (s *Store) AddReceipts(ctx context.Context, reports []ledger.Reported) (fresh []ledger.Reported, err error) {
	err = s.write(ctx, func(t *tx) error {
		fresh = nil
		for _, r := range reports {
			news, err := addReceipts(t, r)
			if err != nil {
				return err
			}
			if news.Received.IsEmpty() && news.Opened.IsEmpty() {
				continue
			}
			fresh = append(fresh, news)
			if err := s.tellMarks(t, r.AppID, r.MessageID, map[aurora.Mark]*roaring.Bitmap{aurora.Received: news.Received, aurora.Opened: news.Opened}); err != nil {
				return err
			}
		}
		return nil
	})
	return fresh, err
}

func addReceipts(t *tx, r ledger.Reported) (news ledger.Reported, err error) {
	news = ledger.Reported{AppID: r.AppID, MessageID: r.MessageID, Part: r.Part, Received: roaring.New(), Opened: roaring.New()}
	var app int64
	var parts int
	var text string
	err = t.row("SELECT app_id, parts, notes FROM message WHERE id = $1", int64(r.MessageID)).Scan(&app, &parts, &text)
	if errors.Is(err, sql.ErrNoRows) || err == nil && app != r.AppID {
		return news, nil
	}
	if err != nil {
		return news, err
	}
	l := marks{t: t, id: r.MessageID}
	if text != "" {
		if l.notes, err = parseNotes(text); err != nil {
			return news, err
		}
	}
	for block, received := range audience.ByBlock(r.Received) {
		one := ledger.Reported{Received: received, Opened: roaring.And(received, r.Opened)}
		inApp, err := l.inAppPart(one, r.Part, parts, block)
		if err != nil {
			return news, err
		}
		if err := l.addInApp(inApp, block, &news); err != nil {
			return news, err
		}
		one.Received, one.Opened = roaring.AndNot(one.Received, inApp.Received), roaring.AndNot(one.Opened, inApp.Opened)
		if r.Part == aurora.MessagePart {
			continue
		}
		if err := l.addReported(one, block, aurora.Targeted, aurora.Received, aurora.Opened, &news); err != nil {
			return news, err
		}
	}
	return news, nil
}

// marks are those of one message, wherever they are kept.
type marks struct {
	t     *tx
	id    aurora.MessageID
	notes []note // nil if the message has bitmaps instead
}

// load returns the devices of a block that have a mark. With notes it may
// return those of other blocks too.
func (m marks) load(block uint32, mark aurora.Mark) (*roaring.Bitmap, error) {
	if m.notes != nil {
		return noted(m.notes, mark), nil
	}
	return loadMark(m.t, m.id, block, mark)
}

// addReported adds what is not on record yet under the marks received and
// opened, for the devices that have the mark targeted.
func (m marks) addReported(r ledger.Reported, block uint32, targeted, received, opened aurora.Mark, news *ledger.Reported) error {
	if r.Received.IsEmpty() {
		return nil
	}
	meant, err := m.load(block, targeted)
	if err != nil {
		return err
	}
	notes := map[aurora.Mark]*roaring.Bitmap{}
	for _, part := range []struct {
		mark     aurora.Mark
		reported *roaring.Bitmap
		news     *roaring.Bitmap
	}{{received, r.Received, news.Received}, {opened, r.Opened, news.Opened}} {
		known, err := m.load(block, part.mark)
		if err != nil {
			return err
		}
		fresh := unknown(part.reported, meant, known)
		if fresh.IsEmpty() {
			continue
		}
		part.news.Or(fresh)
		if m.notes != nil {
			notes[part.mark] = fresh
			continue
		}
		known.Or(fresh)
		if err := putMark(m.t, m.id, block, part.mark, known); err != nil {
			return err
		}
	}
	_, err = addNotes(m.t, m.id, notes)
	return err
}

// unknown returns those that were reported and targeted, and are not known yet.
func unknown(reported, targeted, known *roaring.Bitmap) *roaring.Bitmap {
	fresh := roaring.And(reported, targeted)
	fresh.AndNot(known)
	return fresh
}

// WithoutMark returns the devices of one block that have one mark of a message
// and not another: who received it and did not open it, for one. All of them
// have "without" missing.
func (s *Store) WithoutMark(ctx context.Context, id aurora.MessageID, block uint32, with, without aurora.Mark) (*roaring.Bitmap, error) {
	notes, err := s.notes(ctx, id)
	if err != nil {
		return nil, err
	}
	if notes != nil {
		found := noted(notes, with)
		found.AndNot(noted(notes, without))
		lo := uint64(block) * audience.BlockSize
		found.RemoveRange(0, lo)
		found.RemoveRange(lo+audience.BlockSize, 1<<32)
		return found, nil
	}
	found := roaring.New()
	none := roaring.New()
	err = s.rows(ctx, func(row scanner) error {
		var mark string
		var blob []byte
		if err := row.Scan(&mark, &blob); err != nil {
			return err
		}
		into := found
		if aurora.Mark(mark) == without {
			into = none
		}
		return into.UnmarshalBinary(blob)
	}, "SELECT mark, bitmap FROM mark WHERE message_id = $1 AND block = $2 AND mark IN ($3, $4)", int64(id), block, string(with), string(without))
	found.AndNot(none)
	return found, err
}
