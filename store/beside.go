package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/jackc/pgx/v5/stdlib"
)

// Old and new servers beside each other on one PostgreSQL database. Whoever
// opens it brings the schema up to date as far as that only adds, and enters
// itself as a node with the schema that it knows. What takes away waits until
// no node is left that knows less, and who comes later and knows less is
// refused. All of this happens under one lock, so that nobody opens the
// database between the look at the nodes and the change.

// upgrade is what a Store remembers of that.
type upgrade struct {
	mu      sync.Mutex
	outdone error // a newer server has taken away what this one needs
	pending bool  // there are contracts to carry out

	quit chan struct{} // closed: the node is not kept alive here any more
	once sync.Once
	done sync.WaitGroup
}

// behind is why nothing may be written any more; nil while all is well.
func (u *upgrade) behind() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.outdone
}

// end stops keeping the node alive.
func (u *upgrade) end() {
	if u.quit != nil {
		u.once.Do(func() { close(u.quit) })
	}
	u.done.Wait()
}

const (
	// migrationTime bounds one statement that changes the schema, and the wait
	// for another server that does: over many millions of rows it takes its time.
	migrationTime = time.Hour
	// schemaLockTime bounds the wait for a table that others use: while it waits
	// everybody who comes later waits behind it. It is tried again instead.
	schemaLockTime = time.Second
	schemaTries    = 60 // with schemaRest between them
	schemaRest     = time.Second

	lockPause = 200 * time.Millisecond // between looks whether the other is done
	lockNews  = 30 * time.Second       // between lines in the log
)

// migrationLock is what a server holds while it changes the schema.
const migrationLock = 0x4155524f5241 >> 16

// locked does something to the schema while no other server does. With patience
// 0 it does nothing if one is at it.
func (s *Store) locked(ctx context.Context, patience time.Duration, do func(*sql.Conn) error) (err error) {
	config, err := parseURL(s.url)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*withBounds(config, migrationTime))
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := fits(ctx, conn); err != nil {
		return err
	}
	// The session's lock, and not the transaction's: whoever waits for it must
	// see what was committed meanwhile. It goes with the connection.
	var told time.Time
	for began := time.Now(); ; {
		var got bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1, hashtext(current_schema()))", int32(migrationLock)).Scan(&got); err != nil {
			return err
		}
		if got {
			break
		}
		waited := time.Since(began)
		if patience == 0 {
			return nil
		}
		if waited > patience {
			return fmt.Errorf("another server has been changing its schema for %v; look at that server's log, and at pg_stat_activity for what it waits for", waited.Round(time.Second))
		}
		if time.Since(told) >= lockNews {
			told = time.Now()
			s.logger.InfoContext(ctx, "another server changes the database's schema; this one waits until that is done", "waited", waited.Round(time.Second), "at_most", patience)
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET lock_timeout = %d", schemaLockTime.Milliseconds())); err != nil {
		return err
	}
	err = do(conn)
	_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1, hashtext(current_schema()))", int32(migrationLock))
	if broken(unlockErr) { // it went with the connection
		unlockErr = nil
	}
	return errors.Join(err, unlockErr)
}

