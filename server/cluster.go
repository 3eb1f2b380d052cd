package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/bus"
	"github.com/aurora-push/aurora/store"
)

// openStore opens the database: SQLite in the data folder, or PostgreSQL.
func openStore(ctx context.Context, c Config) (*store.Store, error) {
	if c.Database == "" {
		if c.NATS != "" {
			return nil, errors.New("--nats is for several servers on one database; give it with --database postgres://…")
		}
		return store.Open(ctx, c.Data)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	s, err := store.OpenURL(ctx, c.Database, c.Logger)
	if err != nil {
		return nil, fmt.Errorf("--database: %w", err)
	}
	s.Stay()
	moving, err := s.Moving(ctx)
	if err == nil && moving {
		err = errors.New("a move into this database is not finished: run `aurora migrate` again, it goes on where it was")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openBus begins to carry hints between the servers of the database. Without
// them everything is done, later.
func (s *Server) openBus(ctx context.Context) (err error) {
	switch c := s.config; {
	case c.Bus != nil:
		s.bus = c.Bus
	case c.NATS != "":
		proof, err := s.store.Setting(ctx, keySetting) // the same for all servers, and no secret
		if err != nil {
			return err
		}
		digest := sha256.Sum256([]byte(proof))
		nats, err := bus.NewNATS(c.NATS, hex.EncodeToString(digest[:8]))
		if err != nil {
			return err
		}
		if err := nats.Open(); err != nil {
			c.Logger.Warn(err.Error())
		}
		s.bus = nats
	case c.Database != "":
		s.bus, err = bus.NewPostgres(c.Database)
	default:
		s.bus = &bus.Local{}
	}
	return err
}

// What servers tell each other beside what services do.
const (
	workTopic    = "work"     // there are jobs
	accountTopic = "accounts" // an app, a key or a credential was changed
)

// heed does something whenever another server hints at it.
func (s *Server) heed(ctx context.Context, topic string, do func()) {
	hints, stop := s.bus.Subscribe(topic)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hints:
			do()
		}
	}
}

// maxAhead is how far this machine's clock may be from the database's: by it
// leases end, schedules fire and pushes expire.
const maxAhead = 10 * time.Second

// cluster is what this server knows of the others.
type cluster struct {
	mu      sync.Mutex
	servers int
	nodes   []store.Node
	ahead   time.Duration
	missed  error // why the last beat failed
}

// beat tells the other servers that this one is alive.
func (s *Server) beat(ctx context.Context) error {
	name, err := os.Hostname()
	if err != nil {
		name = "a server"
	}
	var unreached []aurora.Environment
	for env := range s.channel.Outages() {
		unreached = append(unreached, env)
	}
	c, err := s.store.Beat(ctx, name, s.began, s.deadAfter(), unreached...)
	s.cluster.mu.Lock()
	s.cluster.servers, s.cluster.nodes, s.cluster.ahead, s.cluster.missed = len(c.Nodes), c.Nodes, c.Ahead, err
	s.cluster.mu.Unlock()
	for _, dead := range c.Freed {
		s.config.Logger.WarnContext(ctx, "a server is silent; what it had leased is done by the others", "server", dead)
		s.Dispatch.Look()
	}
	return err
}

// defaultDeadAfter is how long a server may be silent before the others take
// what it has leased.
const defaultDeadAfter = 15 * time.Second

func (s *Server) deadAfter() time.Duration {
	if s.config.DeadAfter > 0 {
		return s.config.DeadAfter
	}
	return defaultDeadAfter
}

// beats goes on telling until the context ends.
func (s *Server) beats(ctx context.Context) {
	tick := time.NewTicker(s.deadAfter() / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.beat(ctx); err != nil && ctx.Err() == nil {
			s.config.Logger.ErrorContext(ctx, "the other servers could not be told that this one is alive", "error", err)
		}
	}
}

// upgrades finishes an upgrade of the schema once no older server is left.
func (s *Server) upgrades(ctx context.Context) {
	told := ""
	tick := time.NewTicker(s.deadAfter() / 5)
	defer tick.Stop()
	for {
		w, err := s.store.FinishUpgrade(ctx)
		if err != nil && ctx.Err() == nil {
			s.config.Logger.ErrorContext(ctx, "the upgrade of the schema cannot be finished yet", "error", err)
		}
		if w == nil && err == nil {
			return // later ones begin with a server that starts
		}
		if w != nil && len(w.Servers) > 0 && w.String() != told {
			told = w.String()
			s.config.Logger.InfoContext(ctx, "the upgrade of the schema is finished once no older server is left", "waits_for", told)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// servers returns how many servers use the database, this one included.
func (c *cluster) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.servers, 1)
}

// clock says what is wrong with this machine's clock; nil if nothing is.
func (c *cluster) clock() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ahead.Abs() <= maxAhead {
		return nil
	}
	which := "ahead of"
	if c.ahead < 0 {
		which = "behind"
	}
	return fmt.Errorf("this machine's clock is %v %s the database's; set it, as with NTP: by it leases end, schedules fire and pushes expire", c.ahead.Abs().Round(time.Second), which)
}
