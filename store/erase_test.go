package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
)

// TestEveryTableOfAnAppIsErased: deleting an app leaves nothing of it in any
// table, and nothing of another app is touched. Whoever adds a table with the
// column app_id adds it to ownedByApps.
func TestEveryTableOfAnAppIsErased(t *testing.T) {
	ctx := t.Context()
	s, err := openTest(t, t.TempDir())
	check(t, err)
	defer s.Close()
	var owner int64
	check(t, s.write(ctx, func(x *tx) error {
		return x.row("INSERT INTO account (email, password_hash, dev_key, dev_secret, created_at) VALUES ('mia@example.com', '', 'k', $1, 0) RETURNING id", []byte("s")).Scan(&owner)
	}))
	mine, err := s.CreateApp(ctx, aurora.App{AccountID: owner, Key: "mine"}, []byte("s"))
	check(t, err)
	other, err := s.CreateApp(ctx, aurora.App{AccountID: owner, Key: "other"}, []byte("s"))
	check(t, err)

	listed := map[string]owned{}
	for _, o := range ownedByApps {
		listed[o.table] = o
	}
	for _, table := range tablesWith(t, s, "app_id") {
		if table == "audit" {
			continue
		}
		o, ok := listed[table]
		if !ok {
			t.Errorf("the table %s has a column app_id and is not in ownedByApps", table)
			continue
		}
		delete(listed, table)
		for _, app := range []aurora.App{mine, other} {
			fill(t, s, table, map[string]any{"app_id": app.ID}, int(app.ID)*100000, rowsOf(o))
		}
		if o.parts != "" {
			var keys []any
			check(t, s.rows(ctx, func(row scanner) error {
				var k any
				err := row.Scan(&k)
				keys = append(keys, k)
				return err
			}, "SELECT "+o.key+" FROM "+table+" WHERE app_id = $1 LIMIT 3", mine.ID))
			parent, _, _ := strings.Cut(o.partKey, ",")
			for i, k := range keys {
				fill(t, s, o.parts, map[string]any{parent: k}, i*10, 3)
			}
		}
	}
	for table := range listed {
		t.Errorf("ownedByApps names %s, which has no column app_id", table)
	}
	check(t, s.MarkDeleted(ctx, mine.ID))
	if done, err := s.Erase(ctx, time.Now().Add(-time.Hour)); !done || err != nil {
		t.Errorf("it was erased before its time (%v)", err)
	}
	for done := false; !done; {
		done, err = s.Erase(ctx, time.Now().Add(time.Hour))
		check(t, err)
	}
	for _, o := range ownedByApps {
		var left, others int
		check(t, s.row(ctx, "SELECT COUNT(*) FROM "+o.table+" WHERE app_id = $1", mine.ID).Scan(&left))
		check(t, s.row(ctx, "SELECT COUNT(*) FROM "+o.table+" WHERE app_id = $1", other.ID).Scan(&others))
		if left > 0 || others != rowsOf(o) {
			t.Errorf("%s: %d rows are left, and the other app has %d of %d", o.table, left, others, rowsOf(o))
		}
		if o.parts == "" {
			continue
		}
		check(t, s.row(ctx, "SELECT COUNT(*) FROM "+o.parts).Scan(&left))
		if left > 0 {
			t.Errorf("%s: %d rows are left", o.parts, left)
		}
	}
	var apps int
	check(t, s.row(ctx, "SELECT COUNT(*) FROM app").Scan(&apps))
	if apps != 1 {
		t.Errorf("%d apps", apps)
	}
}

// rowsOf is more than one transaction erases, where an app can have more.
func rowsOf(o owned) int {
	if o.key == "app_id" {
		return 1
	}
	return o.rows + 1
}

type column struct {
	name, kind string
	optional   bool
}

func tablesWith(t *testing.T, s *Store, name string) (tables []string) {
	t.Helper()
	query := "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = $1 WHERE m.type = 'table' ORDER BY m.name"
	if s.dialect.shared {
		query = "SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = $1 ORDER BY table_name"
	}
	check(t, s.rows(t.Context(), func(row scanner) error {
		var table string
		err := row.Scan(&table)
		tables = append(tables, table)
		return err
	}, query, name))
	return tables
}

func columnsOf(t *testing.T, s *Store, table string) (columns []column) {
	t.Helper()
	if s.dialect.shared {
		check(t, s.rows(t.Context(), func(row scanner) error {
			var c column
			err := row.Scan(&c.name, &c.kind, &c.optional)
			c.kind = map[string]string{"text": "TEXT", "bytea": "BLOB", "smallint": "SMALLINT"}[c.kind]
			columns = append(columns, c)
			return err
		}, "SELECT column_name, data_type, column_default IS NOT NULL OR is_nullable = 'YES' OR is_identity = 'YES' FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position", table))
		return columns
	}
	check(t, s.rows(t.Context(), func(row scanner) error {
		var c column
		var required, key int
		var def *string
		err := row.Scan(&c.name, &c.kind, &required, &def, &key)
		c.optional = def != nil || required == 0 && (key == 0 || c.kind == "INTEGER") // SQLite numbers those
		columns = append(columns, c)
		return err
	}, "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info($1)", table))
	return columns
}

// fill inserts rows whose required columns differ, from n on.
func fill(t *testing.T, s *Store, table string, given map[string]any, n, rows int) {
	t.Helper()
	var names, places []string
	var columns []column
	for _, c := range columnsOf(t, s, table) {
		if _, ok := given[c.name]; ok || !c.optional {
			columns, names = append(columns, c), append(names, c.name)
			places = append(places, fmt.Sprint("$", len(columns)))
		}
	}
	query := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
	check(t, s.write(t.Context(), func(x *tx) error {
		for i := range rows {
			values := make([]any, len(columns))
			for j, c := range columns {
				value, ok := given[c.name]
				switch {
				case ok:
				case c.kind == "TEXT":
					value = fmt.Sprint("v", n+i)
				case c.kind == "BLOB":
					value = fmt.Append(nil, n+i)
				case c.kind == "SMALLINT":
					value = (n + i) % 30000
				default:
					value = n + i
				}
				values[j] = value
			}
			if _, err := x.exec(query, values...); err != nil {
				return err
			}
		}
		return nil
	}))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
