package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// The statements that read targets: of a range of numbers, and of one.
const (
	targetColumns = "SELECT number, platform, token, environment, retired_reason, push_disabled FROM device"
	rangeQuery    = targetColumns + " WHERE app_id = $1 AND number BETWEEN $2 AND $3 ORDER BY number"
	oneQuery      = targetColumns + " WHERE app_id = $1 AND number = $2"
)

// portion is how many targets are read by one statement.
const portion = 1024

// ReadTargets yields devices by ascending number. They are read in portions:
// a worker that waits between two devices for its vendor keeps neither one of
// the few connections nor a snapshot that the log could not shrink below.
func (s *Store) ReadTargets(ctx context.Context, appID int64, numbers *roaring.Bitmap) iter.Seq2[dispatch.Target, error] {
	return func(yield func(dispatch.Target, error) bool) {
		next := numbers.ManyIterator()
		wanted := make([]uint32, min(portion, numbers.GetCardinality()))
		p := targetPortion{app: appID}
		for n := next.NextMany(wanted); n > 0; n = next.NextMany(wanted) {
			p.begin(wanted[:n])
			if err := s.readPortion(ctx, &p); err != nil {
				yield(dispatch.Target{}, err)
				return
			}
			p.end()
			for _, t := range p.targets {
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}

// targetPortion gathers the targets with the wanted ascending numbers.
type targetPortion struct {
	app     int64
	wanted  []uint32
	next    int // the first wanted number that no row has reached
	targets []dispatch.Target
	digits  []byte // of all tokens: one text for a portion, not one for each device
	ends    []int  // of each token in digits
}

func (p *targetPortion) begin(wanted []uint32) {
	p.wanted, p.next, p.targets, p.digits, p.ends = wanted, 0, p.targets[:0], p.digits[:0], p.ends[:0]
}

// wants reports whether a row's number is a wanted one; rows come ascending.
func (p *targetPortion) wants(number uint32) bool {
	for p.next < len(p.wanted) && p.wanted[p.next] < number {
		p.next++
	}
	return p.next < len(p.wanted) && p.wanted[p.next] == number
}

func (p *targetPortion) add(t dispatch.Target, token []byte) {
	p.targets = append(p.targets, t)
	p.digits = hex.AppendEncode(p.digits, token)
	p.ends = append(p.ends, len(p.digits))
}

// end gives the targets their tokens.
func (p *targetPortion) end() {
	text, from := string(p.digits), 0
	for i, to := range p.ends {
		p.targets[i].Token = text[from:to]
		from = to
	}
}

// dense reports whether a range scan is cheaper than looking up each device.
func (p *targetPortion) dense() bool {
	return len(p.wanted) > 1 && int(p.wanted[len(p.wanted)-1]-p.wanted[0]) < 8*len(p.wanted)
}

// readPortion reads a dense set by a range scan, a sparse one device by device.
func (s *Store) readPortion(ctx context.Context, p *targetPortion) error {
	if s.dialect.shared || len(p.wanted) == 1 {
		return s.scanPortion(ctx, p)
	}
	conn, err := s.reads.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(c any) error { return p.readFrom(c.(driver.Conn).Raw(), s.dialect.rewrite) })
	return errors.Join(err, conn.Close())
}

// readFrom reads rows where SQLite has them. By database/sql, which makes every
// value an object of its own, a target takes several times as long, and a push
// to everyone is a million of them.
func (p *targetPortion) readFrom(c *sqlite3.Conn, rewrite func(string) string) (err error) {
	query := oneQuery
	if p.dense() {
		query = rangeQuery
	}
	st, _, err := c.Prepare(rewrite(query))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := st.BindInt64(1, p.app); err != nil {
		return err
	}
	if p.dense() {
		if err := errors.Join(st.BindInt64(2, int64(p.wanted[0])), st.BindInt64(3, int64(p.wanted[len(p.wanted)-1]))); err != nil {
			return err
		}
		return p.step(st)
	}
	for _, number := range p.wanted {
		if err := st.BindInt64(2, int64(number)); err != nil {
			return err
		}
		if err := p.step(st); err != nil {
			return err
		}
	}
	return nil
}

// step reads the rows of a statement and makes it ready for other values.
func (p *targetPortion) step(st *sqlite3.Stmt) error {
	for st.Step() {
		number := uint32(st.ColumnInt64(0))
		if !p.wants(number) {
			continue
		}
		p.add(dispatch.Target{
			Number:        number,
			Platform:      platformNamed(st.ColumnRawText(1)),
			Environment:   aurora.Environment(st.ColumnInt64(3)),
			RetiredReason: string(st.ColumnRawText(4)),
			PushDisabled:  st.ColumnInt64(5) != 0,
		}, st.ColumnRawBlob(2))
	}
	return errors.Join(st.Err(), st.Reset())
}

// platformNamed returns a platform without making a text of it.
func platformNamed(name []byte) aurora.Platform {
	for _, p := range aurora.Platforms {
		if string(name) == string(p) {
			return p
		}
	}
	return aurora.Platform(name)
}

// scanPortion is readPortion by database/sql.
func (s *Store) scanPortion(ctx context.Context, p *targetPortion) error {
	var platform string
	var env int
	var token sql.RawBytes
	add := func(row scanner) error {
		var t dispatch.Target
		if err := row.Scan(&t.Number, &platform, &token, &env, &t.RetiredReason, &t.PushDisabled); err != nil || !p.wants(t.Number) {
			return err
		}
		t.Platform, t.Environment = aurora.Platform(platform), aurora.Environment(env)
		p.add(t, token)
		return nil
	}
	if p.dense() {
		return s.rows(ctx, add, rangeQuery, p.app, p.wanted[0], p.wanted[len(p.wanted)-1])
	}
	for _, number := range p.wanted {
		if err := s.rows(quick(ctx), add, oneQuery, p.app, number); err != nil {
			return err
		}
	}
	return nil
}
