package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// What several servers on one database need beside transactions: who is alive,
// whose leases are a dead server's, which device numbers each gives out. With
// SQLite there is one server, and all of this does nothing.
//
// Rows are locked in this order wherever a transaction locks more than one:
// gate, app, message, job, number_range, device, then the rest by key. A
// deadlock is found by the database, and the transaction done again.

// Node is a server that uses the database.
type Node struct {
	ID, Name          string
	StartedAt, SeenAt time.Time
	// Unreached are the environments of APNs that it cannot reach.
	Unreached []aurora.Environment
}

// Cluster is what a server finds out by telling that it is alive.
type Cluster struct {
	Nodes []Node
	// Ahead is how much this machine's clock is ahead of the database's.
	Ahead time.Duration
	// Freed are the dead servers whose leases were given back.
	Freed []string
}

// Node is the id of this opening of the database: who holds its leases.
func (s *Store) Node() string { return s.node }

const databaseNow = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"

// Beat tells the other servers that this one is alive, and gives back what dead
// ones have leased: those that have not told so for deadAfter. It is called at
// least four times as often. unreached are the environments of APNs that this
// server cannot reach.
func (s *Store) Beat(ctx context.Context, name string, started time.Time, deadAfter time.Duration, unreached ...aurora.Environment) (c Cluster, err error) {
	if !s.dialect.shared {
		return Cluster{Nodes: []Node{{ID: s.Node(), Name: name, StartedAt: started, SeenAt: time.Now()}}}, nil
	}
	var now int64
	before := time.Now()
	if err := s.row(ctx, "SELECT "+databaseNow).Scan(&now); err != nil {
		return c, plainly(err)
	}
	took := time.Since(before)
	c.Ahead = before.Add(took / 2).Sub(time.UnixMilli(now)).Round(time.Millisecond)
	if took > 2*time.Second { // then it says little
		c.Ahead = 0
	}
	judge := s.beats.steady(now, deadAfter.Milliseconds())
	s.upgrade.end()
	var oldest int
	err = s.write(ctx, func(t *tx) (err error) {
		oldest, err = t.alive(name, millis(started), joinEnvironments(unreached))
		return err
	})
	if err != nil {
		return c, err
	}
	s.heed(oldest)
	var dead []Node
	err = s.rows(ctx, func(row scanner) error {
		var n Node
		var started, seen int64
		var unreached string
		err := row.Scan(&n.ID, &n.Name, &started, &seen, &unreached)
		n.StartedAt, n.SeenAt, n.Unreached = fromMillis(started), fromMillis(seen), splitEnvironments(unreached)
		switch {
		case now-seen > deadAfter.Milliseconds():
			dead = append(dead, n)
		case started > 0: // else it is a command
			c.Nodes = append(c.Nodes, n)
		}
		return err
	}, "SELECT id, name, started_at, seen_at, unreached FROM node ORDER BY started_at, id")
	for _, n := range dead {
		if !judge {
			break
		}
		if err := s.bury(ctx, n, now-deadAfter.Milliseconds()); err != nil {
			return c, err
		}
		if n.Name != "" {
			c.Freed = append(c.Freed, n.Name)
		}
	}
	return c, err
}

func joinEnvironments(list []aurora.Environment) string {
	names := make([]string, len(list))
	for i, env := range list {
		names[i] = env.String()
	}
	return strings.Join(names, ",")
}

func splitEnvironments(text string) (list []aurora.Environment) {
	for name := range strings.SplitSeq(text, ",") {
		if env, err := aurora.ParseEnvironment(name); err == nil {
			list = append(list, env)
		}
	}
	return list
}

// beats are this server's own. One that could not tell that it is alive, as
// when the database was away, says nothing about others: they could not either.
type beats struct {
	mu          sync.Mutex
	since, last int64 // of those without a gap, by the database's clock
}

// steady notes a beat and reports whether there was none missing for so long
// that a server without any is dead.
func (b *beats) steady(now, deadAfter int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since == 0 || now-b.last > deadAfter/2 {
		b.since = now
	}
	b.last = now
	return now-b.since >= deadAfter
}

// bury gives back what a dead server has leased. The rising fence keeps it from
// settling that, should it only have slept.
func (s *Store) bury(ctx context.Context, n Node, silentSince int64) error {
	return s.write(ctx, func(t *tx) error {
		gone, err := t.exec("DELETE FROM node WHERE id = $1 AND seen_at <= $2", n.ID, silentSince)
		if err != nil || gone == 0 { // it lives, or another did it
			return err
		}
		return release(t, n.ID)
	})
}

// release gives back everything that a server holds.
func release(t *tx, node string) error {
	if _, err := t.exec("UPDATE job SET holder = '', due_at = $2, fence = fence + 1 WHERE holder = $1", node, millis(t.now)); err != nil {
		return err
	}
	// Also of command-line tools that ended early: nobody else knows of them.
	_, err := t.exec("UPDATE number_range SET holder = '' WHERE holder = $1 OR holder <> '' AND holder NOT IN (SELECT id FROM node)", node)
	return err
}

// leave tells that this server ends.
func (s *Store) leave() error {
	if !s.dialect.shared {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	w := s.desk.writers[0]
	err := s.desk.hand(ctx, w, w.shared, func(t *tx) error { // also when nothing else may be written (beside.go)
		if _, err := t.exec("DELETE FROM node WHERE id = $1", s.Node()); err != nil {
			return err
		}
		_, err := t.exec("UPDATE number_range SET holder = '' WHERE holder = $1", s.Node())
		return err
	})
	if errors.Is(err, errClosed) || broken(err) { // the others find out
		return nil
	}
	return err
}

// numbers are device numbers that a transaction can give out.
type numbers struct{ next, last int64 }

// lease returns the device numbers of an app that this server gives out: what
// is left of its own, or of a server that is gone, or a new block.
func (t *tx) lease(appID int64) (n numbers, err error) {
	node := t.w.desk.node
	err = t.row("SELECT next, last FROM number_range WHERE holder = $1 AND app_id = $2 AND next < last ORDER BY last LIMIT 1", node, appID).Scan(&n.next, &n.last)
	if !errors.Is(err, sql.ErrNoRows) {
		return n, err
	}
	err = t.row(`UPDATE number_range SET holder = $1 WHERE app_id = $2 AND last =
		(SELECT last FROM number_range WHERE holder = '' AND app_id = $2 AND next < last ORDER BY last LIMIT 1) RETURNING next, last`, node, appID).Scan(&n.next, &n.last)
	if !errors.Is(err, sql.ErrNoRows) {
		return n, err
	}
	if err := t.row("SELECT next_number FROM app WHERE id = $1", appID).Scan(&n.next); err != nil {
		return n, err
	}
	n.last = (n.next/audience.BlockSize + 1) * audience.BlockSize
	if _, err := t.exec("UPDATE app SET next_number = $2 WHERE id = $1", appID, n.last); err != nil {
		return n, err
	}
	_, err = t.exec("INSERT INTO number_range (app_id, next, last, holder) VALUES ($1, $2, $3, $4)", appID, n.next, n.last, node)
	return n, err
}

// gates is how many gates there are: keys that share one only wait needlessly.
const gates = 1024

// gate makes transactions that pass the same one come after each other, where
// one decides by what it reads and does not write, such as how many there are.
// The later one sees what the earlier has stored.
func (t *tx) gate(what string, key any) error {
	if !t.w.dialect.shared { // they come after each other anyway
		return nil
	}
	h := fnv.New64a()
	fmt.Fprint(h, what, " ", key)
	_, err := t.exec(passGate, int64(h.Sum64()%gates))
	return err
}
