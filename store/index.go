package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// everyone is the term that every device of an app has.
const everyone = "all"

// indexTerms returns the keys of the bitmaps a device is in, besides everyone.
// Alias and registration id have an index of their own.
func indexTerms(d aurora.Device) []string {
	s := subject(d)
	terms := make([]string, 0, len(s.Tags)+2)
	for _, tag := range s.Tags {
		terms = append(terms, audience.Term{Field: audience.Tag, Value: tag}.String())
	}
	terms = append(terms, audience.Term{Field: audience.Platform, Value: s.Platform}.String())
	if s.Token != "" {
		terms = append(terms, audience.Term{Field: audience.Token, Value: s.Token}.String())
	}
	for _, state := range s.States {
		terms = append(terms, audience.Term{Field: audience.State, Value: state}.String())
	}
	return terms
}

// Blocks returns how many blocks the app's device numbers span.
func (s *Store) Blocks(ctx context.Context, appID int64) (uint32, error) {
	var next int64
	err := s.row(ctx, "SELECT next_number FROM app WHERE id = $1", appID).Scan(&next)
	return uint32((next + audience.BlockSize - 1) / audience.BlockSize), err
}

// The statements of LoadBlock, besides those of pointQuery.
const (
	bitmapQuery    = "SELECT bitmap FROM index_block WHERE app_id = $1 AND block = $2 AND term = $3"
	selectionQuery = "SELECT bitmap FROM selection WHERE app_id = $1 AND block = $2 AND message_id = CAST($3 AS BIGINT)"
	specialQuery   = "SELECT number FROM special_token WHERE app_id = $1 AND number >= $2 AND number < $3 AND kind = $4 AND environment = $5 AND name = $6"
	tailQuery      = "SELECT number, gained, lost FROM index_change WHERE app_id = $1 AND block = $2 ORDER BY seq"
)

func pointQuery(f audience.Field) string {
	column := map[audience.Field]string{audience.Alias: "alias", audience.Registration: "registration_id"}[f]
	return "SELECT number FROM device WHERE app_id = $1 AND " + column + " = $2 AND number >= $3 AND number < $4"
}

// LoadBlock returns the bitmaps of the terms in one block as of one moment:
// the folded ones with the changes since.
func (s *Store) LoadBlock(ctx context.Context, appID int64, block uint32, terms []audience.Term) (b registry.Block, err error) {
	// Preparing takes a connection. Whoever holds one in a transaction must not
	// wait for a second: a few of them together would wait for ever.
	for _, query := range []string{bitmapQuery, selectionQuery, specialQuery, tailQuery, pointQuery(audience.Alias), pointQuery(audience.Registration)} {
		if _, err := s.prepared(ctx, query); err != nil {
			return b, err
		}
	}
	t, err := s.reads.BeginTx(ctx, s.dialect.moment)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, t.Rollback()) }()
	b = registry.Block{All: roaring.New(), Terms: map[audience.Term]*roaring.Bitmap{}}
	byKey := map[string]*roaring.Bitmap{everyone: b.All}
	for _, term := range terms {
		if b.Terms[term] == nil {
			b.Terms[term] = roaring.New()
			byKey[term.String()] = b.Terms[term]
		}
	}
	for term, bitmap := range b.Terms {
		if term.Field == audience.List {
			var blob []byte
			err := s.inTx(ctx, t, selectionQuery, appID, block, term.Value).Scan(&blob)
			if err == nil {
				err = bitmap.UnmarshalBinary(blob)
			}
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return b, err
			}
			delete(byKey, term.String())
		}
		if term.Field == audience.Alias || term.Field == audience.Registration || term.Field == audience.Special {
			if err := s.loadPoints(ctx, t, appID, block, term, bitmap); err != nil {
				return b, err
			}
			delete(byKey, term.String())
		}
	}
	for key, bitmap := range byKey {
		var blob []byte
		err := s.inTx(ctx, t, bitmapQuery, appID, block, key).Scan(&blob)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return b, err
		}
		if err := bitmap.UnmarshalBinary(blob); err != nil {
			return b, fmt.Errorf("index block %d/%d/%s is damaged: %w", appID, block, key, err)
		}
	}
	return b, s.applyTail(ctx, t, appID, block, byKey)
}

