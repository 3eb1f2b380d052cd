package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// Blocks returns how many blocks the app's device numbers span.
func (s *Store) Blocks(ctx context.Context, appID int64) (uint32, error) {
	var next int64
	err := s.row(ctx, "SELECT next_number FROM app WHERE id = $1", appID).Scan(&next)
	return uint32((next + audience.BlockSize - 1) / audience.BlockSize), err
}

// The statements of LoadBlock.
const (
	// tailQuery returns the generation of a block, if it was ever folded, and
	// then the changes since, all as of one moment.
	tailQuery = `SELECT -1 AS place, generation, '', '' FROM index_generation WHERE app_id = $1 AND block = $2
		UNION ALL SELECT seq, number, gained, lost FROM index_change WHERE app_id = $1 AND block = $2 ORDER BY place`
	bitmapQuery    = "SELECT bitmap FROM index_block WHERE app_id = $1 AND block = $2 AND term = $3"
	bitmapsQuery   = "SELECT term, bitmap FROM index_block WHERE app_id = $1 AND block = $2 AND term >= $3 AND term < $4"
	selectionQuery = "SELECT bitmap FROM selection WHERE app_id = $1 AND block = $2 AND message_id = CAST($3 AS BIGINT)"
	specialQuery   = "SELECT number FROM special_token WHERE app_id = $1 AND number >= $2 AND number < $3 AND kind = $4 AND environment = $5 AND name = $6"
	aliasQuery     = "SELECT number FROM device WHERE app_id = $1 AND alias = $2 AND number >= $3 AND number < $4"
	regIDQuery     = "SELECT number FROM device WHERE app_id = $1 AND registration_id = $2 AND number >= $3 AND number < $4"
)

var loadQueries = []string{tailQuery, bitmapQuery, bitmapsQuery, selectionQuery, specialQuery, aliasQuery, regIDQuery, marksQuery}

// LoadBlock returns the bitmaps of the terms in one block as of one moment: the
// folded ones with the changes since. If all are known already it is a single
// statement. The bitmaps may be shared: they must not be changed.
func (s *Store) LoadBlock(ctx context.Context, appID int64, block uint32, terms []audience.Term) (b registry.Block, err error) {
	defer func() { err = s.explainRead(err) }()
	l := loading{s: s, at: place{app: appID, block: block}, want: map[string]wanted{everyone: {lo: everyone}}, folded: map[string]*roaring.Bitmap{}}
	for _, term := range terms {
		switch term.Field {
		case audience.Targeted, audience.Sent, audience.Received, audience.Opened:
			if err := l.wantMarks(term); err != nil {
				return b, err
			}
		case audience.Alias, audience.Registration, audience.Special, audience.List:
			l.lookups = append(l.lookups, term)
		default:
			l.want[term.String()] = wantedOf(term)
		}
	}
	if l.knowMarks() && len(l.lookups) == 0 {
		st, err := s.prepared(ctx, tailQuery)
		if err != nil {
			return b, err
		}
		if err := l.readTail(quick(ctx), st); err != nil {
			return b, err
		}
		if s.bitmaps.get(l.at, l.generation, l.want, l.folded) {
			return l.block(terms), nil
		}
		clear(l.folded)
	}
	// Preparing takes a connection. Whoever holds one in a transaction must not
	// wait for a second: a few of them together would wait for ever.
	for _, query := range loadQueries {
		if _, err := s.prepared(ctx, query); err != nil {
			return b, err
		}
	}
	if l.t, err = s.reads.BeginTx(ctx, s.dialect.moment); err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, l.t.Rollback()) }()
	if err := l.read(ctx); err != nil {
		return b, err
	}
	return l.block(terms), nil
}

// loading gathers the bitmaps of one block.
type loading struct {
	s          *Store
	t          *sql.Tx // that sees the database as of one moment
	at         place
	want       map[string]wanted // by the terms' names
	lookups    []audience.Term
	marked     map[aurora.MessageID]*markedBy
	generation int64
	tail       map[string]*gain // what devices gained and lost since, by stored key
	folded     map[string]*roaring.Bitmap
	found      map[audience.Term]*roaring.Bitmap // what was looked up
}

