package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/jackc/pgx/v5/pgconn"
)

// errAgain is for a transaction that was undone for a reason that is nobody's
// fault and will pass: another server changed the same rows, or the connection
// was lost before the end.
var errAgain = errors.New("store: the transaction is to be done again")

// againTimes bounds how often, againRest how long after the first time, which
// doubles, and againTime how long in all.
const (
	againTimes = 10
	againRest  = 2 * time.Millisecond
	againTime  = 10 * time.Second
)

// hopeless reports whether doing it again is of no use any more: what another
// server stored under the same key is known after the second time.
func hopeless(err error, try int, began time.Time) bool {
	return try >= againTimes || time.Since(began) > againTime || try >= 3 && codeOf(err) == uniqueViolation
}

// rest waits before a transaction is done again: not as long as whoever it met.
func (w *writer) rest(try int) {
	d := min(againRest<<try, 400*time.Millisecond)
	time.Sleep(d/2 + rand.N(d))
}

// PostgreSQL's codes (its manual, appendix A).
const (
	uniqueViolation      = "23505" // also: what another server stored a moment ago; looked at again, it is known
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	cannotConnectNow     = "57P03"
	diskFull             = "53100"
	tooManyConnections   = "53300"
	readOnlyTransaction  = "25006"
	untranslatable       = "22P05"
	notInRepertoire      = "22021"
	queryCanceled        = "57014"
	idleInTransaction    = "25P03"
)

// blame decides about an error before the end of a transaction: whether all of
// it is to be done again.
func (w *writer) blame(err error) error {
	if err == nil || !w.dialect.shared {
		return err
	}
	if broken(err) {
		return fmt.Errorf("%w: %w", errAgain, errors.Join(err, w.reconnect()))
	}
	switch codeOf(err) {
	case readOnlyTransaction: // the primary has become a replica; the URL may name others
		return errors.Join(err, w.reconnect())
	case uniqueViolation, serializationFailure, deadlockDetected, lockNotAvailable:
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	return err
}

// blameCommit is blame for the end itself: if the connection was lost there,
// nobody knows whether it was the end, and doing it again could do it twice.
func (w *writer) blameCommit(err error) error {
	if !w.dialect.shared || !broken(err) {
		return w.blame(err)
	}
	w.reconnect() // if it fails the next transaction tries again
	return &aurora.Error{Kind: aurora.Unavailable, Text: "The connection to the server's database was lost while it was storing this: it was stored or not. Look, or try again with the same cid.", Err: errors.Join(errDoubt, err)}
}

// codeOf returns PostgreSQL's code for an error, "" if it is not from there.
func codeOf(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// broken reports whether an error leaves the connection of no use.
func broken(err error) bool {
	if code := codeOf(err); code != "" {
		return code[:2] == "57" && code != queryCanceled || code[:2] == "08" || code == idleInTransaction || code == tooManyConnections
	}
	_, network := errors.AsType[net.Error](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	return network || connect || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// connectTime bounds one attempt to reach the database again.
const connectTime = 5 * time.Second

// reconnect replaces a writer's connection.
func (w *writer) reconnect() error {
	w.forget() // the old ones went with their connection
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err // w.conn stays closed, which the next transaction finds out
	}
	w.conn = conn
	return nil
}
