package main_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// TestFirstRun: the link that serve prints makes the owner's account once.
func TestFirstRun(t *testing.T) {
	s := newScript(t)
	server := s.start("serve", "--listen", "127.0.0.1:0", "--data", "data")
	base := server.says(`ready at (http://\S+)`)
	link := server.says(`(http://\S+/setup\?link=\S+)`)
	if !strings.HasPrefix(link, base) {
		t.Errorf("the link %s is not on %s", link, base)
	}
	fill := func(link, address string) (int, string) {
		u, err := url.Parse(link)
		check(t, err)
		jar, err := cookiejar.New(nil)
		check(t, err)
		browser := &http.Client{Jar: jar, Timeout: patience}
		resp, err := browser.Get(link)
		check(t, err)
		resp.Body.Close()
		resp, err = browser.PostForm(base+"/setup", url.Values{"link": {u.Query().Get("link")}, "email": {address}, "password": {"correct horse battery"}})
		check(t, err)
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		check(t, err)
		return resp.StatusCode, resp.Request.URL.Path + " " + string(page)
	}
	if code, page := fill(base+"/setup?link=guessed", "eve@example.com"); code == http.StatusOK {
		t.Errorf("a guessed link: %d %.300s", code, page)
	}
	if code, page := fill(link, email); code != http.StatusOK || strings.HasPrefix(page, "/setup") {
		t.Errorf("the link: %d %.300s", code, page)
	}
	if code, page := fill(link, "eve@example.com"); code == http.StatusOK && !strings.HasPrefix(page, "/signin") {
		t.Errorf("the link again: %d %.300s", code, page)
	}
	s.fails("", []string{"app", "create", "--data", "data", "--account", "eve@example.com", "--name", "x", "--bundle-id", bundleID}, "no account")
	s.ok(nil, "", "app", "create", "--data", "data", "--account", email, "--name", "x", "--bundle-id", bundleID)

	server.stop()
	again := s.start("serve", "--listen", "127.0.0.1:0", "--data", "data")
	again.says(`ready at (http://\S+)`)
	again.stop()
	if text := again.text(); strings.Contains(text, "/setup") {
		t.Errorf("a link is printed although there is an account:\n%s", text)
	}
}

// TestNewLinkEndsTheOld: a restarted server prints a new link, and only that works.
func TestNewLinkEndsTheOld(t *testing.T) {
	s := newScript(t)
	links := make([]string, 2)
	var base string
	for n := range links {
		server := s.start("serve", "--listen", "127.0.0.1:0", "--data", "data")
		base = server.says(`ready at (http://\S+)`)
		links[n] = server.says(`/setup\?link=(\S+)`)
		if n == 0 {
			server.stop()
		}
	}
	browser := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for n, want := range []int{http.StatusForbidden, http.StatusSeeOther} {
		resp, err := browser.PostForm(base+"/setup", url.Values{"link": {links[n]}, "email": {email}, "password": {"correct horse battery"}})
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("link %d was answered %s, want %d", n+1, resp.Status, want)
		}
	}
}

// TestServeAlone: two servers on one folder would send everything twice.
func TestServeAlone(t *testing.T) {
	s := newScript(t)
	s.start("serve", "--listen", "127.0.0.1:0", "--data", "data").says(`ready at (http://\S+)`)
	s.fails("", []string{"serve", "--listen", "127.0.0.1:0", "--data", "data"}, "another Aurora server", "data")
}

// TestEnvironmentVariables: each flag can be given as a variable; the flag wins.
func TestEnvironmentVariables(t *testing.T) {
	s := newScript(t)
	s.env = append(s.env, "AURORA_DATA=from-environment", "AURORA_EMAIL="+email)
	s.ok(nil, password, "account", "create")
	s.ok(nil, "", "app", "create", "--account", email, "--name", "x", "--bundle-id", bundleID)
	s.fails("", []string{"app", "create", "--data", "from-flag", "--account", email, "--name", "x", "--bundle-id", bundleID}, "no account")

	s.env = append(s.env, "AURORA_LISTEN=127.0.0.1:0", "AURORA_LOG_FORMAT=json")
	server := s.start("serve")
	base := server.says(`ready at (http://127\.0\.0\.1:\d+)`)
	resp, err := http.Get(base + "/healthz")
	check(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", resp.Status)
	}
	server.stop()

	s.env = append(s.env, "AURORA_LOG_LEVEL=loud")
	s.fails("", []string{"serve"}, "loud")
	s.env = append(s.env, "AURORA_PRODUCTION=perhaps")
	s.fails("", []string{"push", "--app", "x", "--secret-file", "x", "--alert", "x", "--all"}, "AURORA_PRODUCTION")
}

// TestWrongEncryptionKey: a server with another key does not pretend to work.
func TestWrongEncryptionKey(t *testing.T) {
	s := newScript(t)
	s.env = append(s.env, "AURORA_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	a := s.newApp()
	s.env[len(s.env)-1] = "AURORA_KEY=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
	s.fails("", []string{"app", "credential", "--data", "data", "--app", a.AppKey, "secret"}, "encryption key", "AURORA_KEY", "secret.key")
	s.env[len(s.env)-1] = "AURORA_KEY=short"
	s.fails("", []string{"app", "credential", "--data", "data", "--app", a.AppKey, "secret"}, "AURORA_KEY", "openssl rand")
}
