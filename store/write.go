package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora"
)

// writer writes, and commits in groups: while one commit waits for the disk,
// the next group gathers. Every caller is told the truth about its own part: an
// error in one part undoes that part alone. A SQLite database has one writer, a
// PostgreSQL database several (desk).
type writer struct {
	desk    *desk
	db      *sql.DB // to connect again
	conn    *sql.Conn
	dialect dialect
	begin   string
	stmts   map[string]*sql.Stmt
	log     *checkpointer // of SQLite
	load    load
	marked  []aurora.MessageID // whose marks the transaction changes
	own     chan *write        // for this writer alone
	shared  chan *write        // for whichever is free
	done    chan struct{}      // closed: the writer has ended
}

// desk hands writes to writers.
type desk struct {
	writers []*writer
	claimer *writer       // takes what claim is given: with one writer, that one
	quit    chan struct{} // closed: no new writes
	once    sync.Once
	watcher atomic.Pointer[func(Commit)]
	marks   markTurns
	node    string // what its writers are called where rows are leased
	knows   int    // the schema, of several servers' (beside.go)
}

type write struct {
	do  func(*tx) error
	err error
	out chan struct{}
}

// queueSize is how many writes wait in a queue before their callers do.
const queueSize = 512

// errClosed is the answer to a write after Close.
var errClosed = errors.New("the database is closed")

// newDesk starts n writers. With one of them it does everything.
func newDesk(ctx context.Context, db *sql.DB, d dialect, node string, n int) (*desk, error) {
	k := &desk{quit: make(chan struct{}), node: node}
	shared := make(chan *write, queueSize)
	start := func(begin string, shared chan *write) error {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		w := &writer{desk: k, db: db, conn: conn, dialect: d, begin: begin, stmts: map[string]*sql.Stmt{}, own: make(chan *write, queueSize), shared: shared, done: make(chan struct{})}
		k.writers = append(k.writers, w)
		if !d.shared {
			w.log, err = newCheckpointer(db, conn)
		}
		return err
	}
	for range n {
		if err := start(d.begin, shared); err != nil {
			return nil, errors.Join(err, k.abandon())
		}
	}
	if n > 1 {
		if err := start(d.claim, nil); err != nil {
			return nil, errors.Join(err, k.abandon())
		}
	}
	k.claimer = k.writers[len(k.writers)-1]
	for _, w := range k.writers {
		go w.run()
	}
	return k, nil
}

// abandon gives back the connections of writers that have not begun.
func (k *desk) abandon() (err error) {
	for _, w := range k.writers {
		err = errors.Join(err, w.conn.Close())
	}
	return err
}

// write runs do in a transaction and returns once it is durable. The context
// bounds only the wait for a place in the queue: a write that has one is
// carried out, so that its result is never in doubt. do may run more than once.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	if err := s.upgrade.behind(); err != nil {
		return err
	}
	w := s.desk.writers[0]
	return s.desk.hand(ctx, w, w.shared, do)
}

// writeFor is write for changes of one app's devices: they go to one writer,
// since two would be in each other's way at the app's numbers and counts.
func (s *Store) writeFor(ctx context.Context, appID int64, do func(*tx) error) error {
	if len(s.desk.writers) == 1 {
		return s.write(ctx, do)
	}
	if err := s.upgrade.behind(); err != nil {
		return err
	}
	w := s.desk.writers[uint64(appID)%uint64(len(s.desk.writers)-1)]
	return s.desk.hand(ctx, w, w.own, do)
}

// claim is write for leasing rows that others want at the same moment: it sees
// what they have leased while it waited.
func (s *Store) claim(ctx context.Context, do func(*tx) error) error {
	if err := s.upgrade.behind(); err != nil {
		return err
	}
	w := s.desk.claimer
	if len(s.desk.writers) == 1 {
		return s.desk.hand(ctx, w, w.shared, do)
	}
	return s.desk.hand(ctx, w, w.own, do)
}

// hand puts a write into a queue and waits for its end; w is one of those who
// take from the queue.
func (k *desk) hand(ctx context.Context, w *writer, queue chan *write, do func(*tx) error) error {
	one := &write{do: do, out: make(chan struct{})}
	select {
	case queue <- one:
	case <-ctx.Done():
		return ctx.Err()
	case <-k.quit:
		return errClosed
	}
	select {
	case <-one.out:
		return one.err
	case <-w.done: // it may have been answered just before the end, or be another's
		for _, other := range k.writers {
			<-other.done
		}
		select {
		case <-one.out:
			return one.err
		default:
			return errClosed
		}
	}
}

func (k *desk) close() (err error) {
	k.once.Do(func() { close(k.quit) })
	for _, w := range k.writers {
		<-w.done
		if w.log != nil {
			w.log.beside.Wait()
		}
	}
	for _, w := range k.writers {
		err = errors.Join(err, w.forget(), w.conn.Close())
	}
	if len(k.writers) > 1 { // a connection may be gone, which is no failure at the end
		return nil
	}
	return err
}

// forget closes the prepared statements.
func (w *writer) forget() (err error) {
	for _, st := range w.stmts {
		err = errors.Join(err, st.Close())
	}
	clear(w.stmts)
	return err
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case first := <-w.own:
			w.serve(first)
		case first := <-w.shared:
			w.serve(first)
		case <-w.desk.quit:
			for {
				select {
				case first := <-w.own:
					w.serve(first)
				case first := <-w.shared:
					w.serve(first)
				default:
					return
				}
			}
		}
	}
}