func (s *Store) loadPoints(ctx context.Context, t *sql.Tx, appID int64, block uint32, term audience.Term, into *roaring.Bitmap) error {
	lo := int64(block) * audience.BlockSize
	query, args := "", []any{appID, term.Value, lo, lo + audience.BlockSize}
	if term.Field == audience.Special {
		var env aurora.Environment
		kind, environment, name, err := term.Special()
		if err == nil {
			env, err = aurora.ParseEnvironment(environment)
		}
		if err != nil {
			return err
		}
		query, args = specialQuery, []any{appID, lo, lo + audience.BlockSize, kind, int(env), name}
	} else {
		query = pointQuery(term.Field)
	}
	st, err := s.prepared(ctx, query)
	if err != nil {
		return err
	}
	rows, err := t.StmtContext(ctx, st).QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, func(row scanner) error {
		var n uint32
		if err := row.Scan(&n); err != nil {
			return err
		}
		into.Add(n)
		return nil
	})
}

func (s *Store) applyTail(ctx context.Context, t *sql.Tx, appID int64, block uint32, byKey map[string]*roaring.Bitmap) error {
	st, err := s.prepared(ctx, tailQuery)
	if err != nil {
		return err
	}
	rows, err := t.StmtContext(ctx, st).QueryContext(ctx, appID, block)
	if err != nil {
		return err
	}
	return each(rows, func(row scanner) error {
		var c change
		if err := row.Scan(&c.number, &c.gained, &c.lost); err != nil {
			return err
		}
		return c.each(func(term string, lo, hi uint32, present bool) error {
			if bitmap, ok := byKey[term]; ok {
				setRange(bitmap, lo, hi, present)
			}
			return nil
		})
	})
}

func (s *Store) inTx(ctx context.Context, t *sql.Tx, query string, args ...any) scanner {
	st, err := s.prepared(ctx, query)
	if err != nil {
		return failed{err}
	}
	return t.StmtContext(ctx, st).QueryRowContext(ctx, args...)
}

// Lookup returns the devices that have any of the alias or registration terms.
func (s *Store) Lookup(ctx context.Context, appID int64, points []audience.Term) (found []registry.Point, err error) {
	for _, p := range points {
		column := map[audience.Field]string{audience.Alias: "alias", audience.Registration: "registration_id"}[p.Field]
		if column == "" {
			return nil, fmt.Errorf("store: %v is not a term to look up", p)
		}
		err := s.rows(quick(ctx), func(row scanner) error {
			d, err := scanDevice(row)
			found = append(found, registry.Point{Number: d.Number, Subject: subject(d.Device)})
			return err
		}, "SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND "+column+" = $2", appID, p.Value)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

const (
	foldBlocks  = 8    // blocks folded by one transaction
	foldChanges = 8192 // changes of one block folded by one transaction
	foldTerms   = 4096 // bitmaps written by one transaction, which others wait for
)

// Fold merges the pending changes of some blocks into their bitmaps: of those
// with the oldest ones, so that no app waits behind busier ones. It returns how
// many gains and losses of a term it consumed.
func (s *Store) Fold(ctx context.Context) (int, error) {
	type place struct {
		app   int64
		block uint32
	}
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
	folded := 0
	err = s.write(ctx, func(t *tx) error {
		folded = 0
		room := foldTerms
		for _, p := range places {
			n, written, err := foldBlock(t, p.app, p.block, room)
			if err != nil {
				return err
			}
			folded += n
			if room -= written; room <= 0 {
				break
			}
		}
		return nil
	})
	return folded, err
}

// foldBlock folds changes of one block until they need more than room bitmaps.
func foldBlock(t *tx, appID int64, block uint32, room int) (n, written int, err error) {
	bitmaps := map[string]*roaring.Bitmap{}
	last := int64(-1 << 63)
	for len(bitmaps) < room && n < foldChanges {
		changes, err := t.changes(appID, block, last)
		if err != nil {
			return 0, 0, err
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
				return 0, 0, err
			}
		}
	}
	if n == 0 {
		return 0, 0, nil
	}
	for term, b := range bitmaps {
		if b.IsEmpty() {
			_, err = t.exec("DELETE FROM index_block WHERE app_id = $1 AND block = $2 AND term = $3", appID, block, term)
		} else {
			_, err = t.exec(`INSERT INTO index_block (app_id, block, term, bitmap) VALUES ($1, $2, $3, $4)
				ON CONFLICT (app_id, block, term) DO UPDATE SET bitmap = excluded.bitmap`, appID, block, term, blobOf(b))
		}
		if err != nil {
			return 0, 0, err
		}
	}
	_, err = t.exec("DELETE FROM index_change WHERE app_id = $1 AND block = $2 AND seq <= $3", appID, block, last)
	return n, len(bitmaps), err
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
