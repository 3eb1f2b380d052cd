package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/store/storetest"
)

// tomorrow is the schema of a next Aurora, which renames a column.
func tomorrow() schema {
	n := len(ours())
	return append(ours()[:n:n],
		migration{version: n + 1, name: "more.sql", text: "ALTER TABLE gate ADD COLUMN passes BIGINT NOT NULL DEFAULT 0;"},
		migration{version: n + 2, name: "more.concurrent.sql", concurrent: true, text: "-- first\nDROP INDEX CONCURRENTLY IF EXISTS gate_passes;\nCREATE INDEX CONCURRENTLY gate_passes ON gate (passes);\n"},
		migration{version: n + 3, name: "less.contract.sql", contract: true, text: "ALTER TABLE gate DROP COLUMN passed;"})
}

func openAs(t *testing.T, url string, known schema, logger *slog.Logger) *Store {
	t.Helper()
	s, err := openURL(t.Context(), url, logger, known)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// gated writes as every server of today does.
func gated(t *testing.T, s *Store) error {
	return s.write(t.Context(), func(x *tx) error { return x.gate("test", 1) })
}

// A newer server adds to the schema beside older ones and takes nothing away
// before the last of them is gone: one that serves, one that starts later, a
// command, and one that died. One that wakes then writes nothing any more.
func TestUpgradeBesideOlderServers(t *testing.T) {
	url := storetest.NewSchema(t)
	first := openAs(t, url, ours(), nil)
	_, err := first.Beat(t.Context(), "first", time.Now(), deadAfter)
	check(t, err)

	// A reader keeps the table; the newer server waits for it in short steps,
	// between which the older one's writes go on.
	beside, err := sql.Open("pgx", url)
	check(t, err)
	defer beside.Close()
	reading, err := beside.Begin()
	check(t, err)
	_, err = reading.Exec("SELECT passed FROM gate")
	check(t, err)
	opened := make(chan *Store)
	go func() {
		s, err := openURL(context.Background(), url, nil, tomorrow())
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	for begin := time.Now(); time.Since(begin) < schemaLockTime+schemaLockTime/2; {
		if err := gated(t, first); err != nil {
			t.Errorf("a write beside the upgrade: %v", err)
		}
	}
	check(t, reading.Rollback())
	newer := <-opened
	defer newer.Close()
	_, err = newer.Beat(t.Context(), "newer", time.Now(), deadAfter)
	check(t, err)

	waits := func(names ...string) {
		t.Helper()
		w, err := newer.FinishUpgrade(t.Context())
		if err != nil || w == nil || w.Migration != "less.contract.sql" || fmt.Sprint(w.Servers) != fmt.Sprint(names) {
			t.Fatalf("the upgrade waits for %v, %v; want %q", w, err, names)
		}
	}
	waits("first")
	command := openAs(t, url, ours(), nil)
	second := openAs(t, url, ours(), nil)
	_, err = second.Beat(t.Context(), "second", time.Now(), deadAfter)
	check(t, err)
	waits("", "first", "second")
	for _, s := range []*Store{first, second, command} {
		check(t, gated(t, s))
	}
	check(t, command.Close())
	check(t, second.Close())
	waits("first")

	check(t, newer.write(t.Context(), func(x *tx) error { // it dies
		_, err := x.exec("UPDATE node SET seen_at = seen_at - $2 WHERE id = $1", first.Node(), (deadAfter + time.Second).Milliseconds())
		return err
	}))
	newer.beats.since -= deadAfter.Milliseconds() // as if it had begun so long ago
	c, err := newer.Beat(t.Context(), "newer", time.Now(), deadAfter)
	if err != nil || fmt.Sprint(c.Freed) != "[first]" {
		t.Fatalf("%+v, %v", c, err)
	}
	if w, err := newer.FinishUpgrade(t.Context()); w != nil || err != nil {
		t.Fatalf("with nobody left the upgrade waits for %v, %v", w, err)
	}
	if err := gated(t, first); err == nil { // it wakes; its statements are of no use
		t.Error("an older server writes a column that is gone")
	}
	_, err = first.Beat(t.Context(), "first", time.Now(), deadAfter)
	check(t, err)
	if err := first.PutSetting(t.Context(), "x", "y"); aurora.KindOf(err) != aurora.Unavailable || !strings.Contains(err.Error(), "older than the database") {
		t.Errorf("a server that was left behind writes: %v", err)
	}
	if _, err := openURL(t.Context(), url, nil, ours()); err == nil || !strings.Contains(err.Error(), "use the newer Aurora") {
		t.Errorf("an older server starts: %v", err)
	}
}

// A server that starts while another changes the schema waits and says so, and
// not for ever.
func TestServersWaitForTheSchema(t *testing.T) {
	url := storetest.NewSchema(t)
	s := openAs(t, url, ours(), nil)
	var mu sync.Mutex
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return log.Write(p) }), nil))
	said := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), "another server changes the database's schema")
	}
	opened := make(chan error, 1)
	check(t, s.locked(t.Context(), time.Minute, func(*sql.Conn) error {
		if err := s.locked(t.Context(), lockPause/2, func(*sql.Conn) error { return nil }); err == nil || !strings.Contains(err.Error(), "has been changing its schema for") {
			t.Errorf("a wait without end: %v", err)
		}
		go func() {
			other, err := openURL(t.Context(), url, logger, ours())
			if err == nil {
				err = other.Close()
			}
			opened <- err
		}()
		for begin := time.Now(); !said(); time.Sleep(10 * time.Millisecond) {
			if time.Since(begin) > 10*time.Second {
				t.Error("nothing is said")
				break
			}
		}
		select {
		case err := <-opened:
			t.Errorf("it does not wait: %v", err)
		default:
		}
		return nil
	}))
	check(t, <-opened)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Migrations from before there were two kinds are not made beside servers.
