package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Moved is what Move did with one table.
type Moved struct {
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // of all rows in the order of their keys, read back from the new database
}

// moveRows is how many rows go in one transaction, moveBytes about how many
// bytes: what is done again after an interruption.
const (
	moveRows  = 5000
	moveBytes = 8 << 20
)

// movingSetting is in a database that is being moved into, and says from where.
const movingSetting = "moving.from"

// notMoved are tables of this database alone.
var notMoved = []string{"schema_version", "node", "number_range", "gate"}

// Move copies everything from a SQLite database, which nobody else may use, into
// an empty PostgreSQL database, and proves row for row that it is there. One
// that was interrupted is called again and goes on. progress is called after
// each transaction with the rows that are there and that there are to be.
func Move(ctx context.Context, from, to *Store, progress func(table string, done, total int64)) (moved []Moved, err error) {
	if from.dialect.shared || !to.dialect.shared {
		return nil, errors.New("store: a move goes from SQLite to PostgreSQL")
	}
	origin, err := from.origin(ctx)
	if err != nil {
		return nil, err
	}
	if err := to.expectMove(ctx, origin); err != nil {
		return nil, err
	}
	tables, err := from.tables(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := to.writes.Conn(ctx)
	if err != nil {
		return nil, plainly(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, t := range tables {
		if err := t.copy(ctx, from, conn, progress); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	for _, t := range tables {
		one := Moved{Table: t.name}
		before, rows, err := t.digest(ctx, from.reads, "")
		if err == nil {
			one.SHA256, one.Rows, err = t.digest(ctx, to.reads, movingSetting)
		}
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.name, err)
		}
		if rows != one.Rows || before != one.SHA256 {
			return nil, fmt.Errorf("table %s: %d rows with the digest %s became %d with %s; empty the new database (DROP SCHEMA … CASCADE, CREATE SCHEMA …) and move again", t.name, rows, before, one.Rows, one.SHA256)
		}
		moved = append(moved, one)
	}
	return moved, to.write(ctx, func(x *tx) error {
		_, err := x.exec("DELETE FROM setting WHERE name = $1", movingSetting)
		return err
	})
}

// Moving says that a move into the database has begun and is not finished.
func (s *Store) Moving(ctx context.Context) (bool, error) {
	from, err := s.Setting(ctx, movingSetting)
	return from != "", err
}

// origin identifies a database.
func (s *Store) origin(ctx context.Context) (string, error) {
	var keys string
	err := s.rows(ctx, func(row scanner) error {
		var key string
		err := row.Scan(&key)
		keys += key + "\n"
		return err
	}, "SELECT dev_key FROM account ORDER BY id")
	digest := sha256.Sum256([]byte(keys))
	return hex.EncodeToString(digest[:]), err
}

// expectMove marks an empty database, or one that a move from the same origin
// was interrupted in.
func (s *Store) expectMove(ctx context.Context, origin string) error {
	return s.write(ctx, func(t *tx) error {
		var marked string
		err := t.row("SELECT value FROM setting WHERE name = $1", movingSetting).Scan(&marked)
		switch {
		case err == nil && marked == origin:
			return nil
		case err == nil:
			return errors.New("a move from another database into this one is not finished; choose an empty database")
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		for _, table := range []string{"account", "app", "device", "message"} {
			var used int
			if err := t.row("SELECT COUNT(*) FROM (SELECT 1 FROM " + table + " LIMIT 1) q").Scan(&used); err != nil {
				return err
			}
			if used > 0 {
				return errors.New("the database holds an Aurora already; choose an empty one")
			}
		}
		_, err = t.exec("INSERT INTO setting (name, value) VALUES ($1, $2)", movingSetting, origin)
		return err
	})
}

// table is one table as both databases have it.
type table struct {
	name    string
	columns []string
	kinds   []string // TEXT, BLOB or a kind of number
	key     []int    // places of the key's columns, in order
	after   []string // tables that its rows refer to
}

// tables returns the tables of a SQLite database, each after those that its
// rows refer to.
func (s *Store) tables(ctx context.Context) ([]table, error) {
	var all []table
	err := s.rows(ctx, func(row scanner) error {
		var t table
		err := row.Scan(&t.name)
		if !slices.Contains(notMoved, t.name) {
			all = append(all, t)
		}
		return err
	}, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
	if err != nil {
		return nil, err
	}
	for i := range all {
		t := &all[i]
		keys := map[int]int{}
		err := s.rows(ctx, func(row scanner) error {
			var name, kind string
			var key int
			if err := row.Scan(&name, &kind, &key); err != nil {
				return err
			}
			if key > 0 {
				keys[key] = len(t.columns)
			}
			t.columns, t.kinds = append(t.columns, name), append(t.kinds, kind)
			return nil
		}, "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid", t.name)
		if err != nil {
			return nil, err
		}
		for n := 1; n <= len(keys); n++ {
			t.key = append(t.key, keys[n])
		}
		if len(t.key) == 0 {
			return nil, fmt.Errorf("store: the table %s has no key", t.name)
		}
		if err := s.rows(ctx, func(row scanner) error {
			var to string
			err := row.Scan(&to)
			t.after = append(t.after, to)
			return err
		}, `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1)`, t.name); err != nil {
			return nil, err
		}
	}
	return inOrderOf(all), nil
}

// inOrderOf sorts tables so that each comes after those that it refers to.
func inOrderOf(all []table) (sorted []table) {
	done := map[string]bool{}
	for len(sorted) < len(all) {
		before := len(sorted)
		for _, t := range all {
			ready := !done[t.name]
			for _, other := range t.after {
				ready = ready && (done[other] || other == t.name)
			}
			if ready {
				done[t.name] = true
				sorted = append(sorted, t)
			}
		}
		if len(sorted) == before {
			panic("store: tables refer to each other in a circle")
		}
	}
	return sorted
}

func (t *table) keyColumns() string {
	names := make([]string, len(t.key))
	for i, k := range t.key {
		names[i] = t.columns[k]
	}
	return strings.Join(names, ", ")
}

// copy appends the rows that the other database does not have yet: those whose
// keys are beyond its last one.
func (t *table) copy(ctx context.Context, from *Store, conn *sql.Conn, progress func(string, int64, int64)) error {
	var done, total int64
	if err := from.reads.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.name).Scan(&total); err != nil {
		return err
	}
	if t.name == "setting" {
		return t.copySettings(ctx, from, conn)
	}
	if err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.name).Scan(&done); err != nil {
		return err
	}
	last, err := t.last(ctx, conn)
	if err != nil {
		return err
	}
	for {
		rows, err := t.portion(ctx, from, last)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		err = conn.Raw(func(raw any) error {
			_, err := raw.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(rows))
			return err
		})
		if err != nil {
			return explain(err)
		}
		last = t.keyOf(rows[len(rows)-1])
		done += int64(len(rows))
		progress(t.name, done, total)
	}
	return t.goOn(ctx, from, conn)
}

// goOn makes the other database number rows after those that there were, also
// after those that are gone: some numbers must not come again.
func (t *table) goOn(ctx context.Context, from *Store, conn *sql.Conn) error {
	if len(t.key) != 1 || t.kinds[t.key[0]] == "TEXT" || t.kinds[t.key[0]] == "BLOB" {
		return nil
	}
	column := t.columns[t.key[0]]
	var last int64
	err := from.reads.QueryRowContext(ctx, "SELECT MAX(COALESCE((SELECT MAX("+column+") FROM "+t.name+"), 0), COALESCE((SELECT seq FROM sqlite_sequence WHERE name = ?1), 0))", t.name).Scan(&last)
	if err != nil || last == 0 {
		return err
	}
	// Where the server gives the numbers there is no sequence, and this is NULL.
	_, err = conn.ExecContext(ctx, "SELECT setval(pg_get_serial_sequence($1, $2), $3)", t.name, column, last)
	return err
}

// copySettings copies the few settings over those that a new database has.
func (t *table) copySettings(ctx context.Context, from *Store, conn *sql.Conn) error {
	rows, err := t.portion(ctx, from, nil)
	for _, row := range rows {
		if err == nil {
			_, err = conn.ExecContext(ctx, "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", row...)
		}
	}
	return err
}

func (t *table) keyOf(row []any) []any {
	key := make([]any, len(t.key))
	for i, k := range t.key {
		key[i] = row[k]
	}
	return key
}

// last returns the key of the last row that is there; nil if there is none.
func (t *table) last(ctx context.Context, conn *sql.Conn) ([]any, error) {
	key := make([]any, len(t.key))
	into := make([]any, len(t.key))
	for i := range key {
		into[i] = &key[i]
	}
	order := strings.ReplaceAll(t.keyColumns(), ",", " DESC,") + " DESC"
	err := conn.QueryRowContext(ctx, "SELECT "+t.keyColumns()+" FROM "+t.name+" ORDER BY "+order+" LIMIT 1").Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return key, err
}

// portion reads the next rows after a key.
func (t *table) portion(ctx context.Context, from *Store, after []any) (rows [][]any, err error) {
	query := "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name
	if after != nil {
		places := make([]string, len(after))
		for i := range places {
			places[i] = fmt.Sprint("?", i+1)
		}
		query += " WHERE (" + t.keyColumns() + ") > (" + strings.Join(places, ", ") + ")"
	}
	found, err := from.reads.QueryContext(ctx, query+" ORDER BY "+t.keyColumns()+fmt.Sprint(" LIMIT ", moveRows), after...)
	if err != nil {
		return nil, err
	}
	bytes := 0
	err = each(found, func(row scanner) error {
		if bytes > moveBytes {
			return nil // the next portion begins with it
		}
		values, err := t.scan(row)
		for _, v := range values {
			switch v := v.(type) {
			case string:
				bytes += len(v)
			case []byte:
				bytes += len(v)
			default:
				bytes += 8
			}
		}
		rows = append(rows, values)
		return err
	})
	return rows, err
}

// scan reads a row's columns, each as its kind says.
func (t *table) scan(row scanner) ([]any, error) {
	values := make([]any, len(t.columns))
	into := make([]any, len(t.columns))
	for i, kind := range t.kinds {
		switch kind {
		case "TEXT":
			into[i] = new(sql.Null[string])
		case "BLOB":
			into[i] = new([]byte)
		default:
			into[i] = new(sql.Null[int64])
		}
	}
	if err := row.Scan(into...); err != nil {
		return nil, err
	}
	for i := range into {
		switch v := into[i].(type) {
		case *sql.Null[string]:
			if v.Valid {
				values[i] = v.V
			}
		case *sql.Null[int64]:
			if v.Valid {
				values[i] = v.V
			}
		case *[]byte:
			if *v != nil {
				values[i] = *v
			}
		}
	}
	return values, nil
}

// digest reads all rows in the order of their keys. The setting but is left out.
func (t *table) digest(ctx context.Context, db *sql.DB, but string) (digest string, rows int64, err error) {
	query := "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name
	if t.name == "setting" && but != "" {
		query += " WHERE name <> '" + but + "'"
	}
	// Its own connection, whose statements may take as long as the table is large.
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	h := sha256.New()
	var last []any
	for {
		n, next, err := t.digestPortion(ctx, conn, query, last, h)
		if err != nil {
			return "", 0, err
		}
		rows += n
		if n < moveRows {
			return hex.EncodeToString(h.Sum(nil)), rows, nil
		}
		last = next
	}
}

func (t *table) digestPortion(ctx context.Context, conn *sql.Conn, query string, after []any, h hash.Hash) (n int64, last []any, err error) {
	if after != nil {
		places := make([]string, len(after))
		for i := range places {
			places[i] = fmt.Sprint("$", i+1)
		}
		and := " WHERE "
		if strings.Contains(query, " WHERE ") {
			and = " AND "
		}
		query += and + "(" + t.keyColumns() + ") > (" + strings.Join(places, ", ") + ")"
	}
	found, err := conn.QueryContext(ctx, query+" ORDER BY "+t.keyColumns()+fmt.Sprint(" LIMIT ", moveRows), after...)
	if err != nil {
		return 0, nil, err
	}
	err = each(found, func(row scanner) error {
		values, err := t.scan(row)
		if err != nil {
			return err
		}
		for _, v := range values {
			switch v := v.(type) {
			case nil:
				fmt.Fprint(h, "-")
			case string:
				fmt.Fprintf(h, "s%d:%s", len(v), v)
			case []byte:
				fmt.Fprintf(h, "b%d:%s", len(v), v)
			case int64:
				fmt.Fprintf(h, "n%d;", v)
			}
		}
		n++
		last = t.keyOf(values)
		return nil
	})
	return n, last, err
}
