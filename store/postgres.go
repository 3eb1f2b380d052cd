package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Connections of one server to PostgreSQL, beside one that listens for hints.
const (
	writerCount     = 4  // and one that leases
	readConnections = 16 // at most; few are open while there is little to do
)

// OpenURL opens the PostgreSQL database of a URL (postgres://…), and brings its
// schema up to date. Several servers may have it open, also some that know less
// of the schema (beside.go). Everything is kept in the schema that the URL's
// search_path names, or the role's first. The logger, which may be nil, is told
// what is waited for.
func OpenURL(ctx context.Context, source string, logger *slog.Logger) (*Store, error) {
	return openURL(ctx, source, logger, ours())
}

func openURL(ctx context.Context, source string, logger *slog.Logger, known schema) (*Store, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	config, err := parseURL(source)
	if err != nil {
		return nil, err
	}
	where := whereOf(config)
	s := &Store{dialect: postgres, url: source, node: rand.Text(), schema: known, logger: logger}
	s.reads = stdlib.OpenDB(*withBounds(config, readTime))
	s.reads.SetMaxOpenConns(readConnections)
	s.reads.SetMaxIdleConns(readConnections / 2)
	s.reads.SetConnMaxIdleTime(time.Minute)
	s.writes = stdlib.OpenDB(*withBounds(config, writeTime))
	s.writes.SetMaxIdleConns(0) // a writer keeps its own; what is given back is not used again
	if err := s.startShared(ctx); err != nil {
		return nil, fmt.Errorf("the database %s cannot be opened: %w", where, errors.Join(plainly(err), s.reads.Close(), s.writes.Close()))
	}
	return s, nil
}

// parseURL reads a URL without letting its password into an error.
func parseURL(source string) (*pgx.ConnConfig, error) {
	if u, err := url.Parse(source); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("the database is not a URL such as postgres://user:password@host:5432/aurora")
	}
	config, err := pgx.ParseConfig(source)
	if err != nil {
		return nil, errors.New("the database's URL is not understood; it looks like postgres://user:password@host:5432/aurora?sslmode=require, and characters such as @ in the password are written as %40")
	}
	return config, nil
}

// whereOf names a database without its password.
func whereOf(c *pgx.ConnConfig) string {
	return fmt.Sprintf("%q of PostgreSQL at %s", c.Database, c.Host)
}

// How long one statement may take: one that takes longer would keep rows
// locked that others wait for.
const (
	readTime  = 60 * time.Second
	writeTime = 20 * time.Second
	lockTime  = 10 * time.Second // waiting for a lock
	idleTime  = 10 * time.Second // silence within a transaction, as of a server that is stopped
)

// withBounds returns the configuration with every wait bounded, at the database
// and, if that is not heard of any more, here.
func withBounds(config *pgx.ConnConfig, statement time.Duration) *pgx.ConnConfig {
	c := config.Copy()
	set := func(name string, d time.Duration) {
		if c.RuntimeParams[name] == "" { // the URL may say otherwise
			c.RuntimeParams[name] = fmt.Sprint(d.Milliseconds())
		}
	}
	set("statement_timeout", statement)
	set("lock_timeout", lockTime)
	set("idle_in_transaction_session_timeout", idleTime)
	c.RuntimeParams["synchronous_commit"] = "on" // what was answered to a caller survives a crash
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "aurora"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTime
	}
	dial := c.DialFunc
	c.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &bounded{Conn: conn, patience: statement + lockTime}, nil
	}
	return c
}

// bounded is a connection whose other end is given up when it is silent for too
// long while something is awaited from it.
type bounded struct {
	net.Conn
	patience time.Duration
	mu       sync.Mutex
	fixed    bool // the deadline is the caller's
}

// SetDeadline is how a caller ends what is awaited; a zero time means that it
// has no wish.
func (b *bounded) SetDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fixed = !t.IsZero()
	return b.Conn.SetDeadline(t)
}

// Read gives up after the patience.
func (b *bounded) Read(p []byte) (int, error) {
	b.mu.Lock()
	if !b.fixed {
		b.Conn.SetReadDeadline(time.Now().Add(b.patience))
	}
	b.mu.Unlock()
	return b.Conn.Read(p)
}

// oldest is the oldest PostgreSQL that Aurora is tested with.
const oldest = 150000

func (s *Store) startShared(ctx context.Context) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	if s.desk, err = newDesk(ctx, s.writes, s.dialect, s.node, writerCount); err != nil {
		return err
	}
	s.desk.knows = len(s.schema)
	return nil
}

// fits says why Aurora cannot work with a database.
func fits(ctx context.Context, conn *sql.Conn) error {
	var version int
	var encoding, schema, readOnly string
	err := conn.QueryRowContext(ctx, "SELECT CAST(current_setting('server_version_num') AS INTEGER), current_setting('server_encoding'), COALESCE(current_schema(), ''), current_setting('transaction_read_only')").
		Scan(&version, &encoding, &schema, &readOnly)
	switch {
	case err != nil:
		return err
	case version < oldest:
		return fmt.Errorf("it is PostgreSQL %d and Aurora needs %d or later", version/10000, oldest/10000)
	case encoding != "UTF8":
		return fmt.Errorf("its encoding is %s and Aurora needs UTF8; make a database with CREATE DATABASE aurora ENCODING 'UTF8' TEMPLATE template0", encoding)
	case readOnly == "on":
		return errors.New("it is read-only, as a replica is; give the address of the primary")
	case schema == "":
		return errors.New("none of the schemas in its search_path exists; make one with CREATE SCHEMA")
	}
	return nil
}

// fit turns values into what the database's columns take: a bool is a number.
func (d *dialect) fit(args []any) []any {
	if !d.shared {
		return args
	}
	for i, arg := range args {
		if yes, ok := arg.(bool); ok {
			if args[i] = 0; yes {
				args[i] = 1
			}
		}
	}
	return args
}

// Shared tells whether several servers may use the database at once.
func (s *Store) Shared() bool { return s.dialect.shared }

// plainly puts what PostgreSQL says about a connection into words for whoever
// starts a server.
func plainly(err error) error {
	switch code := codeOf(err); {
	case code == "":
		return oneLine{err}
	case strings.HasPrefix(code, "28"):
		return fmt.Errorf("PostgreSQL refuses the user or password in the URL: %w", err)
	case code == "3D000":
		return fmt.Errorf("there is no such database; make it with CREATE DATABASE: %w", err)
	case code == tooManyConnections:
		return fmt.Errorf("PostgreSQL has no connection left: raise its max_connections (a server of Aurora uses up to %d) or run fewer servers: %w", readConnections+writerCount+2, err)
	case code == cannotConnectNow:
		return fmt.Errorf("PostgreSQL is starting or stopping; try again in a moment: %w", err)
	}
	return err
}

// oneLine says in one line what the driver says in several.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

func (e oneLine) Unwrap() error { return e.error }