// enter brings the schema up to date and makes this opening known.
func (s *Store) enter(ctx context.Context) error {
	return s.locked(ctx, migrationTime, func(conn *sql.Conn) error {
		for try := 1; ; try++ {
			err := s.migrate(ctx, conn)
			if err == nil {
				break
			}
			if code := codeOf(err); try >= schemaTries || code != lockNotAvailable && code != deadlockDetected {
				return err
			}
			select {
			case <-time.After(schemaRest):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := s.present(ctx, conn); err != nil {
			return err
		}
		// What fails here is tried again later: nobody needs it to be done.
		if _, err := s.contract(ctx, conn); err != nil {
			s.expect(true)
			s.logger.ErrorContext(ctx, "the upgrade of the schema cannot be finished yet", "error", err)
		}
		return nil
	})
}

// present enters this opening among the nodes, as no server yet (Beat).
func (s *Store) present(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `INSERT INTO node (id, name, started_at, seen_at, knows) VALUES ($1, '', 0, `+databaseNow+`, $2)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, knows = excluded.knows`, s.node, len(s.schema))
	return err
}

// nobodyElse refuses if a server is at work on the database.
func nobodyElse(ctx context.Context, conn *sql.Conn) error {
	var known bool
	if err := conn.QueryRowContext(ctx, "SELECT to_regclass('node') IS NOT NULL").Scan(&known); err != nil || !known {
		return err
	}
	var names string
	err := conn.QueryRowContext(ctx, "SELECT COALESCE(string_agg(name, ', ' ORDER BY name), '') FROM node WHERE seen_at > "+databaseNow+" - $1", silentFor.Milliseconds()).Scan(&names)
	if err == nil && names != "" {
		err = fmt.Errorf("servers of an earlier Aurora use it (%s), and this upgrade changes what they read: stop them all first, then start this one; one that did not stop in order counts as gone after %v", names, silentFor)
	}
	return err
}

// silentFor is how long a node may be silent and still counts as one that works
// when nobody was there to watch it.
const silentFor = 15 * time.Second

// Waiting is what an upgrade waits for.
type Waiting struct {
	Migration string   // the first that is not carried out
	Servers   []string // names of the servers that know less; "" is a command
}

// FinishUpgrade carries out what had to wait until no older server used the
// database, as far as that is so now. It is called again and again; nil says
// that nothing waits.
func (s *Store) FinishUpgrade(ctx context.Context) (w *Waiting, err error) {
	s.upgrade.mu.Lock()
	pending := s.upgrade.pending
	s.upgrade.mu.Unlock()
	if !pending {
		return nil, nil
	}
	w = &Waiting{} // another is at it
	err = s.locked(ctx, 0, func(conn *sql.Conn) (err error) {
		w, err = s.contract(ctx, conn)
		return err
	})
	if err != nil {
		return nil, plainly(err)
	}
	return w, nil
}

// contract carries out the contracts that no node is in the way of.
func (s *Store) contract(ctx context.Context, conn *sql.Conn) (*Waiting, error) {
	made, oldest, err := versions(ctx, conn)
	if err == nil {
		err = s.schema.fits(made, oldest)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range s.schema.missing(made, true) {
		w, err := m.after(ctx, conn, s.dialect)
		if err != nil {
			return nil, err
		}
		if w != nil {
			s.expect(true)
			return w, nil
		}
		s.logger.InfoContext(ctx, "no older server uses the database any more: the upgrade of its schema is finished", "migration", m.name)
	}
	s.expect(false)
	return nil, nil
}

func (s *Store) expect(pending bool) {
	s.upgrade.mu.Lock()
	s.upgrade.pending = pending
	s.upgrade.mu.Unlock()
}

// after carries out a contract, unless a node knows less than it or a table is
// in use for too long.
func (m migration) after(ctx context.Context, conn *sql.Conn, d dialect) (w *Waiting, err error) {
	if _, err := conn.ExecContext(ctx, d.claim); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil || w != nil {
			_, rollback := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			err = errors.Join(err, rollback)
		}
	}()
	w = &Waiting{Migration: m.name}
	older, err := conn.QueryContext(ctx, "SELECT name FROM node WHERE knows < $1 ORDER BY name, id", m.version)
	if err != nil {
		return nil, err
	}
	if err := each(older, func(row scanner) error {
		var name string
		err := row.Scan(&name)
		w.Servers = append(w.Servers, name)
		return err
	}); err != nil || len(w.Servers) > 0 {
		return w, err
	}
	err = m.carryOut(ctx, conn, d)
	if codeOf(err) == lockNotAvailable {
		return w, nil
	}
	if err == nil {
		err = m.note(ctx, conn, d)
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	return nil, err
}

// presenceTime is how often an opening says by itself that it lives.
const presenceTime = 3 * time.Second

// Stay tells other servers again and again that this opening lives, until Beat,
// which tells more, is called for the first time, or the store is closed. It is
// for programs, once. Without it others take it for dead after some seconds.
func (s *Store) Stay() {
	if !s.dialect.shared {
		return
	}
	s.upgrade.quit = make(chan struct{})
	s.upgrade.done.Go(func() {
		tick := time.NewTicker(presenceTime)
		defer tick.Stop()
		for {
			select {
			case <-s.upgrade.quit:
				return
			case <-tick.C:
			}
			ctx, cancel := context.WithTimeout(context.Background(), connectTime)
			var oldest int
			err := s.write(ctx, func(t *tx) (err error) {
				oldest, err = t.alive("", 0, "")
				return err
			})
			cancel()
			if err == nil {
				s.heed(oldest)
			}
		}
	})
}

// alive says that this node lives, and returns the oldest schema whose servers
// may use the database. started is 0 for who is no server.
func (t *tx) alive(name string, started int64, unreached string) (oldest int, err error) {
	_, err = t.exec(`INSERT INTO node (id, name, started_at, seen_at, knows, unreached) VALUES ($1, $2, $3, `+databaseNow+`, $4, $5)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, started_at = excluded.started_at, seen_at = excluded.seen_at, unreached = excluded.unreached`, t.w.desk.node, name, started, t.w.desk.knows, unreached)
	if err != nil {
		return 0, err
	}
	err = t.row("SELECT COALESCE((SELECT CAST(value AS INTEGER) FROM setting WHERE name = $1), 0)", oldestSetting).Scan(&oldest)
	return oldest, err
}

// heed stops all writing if the database is not for this Aurora any more: one
// that was silent for so long that the others went on without it.
func (s *Store) heed(oldest int) {
	if oldest <= len(s.schema) {
		return
	}
	s.upgrade.mu.Lock()
	defer s.upgrade.mu.Unlock()
	s.upgrade.outdone = aurora.Errorf(aurora.Unavailable, "This server is older than the database, which newer servers have taken over (schema %d; this one knows up to %d): nothing was stored, and nothing will be sent. Its operator must replace it by the newer Aurora.", oldest, len(s.schema))
}

// String lists the servers.
func (w *Waiting) String() string {
	var names []string
	for _, n := range w.Servers {
		if n == "" {
			n = "a command"
		}
		names = append(names, n)
	}
	return strings.Join(names, ", ")
}
