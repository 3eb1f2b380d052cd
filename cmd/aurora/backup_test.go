package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupAndRestore: a backup of a running server holds everything that was
// accepted before it, and a server on the restored folder goes on from there.
func TestBackupAndRestore(t *testing.T) {
	i := install(t)
	a := i.newApp()
	i.certify(a)
	id := i.phone(a, 1)
	i.ok(nil, "", "backup", "--data", "data", "all.tar")
	later := i.phone(a, 2)
	if info, err := os.Stat(filepath.Join(i.dir, "all.tar")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the backup: %v, %v", info.Mode(), err)
	}
	i.fails("", []string{"backup", "--data", "data", "all.tar"}, "exists already")
	i.fails("", []string{"backup", "--data", "nothing", "other.tar"}, "no database in nothing")
	i.fails("", []string{"restore", "--data", "data", "--replace", "all.tar"}, "stop it first")
	i.server.stop()
	i.fails("", []string{"restore", "--data", "data", "all.tar"}, "--replace")
	i.ok(nil, "", "restore", "--data", "data", "--replace", "all.tar")
	if kept, _ := filepath.Glob(filepath.Join(i.dir, "data", "before-restore-*", "*")); len(kept) < 2 {
		t.Errorf("kept of the folder before: %v", kept)
	}
	i.serve()
	i.request("POST", "/v3/push", a.AppKey, a.MasterSecret, fmt.Sprintf(`{"platform":["ios"],"audience":{"registration_id":[%q]},"notification":{"alert":"restored"}}`, id), nil)
	var answer json.RawMessage
	i.request("POST", "/v3/devices/status", a.AppKey, a.MasterSecret, fmt.Sprintf(`{"registration_ids":[%q,%q]}`, id, later), &answer)
	if !strings.Contains(string(answer), fmt.Sprintf("%q:{}", later)) {
		t.Errorf("a device that registered after the backup is known: %s", answer)
	}
}

// TestRestoreRefusesWhatIsNotWhole: a bad backup is named and changes nothing.
func TestRestoreRefusesWhatIsNotWhole(t *testing.T) {
	s := newScript(t)
	s.newApp()
	s.ok(nil, "", "backup", "--data", "data", "good.tar")
	good, err := os.ReadFile(filepath.Join(s.dir, "good.tar"))
	check(t, err)
	flipped := bytes.Clone(good)
	flipped[len(good)/2] ^= 1
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"cut short":     {good[:len(good)/2], "cut short"},
		"without end":   {good[:len(good)-4096], "cut short"},
		"one bit wrong": {flipped, "damaged"},
		"something":     {[]byte(strings.Repeat("something else ", 1000)), "not a backup"},
		"empty":         {nil, "cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, os.WriteFile(filepath.Join(s.dir, "bad.tar"), c.content, 0o600))
			s.fails("", []string{"restore", "--data", "new", "bad.tar"}, "bad.tar", c.says)
			left, err := filepath.Glob(filepath.Join(s.dir, "new", "*"))
			check(t, err)
			if len(left) != 1 || filepath.Base(left[0]) != "server.lock" {
				t.Errorf("left in the folder: %v", left)
			}
		})
	}
}
