//go:build unix

// Package storetest gives tests a PostgreSQL to run on: the one that
// AURORA_TEST_POSTGRES names, or else a cluster of their own, which lives in a
// temporary folder and ends with the tests.
package storetest

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// The environment of tests.
const (
	kindVariable   = "AURORA_TEST_DATABASE" // "postgres": tests that have no wish of their own use it
	serverVariable = "AURORA_TEST_POSTGRES" // URL of a server where schemas can be made
)

// OnPostgres reports whether tests without a wish of their own run on PostgreSQL.
func OnPostgres() bool { return os.Getenv(kindVariable) == "postgres" }

// Database returns the URL of the PostgreSQL schema that stands for a data
// folder, the same for the same folder, or "" for SQLite in the folder itself.
func Database(t testing.TB, dir string) string {
	t.Helper()
	if !OnPostgres() {
		return ""
	}
	return Schema(t, dir)
}

// Beside opens what stands for a data folder, for a test that looks at it or
// changes it behind the store's back.
func Beside(t testing.TB, dir string) *sql.DB {
	t.Helper()
	driver, source := "pgx", Database(t, dir)
	if source == "" {
		driver, source = "sqlite3", "file:"+filepath.Join(dir, "aurora.db")+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Schema returns the URL of a PostgreSQL schema with a name of its own, which
// goes with the test. It skips the test where there is no PostgreSQL.
func Schema(t testing.TB, name string) string {
	t.Helper()
	server := shared(t)
	digest := sha256.Sum256([]byte(name))
	schema := "test_" + hex.EncodeToString(digest[:8])
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	making.Lock()
	defer making.Unlock()
	var known bool
	if err := db.QueryRow("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", schema).Scan(&known); err != nil {
		t.Fatal(err)
	}
	if !known {
		if _, err := db.Exec("CREATE SCHEMA " + schema); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { drop(t, server, schema) })
	}
	return with(server, "search_path", schema)
}

// making is held while a schema is made, which must be by one only.
var making sync.Mutex

func drop(t testing.TB, server, schema string) {
	db, err := sql.Open("pgx", server)
	if err == nil {
		_, err = db.Exec("DROP SCHEMA " + schema + " CASCADE")
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Log(err) // what is left goes with the cluster
	}
}

// with sets a parameter of a URL.
func with(server, name, value string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // it has been used
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// SQLiteOnly skips a test of what only SQLite does, when PostgreSQL is tested.
func SQLiteOnly(t testing.TB, what string) {
	t.Helper()
	if OnPostgres() {
		t.Skip("only of SQLite: " + what)
	}
}

// Again runs the tests of this package that match a pattern, and not another
// unless that is "", once more, on PostgreSQL. It is skipped, which it says,
// where there is none.
func Again(t *testing.T, pattern, but string) {
	if OnPostgres() {
		t.Skip("this is the run on PostgreSQL")
	}
	server := shared(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.run", pattern, "-test.count", "1"}
	if but != "" {
		args = append(args, "-test.skip", but)
	}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = append(os.Environ(), kindVariable+"=postgres", serverVariable+"="+server)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("on PostgreSQL: %v\n%s", err, out)
		return
	}
	if strings.Contains(string(out), "no tests to run") {
		t.Errorf("no test matches %s", pattern)
	}
	t.Log(strings.TrimSpace(string(out)))
}

var cluster = struct {
	once   sync.Once
	server *Server // it ends when nobody refers to it
	url    string
	err    error
}{}

// shared returns the URL of the server that all tests of this process use.
func shared(t testing.TB) string {
	t.Helper()
	cluster.once.Do(func() {
		if cluster.url = os.Getenv(serverVariable); cluster.url != "" {
			return
		}
		if cluster.server, cluster.err = start(false); cluster.err == nil {
			cluster.url = cluster.server.URL()
		}
	})
	if errors.Is(cluster.err, errNone) {
		t.Skipf("NOT TESTED ON POSTGRESQL: %v", cluster.err)
	}
	if cluster.err != nil {
		t.Fatal(cluster.err)
	}
	return cluster.url
}

var errNone = errors.New("there is no PostgreSQL; apt-get install postgresql, or give a server's URL in " + serverVariable)

// programs returns the folder of initdb and postgres.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errNone
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// name is a name for what a test makes.
func name(t testing.TB) string { return fmt.Sprint(t.Name(), " ", os.Getpid()) }

// NewSchema is Schema with the name of the test.
func NewSchema(t testing.TB) string { return Schema(t, name(t)) }
