package store

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// checkpointPages is how many pages SQLite's log takes, 4 KB each, until they
// are moved into the database. Pages that change often are moved once.
const checkpointPages = 4000

// A large import touches the pages of the indexes all over: it needs them in
// memory, and they change many times before they are moved.
const (
	bulkRows  = 4096 // of one transaction
	bulkPages = 64_000
	bulkCache = "PRAGMA cache_size = -128000" // KB
)

const checkpoint = "PRAGMA wal_checkpoint(PASSIVE)"

// checkpointer moves SQLite's log into the database. By itself SQLite would do
// that at the end of a commit, whose callers wait for it, and with each
// thousandth page, which under load is every other commit. Here another
// connection moves nearly all of it beside the writer. As long as the writer
// goes on there is always something left, and the log could never begin anew:
// so the writer moves that little rest between two commits.
//
// What it moves is on the disk already, in the log; how far it has come is never
// in doubt. All but running and rest is the writer's goroutine's alone.
type checkpointer struct {
	db            *sql.DB
	pages         int // in the log
	every         int // pages after which to begin, unless somebody reads what is in the log
	next          int // pages with which to begin
	running, rest atomic.Bool
	beside        sync.WaitGroup
}

// newCheckpointer takes over from SQLite for one connection.
func newCheckpointer(db *sql.DB, conn *sql.Conn) (*checkpointer, error) {
	p := &checkpointer{db: db, every: checkpointPages, next: checkpointPages}
	return p, conn.Raw(func(c any) error {
		c.(driver.Conn).Raw().WALHook(func(_ *sqlite3.Conn, _ string, pages int) error {
			if pages < p.pages { // it began anew
				p.next = p.every
			}
			p.pages = pages
			return nil
		})
		return nil
	})
}

// between is called by the writer between two transactions. An error means that
// the log stays longer for now: somebody reads what is in it, or the disk is
// full, which the next commit says.
func (p *checkpointer) between(w *writer) {
	switch {
	case p.pages < p.next || p.running.Load():
	case p.rest.Swap(false):
		_ = w.control(checkpoint)
		p.next = p.pages + p.every
	default:
		p.running.Store(true)
		p.beside.Go(func() {
			_, _ = p.db.ExecContext(context.Background(), checkpoint)
			p.rest.Store(true)
			p.running.Store(false)
		})
	}
}

// bulk prepares for large imports. It fails where memory is short, and then
// they are slower.
func (w *writer) bulk() {
	if w.log != nil && w.log.every != bulkPages {
		w.log.every, w.log.next = bulkPages, bulkPages
		_ = w.control(bulkCache)
	}
}
