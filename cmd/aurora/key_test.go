package main_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The commands work beside a running server, which heeds them.
func TestKeyCommands(t *testing.T) {
	s := newScript(t)
	a := s.newApp()
	app := []string{"--data", "data", "--app", a.AppKey}
	with := func(args ...string) []string { return append(args, app...) }
	s.fails("", with("key", "create", "--name", "mail", "--scope", "everything"), "no scope", "devices:read")
	s.fails("", with("key", "create", "--name", "mail"), "scope")
	s.fails("", with("key", "create", "--name", "mail", "--scope", "push", "--allow", "home"), "home", "range")
	s.fails("", with("key", "create", "--name", "mail", "--scope", "push", "--expires-in", "-1h"), "expired already")
	type key struct {
		ID         int64      `json:"id"`
		Name       string     `json:"name"`
		Hint       string     `json:"hint"`
		Scopes     []string   `json:"scopes"`
		Allow      []string   `json:"allow"`
		ExpiresAt  *time.Time `json:"expires_at"`
		LastUsedAt *time.Time `json:"last_used_at"`
		RevokedAt  *time.Time `json:"revoked_at"`
	}
	var made struct {
		key
		Secret string `json:"secret"`
	}
	s.ok(&made, "", with("key", "create", "--name", "reports", "--scope", "reports,push:read", "--allow", "127.0.0.1", "--expires-in", "1h")...)

	server := s.start("serve", "--data", "data", "--listen", "127.0.0.1:0")
	url := server.says(`Aurora is ready at (http://\S+)`)
	status := func(secret string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v3/received?msg_ids=1", nil)
		check(t, err)
		req.SetBasicAuth(a.AppKey, secret)
		resp, err := http.DefaultClient.Do(req)
		check(t, err)
		check(t, resp.Body.Close())
		return resp.StatusCode
	}
	if got := status(made.Secret); got != 200 {
		t.Errorf("the key is answered %d", got)
	}
	var keys []key
	s.ok(&keys, "", with("key", "list")...)
	if len(keys) != 1 || keys[0].LastUsedAt == nil || keys[0].ExpiresAt == nil || keys[0].Hint != made.Secret[:4] {
		t.Errorf("%+v", keys)
	}
	s.ok(nil, "", with("key", "revoke", "--id", strconv.FormatInt(made.ID, 10))...)
	s.fails("", with("key", "revoke", "--id", strconv.FormatInt(made.ID, 10)), "no valid key")
	var rotated struct {
		AppKey       string `json:"app_key"`
		MasterSecret string `json:"master_secret"`
	}
	s.ok(&rotated, "", with("app", "rotate-secret", "--overlap", "0s")...)
	s.ok(nil, "", with("app", "allow", "127.0.0.0/8")...)
	for end := time.Now().Add(patience); status(made.Secret) != 401 || status(a.MasterSecret) != 401 || status(rotated.MasterSecret) != 200; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server does not heed the commands")
		}
	}
	r := s.run("", with("app", "audit")...)
	for _, want := range []string{`"key.created"`, `"key.revoked"`, `"secret.rotated"`, `"allow-list.changed"`, `"app.created"`, `"command line"`} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the audit log does not say %s: %s", want, r.stdout)
		}
	}
	if regexp.MustCompile(made.Secret + "|" + a.MasterSecret + "|" + rotated.MasterSecret).MatchString(r.stdout) {
		t.Error("a secret is in the audit log")
	}
	server.stop()
	s.fails("", []string{"serve", "--data", "data", "--listen", "127.0.0.1:0", "--trusted-proxies", "proxy.example.com"}, "--trusted-proxies", "proxy.example.com")
}
