package main_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestDemoScript: the whole way A to G, for each state of the app and both
// environments.
func TestDemoScript(t *testing.T) {
	r := newScript(t).run("", "demo", "--script")
	if r.code != 0 {
		t.Fatalf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, state := range []string{"foreground", "background", "locked", "development", "production"} {
		if !strings.Contains(strings.ToLower(r.stdout), state) {
			t.Errorf("nothing is said of %s:\n%s", state, r.stdout)
		}
	}
	for step := 'A'; step <= 'G'; step++ {
		if !strings.Contains(r.stdout, "\n"+string(step)+"  ") {
			t.Errorf("step %c was not walked:\n%s", step, r.stdout)
		}
	}
}

// TestDemo: it is there within moments, its first link signs in once, and
// Ctrl-C ends it.
func TestDemo(t *testing.T) {
	s := newScript(t)
	start := time.Now()
	demo := s.start("demo", "--listen", "127.0.0.1:0")
	link := demo.says(`Console +(http://\S+)`)
	phone := demo.says(`iPhone +(http://\S+)`)
	if took := time.Since(start); took > 10*time.Second { // three on a machine of its own
		t.Errorf("took %v to start", took)
	}
	jar, err := cookiejar.New(nil)
	check(t, err)
	browser := &http.Client{Jar: jar, Timeout: patience}
	get := func(c *http.Client, url string) (path, page string) {
		resp, err := c.Get(url)
		check(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		check(t, err)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", url, resp.Status)
		}
		return resp.Request.URL.Path, string(text)
	}
	if path, page := get(browser, link); path != "/signin" || !strings.Contains(page, "Sign in as demo@") {
		t.Errorf("the link opens %s: %.500s", path, page)
	}
	door, secret, _ := strings.Cut(link, "?link=")
	button := func(c *http.Client) (path, page string) {
		resp, err := c.PostForm(door, url.Values{"link": {secret}})
		check(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		check(t, err)
		return resp.Request.URL.Path, string(text)
	}
	if path, page := button(browser); path != "/apps" || !strings.Contains(page, "Reader") {
		t.Errorf("the link's button leads to %s: %.500s", path, page)
	}
	get(browser, phone)
	if path, _ := button(&http.Client{Timeout: patience}); path != "/signin" {
		t.Errorf("the link works twice: %s", path)
	}
}
