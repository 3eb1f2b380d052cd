package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aurora-push/aurora/store"
)

// Moved is what Move did with one table.
type Moved = store.Moved

// Move copies the database of a data folder, which no server may use meanwhile,
// into an empty PostgreSQL database, and proves that all of it is there. After
// an interruption it is called again and goes on. The folder stays as it is,
// but its schema is brought up to date.
func Move(ctx context.Context, dir, to string, progress func(table string, done, total int64)) (moved []Moved, err error) {
	if _, err := os.Stat(filepath.Join(dir, store.DatabaseFile)); err != nil {
		return nil, fmt.Errorf("there is no database in %s: %w", dir, err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("an Aurora server is using the data folder %s; stop it first, so that nothing changes while it is copied: %w", dir, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	source, err := store.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := store.OpenURL(ctx, to, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	target.Stay()
	return store.Move(ctx, source, target, progress)
}
