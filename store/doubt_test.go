package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/server/servertest"
	"github.com/aurora-push/aurora/store/storetest"
)

// A commit that happens while the connection to the database is lost leaves a
// job leased to a server that does not know it. It is worked on at once, and
// not when the lease runs out.
func TestLeaseOfALostCommit(t *testing.T) {
	t.Parallel()
	database := storetest.NewServer(t)
	near, err := OpenURL(t.Context(), database.URL(), nil)
	check(t, err)
	defer near.Close()
	path, err := servertest.NewRelay(database.Address())
	check(t, err)
	defer path.Close()
	far, err := OpenURL(t.Context(), strings.Replace(database.URL(), database.Address(), path.Address(), 1), nil)
	check(t, err)
	defer far.Close()
	app := makeApp(t, far)
	// A commit takes long enough to lose the connection in it.
	for _, statement := range []string{
		"CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END'",
		"CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT OR UPDATE ON job DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()",
	} {
		_, err := near.writes.ExecContext(t.Context(), statement)
		check(t, err)
	}
	within := func(what string, query string, args ...any) {
		t.Helper()
		for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			var n int
			check(t, near.row(t.Context(), query, args...).Scan(&n))
			if n > 0 {
				return
			}
			if time.Since(begin) > 10*time.Second {
				t.Fatal(what)
			}
		}
	}
	const committing = "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'COMMIT'"
	lose := func(do func() error) {
		t.Helper()
		done := make(chan error, 1)
		go func() { done <- do() }()
		within("nothing is committed", committing)
		path.Reset()
		if err := <-done; aurora.KindOf(err) != aurora.Unavailable || !errors.Is(err, errDoubt) {
			t.Errorf("a lost commit ended with %v", err)
		}
	}
	again := func(fence int64) {
		t.Helper()
		within("the commit never ended", "SELECT COUNT(*) FROM job WHERE holder <> '' AND fence = $1", fence)
		path.Heal() // not before: the driver asks the database to end what it lost, and that would be the commit's end
		jobs, err := far.LeaseJobs(t.Context(), dispatch.Direct, far.Node(), time.Now().Add(time.Hour), 10)
		if err != nil || len(jobs) != 1 || jobs[0].Fence <= fence {
			t.Fatalf("leased %+v, %v; want the job again, with another fence", jobs, err)
		}
		check(t, far.GiveBack(t.Context(), jobs[0], time.Now()))
	}
	until := time.Now().Add(time.Hour)
	lose(func() error {
		_, _, err := far.AcceptMessage(t.Context(), dispatch.Accepted{Message: aurora.Message{ID: 7, AppID: app.ID}, Targets: roaring.BitmapOf(1), Holder: far.Node(), Until: until})
		return err
	})
	again(1)
	lose(func() error {
		_, err := far.LeaseJobs(t.Context(), dispatch.Direct, far.Node(), until, 10)
		return err
	})
	again(4)
}
