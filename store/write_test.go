package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store/storetest"

	_ "github.com/ncruces/go-sqlite3/driver"
)

// When one part of a group makes SQLite undo the whole transaction, as a full
// disk does, every caller is still told the truth: what succeeded is stored,
// and what failed is not.
func TestGroupWhoseTransactionIsUndone(t *testing.T) {
	storetest.SQLiteOnly(t, "how it undoes")
	dir := t.TempDir()
	db := open(t, dir)
	app := newApp(t, db)
	other := storetest.Beside(t, dir)
	if _, err := other.Exec(`CREATE TRIGGER full BEFORE INSERT ON device WHEN NEW.registration_id = 'boom'
		BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END`); err != nil {
		t.Fatal(err)
	}
	// While another process holds the database, the writes gather in a group.
	hold, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	const n = 100
	var wg sync.WaitGroup
	failed := make([]error, n)
	for i := range n {
		wg.Go(func() {
			d := registry.Stored{InstallID: fmt.Sprint("install-", i), SecretHash: []byte("digest")}
			d.AppID, d.RegistrationID, d.Platform = app.ID, fmt.Sprint("registration-", i), aurora.IOS
			if i == n/2 {
				d.RegistrationID = "boom"
			}
			_, failed[i] = db.RegisterDevice(t.Context(), d)
		})
	}
	time.Sleep(300 * time.Millisecond) // not for luck: a smaller group only tests less
	if _, err := hold.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for i, err := range failed {
		var stored int
		if e := other.QueryRow("SELECT COUNT(*) FROM device WHERE registration_id = $1", fmt.Sprint("registration-", i)).Scan(&stored); e != nil {
			t.Fatal(e)
		}
		if (err == nil) != (stored == 1) {
			t.Errorf("device %d: told %v, and %d are stored", i, err, stored)
		}
		if (err == nil) != (i != n/2) {
			t.Errorf("device %d: told %v; only the part that failed is to be refused", i, err)
		}
	}
	register(t, db, app, "afterwards") // the writer works on
}

// A lease whose commit fails is nobody's.
func TestLeaseThatIsNotCommitted(t *testing.T) {
	storetest.SQLiteOnly(t, "its triggers")
	dir := t.TempDir()
	db := open(t, dir)
	app := newApp(t, db)
	register(t, db, app, "install-1")
	a := dispatch.Accepted{Message: aurora.Message{ID: 1, AppID: app.ID}, Blocks: []uint32{0}}
	if _, _, err := db.AcceptMessage(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if _, err := storetest.Beside(t, dir).Exec(`CREATE TABLE trap (x BIGINT REFERENCES account(id) DEFERRABLE INITIALLY DEFERRED);
		CREATE TRIGGER late AFTER UPDATE OF holder ON job BEGIN INSERT INTO trap VALUES (-1); END`); err != nil {
		t.Fatal(err)
	}
	jobs, err := db.LeaseJobs(t.Context(), dispatch.Broadcast, "me", time.Now().Add(time.Minute), 10)
	if err == nil || len(jobs) != 0 {
		t.Errorf("leased %v, %v; want none and an error", jobs, err)
	}
	register(t, db, app, "install-2") // the writer works on
}

// Only the owner of the folder's files reads them, whatever the folder allows.
func TestDatabaseIsPrivate(t *testing.T) {
	storetest.SQLiteOnly(t, "its files")
	dir := filepath.Join(t.TempDir(), "a b+c&d#e%20f")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	db := open(t, dir)
	newApp(t, db)
	for _, name := range []string{"aurora.db", "aurora.db-wal"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %v, want it private", name, mode)
		}
	}
}

// A server and its tools may start on a new folder at the same moment.
func TestManyOpenANewFolder(t *testing.T) {
	for range 5 {
		dir := t.TempDir()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { open(t, dir) })
		}
		wg.Wait()
	}
}

// A tool gets its write in while a server is busy.
func TestToolsWriteBesideABusyServer(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	app := newApp(t, db)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for worker := range 32 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				register(t, db, app, fmt.Sprint("install-", worker, "-", i))
			}
		})
	}
	tool := open(t, dir)
	var slowest time.Duration
	for range 20 {
		begin := time.Now()
		newApp(t, tool)
		slowest = max(slowest, time.Since(begin))
	}
	close(stop)
	wg.Wait()
	if slowest > 5*time.Second {
		t.Errorf("a tool waited %v", slowest)
	}
}
