package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// writer is the only one who writes, and commits in groups: while one commit
// waits for the disk, the next group gathers. Every caller is told the truth
// about its own part: an error in one part undoes that part alone.
type writer struct {
	conn    *sql.Conn
	dialect dialect
	stmts   map[string]*sql.Stmt
	queue   chan *write
	quit    chan struct{} // closed: no new writes
	done    chan struct{} // closed: the writer has ended
	once    sync.Once
	watcher atomic.Pointer[func(Commit)]
}

type write struct {
	do  func(*tx) error
	err error
	out chan struct{}
}

// maxGroup bounds how long the first of a group waits for the last.
const maxGroup = 512

// errClosed is the answer to a write after Close.
var errClosed = errors.New("the database is closed")

func newWriter(conn *sql.Conn, d dialect) *writer {
	w := &writer{conn: conn, dialect: d, stmts: map[string]*sql.Stmt{}, queue: make(chan *write, maxGroup), quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// write runs do in a transaction and returns once it is durable. The context
// bounds only the wait for a place in the queue: a write that has one is
// carried out, so that its result is never in doubt. do may run more than once.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	w := &write{do: do, out: make(chan struct{})}
	select {
	case s.writer.queue <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.writer.quit:
		return errClosed
	}
	select {
	case <-w.out:
		return w.err
	case <-s.writer.done: // it may have been answered just before the end
		select {
		case <-w.out:
			return w.err
		default:
			return errClosed
		}
	}
}

func (w *writer) close() error {
	w.once.Do(func() { close(w.quit) })
	<-w.done
	var err error
	for _, st := range w.stmts {
		err = errors.Join(err, st.Close())
	}
	return errors.Join(err, w.conn.Close())
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case first := <-w.queue:
			w.commit(w.gather(first))
		case <-w.quit:
			for {
				select {
				case first := <-w.queue:
					w.commit(w.gather(first))
				default:
					return
				}
			}
		}
	}
}

func (w *writer) gather(first *write) []*write {
	group := []*write{first}
	for len(group) < maxGroup {
		select {
		case next := <-w.queue:
			group = append(group, next)
		default:
			return group
		}
	}
	return group
}

// errUndone is for a part that took the whole transaction with it: any that
// fails without a savepoint of its own, and one that makes the database undo
// everything, as SQLite does when the disk is full.
var errUndone = errors.New("store: the transaction was undone")

// commit carries a group out and tells every caller. Nearly always every part
// succeeds, so the first attempt does without savepoints, which cost as much as
// a small write. If a part fails, the second gives each its savepoint. If one
// undoes the others' work even so, each is carried out by itself, so that it
// can fail for its own reasons only.
func (w *writer) commit(group []*write) {
	for _, savepoints := range []bool{false, true} {
		err := w.together(group, savepoints)
		if !errors.Is(err, errUndone) {
			answer(group, err)
			return
		}
	}
	for i := range group {
		answer(group[i:i+1], w.together(group[i:i+1], false))
	}
}

func answer(group []*write, err error) {
	for _, g := range group {
		if g.err == nil {
			g.err = err
		}
		g.err = explain(g.err)
		close(g.out)
	}
}

// together carries a group out in one transaction. If the transaction itself
// fails, so has every part of it.
func (w *writer) together(group []*write, savepoints bool) (err error) {
	began := time.Now()
	defer func() {
		if watcher := w.watcher.Load(); watcher != nil && !errors.Is(err, errUndone) {
			(*watcher)(Commit{len(group), time.Since(began), err})
		}
	}()
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		w.exec("ROLLBACK") // in case an earlier one did not end; else it fails and changes nothing
		return err
	}
	alone := len(group) == 1
	shared := &tx{w: w, now: began, late: newLate()}
	for _, g := range group {
		if g.err = w.part(g.do, shared, savepoints); g.err != nil && (!savepoints || errors.Is(g.err, errUndone)) {
			err := w.exec("ROLLBACK")
			if alone { // nobody else's work is undone
				return err
			}
			return errUndone // without it a later part would begin a transaction of its own
		}
	}
	if err = shared.flush(); err != nil {
		w.exec("ROLLBACK")
		return err
	}
	if err = w.exec("COMMIT"); err != nil {
		w.exec("ROLLBACK") // nothing to do about a second failure: the first is reported
	}
	return err
}

// part carries out one caller's writes, with a savepoint to undo them alone.
// With a savepoint of its own a part also writes what others put off to the end:
// undoing it must undo that, too.
func (w *writer) part(do func(*tx) error, shared *tx, savepoint bool) (err error) {
	defer func() {
		if p := recover(); p != nil { // one caller's defect must not stop the writer
			err = fmt.Errorf("store: panic in a transaction: %v", p)
			if savepoint {
				err = w.undo(err)
			}
		}
	}()
	if !savepoint {
		return do(shared)
	}
	t := &tx{w: w, now: shared.now, late: newLate()}
	if err := w.exec("SAVEPOINT part"); err != nil {
		return err
	}
	if err := do(t); err != nil {
		return w.undo(err)
	}
	if err := t.flush(); err != nil {
		return w.undo(err)
	}
	return w.exec("RELEASE part")
}

// undo takes back what a part has written. Without its savepoint the whole
// transaction is gone.
func (w *writer) undo(cause error) error {
	if err := w.exec("ROLLBACK TO part"); err != nil {
		return errors.Join(errUndone, cause, err)
	}
	return cause
}

func (w *writer) exec(query string, args ...any) error {
	st, err := w.prepare(query)
	if err != nil {
		return err
	}
	_, err = st.Exec(args...)
	return err
}

func (w *writer) prepare(query string) (*sql.Stmt, error) {
	if st, ok := w.stmts[query]; ok {
		return st, nil
	}
	st, err := w.conn.PrepareContext(context.Background(), w.dialect.rewrite(query))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, query)
	}
	w.stmts[query] = st
	return st, nil
}

// tx is one caller's part of a group. Its statements run without the caller's
// context: cancelling one caller must not interrupt the others' commit.
type tx struct {
	w    *writer
	now  time.Time
	late *late
}

func (t *tx) exec(query string, args ...any) (changed int64, err error) {
	st, err := t.w.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := st.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t *tx) row(query string, args ...any) scanner {
	st, err := t.w.prepare(query)
	if err != nil {
		return failed{err}
	}
	return st.QueryRow(args...)
}

func (t *tx) rows(scan func(scanner) error, query string, args ...any) error {
	st, err := t.w.prepare(query)
	if err != nil {
		return err
	}
	rows, err := st.Query(args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}