// serve commits a write together with those that wait beside it.
func (w *writer) serve(first *write) {
	group := w.gather(first)
	w.load.count(len(group))
	w.commit(group)
	if w.log != nil {
		w.log.between(w)
	}
}

// lingerTime is the longest that a write waits for others to share its commit
// with, and busyRate are the writes a second from which on it does: one for each
// tenth of a millisecond.
//
// It is what PostgreSQL's commit_delay and commit_siblings do. A commit costs as
// much CPU as several small writes, and a writer that never waits takes a
// handful at a time when the CPU is short, because it runs again before those
// that it has answered have handed in their next ones.
const (
	lingerTime = time.Millisecond
	busyRate   = 8_000
)

// gather takes those that wait beside the first, and under load lets others get
// there.
func (w *writer) gather(first *write) []*write {
	group := []*write{first}
	group = w.waiting(group)
	if w.dialect.shared || !w.load.busy() {
		return group
	}
	for began := time.Now(); time.Since(began) < lingerTime; {
		before := len(group)
		runtime.Gosched() // no timer: if nobody else can run, there is nobody to wait for
		runtime.Gosched()
		if group = w.waiting(group); len(group) == before {
			break
		}
	}
	return group
}

// waiting adds what is in the queues to a group.
func (w *writer) waiting(group []*write) []*write {
	for len(group) < w.dialect.maxGroup {
		select {
		case next := <-w.own:
			group = append(group, next)
		case next := <-w.shared:
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

// commit carries a group out and tells every caller. A transaction that came
// into another server's way is done again, a few times; after the second time
// each part goes by itself, so that it has less in its way.
func (w *writer) commit(group []*write) {
	began := time.Now()
	for try := 1; ; try++ {
		err := w.attempt(group)
		if !errors.Is(err, errAgain) {
			return
		}
		if len(group) == 1 && hopeless(err, try, began) || time.Since(began) > againTime {
			answer(group, err)
			return
		}
		w.rest(try)
		if try >= 2 && len(group) > 1 {
			for i := range group {
				w.commit(group[i : i+1])
			}
			return
		}
	}
}

// attempt carries a group out and tells every caller, unless all of it is to be
// done again. Nearly always every part succeeds, so the first attempt does
// without savepoints, which cost as much as a small write. If a part fails, the
// second gives each its savepoint. If one undoes the others' work even so, each
// is carried out by itself, so that it can fail for its own reasons only.
func (w *writer) attempt(group []*write) error {
	for _, savepoints := range []bool{false, true} {
		err := w.together(group, savepoints)
		if errors.Is(err, errAgain) {
			return err
		}
		if !errors.Is(err, errUndone) {
			answer(group, err)
			return nil
		}
	}
	for i := range group {
		began := time.Now()
		err := w.together(group[i:i+1], false)
		for try := 1; errors.Is(err, errAgain) && !hopeless(err, try, began); try++ {
			w.rest(try)
			err = w.together(group[i:i+1], false)
		}
		answer(group[i:i+1], err)
	}
	return nil
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
	defer w.turnMarks()
	defer func() {
		if watcher := w.desk.watcher.Load(); watcher != nil && !errors.Is(err, errUndone) && !errors.Is(err, errAgain) {
			(*watcher)(Commit{len(group), time.Since(began), err})
		}
	}()
	if err := w.control(w.begin); err != nil {
		w.control("ROLLBACK") // in case an earlier one did not end; else it fails and changes nothing
		return w.blame(err)
	}
	alone := len(group) == 1
	shared := &tx{w: w, now: began, late: newLate()}
	for _, g := range group {
		if g.err = w.part(g.do, shared, savepoints); g.err == nil {
			continue
		}
		if again := w.blame(g.err); errors.Is(again, errAgain) {
			w.control("ROLLBACK")
			return again
		}
		if !savepoints || errors.Is(g.err, errUndone) {
			err := w.control("ROLLBACK")
			if alone { // nobody else's work is undone
				return err
			}
			return errUndone // without it a later part would begin a transaction of its own
		}
	}
	if err = shared.flush(); err != nil {
		w.control("ROLLBACK")
		return w.blame(err)
	}
	if err = w.control("COMMIT"); err != nil {
		w.control("ROLLBACK") // nothing to do about a second failure: the first is reported
		return w.blameCommit(err)
	}
	return nil
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
	if err := w.control("SAVEPOINT part"); err != nil {
		return err
	}
	if err := do(t); err != nil {
		return w.undo(err)
	}
	if err := t.flush(); err != nil {
		return w.undo(err)
	}
	return w.control("RELEASE part")
}

// undo takes back what a part has written. Without its savepoint the whole
// transaction is gone.
func (w *writer) undo(cause error) error {
	if err := w.control("ROLLBACK TO part"); err != nil {
		return errors.Join(errUndone, cause, err)
	}
	return cause
}

// control begins or ends a transaction or a part of one.
func (w *writer) control(statement string) error {
	if w.dialect.shared { // PostgreSQL takes these without preparing, also after an error
		_, err := w.conn.ExecContext(context.Background(), statement)
		return err
	}
	st, err := w.prepare(statement)
	if err != nil {
		return err
	}
	_, err = st.Exec()
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
	r, err := st.Exec(t.w.dialect.fit(args)...)
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
	return st.QueryRow(t.w.dialect.fit(args)...)
}

// rows calls scan for every row. scan must not use the transaction: PostgreSQL
// answers one statement at a time.
func (t *tx) rows(scan func(scanner) error, query string, args ...any) error {
	st, err := t.w.prepare(query)
	if err != nil {
		return err
	}
	rows, err := st.Query(t.w.dialect.fit(args)...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}
