// Package store keeps Aurora's truth in a SQL database. It satisfies the
// interfaces that the services declare; each method is one business
// transaction. It holds no rules: who may and what next is the services'.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3" // no CGO
	"github.com/ncruces/go-sqlite3/driver"
)

// Store is an open database.
type Store struct {
	dir       string // of a SQLite database
	url       string // of a PostgreSQL database
	node      string // the name of this opening: who holds its leases
	schema    schema // what this Aurora knows
	upgrade   upgrade
	logger    *slog.Logger
	dialect   dialect
	reads     *sql.DB
	writes    *sql.DB // the same as reads for SQLite
	desk      *desk
	interests interests
	beats     beats
	bitmaps   bitmapCache
	doubts    doubts
	stmts     sync.Map // query → *sql.Stmt on reads
	points    *pointReaders
}

// Open opens the SQLite database in a folder, which it creates with mode 0700,
// and brings its schema up to date. Several processes may have it open.
func Open(ctx context.Context, dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	path := filepath.Join(dir, DatabaseFile)
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("the database cannot be made: %w", err)
	}
	// FULL: what was answered to a caller survives a power cut. The busy
	// timeout lets command-line tools write beside a running server.
	source := sourceOf(path) + "?modeof=" + strings.ReplaceAll(url.QueryEscape(path), "+", "%20") + "&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=foreign_keys(on)&_pragma=cache_size(-16000)&_pragma=temp_store(memory)"
	// A statement's plan must not depend on its values: SQLite would prepare it
	// anew at each use of another value, which costs more than most of ours take.
	reads, err := driver.Open(source, func(c *sqlite3.Conn) error {
		_, err := c.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true)
		return err
	})
	if err != nil {
		return nil, err
	}
	connections := max(4, 2*runtime.NumCPU()) + pointReaderCount()
	reads.SetMaxOpenConns(connections)
	reads.SetMaxIdleConns(connections)
	s := &Store{dialect: sqlite, reads: reads, writes: reads, dir: dir, points: newPointReaders(), node: rand.Text(), schema: ours(), logger: slog.New(slog.DiscardHandler)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the database %s cannot be opened: %w", path, err), reads.Close())
	}
	return s, nil
}

// sourceOf returns a file's path as SQLite's URI.
func sourceOf(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// makePrivate makes the database's file with mode 0600 before SQLite would with
// 0644: the folder may be one that others can read. The log gets the mode of
// the database (modeof); the file beside it that ends in -shm holds no data.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// Free pages can be given back only if that is said before anything is
	// written; said later, at each connection, it would wait for the writer. If
	// another process was quicker the database works as well and keeps its size.
	db, err := sql.Open("sqlite3", sourceOf(path)+"?_pragma=busy_timeout(10000)&_pragma=auto_vacuum(incremental)&_pragma=journal_mode(wal)")
	if err != nil {
		return err
	}
	_ = db.Ping()
	return db.Close()
}

// startTime bounds how long to wait for another process that starts on the
// same new folder: SQLite's busy timeout does not cover the change to a
// write-ahead log.
const startTime = 10 * time.Second

func (s *Store) start(ctx context.Context) error {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := s.reads.Conn(ctx)
		if err == nil {
			err = errors.Join(keepOld(ctx, conn, s.dir), s.migrate(ctx, conn), conn.Close())
		}
		if err == nil {
			s.desk, err = newDesk(ctx, s.writes, s.dialect, s.node, 1)
		}
		if err == nil {
			return nil
		}
		if !strings.Contains(err.Error(), "locked") || time.Since(begin) > startTime || ctx.Err() != nil {
			return err
		}
	}
}

// Close waits for writes in progress and closes the database.
func (s *Store) Close() error {
	s.upgrade.end()
	err := errors.Join(s.leave(), s.desk.close(), s.points.close())
	s.stmts.Range(func(_, v any) bool { v.(*sql.Stmt).Close(); return true })
	if s.dialect.shared { // a connection may be gone, which is no failure at the end
		_, _ = s.writes.Close(), s.reads.Close()
		return err
	}
	return errors.Join(err, s.reads.Close())
}

// prepared returns a statement that is prepared once and kept.
func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.stmts.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.reads.PrepareContext(ctx, s.dialect.rewrite(query))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, query)
	}
	if other, loaded := s.stmts.LoadOrStore(query, st); loaded {
		st.Close()
		return other.(*sql.Stmt), nil
	}
	return st, nil
}

// row reads at most one row.
func (s *Store) row(ctx context.Context, query string, args ...any) scanner {
	st, err := s.prepared(ctx, query)
	if err != nil {
		return failed{s.explainRead(err)}
	}
	row := st.QueryRowContext(ctx, s.dialect.fit(args)...)
	if s.dialect.shared {
		return explained{row, s}
	}
	return row
}

// explained is a row of a database that may be away.
type explained struct {
	row *sql.Row
	s   *Store
}

// Scan says plainly that the database does not answer.
func (e explained) Scan(into ...any) error { return e.s.explainRead(e.row.Scan(into...)) }

// explainRead turns the failure of a read into a sentence if the database does
// not answer, or cannot look for a text; what else fails is a defect.
func (s *Store) explainRead(err error) error {
	if err == nil || !s.dialect.shared || !broken(err) && !unstorable(err) {
		return err
	}
	return explainShared(err)
}

// quick is the context for a read of a row or two: one that can be cancelled
// makes database/sql start a goroutine for each, which takes longer than the read.
func quick(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// rows calls scan for every row.
func (s *Store) rows(ctx context.Context, scan func(scanner) error, query string, args ...any) error {
	st, err := s.prepared(ctx, query)
	if err != nil {
		return s.explainRead(err)
	}
	rows, err := st.QueryContext(ctx, s.dialect.fit(args)...)
	if err != nil {
		return s.explainRead(err)
	}
	return s.explainRead(each(rows, scan))
}

func each(rows *sql.Rows, scan func(scanner) error) error {
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// scanner is a row to read columns from.
type scanner interface{ Scan(...any) error }

type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// millis is how times are stored.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// none turns "no rows" into the service's own word for it.
func none(err, instead error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return instead
	}
	return err
}
