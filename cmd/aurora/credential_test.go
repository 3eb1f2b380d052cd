package main_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestCredential: made by one process, checked and stored by another, while
// APNs and server are running.
func TestCredential(t *testing.T) {
	i := install(t)
	a := i.newApp()
	var file struct {
		File      string    `json:"file"`
		Name      string    `json:"name"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	i.ok(&file, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--p12", "push.p12", "--password", "geheim")
	if file.File != "push.p12" || file.Name == "" || file.ExpiresAt.Before(time.Now()) {
		t.Errorf("%+v", file)
	}
	if info, err := os.Stat(filepath.Join(i.dir, "push.p12")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("push.p12: %v, %v", info, err)
	}
	store := func(args ...string) []string {
		return append([]string{"app", "credential", "--data", "data", "--app", a.AppKey}, args...)
	}
	i.fails("", store("--password", "falsch", "push.p12"), "password does not open")
	i.fails("", store("nowhere.p12"), "nowhere.p12")
	i.fails("", store(), "arg")
	i.fails("", store("--password", "geheim", "--environment", "staging", "push.p12"), "staging")
	i.fails("", []string{"app", "credential", "--data", "data", "--app", "0123456789abcdef01234567", "--password", "geheim", "push.p12"}, "no app")
	check(t, os.WriteFile(filepath.Join(i.dir, "text"), []byte("hello"), 0o600))
	i.fails("", store("text"), "not a PKCS#12")
	i.ok(nil, "", "apns", "issue", "--data", "apns", "--bundle-id", "com.example.other", "--p12", "other.p12")
	i.fails("", store("other.p12"), "com.example.other")
	i.ok(nil, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--environment", "development", "--p12", "dev.p12")
	i.fails("", store("--environment", "production", "dev.p12"), "development certificate")
	i.ok(nil, "", "apns", "issue", "--data", "another-apns", "--bundle-id", bundleID, "--p12", "stranger.p12")
	i.fails("", store("stranger.p12"), "BadCertificate")

	var slots []credential
	i.ok(&slots, "", store("--password", "geheim", "push.p12")...)
	if len(slots) != 2 || slots[0].Environment != "development" || slots[1].Environment != "production" || slots[0].Kind != "certificate" || slots[0].Topic != bundleID || slots[0].ExpiresAt == nil || time.Since(slots[0].ValidatedAt) > patience {
		t.Errorf("%+v", slots)
	}
	slots = nil
	i.ok(&slots, "", store("dev.p12")...)
	if len(slots) != 1 || slots[0].Environment != "development" {
		t.Errorf("%+v", slots)
	}
	i.ok(nil, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--legacy", "--chain", "--p12", "legacy.p12", "--password", "geheim")
	i.ok(nil, "", store("--password", "geheim", "legacy.p12")...)

	var p8 struct {
		File   string `json:"file"`
		KeyID  string `json:"key_id"`
		TeamID string `json:"team_id"`
	}
	i.ok(&p8, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--p8", "key.p8")
	i.fails("", store("key.p8"), "key id")
	i.fails("", store("--key-id", p8.KeyID, "key.p8"), "team id")
	i.fails("", store("--key-id", "AAAAAAAAAA", "--team-id", p8.TeamID, "key.p8"), "InvalidProviderToken")
	slots = nil
	i.ok(&slots, "", store("--key-id", p8.KeyID, "--team-id", p8.TeamID, "key.p8")...)
	if len(slots) != 2 || slots[0].Kind != "key" || slots[0].ExpiresAt != nil {
		t.Errorf("%+v", slots)
	}
	i.apns.stop()
	i.fails("", store("--password", "geheim", "push.p12"), "could not be reached", "not stored")
}
