package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/store/storetest"
)

// openOld makes a database as the first migrations left it, and fills it.
func openOld(t *testing.T, count int, fill func(run func(text string, args ...any))) *Store {
	t.Helper()
	storetest.SQLiteOnly(t, "an old database is made by hand")
	dir := t.TempDir()
	old, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "aurora.db"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(text string, args ...any) {
		t.Helper()
		if _, err := old.Exec(text, args...); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE schema_version (version INTEGER NOT NULL)")
	for _, m := range ours()[:count] {
		run(sqlite.words.Replace(m.text))
		run("INSERT INTO schema_version VALUES (?)", m.version)
	}
	fill(run)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Devices that are opted out or quarantined already when their states become
// terms are found by them.
func TestStatesFromBeforeTheyWereTerms(t *testing.T) {
	s := openOld(t, 12, func(run func(string, ...any)) {
		run("INSERT INTO account (id, email, password_hash, dev_key, dev_secret, created_at) VALUES (1, 'e', '', 'd', x'00', 0)")
		run("INSERT INTO app (id, account_id, app_key, master_secret, name, bundle_id, next_number, created_at) VALUES (1, 1, 'k', x'00', 'App', 'b', 65539, 0)")
		for number, state := range map[int][2]any{0: {0, ""}, 1: {1, ""}, 2: {0, "Unregistered"}, 65536: {1, "BadDeviceToken"}, 65538: {0, ""}} {
			run("INSERT INTO device (app_id, number, registration_id, install_id, secret_hash, platform, push_disabled, retired_reason, registered_at, seen_at) VALUES (1, ?, ?, ?, x'00', 'ios', ?, ?, 0, 0)",
				number, fmt.Sprint("rid", number), fmt.Sprint("install", number), state[0], state[1])
		}
	})
	off, dead := audience.Term{Field: audience.State, Value: audience.OptedOut}, audience.Term{Field: audience.State, Value: audience.Quarantined}
	for round := range 2 {
		for block, want := range map[uint32]map[audience.Term]*roaring.Bitmap{
			0: {off: roaring.BitmapOf(1), dead: roaring.BitmapOf(2)},
			1: {off: roaring.BitmapOf(65536), dead: roaring.BitmapOf(65536)},
		} {
			b, err := s.LoadBlock(t.Context(), 1, block, []audience.Term{off, dead})
			if err != nil {
				t.Fatal(err)
			}
			for term, numbers := range want {
				if !b.Terms[term].Equals(numbers) {
					t.Errorf("round %d: %v selects %v in block %d, want %v", round, term, b.Terms[term], block, numbers)
				}
			}
		}
		if _, _, err := s.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Devices from before are found by what is indexed since.
func TestDevicesFromBeforeTheirTermsWereIndexed(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	s := openOld(t, 15, func(run func(string, ...any)) {
		run("INSERT INTO account (id, email, password_hash, dev_key, dev_secret, created_at) VALUES (1, 'e', '', 'd', x'00', 0)")
		run("INSERT INTO app (id, account_id, app_key, master_secret, name, bundle_id, next_number, created_at) VALUES (1, 1, 'k', x'00', 'App', 'b', 65539, 0)")
		for number, profile := range map[int]string{0: `{}`, 1: `{"app_version":"2.3","os_version":"17.5","language":"zh_Hans","channel":"store"}`, 65537: `{"app_version":"2.10"}`} {
			run("INSERT INTO device (app_id, number, registration_id, install_id, secret_hash, platform, token, environment, profile, registered_at, seen_at) VALUES (1, ?, ?, ?, x'00', 'ios', ?, 2, ?, ?, ?)",
				number, fmt.Sprint("rid", number), fmt.Sprint("install", number), fmt.Sprintf("%064x", number), profile, day*(1+number), day*(3+number))
		}
	})
	for _, want := range []struct {
		term  audience.Term
		block uint32
		found *roaring.Bitmap
	}{
		{audience.Term{Field: audience.Version, Value: "2", Rel: audience.More}, 0, roaring.BitmapOf(1)},
		{audience.Term{Field: audience.Version, Value: "2.9", Rel: audience.More}, 1, roaring.BitmapOf(65537)},
		{audience.Term{Field: audience.OS, Value: "17.5.0"}, 0, roaring.BitmapOf(1)},
		{audience.Term{Field: audience.Language, Value: "zh"}, 0, roaring.BitmapOf(1)},
		{audience.Term{Field: audience.Channel, Value: "store"}, 0, roaring.BitmapOf(1)},
		{audience.Term{Field: audience.Environment, Value: "production"}, 0, roaring.BitmapOf(0, 1)},
		{audience.Term{Field: audience.Registered, Value: "1970-01-03", Rel: audience.AtLeast}, 0, roaring.BitmapOf(1)},
		{audience.Term{Field: audience.Seen, Value: "1970-01-04", Rel: audience.AtLeast}, 0, roaring.BitmapOf(0, 1)},
		{audience.Term{Field: audience.Seen, Value: "1970-01-05", Rel: audience.AtLeast}, 0, roaring.BitmapOf(1)},
		{audience.Term{Field: audience.Seen, Value: "1970-01-05", Rel: audience.AtLeast}, 1, roaring.BitmapOf(65537)},
	} {
		b, err := s.LoadBlock(t.Context(), 1, want.block, []audience.Term{want.term})
		if err != nil || !b.Terms[want.term].Equals(want.found) {
			t.Errorf("%v selects %v in block %d, %v; want %v", want.term, b.Terms[want.term], want.block, err, want.found)
		}
	}
}