func (l *loading) read(ctx context.Context) error {
	st, err := l.s.prepared(ctx, tailQuery)
	if err != nil {
		return err
	}
	if err := l.readTail(ctx, l.t.StmtContext(ctx, st)); err != nil {
		return err
	}
	if !l.s.bitmaps.get(l.at, l.generation, l.want, l.folded) {
		fresh := map[string]*roaring.Bitmap{}
		for key, w := range l.want {
			if l.folded[key] == nil {
				if fresh[key], err = l.readFolded(ctx, w); err != nil {
					return err
				}
				l.folded[key] = fresh[key]
			}
		}
		l.s.bitmaps.put(l.at, l.generation, l.want, fresh)
	}
	l.found = map[audience.Term]*roaring.Bitmap{}
	for _, term := range l.lookups {
		if l.found[term] != nil {
			continue
		}
		if l.found[term], err = l.lookUp(ctx, term); err != nil {
			return err
		}
	}
	return l.loadMarks(ctx)
}

// readTail reads the generation and the changes of terms that are wanted.
func (l *loading) readTail(ctx context.Context, st *sql.Stmt) error {
	l.generation, l.tail = 0, map[string]*gain{}
	rows, err := st.QueryContext(ctx, l.at.app, l.at.block)
	if err != nil {
		return err
	}
	return each(rows, func(row scanner) error {
		var c change
		var number int64
		if err := row.Scan(&c.seq, &number, &c.gained, &c.lost); err != nil {
			return err
		}
		if c.seq < 0 {
			l.generation = number
			return nil
		}
		c.number = uint32(number)
		return c.each(func(key string, lo, hi uint32, present bool) error {
			g, known := l.tail[key]
			if !known {
				if l.wants(key) {
					g = &gain{}
				}
				l.tail[key] = g
			}
			if g != nil {
				setRange(&g.gained, lo, hi, present)
				setRange(&g.lost, lo, hi, !present)
			}
			return nil
		})
	})
}

func (l *loading) wants(key string) bool {
	if l.want[key].lo == key { // most terms are named as they are stored
		return true
	}
	for _, w := range l.want {
		if w.covers(key) {
			return true
		}
	}
	return false
}

// readFolded joins the stored bitmaps of a term.
func (l *loading) readFolded(ctx context.Context, w wanted) (*roaring.Bitmap, error) {
	if w.hi == "" {
		b, err := loadBitmap(l.row(ctx, bitmapQuery, l.at.app, l.at.block, w.lo))
		if err != nil {
			err = fmt.Errorf("index block %d/%d/%s is damaged: %w", l.at.app, l.at.block, w.lo, err)
		}
		return b, err
	}
	var parts []*roaring.Bitmap
	err := l.rows(ctx, func(row scanner) error {
		var key string
		var blob []byte
		if err := row.Scan(&key, &blob); err != nil || !w.covers(key) {
			return err
		}
		b := roaring.New()
		if err := b.UnmarshalBinary(blob); err != nil {
			return fmt.Errorf("index block %d/%d/%s is damaged: %w", l.at.app, l.at.block, key, err)
		}
		parts = append(parts, b)
		return nil
	}, bitmapsQuery, l.at.app, l.at.block, w.lo, w.hi)
	return roaring.FastOr(parts...), err
}

// block puts together what was gathered.
func (l *loading) block(terms []audience.Term) registry.Block {
	b := registry.Block{All: l.current(everyone), Terms: make(map[audience.Term]*roaring.Bitmap, len(terms))}
	marked := map[string]*roaring.Bitmap{}
	for _, m := range l.marked {
		maps.Copy(marked, m.found)
	}
	for _, term := range terms {
		if b.Terms[term] != nil {
			continue
		}
		name := term.String()
		if b.Terms[term] = l.found[term]; b.Terms[term] == nil {
			b.Terms[term] = marked[name]
		}
		if b.Terms[term] == nil {
			b.Terms[term] = l.current(name)
		}
	}
	return b
}

