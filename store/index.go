package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

const (
	foldRecords = 8192     // records among which blocks to fold are looked for
	foldBlocks  = 8        // blocks folded by one transaction
	foldChanges = 64 << 10 // changes of one block folded by one transaction: the more, the less often its bitmaps are written
	foldTerms   = 4096     // bitmaps written by one transaction, which others wait for
)

// Fold merges the pending changes of some blocks into their bitmaps: of those
// with the oldest ones, so that no app waits behind busier ones. It returns how
// many gains and losses of a term it consumed, and whether it left some of those
// blocks' changes for the next time.
//
// What the bitmaps become is worked out before the transaction that writes them,
// which others wait for. If somebody else has folded a block meanwhile its
// generation tells, and it is left as it is.
func (s *Store) Fold(ctx context.Context) (folded int, more bool, err error) {
	var places []place
	err = s.rows(ctx, func(row scanner) error {
		var p place
		err := row.Scan(&p.app, &p.block)
		places = append(places, p)
		return err
	}, `SELECT app_id, block FROM (SELECT app_id, block, seq FROM index_change ORDER BY seq LIMIT $1) q
		GROUP BY app_id, block ORDER BY MIN(seq) LIMIT $2`, foldRecords, foldBlocks)
	if err != nil || len(places) == 0 {
		return 0, false, err
	}
	var folds []*fold
	room := foldTerms
	for _, p := range places {
		if room <= 0 {
			more = true
			break
		}
		f, err := s.prepareFold(ctx, p, room)
		if err != nil {
			return 0, false, err
		}
		folds = append(folds, f)
		more = more || f.more
		room -= len(f.terms)
	}
	err = s.write(ctx, func(t *tx) error {
		folded = 0
		for _, f := range folds {
			if f.stale = false; f.changes == 0 {
				continue
			}
			if err := f.write(t); err != nil {
				return err
			}
			if !f.stale {
				folded += f.changes
			}
		}
		return nil
	})
	if errors.Is(err, errConsumed) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	for _, f := range folds {
		if f.changes > 0 && !f.stale {
			s.bitmaps.moved(move{f.at, f.generation + 1, f.bitmaps})
		}
	}
	return folded, more, nil
}

// fold is what becomes of one block.
type fold struct {
	at         place
	generation int64   // of the bitmaps that it began with
	seqs       []int64 // of the records that it consumes
	changes    int     // gains and losses in them
	more       bool    // there are more of them
	bitmaps    map[string]*roaring.Bitmap
	terms      []string // of the bitmaps, in order: those that lie together are written together
	blobs      [][]byte // nil for one that is empty
	stale      bool     // somebody else has folded the block
}

// prepareFold works out what a block's oldest changes make of its bitmaps, until
// they need more than room of them.
func (s *Store) prepareFold(ctx context.Context, at place, room int) (*fold, error) {
	f := &fold{at: at, bitmaps: map[string]*roaring.Bitmap{}}
	// First of all: if it is the same when the result is written, nobody has
	// changed a bitmap or consumed a record that is read from here on.
	err := s.row(ctx, "SELECT generation FROM index_generation WHERE app_id = $1 AND block = $2", at.app, at.block).Scan(&f.generation)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	last := int64(-1 << 63)
	for !f.more {
		changes, err := s.changes(ctx, at, last)
		if err != nil {
			return nil, err
		}
		if len(changes) == 0 {
			break
		}
		for _, c := range changes {
			if f.more = len(f.bitmaps) >= room || f.changes >= foldChanges; f.more {
				break
			}
			last = c.seq
			if err := s.apply(ctx, f, c); err != nil {
				return nil, err
			}
		}
	}
	f.terms = slices.Sorted(maps.Keys(f.bitmaps))
	f.blobs = make([][]byte, len(f.terms))
	for i, term := range f.terms {
		if b := f.bitmaps[term]; !b.IsEmpty() {
			f.blobs[i] = blobOf(b)
		}
	}
	return f, nil
}

// apply makes a record's changes in the bitmaps.
func (s *Store) apply(ctx context.Context, f *fold, c change) error {
	f.seqs = append(f.seqs, c.seq)
	return c.each(func(term string, lo, hi uint32, present bool) (err error) {
		b := f.bitmaps[term]
		if b == nil {
			if b, err = loadBitmap(s.row(quick(ctx), bitmapQuery, f.at.app, f.at.block, term)); err != nil {
				return err
			}
			f.bitmaps[term] = b
		}
		setRange(b, lo, hi, present)
		f.changes++
		return nil
	})
}

// foldPortion is how many changes are read at once: each may be of a thousand terms.
const foldPortion = 64

// changes reads the changes of a block after one, in order.
func (s *Store) changes(ctx context.Context, at place, after int64) (list []change, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var c change
		err := row.Scan(&c.seq, &c.number, &c.gained, &c.lost)
		list = append(list, c)
		return err
	}, "SELECT seq, number, gained, lost FROM index_change WHERE app_id = $1 AND block = $2 AND seq > $3 ORDER BY seq LIMIT $4", at.app, at.block, after, foldPortion)
	return list, err
}

// errConsumed is for records that are gone though nobody has folded their block:
// the app is being erased.
var errConsumed = errors.New("store: the changes to fold are gone")

// write puts the result in place of what it came from.
func (f *fold) write(t *tx) error {
	begun, err := f.begin(t)
	if f.stale = begun == 0; err != nil || f.stale {
		return err
	}
	for i, term := range f.terms {
		if f.blobs[i] == nil {
			_, err = t.exec("DELETE FROM index_block WHERE app_id = $1 AND block = $2 AND term = $3", f.at.app, f.at.block, term)
		} else {
			_, err = t.exec(`INSERT INTO index_block (app_id, block, term, bitmap) VALUES ($1, $2, $3, $4)
				ON CONFLICT (app_id, block, term) DO UPDATE SET bitmap = excluded.bitmap`, f.at.app, f.at.block, term, f.blobs[i])
		}
		if err != nil {
			return err
		}
	}
	// By their keys: with several servers a record may have been committed since
	// that has an earlier one than the last of these.
	args := make([]any, 1+valuesAtOnce)
	args[0] = f.at.app
	gone := int64(0)
	for seqs := range slices.Chunk(f.seqs, valuesAtOnce) {
		for i := range valuesAtOnce {
			args[1+i] = seqs[min(i, len(seqs)-1)]
		}
		n, err := t.exec("DELETE FROM index_change WHERE app_id = $1 AND seq IN ("+placesOfValues+")", args...)
		if err != nil {
			return err
		}
		gone += n
	}
	if gone != int64(len(f.seqs)) {
		return errConsumed
	}
	return nil
}

// begin says that the bitmaps of a block are others from now on, unless
// somebody has said so before.
func (f *fold) begin(t *tx) (changed int64, err error) {
	if f.generation == 0 {
		return t.exec("INSERT INTO index_generation (app_id, block, generation) VALUES ($1, $2, 1) ON CONFLICT (app_id, block) DO NOTHING", f.at.app, f.at.block)
	}
	return t.exec("UPDATE index_generation SET generation = generation + 1 WHERE app_id = $1 AND block = $2 AND generation = $3", f.at.app, f.at.block, f.generation)
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
