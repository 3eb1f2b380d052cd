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
	return err
}
