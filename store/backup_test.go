package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
)

// An upgrade of the schema keeps what is stored, and leaves a copy of the
// database as it was: only the one of the latest upgrade.
func TestUpgradeKeepsACopy(t *testing.T) {
	storetest.SQLiteOnly(t, "PostgreSQL's operators make copies with its own tools")
	dir := t.TempDir()
	start, err := os.ReadFile("migrations/0001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	first := strings.NewReplacer("{blob}", "BLOB", "{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT", "{sequence}", "INTEGER PRIMARY KEY", "{clustered}", "WITHOUT ROWID").Replace(string(start))
	old := storetest.Beside(t, dir)
	for _, statement := range []string{first, "CREATE TABLE schema_version (version INTEGER NOT NULL)", "INSERT INTO schema_version (version) VALUES (1)", "INSERT INTO setting (name, value) VALUES ('kept', 'yes')",
		"INSERT INTO account (id, email, password_hash, dev_key, dev_secret, created_at) VALUES (7, 'mia@example.com', 'hash', 'k', X'00', 5)",
		"INSERT INTO session (hash, account_id, expires_at) VALUES (X'01', 7, 99999999999999)"} {
		if _, err := old.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	stale := filepath.Join(dir, "aurora.db.before-upgrade-from-0")
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	upgraded := open(t, dir)
	if value, err := upgraded.Setting(t.Context(), "kept"); err != nil || value != "yes" {
		t.Errorf("after the upgrade: %q, %v", value, err)
	}
	// Accounts of before had one person each, who now owns them and is still signed in.
	if p, err := upgraded.Person(t.Context(), "mia@example.com"); err != nil || p.PasswordHash != "hash" {
		t.Errorf("the founder: %+v, %v", p, err)
	}
	if v, err := upgraded.Visitor(t.Context(), []byte{1}); err != nil || v.Account.ID != 7 || v.Email != "mia@example.com" || v.Role != aurora.OwnerRole {
		t.Errorf("the session: %+v, %v", v, err)
	}
	copies, err := filepath.Glob(filepath.Join(dir, "aurora.db.before-upgrade-from-*"))
	if err != nil || len(copies) != 1 || filepath.Base(copies[0]) != "aurora.db.before-upgrade-from-1" {
		t.Fatalf("copies: %v, %v", copies, err)
	}
	if info, err := os.Stat(copies[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	if version, err := store.Verify(t.Context(), copies[0]); err != nil || version != 1 {
		t.Errorf("the copy has version %d, %v", version, err)
	}
}

// A database from which a newer Aurora has taken something away is neither
// opened nor restored; one to which it has only added is.
func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	db := storetest.Beside(t, dir)
	if _, err := db.Exec("INSERT INTO schema_version (version) VALUES (9999)"); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := db.Exec("INSERT INTO setting (name, value) VALUES ('schema.oldest', '9999')"); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(t, dir); err == nil || !strings.Contains(err.Error(), "newer Aurora") {
		t.Errorf("Open: %v", err)
	}
	if storetest.OnPostgres() {
		return
	}
	if _, err := store.Verify(t.Context(), filepath.Join(dir, store.DatabaseFile)); err == nil || !strings.Contains(err.Error(), "newer Aurora") {
		t.Errorf("Verify: %v", err)
	}
}
