package store

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// oldDatabase makes a database as the first n migrations left it.
func oldDatabase(t *testing.T, dir string, n int) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", sourceOf(filepath.Join(dir, DatabaseFile)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	statements := []string{"CREATE TABLE schema_version (version INTEGER NOT NULL)"}
	for _, m := range ours()[:n] {
		statements = append(statements, sqlite.words.Replace(m.text), fmt.Sprintf("INSERT INTO schema_version (version) VALUES (%d)", m.version))
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// A database of schema 15 keeps everything of its devices.
func TestDevicesOfAnOlderSchemaAreKept(t *testing.T) {
	const devices = 2*moveAtOnce + 100
	dir := t.TempDir()
	db := oldDatabase(t, dir, 15)
	install := func(i int) string {
		id := fmt.Sprintf("%08X-89AB-CDEF-0123-456789ABCDEF", i)
		switch i % 4 {
		case 1:
			return strings.ToLower(id)
		case 2:
			return fmt.Sprintf("install-%07d", i) // 15 characters
		case 3:
			return fmt.Sprintf("Install-%d", i)
		}
		return id
	}
	token := func(i int) string { return fmt.Sprintf("%064x", i+1) }
	tx, err := db.Begin()
	check(t, err)
	_, err = tx.Exec("INSERT INTO account (id, email, password_hash, dev_key, dev_secret, created_at) VALUES (1, 'a', '', '', X'00', 0)")
	check(t, err)
	_, err = tx.Exec("INSERT INTO app (id, account_id, app_key, master_secret, name, bundle_id, created_at, next_number) VALUES (1, 1, 'k', X'00', '', '', 0, ?)", devices)
	check(t, err)
	for i := range devices {
		var alias any
		if i%2 == 0 {
			alias = fmt.Sprint("alias-", i)
		}
		profile := "{}"
		if i%3 == 0 {
			profile = `{"channel":"store","os_version":"17.1","time_zone":"Asia/Shanghai"}`
		}
		var reported any
		if i%5 > 0 {
			reported = token(i)
		}
		retired, retiredAt := "", 0
		if i%7 == 1 {
			retired, retiredAt = "Unregistered", 5000+i
		}
		_, err := tx.Exec(`INSERT INTO device (app_id, number, registration_id, install_id, secret_hash, platform, token, environment, token_at, retired_reason, retired_at,
			alias, tags, badge, mobile, push_disabled, muted, profile, registered_at, seen_at) VALUES (1, ?, ?, ?, ?, 'ios', ?, 2, 1000, ?, ?, ?, 'a,b', ?, '+86', 1, 0, ?, 2000, 3000)`,
			i, fmt.Sprintf("registration%d", i), install(i), make([]byte, 32), reported, retired, retiredAt, alias, i%11, profile)
		check(t, err)
	}
	newer := badges{3: 77} // was written after the devices' own
	_, err = tx.Exec("INSERT INTO badge (app_id, run, numbers) VALUES (1, 1, ?)", newer.encode())
	check(t, err)
	check(t, tx.Commit())
	check(t, db.Close())

	s, err := Open(t.Context(), dir)
	check(t, err)
	defer s.Close()
	for i := range devices {
		found, err := s.DevicesByRegistration(t.Context(), fmt.Sprintf("registration%d", i))
		if err != nil || len(found) != 1 {
			t.Fatalf("device %d: %v, %v", i, found, err)
		}
		d := found[0]
		badge := i % 11
		if i/badgeRun == 1 {
			badge = int(newer[i%badgeRun])
		}
		if d.InstallID != install(i) || len(d.SecretHash) != keptDigest || d.Badge != badge || d.Token != "" && d.Token != token(i) || (d.Token == "") != (i%5 == 0) || (d.Alias == "") != (i%2 == 1) ||
			(d.RetiredReason != "") != (i%7 == 1) || d.RetiredReason != "" && d.RetiredAt.UnixMilli() != int64(5000+i) || (d.Profile.TimeZone == "Asia/Shanghai") != (i%3 == 0) || d.Profile.Model != "" ||
			len(d.Tags) != 2 || d.Mobile != "+86" || !d.PushDisabled || d.TokenAt.UnixMilli() != 1000 || d.RegisteredAt.UnixMilli() != 2000 || d.SeenAt.UnixMilli() != 3000 {
			t.Fatalf("device %d has become %+v", i, d)
		}
	}
	again := registry.Stored{InstallID: install(6), SecretHash: make([]byte, keptDigest)}
	again.AppID, again.RegistrationID, again.Platform = 1, "another12345", "ios"
	if known, err := s.RegisterDevice(t.Context(), again); err != nil || known.RegistrationID != "registration6" {
		t.Errorf("a known installation registers as %q, %v", known.RegistrationID, err)
	}
	if found, err := s.Lookup(t.Context(), 1, []audience.Term{{Field: audience.Alias, Value: "alias-10"}}); err != nil || len(found) != 1 || found[0].Device.Number != 10 {
		t.Errorf("by alias: %v, %v", found, err)
	}
	if found, err := s.FindDevices(t.Context(), 1, registry.Query{Text: strings.ToUpper(token(11)), Limit: 10}); err != nil || len(found) != 1 || found[0].Number != 11 {
		t.Errorf("by token: %v, %v", found, err)
	}
}

func FuzzPackedInstall(f *testing.F) {
	for _, seed := range []string{"", "install-1", "fifteen-letters", "0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-A165-70867728950e", "00000000-0000-0000-0000-000000000000", "sixteen-letters!", hex.EncodeToString(make([]byte, 16))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if strings.HasPrefix(id, "\x00") { // an install id is printable
			return
		}
		if back := unpackInstall(packInstall(id)); back != id {
			t.Errorf("%q comes back as %q", id, back)
		}
	})
}

func TestTokenRange(t *testing.T) {
	low, high, ok := tokenRange("ABc")
	if !ok || hex.EncodeToString(low) != "abc0" || !strings.HasPrefix(hex.EncodeToString(high), "abcfff") {
		t.Errorf("%x, %x, %t", low, high, ok)
	}
	if _, _, ok := tokenRange("no digits"); ok {
		t.Error("there is a range of what is no hexadecimal number")
	}
}