// current applies the changes since folding to a term's bitmap. A device has one
// value of a field whose bitmaps are joined: it is among them if it gained one,
// and is not if it lost one and gained none.
func (l *loading) current(name string) *roaring.Bitmap {
	w, b := l.want[name], l.folded[name]
	var gained, lost []*roaring.Bitmap
	if w.hi == "" {
		if g := l.tail[w.lo]; g != nil {
			gained, lost = append(gained, &g.gained), append(lost, &g.lost)
		}
	} else {
		for key, g := range l.tail {
			if g != nil && w.covers(key) {
				gained, lost = append(gained, &g.gained), append(lost, &g.lost)
			}
		}
	}
	if len(gained) == 0 {
		return b
	}
	b = b.Clone()
	for _, numbers := range lost {
		b.AndNot(numbers)
	}
	for _, numbers := range gained {
		b.Or(numbers)
	}
	return b
}

// lookUp returns the devices of a term that has no bitmap in the index.
func (l *loading) lookUp(ctx context.Context, term audience.Term) (*roaring.Bitmap, error) {
	lo := int64(l.at.block) * audience.BlockSize
	hi := lo + audience.BlockSize
	switch term.Field {
	case audience.Alias:
		return l.numbers(ctx, aliasQuery, l.at.app, term.Value, lo, hi)
	case audience.Registration:
		return l.numbers(ctx, regIDQuery, l.at.app, term.Value, lo, hi)
	case audience.List:
		return loadBitmap(l.row(ctx, selectionQuery, l.at.app, l.at.block, term.Value))
	case audience.Special:
		kind, environment, name, err := term.Special()
		if err != nil {
			return nil, err
		}
		env, err := aurora.ParseEnvironment(environment)
		if err != nil {
			return nil, err
		}
		return l.numbers(ctx, specialQuery, l.at.app, lo, hi, kind, int(env), name)
	}
	return nil, fmt.Errorf("store: %v is not a term to look up", term)
}

func (l *loading) numbers(ctx context.Context, query string, args ...any) (*roaring.Bitmap, error) {
	numbers := roaring.New()
	err := l.rows(ctx, func(row scanner) error {
		var n uint32
		err := row.Scan(&n)
		numbers.Add(n)
		return err
	}, query, args...)
	return numbers, err
}

func (l *loading) row(ctx context.Context, query string, args ...any) scanner {
	st, err := l.s.prepared(ctx, query)
	if err != nil {
		return failed{err}
	}
	return l.t.StmtContext(ctx, st).QueryRowContext(ctx, l.s.dialect.fit(args)...)
}

func (l *loading) rows(ctx context.Context, scan func(scanner) error, query string, args ...any) error {
	st, err := l.s.prepared(ctx, query)
	if err != nil {
		return err
	}
	rows, err := l.t.StmtContext(ctx, st).QueryContext(ctx, l.s.dialect.fit(args)...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

var pointQueries = map[audience.Field]string{
	audience.Alias:        "SELECT " + deviceColumns + " FROM device WHERE app_id = $1 AND " + byAlias,
	audience.Registration: "SELECT " + deviceColumns + " FROM device WHERE app_id = $1 AND registration_id = $2",
}

// Lookup returns the devices that have any of the alias or registration terms.
func (s *Store) Lookup(ctx context.Context, appID int64, points []audience.Term) (found []registry.Point, err error) {
	for _, p := range points {
		query := pointQueries[p.Field]
		if query == "" {
			return nil, fmt.Errorf("store: %v is not a term to look up", p)
		}
		err := s.point(ctx, func(row scanner) error {
			d, err := scanDevice(row)
			found = append(found, registry.Point{Device: d.Device, Subject: subject(d.Device)})
			return err
		}, query, appID, p.Value)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
