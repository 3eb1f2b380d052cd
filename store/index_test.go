package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
)

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	db, err := openStore(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openStore(t *testing.T, dir string) (*store.Store, error) {
	t.Helper()
	if url := storetest.Database(t, dir); url != "" {
		return store.OpenURL(t.Context(), url, nil)
	}
	return store.Open(t.Context(), dir)
}

func newApp(t *testing.T, db *store.Store) aurora.App {
	t.Helper()
	var p account.Founder
	p.Email, p.DevKey, p.DevSecret = aurora.NewKey()+"@example.com", aurora.NewKey(), []byte("sealed")
	owner, err := db.CreateAccount(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	app, err := db.CreateApp(t.Context(), aurora.App{AccountID: owner.ID, Key: aurora.NewKey(), Name: "App", BundleID: "com.example.app"}, []byte("sealed"))
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func register(t *testing.T, db *store.Store, app aurora.App, install string) aurora.Device {
	t.Helper()
	d := registry.Stored{InstallID: install, SecretHash: []byte("digest")}
	d.AppID, d.RegistrationID, d.Platform = app.ID, aurora.NewKey(), aurora.IOS
	stored, err := db.RegisterDevice(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return stored.Device
}

// The first evaluations after a start come all at once: they must not wait for
// each other's connections.
func TestManyBlocksAreLoadedAtOnce(t *testing.T) {
	for range 10 {
		db := open(t, t.TempDir())
		app := newApp(t, db)
		register(t, db, app, "install-1")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				b, err := db.LoadBlock(ctx, app.ID, 0, []audience.Term{{Field: audience.Alias, Value: "a"}, {Field: audience.Tag, Value: "b"}})
				if err != nil || b.All.GetCardinality() != 1 {
					t.Errorf("%v devices, %v", b.All, err)
				}
			})
		}
		wg.Wait()
		cancel()
		if t.Failed() {
			return
		}
	}
}

func tag(t *testing.T, db *store.Store, d aurora.Device, tags ...string) {
	t.Helper()
	err := db.ChangeDevice(t.Context(), d.AppID, d.Number, func(d *aurora.Device) error {
		d.Tags = tags
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Busy apps do not keep the changes of the others from being folded.
func TestFoldIsFair(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	var busy []aurora.Device
	for i := range 20 {
		busy = append(busy, register(t, db, newApp(t, db), fmt.Sprint("install-", i)))
	}
	quiet := register(t, db, newApp(t, db), "quiet")
	for round := range 10 {
		for _, d := range busy {
			tag(t, db, d, fmt.Sprint("round-", round))
		}
		if _, _, err := db.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := storetest.Beside(t, dir).QueryRow("SELECT COUNT(*) FROM index_change WHERE app_id = $1", quiet.AppID).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d changes of the quiet app are still not folded (%v)", n, err)
	}
}

// Devices with a thousand tags of their own each do not make folding keep the
// database from everybody else: it goes in steps.
func TestFoldGoesInSteps(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	app := newApp(t, db)
	for i := range 40 {
		var tags []string
		for j := range aurora.MaxTagsPerDevice {
			tags = append(tags, fmt.Sprint("tag-", i, "-", j))
		}
		tag(t, db, register(t, db, app, fmt.Sprint("install-", i)), tags...)
	}
	rest := func() (n int) {
		if err := storetest.Beside(t, dir).QueryRow("SELECT COUNT(*) FROM index_change").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	all := rest()
	steps := 0
	for before := all; before > 0; before = rest() {
		n, _, err := db.Fold(t.Context())
		if err != nil || n == 0 {
			t.Fatalf("folded %d of %d, %v", n, before, err)
		}
		steps++
	}
	if steps < 8 {
		t.Errorf("40,000 tags were folded in %d steps, want at most 5,000 in one", steps)
	}
	b, err := db.LoadBlock(t.Context(), app.ID, 0, []audience.Term{{Field: audience.Tag, Value: "tag-39-999"}})
	if err != nil || b.All.GetCardinality() != 40 || b.Terms[audience.Term{Field: audience.Tag, Value: "tag-39-999"}].GetCardinality() != 1 {
		t.Errorf("the folded block has %v, %v", b, err)
	}
}
