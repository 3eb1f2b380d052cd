package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/aurora-push/aurora"
)

// A push to one device begins by looking that device up, thousands of times a
// second. By database/sql, which makes an object of every value and looks for a
// connection each time, that takes twice as long as SQLite itself. So a SQLite
// database keeps a few connections for reads of a row or two, with their
// statements prepared.

// pointReaders are the connections for reads of a row or two; nil without SQLite.
type pointReaders struct {
	free chan *pointReader
	all  []*pointReader
}

type pointReader struct {
	conn  *sql.Conn // nil until it is needed
	raw   *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// pointReaderCount is how many such reads can run at once: they hardly wait for
// anything but the processor.
func pointReaderCount() int { return max(2, runtime.NumCPU()) }

func newPointReaders() *pointReaders {
	p := &pointReaders{free: make(chan *pointReader, pointReaderCount())}
	for range cap(p.free) {
		r := &pointReader{stmts: map[string]*sqlite3.Stmt{}}
		p.all = append(p.all, r)
		p.free <- r
	}
	return p
}

// point calls scan for every row of a query that finds a row or two. scan must
// not keep what it is given as sql.RawBytes, and must not read by itself.
func (s *Store) point(ctx context.Context, scan func(scanner) error, query string, args ...any) error {
	if s.points == nil {
		return s.rows(quick(ctx), scan, query, args...)
	}
	var r *pointReader
	select {
	case r = <-s.points.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.points.free <- r }()
	st, err := r.prepare(ctx, s, query)
	if err != nil {
		return err
	}
	if err := bind(st, args); err != nil {
		return err
	}
	for st.Step() {
		if err := scan(rawRow{st}); err != nil {
			return errors.Join(err, st.Reset())
		}
	}
	return errors.Join(st.Err(), st.Reset()) // which also ends the snapshot
}

func (r *pointReader) prepare(ctx context.Context, s *Store, query string) (*sqlite3.Stmt, error) {
	if st, ok := r.stmts[query]; ok {
		return st, nil
	}
	if r.conn == nil {
		conn, err := s.reads.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if err := conn.Raw(func(c any) error { r.raw = c.(driver.Conn).Raw(); return nil }); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		r.conn = conn
	}
	st, _, err := r.raw.PrepareFlags(s.dialect.rewrite(query), sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, query)
	}
	r.stmts[query] = st
	return st, nil
}

// close waits for reads in progress.
func (p *pointReaders) close() (err error) {
	if p == nil {
		return nil
	}
	for range p.all {
		r := <-p.free
		for _, st := range r.stmts {
			err = errors.Join(err, st.Close())
		}
		if r.conn != nil {
			err = errors.Join(err, r.conn.Close())
		}
	}
	return err
}

func bind(st *sqlite3.Stmt, args []any) (err error) {
	for i, arg := range args {
		switch v := arg.(type) {
		case int64:
			err = st.BindInt64(i+1, v)
		case uint32:
			err = st.BindInt64(i+1, int64(v))
		case string:
			err = st.BindText(i+1, v)
		default:
			err = fmt.Errorf("store: %T is no argument of a point read", arg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rawRow scans the row at which a statement stands.
type rawRow struct{ st *sqlite3.Stmt }

// Scan implements scanner for what the columns of this package are read into.
func (r rawRow) Scan(into ...any) error {
	for i, one := range into {
		switch v := one.(type) {
		case *int64:
			*v = r.st.ColumnInt64(i)
		case *int:
			*v = r.st.ColumnInt(i)
		case *uint32:
			*v = uint32(r.st.ColumnInt64(i))
		case *bool:
			*v = r.st.ColumnBool(i)
		case *string:
			*v = string(r.st.ColumnRawText(i))
		case *aurora.Platform:
			*v = platformNamed(r.st.ColumnRawText(i))
		case *sql.RawBytes:
			*v = r.st.ColumnRawBlob(i)
		case *[]byte:
			*v = r.st.ColumnBlob(i, nil)
		default:
			return fmt.Errorf("store: a column cannot be read into %T", one)
		}
	}
	return r.st.Err()
}
