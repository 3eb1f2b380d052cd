package account_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

// TestSealBindsToItsLabel: a secret cannot be put in another's place.
func TestSealBindsToItsLabel(t *testing.T) {
	seal, err := account.LoadSeal("", t.TempDir())
	check(t, err)
	sealed := seal.Close([]byte("the secret"), "credential 1 production")
	if bytes.Contains(sealed, []byte("the secret")) || bytes.Equal(sealed, seal.Close([]byte("the secret"), "credential 1 production")) {
		t.Error("the secret or its repetition shows")
	}
	if got, err := seal.Open(sealed, "credential 1 production"); err != nil || string(got) != "the secret" {
		t.Errorf("%q, %v", got, err)
	}
	sealed[len(sealed)-1] ^= 1
	for _, tt := range []struct {
		sealed []byte
		label  string
	}{{sealed, "credential 1 production"}, {seal.Close([]byte("the secret"), "credential 1 production"), "credential 2 production"}, {nil, ""}} {
		if got, err := seal.Open(tt.sealed, tt.label); err == nil {
			t.Errorf("opened: %q", got)
		}
	}
}

// TestOneKeyForAll: of many that start together on an empty folder, all end
// with the same key, which nobody else on the machine can read.
func TestOneKeyForAll(t *testing.T) {
	dir := t.TempDir()
	seals := make([]*account.Seal, 16)
	var all sync.WaitGroup
	for i := range seals {
		all.Go(func() {
			var err error
			if seals[i], err = account.LoadSeal("", dir); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i, s := range seals {
		if got, err := s.Open(seals[0].Close([]byte("x"), "l"), "l"); err != nil || string(got) != "x" {
			t.Errorf("seal %d: %v", i, err)
		}
	}
	files, err := os.ReadDir(dir)
	check(t, err)
	if len(files) != 1 || files[0].Name() != "secret.key" {
		t.Errorf("left behind: %v", files)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestUnusableKeys: each says which key is wrong and what to do.
func TestUnusableKeys(t *testing.T) {
	for _, tt := range []struct{ env, file, says string }{
		{"not base64!", "", "openssl rand -base64 32"},
		{base64.StdEncoding.EncodeToString(make([]byte, 16)), "", "openssl rand -base64 32"},
		{"", "not base64!", "secret.key is damaged"},
		{"", "", "secret.key is damaged"},
		{"", base64.StdEncoding.EncodeToString(make([]byte, 31)), "secret.key is damaged"},
	} {
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, "secret.key"), []byte(tt.file), 0o600))
		if _, err := account.LoadSeal(tt.env, dir); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("AURORA_KEY %q, secret.key %q: %v", tt.env, tt.file, err)
		}
	}
}

// TestWrongKey: nothing that was sealed with another key opens, and the error
// says what to put back.
func TestWrongKey(t *testing.T) {
	right, err := account.LoadSeal("", t.TempDir())
	check(t, err)
	wrong, err := account.LoadSeal("", t.TempDir())
	check(t, err)
	_, err = wrong.Open(right.Close([]byte("the secret"), "label"), "label")
	if err == nil || !strings.Contains(err.Error(), "secret.key") || !strings.Contains(err.Error(), "AURORA_KEY") || !strings.Contains(err.Error(), "Put the right key back") {
		t.Errorf("%v", err)
	}
}

// TestSecretsOutliveTheProcess: what one process stored the next one reads, if
// it is given the same key.
func TestSecretsOutliveTheProcess(t *testing.T) {
	var key [32]byte
	rand.Read(key[:])
	c := server.Config{Data: t.TempDir(), Key: base64.StdEncoding.EncodeToString(key[:])}
	app := newApp(t, open(t, c))
	if a, err := open(t, c).Accounts.AppByKey(t.Context(), app.Key); err != nil || a.MasterSecret != app.MasterSecret {
		t.Errorf("%v", err)
	}
}
