package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/RoaringBitmap/roaring/v2"
)

const (
	foldBlocks  = 8    // blocks folded by one transaction
	foldChanges = 8192 // changes of one block folded by one transaction
	foldTerms   = 4096 // bitmaps written by one transaction, which others wait for
)

// Fold merges the pending changes of some blocks into their bitmaps: of those
// with the oldest ones, so that no app waits behind busier ones. It returns how
// many gains and losses of a term it consumed.
func (s *Store) Fold(ctx context.Context) (int, error) {
	var places []place
	err := s.rows(ctx, func(row scanner) error {
		var p place
		err := row.Scan(&p.app, &p.block)
		places = append(places, p)
		return err
	}, `SELECT app_id, block FROM (SELECT app_id, block, seq FROM index_change ORDER BY seq LIMIT $1) q
		GROUP BY app_id, block ORDER BY MIN(seq) LIMIT $2`, foldChanges, foldBlocks)
	if err != nil || len(places) == 0 {
		return 0, err
	}
	folded, moves := 0, []move(nil)
	err = s.write(ctx, func(t *tx) error {
		folded, moves = 0, nil
		room := foldTerms
		for _, p := range places {
			n, terms, err := foldBlock(t, p.app, p.block, room)
			if err != nil {
				return err
			}
			if n > 0 {
				m := move{at: p, terms: terms}
				if m.generation, err = nextGeneration(t, p); err != nil {
					return err
				}
				moves = append(moves, m)
			}
			folded += n
			if room -= len(terms); room <= 0 {
				break
			}
		}
		return nil
	})
	if err == nil {
		for _, m := range moves {
			s.bitmaps.moved(m)
		}
	}
	return folded, err
}

// nextGeneration says that the bitmaps of a block are others from now on.
func nextGeneration(t *tx, at place) (generation int64, err error) {
	err = t.row(`INSERT INTO index_generation (app_id, block, generation) VALUES ($1, $2, 1)
		ON CONFLICT (app_id, block) DO UPDATE SET generation = index_generation.generation + 1 RETURNING generation`, at.app, at.block).Scan(&generation)
	return generation, err
}

// foldBlock folds changes of one block until they need more than room bitmaps,
// and returns which it has written.
func foldBlock(t *tx, appID int64, block uint32, room int) (n int, written map[string]*roaring.Bitmap, err error) {
	bitmaps := map[string]*roaring.Bitmap{}
	last := int64(-1 << 63)
	for len(bitmaps) < room && n < foldChanges {
		changes, err := t.changes(appID, block, last)
		if err != nil {
			return 0, nil, err
		}
		if len(changes) == 0 {
			break
		}
		for _, c := range changes {
			if len(bitmaps) >= room || n >= foldChanges {
				break
			}
			last = c.seq
			if err := c.each(func(term string, lo, hi uint32, present bool) (err error) {
				b := bitmaps[term]
				if b == nil {
					if b, err = loadBitmap(t.row("SELECT bitmap FROM index_block WHERE app_id = $1 AND block = $2 AND term = $3", appID, block, term)); err != nil {
						return err
					}
					bitmaps[term] = b
				}
				setRange(b, lo, hi, present)
				n++
				return nil
			}); err != nil {
				return 0, nil, err
			}
		}
	}
	if n == 0 {
		return 0, nil, nil
	}
	for term, b := range bitmaps {
		if b.IsEmpty() {
			_, err = t.exec("DELETE FROM index_block WHERE app_id = $1 AND block = $2 AND term = $3", appID, block, term)
		} else {
			_, err = t.exec(`INSERT INTO index_block (app_id, block, term, bitmap) VALUES ($1, $2, $3, $4)
				ON CONFLICT (app_id, block, term) DO UPDATE SET bitmap = excluded.bitmap`, appID, block, term, blobOf(b))
		}
		if err != nil {
			return 0, nil, err
		}
	}
	_, err = t.exec("DELETE FROM index_change WHERE app_id = $1 AND block = $2 AND seq <= $3", appID, block, last)
	return n, bitmaps, err
}

// foldPortion is how many changes are read at once: each may be of a thousand terms.
const foldPortion = 64

// changes reads the changes of a block after one, in order.
func (t *tx) changes(appID int64, block uint32, after int64) (list []change, err error) {
	err = t.rows(func(row scanner) error {
		var c change
		err := row.Scan(&c.seq, &c.number, &c.gained, &c.lost)
		list = append(list, c)
		return err
	}, "SELECT seq, number, gained, lost FROM index_change WHERE app_id = $1 AND block = $2 AND seq > $3 ORDER BY seq LIMIT $4", appID, block, after, foldPortion)
	return list, err
}

// loadBitmap reads a stored bitmap; no row is the empty set.
func loadBitmap(row scanner) (*roaring.Bitmap, error) {
	b := roaring.New()
	var blob []byte
	err := row.Scan(&blob)
	if errors.Is(err, sql.ErrNoRows) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	return b, b.UnmarshalBinary(blob)
}

// blobOf encodes a bitmap in roaring's portable format.
func blobOf(b *roaring.Bitmap) []byte {
	b.RunOptimize()
	blob, err := b.ToBytes()
	if err != nil { // writing to memory does not fail
		panic(err)
	}
	return blob
}
