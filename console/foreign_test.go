package console_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// TestAnotherSiteDoesNothing: whatever another site makes the owner's browser
// send, with fields that would do something, is refused and changes nothing. From
// this site the same requests do it (TestRoleByRoute).
func TestAnotherSiteDoesNothing(t *testing.T) {
	s := openSite(t)
	owner := s.sessionOf(asker{"owner", email})
	for _, r := range rows {
		if r.method != "POST" {
			continue
		}
		path, fields := s.fill(r.path), make([]string, len(r.fields))
		for i, f := range r.fields {
			fields[i] = s.fill(f)
		}
		before := s.dump()
		for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			request := s.request(t, owner, "POST", path, fields...)
			request.Header.Set(header[0], header[1])
			got := s.send(t, request)
			if got.status != http.StatusForbidden || !strings.Contains(got.body, "another site") {
				t.Errorf("%s with %s: status %d: %.200s", r.path, header, got.status, got.body)
			}
			if len(got.Values("Set-Cookie")) > 0 {
				t.Errorf("%s with %s sets a cookie", r.path, header)
			}
			s.guarded(r, got)
			s.keepsSecrets(r.path+" from another site", got)
		}
		if changes := changed(before, s.dump()); len(changes) > 0 {
			t.Errorf("%s from another site changes %q", r.path, changes)
		}
	}
}

// guarded looks at the headers of an answer.
func (s *site) guarded(r row, got answer) {
	s.t.Helper()
	name := r.method + " " + r.path
	for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"} {
		if got.Get(header) != want {
			s.t.Errorf("%s: %s is %q", name, header, got.Get(header))
		}
	}
	if !strings.HasPrefix(r.path, "/static/") && got.Get("Cache-Control") != "no-store" {
		s.t.Errorf("%s may be cached: %q", name, got.Get("Cache-Control"))
	}
	for _, line := range got.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		check(s.t, err)
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || !strings.HasPrefix(c.Path, "/") || c.Secure != s.secure {
			s.t.Errorf("%s sets %s", name, line)
		}
	}
}

// keepsSecrets looks for secrets in an answer that nobody asked for them in.
func (s *site) keepsSecrets(name string, got answer) {
	s.t.Helper()
	app, err := s.Accounts.App(s.t.Context(), s.app.AccountID, s.app.Key) // with its secret of now
	check(s.t, err)
	for _, secret := range append(s.secrets, app.MasterSecret.Reveal()) {
		if strings.Contains(got.body, secret) || strings.Contains(got.Get("Location"), secret) {
			s.t.Errorf("%s shows a secret", name)
		}
	}
}

// TestCookiesOverTLS: behind a proxy that speaks TLS, every cookie that the
// console sets is for TLS only.
func TestCookiesOverTLS(t *testing.T) {
	h := openHouseOn(t, server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", PublicURL: "https://push.example.com"})
	s, seen := &site{t: t, house: h, sessions: map[string]string{}, secure: true}, map[string]bool{}
	for _, r := range []row{
		post("*", "/signin", 303, "email="+email, "password="+password),
		post("*", "/language", 303, "language=zh-Hans"),
		post("*", "/security/sessions/others", 303), // says what it did in a cookie
		post("*", "/security/codes", 303, "password="+password),
	} {
		got := s.ask(t, h.session["owner"], r.method, r.path, r.fields...)
		s.guarded(r, got)
		s.named(got, seen)
	}
	enrolled := s.enrol(email)
	got := s.ask(t, "", "POST", "/signin", "email="+email, "password="+password)
	s.guarded(post("*", "/signin", 303), got)
	s.named(got, seen)
	if len(enrolled) < 2 {
		t.Error("no recovery codes")
	}
	for _, name := range []string{"aurora_session", "aurora_device", "aurora_language", "aurora_flash", "aurora_step"} {
		if !seen[name] {
			t.Errorf("no cookie %s in %v", name, seen)
		}
	}
}

// named notes the names of the cookies that an answer sets.
func (s *site) named(got answer, seen map[string]bool) {
	for _, line := range got.Values("Set-Cookie") {
		name, _, _ := strings.Cut(line, "=")
		seen[name] = true
	}
}

// enrol switches an authenticator app's codes on for somebody, and returns its
// secret and the recovery codes.
func (s *site) enrol(whose string) []string {
	s.t.Helper()
	v, err := s.Accounts.Session(s.t.Context(), s.sessionOf(asker{"owner", whose}))
	check(s.t, err)
	e, err := s.Accounts.BeginCodes(s.t.Context(), v, password)
	check(s.t, err)
	recovery, err := s.Accounts.ConfirmCodes(s.t.Context(), v, code(s.t, e.Secret, time.Now()))
	check(s.t, err)
	return append([]string{e.Secret}, recovery...)
}

// code is what an authenticator app shows (RFC 6238, written by itself here).
func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(secret)
	check(t, err)
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

// TestPagesKeepSecrets: no page shows a secret that it was not asked for, neither
// those of the installation nor those of the person who reads it.
func TestPagesKeepSecrets(t *testing.T) {
	s := openSite(t)
	for _, secret := range s.enrol(email) {
		s.hide(secret)
	}
	for _, name := range []string{"apikey", "group", "hook", "invitation", "retired"} {
		s.make(name)
	}
	issued, err := s.apns.Issue(localapns.IssueRequest{BundleID: s.app.BundleID, Password: "p12 of Northlight"})
	check(t, err)
	_, err = s.Accounts.StoreCredential(t.Context(), s.app, aurora.CredentialFile{File: issued.P12, Password: s.hide("p12 of Northlight")})
	check(t, err)
	key, err := s.apns.Issue(localapns.IssueRequest{Key: true})
	check(t, err)
	_, err = s.Accounts.StoreCredential(t.Context(), s.second, aurora.CredentialFile{File: key.P8, KeyID: key.KeyID, TeamID: key.TeamID})
	check(t, err)
	s.hide(base64.StdEncoding.EncodeToString(issued.P12)[:60])
	s.hide(strings.Split(string(key.P8), "\n")[1])
	owner := s.sessionOf(asker{"owner", email})
	for _, r := range rows {
		if r.method != "GET" || r.shows {
			continue
		}
		for _, path := range []string{s.fill(r.path), strings.ReplaceAll(s.fill(r.path), s.app.Key, s.second.Key)} {
			s.keepsSecrets(path, s.ask(t, owner, "GET", path))
		}
	}
}
