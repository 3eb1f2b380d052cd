package store

import (
	"context"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// marksQuery returns nothing for another app's message, and one row without a
// mark for a message that has notes instead, or none in the block.
const marksQuery = `SELECT g.notes, COALESCE(m.mark, ''), m.bitmap FROM message g LEFT JOIN mark m ON m.message_id = g.id AND m.block = $3
	WHERE g.id = $1 AND g.app_id = $2`

// markTurns counts the changes of messages' marks, many messages to a count: an
// audience's bitmap of a mark is kept for as long as its count stands still.
type markTurns [1024]atomic.Int64

func (m *markTurns) of(id aurora.MessageID) *atomic.Int64 {
	return &m[uint64(id)*0x9E3779B97F4A7C15>>54] // ids that follow each other are spread out
}

// changesMarks has the message's count rise when the transaction has ended,
// before any of its callers is answered.
func (t *tx) changesMarks(id aurora.MessageID) { t.w.marked = append(t.w.marked, id) }

func (w *writer) turnMarks() {
	for _, id := range w.marked {
		w.desk.marks.of(id).Add(1)
	}
	w.marked = w.marked[:0]
}

// markedBy are the terms of one block that ask for a message's marks.
type markedBy struct {
	at    place             // the message's bitmaps in the cache
	turn  int64             // as it was before anything was read
	terms map[string]wanted // by the terms' names
	found map[string]*roaring.Bitmap
}

// wantMarks adds a term to those of its message.
func (l *loading) wantMarks(term audience.Term) error {
	id, err := aurora.ParseMessageID(term.Value)
	if err != nil {
		return err
	}
	m := l.marked[id]
	if m == nil {
		at := l.at
		at.message = id
		m = &markedBy{at, l.s.desk.marks.of(id).Load(), map[string]wanted{}, map[string]*roaring.Bitmap{}}
		if l.marked == nil {
			l.marked = map[aurora.MessageID]*markedBy{}
		}
		l.marked[id] = m
	}
	m.terms[term.String()] = wanted{term: term}
	return nil
}

// knowMarks takes what is known of marks from the cache, and reports whether
// that is all. Other servers change marks without our knowing.
func (l *loading) knowMarks() (all bool) {
	all = true
	for _, m := range l.marked {
		if l.s.dialect.shared || !l.s.bitmaps.get(m.at, m.turn, m.terms, m.found) {
			all = false
		}
	}
	return all
}

// loadMarks reads the marks that are not known.
func (l *loading) loadMarks(ctx context.Context) error {
	for id, m := range l.marked {
		if len(m.found) == len(m.terms) {
			continue
		}
		marks, err := l.readMarks(ctx, id)
		if err != nil {
			return err
		}
		for name, w := range m.terms {
			m.found[name] = marksOf(w.term.Field, marks)
		}
		if !l.s.dialect.shared {
			l.s.bitmaps.put(m.at, m.turn, m.terms, m.found)
		}
	}
	return nil
}

// readMarks returns a message's marks in the block. A message that is no more
// has marked none.
func (l *loading) readMarks(ctx context.Context, id aurora.MessageID) (map[aurora.Mark]*roaring.Bitmap, error) {
	lo := uint64(l.at.block) * audience.BlockSize
	marks := map[aurora.Mark]*roaring.Bitmap{}
	return marks, l.rows(ctx, func(row scanner) error {
		var text, mark string
		var blob []byte
		if err := row.Scan(&text, &mark, &blob); err != nil {
			return err
		}
		notes, err := parseNotes(text)
		if err != nil {
			return err
		}
		for _, n := range notes {
			here := roaring.New()
			here.AddRange(lo, lo+audience.BlockSize)
			here.And(n.numbers)
			if marks[n.mark] == nil {
				marks[n.mark] = roaring.New()
			}
			marks[n.mark].Or(here)
		}
		if mark == "" {
			return nil
		}
		b := roaring.New()
		marks[aurora.Mark(mark)] = b
		return b.UnmarshalBinary(blob)
	}, marksQuery, int64(id), l.at.app, l.at.block)
}

// marksOf joins the marks that a field stands for: of a notification, of a call,
// and of an in-app message on each platform.
func marksOf(f audience.Field, marks map[aurora.Mark]*roaring.Bitmap) *roaring.Bitmap {
	mark := map[audience.Field]aurora.Mark{audience.Targeted: aurora.Targeted, audience.Sent: aurora.Accepted, audience.Received: aurora.Received, audience.Opened: aurora.Opened}[f]
	all := []aurora.Mark{mark, aurora.VoIP(mark)}
	for _, p := range aurora.Platforms {
		all = append(all, aurora.InApp(p, mark))
	}
	var parts []*roaring.Bitmap
	for _, mark := range all {
		if b := marks[mark]; b != nil {
			parts = append(parts, b)
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return roaring.FastOr(parts...)
}
