package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aurora-push/aurora/dispatch"
)

// Commit describes one commit of a group of writes.
type Commit struct {
	Parts int           // callers whose writes it held
	Took  time.Duration // the writes themselves, and the disk
	Err   error         // nil if it is durable
}

// OnCommit has watcher called after each commit, by its writer: it must
// not block. There is one watcher; a second call replaces it.
func (s *Store) OnCommit(watcher func(Commit)) { s.desk.watcher.Store(&watcher) }

// Check reports why the database cannot be relied on at the moment: it does not
// answer, no connection to it is free, its one writer does not get through, or
// it refuses what is written, as a full disk does. It writes, durably: do not call it more often than needed.
// The context bounds the wait.
func (s *Store) Check(ctx context.Context) error {
	if err := s.free(ctx); err != nil {
		return err
	}
	if _, err := s.Setting(ctx, checkSetting); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.PutSetting(ctx, checkSetting, time.Now().UTC().Format(time.RFC3339)) }() // does not end with ctx once it has a place in the queue
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("the database's writer does not get through")
	}
}

// freeTime bounds the wait for a connection that reads: those who call wait as
// long as they like, but a server where that is common is not ready for more.
const freeTime = time.Second

// free reports that all connections that read are in use.
func (s *Store) free(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, freeTime)
	defer cancel()
	conn, err := s.reads.Conn(waiting)
	if err == nil {
		return conn.Close()
	}
	if n := s.reads.Stats(); ctx.Err() == nil && n.InUse >= n.MaxOpenConnections {
		return fmt.Errorf("all %d connections of this server that read the database are in use, and none came free within %v: reads are slow, or too many come at once; look at the database, or send this server less", n.MaxOpenConnections, freeTime)
	}
	return s.explainRead(err)
}

// checkSetting holds when Check last wrote.
const checkSetting = "checked_at"

// Queue is the state of one lane's jobs.
type Queue struct {
	Lane   dispatch.Lane
	Jobs   int       // unfinished ones, sent at the moment or waiting
	Oldest time.Time // since when the one has been due that has waited longest for a worker; zero if none waits
}

// Queues returns the lanes that have jobs.
func (s *Store) Queues(ctx context.Context) (queues []Queue, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var q Queue
		var oldest int64
		err := row.Scan(&q.Lane, &q.Jobs, &oldest)
		q.Oldest = fromMillis(oldest)
		queues = append(queues, q)
		return err
	}, "SELECT lane, COUNT(*), COALESCE(MIN(CASE WHEN due_at <= $1 THEN due_at END), 0) FROM job GROUP BY lane", time.Now().UnixMilli())
	return queues, err
}

// Unfolded returns about how many index changes are not yet in the bitmaps.
func (s *Store) Unfolded(ctx context.Context) (n int64, err error) {
	err = s.row(ctx, "SELECT COALESCE(MAX(seq) - MIN(seq) + 1, 0) FROM index_change").Scan(&n)
	return n, err
}

// Size returns the bytes that the database takes on the disk, its log included;
// of PostgreSQL the tables and indexes.
func (s *Store) Size() (bytes int64) {
	if s.dialect.shared {
		ctx, cancel := context.WithTimeout(context.Background(), connectTime)
		defer cancel()
		_ = s.row(ctx, "SELECT pg_database_size(current_database())").Scan(&bytes) // 0 says that it is not known
		return bytes
	}
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(filepath.Join(s.dir, DatabaseFile+suffix)); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}
