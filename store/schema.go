package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migration is a step of the schema. docs/scale.md, Upgrading, says which
// statements may stand in which kind.
type migration struct {
	version int
	name    string
	text    string
	// contract takes away what older servers use: it waits until none is left.
	// Every other one only adds, beside servers that do not know of it.
	contract bool
	// concurrent is carried out statement by statement outside of a transaction,
	// so that an index can be made while others write.
	concurrent bool
}

// schema is what an Aurora knows: the migrations 1, 2, 3 … in order.
type schema []migration

// alone is the last of the migrations from before there were two kinds. They
// change what older servers read, so they need the database for themselves.
const alone = 19

// readSchema reads the migrations of a folder. The end of a file's name says of
// which kind it is: .contract.sql, .concurrent.sql, or .sql alone.
func readSchema(files fs.FS, pattern string) schema {
	names, err := fs.Glob(files, pattern) // in order
	if err != nil {
		panic(err) // the pattern is ours
	}
	var all schema
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err) // it is part of the program
		}
		m := migration{name: path.Base(name), text: string(text)}
		m.contract, m.concurrent = strings.HasSuffix(name, ".contract.sql"), strings.HasSuffix(name, ".concurrent.sql")
		if m.version, err = strconv.Atoi(m.name[:4]); err != nil {
			panic(err)
		}
		all = append(all, m)
	}
	return all
}

// oldestSetting holds the oldest schema whose servers may use the database: that
// of the last contract that was carried out.
const oldestSetting = "schema.oldest"

// queryer is a database or a connection to it.
type queryer interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// versions returns which migrations a database has seen, and the oldest schema
// whose servers may use it; 0 if any that can read the versions may.
func versions(ctx context.Context, q queryer) (made map[int]bool, oldest int, err error) {
	made = map[int]bool{}
	rows, err := q.QueryContext(ctx, "SELECT version FROM schema_version")
	if err != nil {
		return nil, 0, err
	}
	if err := each(rows, func(row scanner) error {
		var v int
		err := row.Scan(&v)
		made[v] = true
		return err
	}); err != nil || len(made) == 0 {
		return made, 0, err
	}
	var text string
	err = q.QueryRowContext(ctx, "SELECT value FROM setting WHERE name = '"+oldestSetting+"'").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return made, 0, nil
	}
	if err == nil {
		oldest, err = strconv.Atoi(text)
	}
	return made, oldest, err
}

func newest(made map[int]bool) (version int) {
	for v := range made {
		version = max(version, v)
	}
	return version
}

// fits says why an Aurora of this schema must not use a database: a newer one
// has taken away what it needs. What a newer one has added is in nobody's way.
func (all schema) fits(made map[int]bool, oldest int) error {
	if oldest > len(all) {
		return fmt.Errorf("it has schema version %d, which an Aurora of schema %d or later can use, and this Aurora knows up to %d; use the newer Aurora that wrote it", newest(made), oldest, len(all))
	}
	return nil
}

// missing returns the migrations of a kind that a database has not seen.
func (all schema) missing(made map[int]bool, contract bool) (left schema) {
	for _, m := range all {
		if m.contract == contract && !made[m.version] {
			left = append(left, m)
		}
	}
	return left
}

// statements are those of a migration that is not one transaction. Each ends
// with a semicolon at the end of a line.
func (m migration) statements() (all []string) {
	for s := range strings.SplitSeq(m.text, ";\n") {
		if s = strings.TrimSpace(withoutComments(s)); s != "" {
			all = append(all, s)
		}
	}
	return all
}

func withoutComments(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "--") }), "\n")
}

// migrate carries out the migrations that only add and that the database has
// not seen, and with SQLite, where nobody is beside, the contracts too. It is
// one transaction, but for what PostgreSQL does outside of any.
func (s *Store) migrate(ctx context.Context, conn *sql.Conn) (err error) {
	exec := func(statement string, args ...any) error {
		_, err := conn.ExecContext(ctx, s.dialect.rewrite(statement), args...)
		return err
	}
	if err := exec(s.dialect.claim); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, rollback := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			err = errors.Join(err, rollback)
		}
	}()
	if err := exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"); err != nil {
		return err
	}
	made, oldest, err := versions(ctx, conn)
	if err != nil {
		return err
	}
	if err := s.schema.fits(made, oldest); err != nil {
		return err
	}
	if s.dialect.shared && len(made) > 0 && newest(made) < alone {
		if err := nobodyElse(ctx, conn); err != nil {
			return err
		}
	}
	left := s.schema.missing(made, false)
	if !s.dialect.shared {
		left = append(left, s.schema.missing(made, true)...)
	}
	for _, m := range left {
		if m.concurrent && s.dialect.shared {
			if err := exec("COMMIT"); err != nil {
				return err
			}
			for _, statement := range m.statements() {
				if err := exec(s.dialect.words.Replace(statement)); err != nil {
					return fmt.Errorf("%s: %w", m.name, errors.Join(err, exec(s.dialect.claim)))
				}
			}
			if err := exec(s.dialect.claim); err != nil {
				return err
			}
		} else if err := m.carryOut(ctx, conn, s.dialect); err != nil {
			return err
		}
		if err := m.note(ctx, conn, s.dialect); err != nil {
			return err
		}
	}
	return exec("COMMIT")
}

// carryOut does what a migration says.
func (m migration) carryOut(ctx context.Context, conn *sql.Conn, d dialect) error {
	if _, err := conn.ExecContext(ctx, d.words.Replace(m.text)); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if step := steps[m.version]; step != nil {
		if err := step(ctx, conn, d); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// note remembers that a migration was carried out.
func (m migration) note(ctx context.Context, conn *sql.Conn, d dialect) error {
	if _, err := conn.ExecContext(ctx, d.rewrite("INSERT INTO schema_version (version) VALUES ($1)"), m.version); err != nil || !m.contract {
		return err
	}
	_, err := conn.ExecContext(ctx, d.rewrite("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"), oldestSetting, strconv.Itoa(m.version))
	return err
}
