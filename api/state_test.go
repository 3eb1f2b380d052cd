package api_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/ncruces/go-sqlite3/driver"
)

// restless are columns and tables that change without a request: when somebody
// was seen, and what is folded in the background.
var restless = map[string]string{
	"device.seen_at": "a device was seen", "api_key.last_used_at": "a key was used", "presence": "devices that were seen",
	"index_change": "folded into index_block", "index_block": "gains what is folded", "index_generation": "counts the foldings", "setting": "when the server last did something",
}

// state is what the database holds, by table.
func (w *world) state(t *testing.T) map[string]string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.config.Data, "aurora.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	check(t, err)
	defer db.Close()
	state := map[string]string{}
	for _, table := range column(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name") {
		columns := column(t, db, "SELECT name FROM pragma_table_info($1)", table)
		columns = slices.DeleteFunc(columns, func(c string) bool { return restless[table+"."+c] != "" })
		if restless[table] != "" {
			continue
		}
		rows, err := db.QueryContext(t.Context(), fmt.Sprintf(`SELECT "%s" FROM "%s"`, strings.Join(columns, `", "`), table))
		check(t, err)
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		n, sum := 0, sha256.New()
		for ; rows.Next(); n++ {
			check(t, rows.Scan(into...))
			fmt.Fprintf(sum, "%v\n", values)
		}
		check(t, rows.Err())
		state[table] = fmt.Sprintf("%d rows, %.4x", n, sum.Sum(nil))
	}
	if len(state) < 30 {
		t.Fatalf("only %d tables were looked at", len(state))
	}
	return state
}

func column(t *testing.T, db *sql.DB, query string, args ...any) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		check(t, rows.Scan(&s))
		list = append(list, s)
	}
	check(t, rows.Err())
	return list
}

// difference names the tables that are not the same.
func difference(before, after map[string]string) (list []string) {
	for table, was := range before {
		if after[table] != was {
			list = append(list, fmt.Sprintf("%s: %s became %s", table, was, after[table]))
		}
	}
	slices.Sort(list)
	return list
}