func TestOldestServersAreStoppedFirst(t *testing.T) {
	url := storetest.NewSchema(t)
	db, err := sql.Open("pgx", url)
	check(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE schema_version (version INTEGER NOT NULL)")
	check(t, err)
	for _, m := range ours()[:alone-1] {
		_, err := db.Exec(postgres.words.Replace(m.text))
		check(t, err)
		if step := steps[m.version]; step != nil {
			conn, err := db.Conn(t.Context())
			check(t, err)
			check(t, step(t.Context(), conn, postgres))
			check(t, conn.Close())
		}
		_, err = db.Exec("INSERT INTO schema_version VALUES ($1)", m.version)
		check(t, err)
	}
	_, err = db.Exec("INSERT INTO node (id, name, started_at, seen_at) VALUES ('a', 'old-1', 1, " + databaseNow + ")")
	check(t, err)
	if _, err := OpenURL(t.Context(), url, nil); err == nil || !strings.Contains(err.Error(), "servers of an earlier Aurora use it (old-1)") {
		t.Errorf("beside an old server: %v", err)
	}
	_, err = db.Exec("DELETE FROM node")
	check(t, err)
	openAs(t, url, ours(), nil)
}

// What may stand in a migration that is made beside servers that do not know of
// it (docs/scale.md, Upgrading).
var (
	newTable = regexp.MustCompile(`^CREATE TABLE (\w+) \(`)
	addition = regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+ [^,]+$`)
	newIndex = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX \w+ ON (\w+) `)
	bigIndex = regexp.MustCompile(`^(DROP INDEX \{concurrently\} IF EXISTS \w+|CREATE INDEX \{concurrently\} \w+ ON \w+ .*)$`)
	aSetting = regexp.MustCompile(`^INSERT INTO setting `)
)

func TestMigrationsKeepTheRules(t *testing.T) {
	for i, m := range ours() {
		if m.version != i+1 {
			t.Fatalf("%s is number %d; migrations are numbered without a gap", m.name, i+1)
		}
		if m.version <= alone || m.contract {
			continue
		}
		made := map[string]bool{}
		for _, statement := range m.statements() {
			for _, problem := range problemsOf(m, strings.Join(strings.Fields(strings.TrimSuffix(statement, ";")), " "), made) {
				t.Errorf("%s: %s: %s", m.name, problem, statement)
			}
		}
	}
	for _, c := range []string{"UPDATE app SET name = ''", "ALTER TABLE app DROP COLUMN name", "ALTER TABLE app RENAME TO other", "CREATE UNIQUE INDEX x ON app (name)", "CREATE INDEX x ON app (name)",
		"ALTER TABLE app ADD COLUMN x BIGINT NOT NULL", "ALTER TABLE app ADD COLUMN x BIGINT REFERENCES app(id)", "DROP TABLE app"} {
		if len(problemsOf(migration{}, c, map[string]bool{})) == 0 {
			t.Errorf("%q is let through", c)
		}
	}
}

func problemsOf(m migration, s string, made map[string]bool) (problems []string) {
	if m.concurrent {
		if !bigIndex.MatchString(s) {
			problems = append(problems, "a concurrent migration makes indexes, and drops before it what an interrupted one has left")
		}
		return problems
	}
	switch {
	case newTable.MatchString(s):
		made[newTable.FindStringSubmatch(s)[1]] = true
	case newIndex.MatchString(s):
		if !made[newIndex.FindStringSubmatch(s)[1]] {
			problems = append(problems, "an index on a table in use stops its writers; make it in a .concurrent.sql with {concurrently}, a unique one in a contract")
		}
	case addition.MatchString(s):
		if strings.Contains(s, "NOT NULL") && !strings.Contains(s, "DEFAULT") || strings.Contains(s, "REFERENCES") || strings.Contains(s, "UNIQUE") {
			problems = append(problems, "an older server does not fill the column; give it a default and no constraint")
		}
	case aSetting.MatchString(s):
	default:
		problems = append(problems, "beside older servers a migration makes tables, columns with defaults, indexes of new tables, and settings; what changes or takes away is a .contract.sql")
	}
	return problems
}
