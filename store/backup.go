package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ncruces/go-sqlite3/driver"
)

// DatabaseFile is the name of the database in a data folder.
const DatabaseFile = "aurora.db"

// SchemaVersion is the schema that this Aurora writes.
func SchemaVersion() int { return len(ours()) }

// Snapshot copies the database of a data folder, as of one moment, into a new
// file of mode 0600. The folder may be in use: who writes there goes on. It
// changes nothing there, not even an old schema.
func Snapshot(ctx context.Context, dir, to string) error {
	path := filepath.Join(dir, DatabaseFile)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database in %s: %w", dir, err)
	}
	db, err := sql.Open("sqlite3", sourceOf(path)+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		err = errors.Join(copyTo(conn, to), conn.Close())
	}
	return errors.Join(err, db.Close())
}

// copyTo copies the connection's database in one reading, so that the copy is
// of one moment: a reader does not hold up the writer of a write-ahead log.
func copyTo(conn *sql.Conn, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite would make it with 0644
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	err = conn.Raw(func(raw any) error {
		c, ok := raw.(driver.Conn)
		if !ok {
			return errors.New("store: the driver offers no backup")
		}
		return c.Raw().Backup("main", sourceOf(to))
	})
	if err != nil {
		return errors.Join(fmt.Errorf("the copy to %s failed: %w", to, err), os.Remove(to))
	}
	return nil
}

// Verify reads a database file from beginning to end and returns its schema
// version. It refuses a file that is damaged, is no database of Aurora, or was
// written by a newer one. Nobody else may have the file open.
func Verify(ctx context.Context, path string) (version int, err error) {
	db, err := sql.Open("sqlite3", sourceOf(path)+"?mode=rw")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return 0, fmt.Errorf("the database cannot be read: %w", err)
	}
	if verdict != "ok" {
		return 0, fmt.Errorf("the database is damaged: %s", verdict)
	}
	made, oldest, err := versions(ctx, db)
	if err != nil {
		return 0, fmt.Errorf("it is not a database of Aurora: %w", err)
	}
	return newest(made), ours().fits(made, oldest)
}

// beforeUpgrade is what the copy made before an upgrade is called, followed by
// the schema version that it has.
const beforeUpgrade = DatabaseFile + ".before-upgrade-from-"

// keepOld copies the database before its schema is changed, and removes the
// copy that an earlier upgrade left: an upgrade that turns out badly can then
// be taken back.
func keepOld(ctx context.Context, conn *sql.Conn, dir string) error {
	var tables int
	err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'schema_version'").Scan(&tables)
	if err != nil || tables == 0 {
		return err
	}
	made, _, err := versions(ctx, conn)
	if err != nil || len(made) == 0 || len(ours().missing(made, false))+len(ours().missing(made, true)) == 0 {
		return err
	}
	keep := filepath.Join(dir, beforeUpgrade+strconv.Itoa(newest(made)))
	part := fmt.Sprintf("%s.part-%d", keep, os.Getpid())
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyTo(conn, part); err != nil {
		return fmt.Errorf("no copy could be made before the upgrade of its schema; make room in the data folder and start again: %w", err)
	}
	if err := os.Rename(part, keep); err != nil {
		return err
	}
	older, err := filepath.Glob(filepath.Join(dir, beforeUpgrade+"*"))
	for _, file := range older {
		if file != keep {
			err = errors.Join(err, os.Remove(file))
		}
	}
	return err
}
