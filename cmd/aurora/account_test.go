package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var key = regexp.MustCompile(`^[0-9a-f]{24}$`)

func TestAccountCreate(t *testing.T) {
	s := newScript(t)
	create := []string{"account", "create", "--data", "data", "--email", email}
	s.fails("short\n", create, "10 to 256 characters")
	s.fails("", create, "10 to 256 characters")
	s.fails(strings.Repeat("p", 5000)+"\n", create, "10 to 256 characters")
	s.fails(password, []string{"account", "create", "--data", "data", "--email", "mia"}, "not an email address")
	s.fails(password, []string{"account", "create", "--data", "data"}, "email")
	var made struct {
		Email     string `json:"email"`
		DevKey    string `json:"dev_key"`
		DevSecret string `json:"dev_secret"`
	}
	s.ok(&made, "correct horse battery\r\nand a second line\n", create...) // none of the above took the address
	if made.Email != email || !key.MatchString(made.DevKey) || !key.MatchString(made.DevSecret) {
		t.Errorf("%+v", made)
	}
	s.fails(password, create, "already an account")
}

func TestAppCreate(t *testing.T) {
	s := newScript(t)
	a := s.newApp()
	if !key.MatchString(a.AppKey) || !key.MatchString(a.MasterSecret) || a.AppKey == a.MasterSecret {
		t.Errorf("%+v", a)
	}
	create := func(account, name, bundleID string) []string {
		return []string{"app", "create", "--data", "data", "--account", account, "--name", name, "--bundle-id", bundleID}
	}
	s.fails("", create("eve@example.com", "Reader", bundleID), "no account", "aurora account create")
	s.fails("", create(email, "", bundleID), "needs a name")
	s.fails("", create(email, strings.Repeat("n", 65), bundleID), "1 to 64")
	s.fails("", create(email, "Reader", "com..example"), "not a bundle id")
	s.fails("", create(email, "Reader", ""), "bundle id is missing")
	s.fails("", []string{"app", "create", "--data", "data"}, "account", "name", "bundle-id")
	if files, err := os.ReadDir(filepath.Join(s.dir, "data")); err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(s.dir, "data", "secret.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret.key: %v, %v", info, err)
	}
}

// TestTwoProcessesBeginTogether: they agree on one key, and lose nothing.
func TestTwoProcessesBeginTogether(t *testing.T) {
	s := newScript(t)
	var both sync.WaitGroup
	results := make([]result, 4)
	for i := range results {
		both.Go(func() {
			results[i] = s.run(password, "account", "create", "--data", "data", "--email", fmt.Sprintf("p%d@example.com", i))
		})
	}
	both.Wait()
	for i, r := range results {
		if r.code != 0 || !json.Valid([]byte(r.stdout)) {
			t.Errorf("process %d: %d: %s", i, r.code, r.stderr)
		}
	}
	for i := range results {
		var a app
		s.ok(&a, "", "app", "create", "--data", "data", "--account", fmt.Sprintf("p%d@example.com", i), "--name", "Reader", "--bundle-id", bundleID)
	}
	left, err := filepath.Glob(filepath.Join(s.dir, "data", "secret.key*"))
	check(t, err)
	if len(left) != 1 {
		t.Errorf("keys: %v", left)
	}
}

// TestWrongUse: what cannot be understood ends with code 1 and one line that
// names it.
func TestWrongUse(t *testing.T) {
	s := newScript(t)
	for _, tt := range []struct{ args, says string }{
		{"nothing", "nothing"},
		{"serve --nothing", "--nothing"},
		{"serve extra", "extra"},
		{"serve --log-level loud", "loud"},
		{"serve --log-format xml", "xml"},
		{"serve --database postgres://db/aurora", "--database"},
		{"serve --nats nats://n", "--nats"},
		{"serve --data data --apns http://127.0.0.1:1", "--apns"},
		{"serve --data data --apns-sandbox https://127.0.0.1:1/path", "--apns-sandbox"},
		{"serve --data data --apns-ca nowhere.pem", "nowhere.pem"},
		{"serve --data data --listen 127.0.0.1:none", "--listen"},
		{"apns --data apns --listen nowhere:none", "none"},
		{"apns issue --data apns --bundle-id com.example.reader", "--p12"},
		{"apns issue --data apns --bundle-id com.example.reader --p12 a --p8 b", "--p12"},
		{"apns issue --data apns --p12 a", "bundle-id"},
		{"apns issue --data apns --bundle-id com.example.reader --p12 a --environment staging", "staging"},
		{"apns issue --data apns --bundle-id com_example --p12 a", "com_example"},
		{"push --app x --secret-file secret --alert hello", "secret"},
	} {
		s.fails("", strings.Fields(tt.args), tt.says)
	}
}
