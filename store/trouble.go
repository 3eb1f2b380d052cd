package store

import (
	"errors"
	"syscall"

	"github.com/aurora-push/aurora"
	"github.com/ncruces/go-sqlite3"
)

// explain turns what ails the database's machine into a sentence for whoever
// waits for the write: nothing was stored, and trying again later helps.
func explain(err error) error {
	if _, refused := errors.AsType[*aurora.Error](err); refused || err == nil {
		return err
	}
	switch {
	case errors.Is(err, sqlite3.FULL), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return &aurora.Error{Kind: aurora.Unavailable, Text: "The server's disk is full: nothing was stored, and nothing will be sent. Its operator must make room; then try again.", Err: err}
	case errors.Is(err, sqlite3.BUSY), errors.Is(err, sqlite3.LOCKED):
		return &aurora.Error{Kind: aurora.Unavailable, Text: "Another process keeps the server's database: nothing was stored, and nothing will be sent. Try again; if it lasts, its operator must end that process.", Err: err}
	case errors.Is(err, sqlite3.IOERR):
		return &aurora.Error{Kind: aurora.Unavailable, Text: "The server's disk does not take what is written, as when it is full: nothing was stored, and nothing will be sent. Its operator must look at the disk, then try again.", Err: err}
	}
	return explainShared(err)
}

// unstorable reports whether PostgreSQL refuses a text that SQLite would take.
func unstorable(err error) bool {
	code := codeOf(err)
	return code == notInRepertoire || code == untranslatable
}

// explainShared is explain for what PostgreSQL says.
func explainShared(err error) error {
	unavailable := func(text string) error { return &aurora.Error{Kind: aurora.Unavailable, Text: text, Err: err} }
	switch code := codeOf(err); {
	case code == diskFull:
		return unavailable("The disk of the server's database is full: nothing was stored, and nothing will be sent. Its operator must make room; then try again.")
	case code == readOnlyTransaction:
		return unavailable("The server's database takes no writes, as a replica does not: nothing was stored, and nothing will be sent. Its operator must give the server the primary's address.")
	case code == tooManyConnections:
		return unavailable("The server's database has no connection left: nothing was stored, and nothing will be sent. Try again; if it lasts, its operator must raise max_connections or run fewer servers.")
	case unstorable(err):
		return &aurora.Error{Kind: aurora.Invalid, Text: "A text has a character that cannot be stored: U+0000, or a byte that is not UTF-8. Leave it out.", Err: err}
	case broken(err):
		return unavailable("The server's database does not answer: nothing was stored, and nothing will be sent. Try again; if it lasts, its operator must look at the database.")
	case errors.Is(err, errAgain) && code != uniqueViolation:
		return unavailable("The server's database is too busy with the same rows: nothing was stored, and nothing will be sent. Try again.")
	}
	return err
}
