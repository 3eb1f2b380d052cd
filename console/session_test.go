package console

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

func TestFirstRun(t *testing.T) {
	v := newVisitorFirstRun(t)
	if rec := v.get("/"); rec.Header().Get("Location") != "/setup" {
		t.Errorf("a new installation leads to %q, want /setup", rec.Header().Get("Location"))
	}
	if rec := v.get("/signin"); rec.Header().Get("Location") != "/setup" {
		t.Errorf("sign-in before set-up leads to %q, want /setup", rec.Header().Get("Location"))
	}
	body := v.get("/setup").Body.String()
	contains(t, body, "aurora serve", "/setup?link=")
	if strings.Contains(body, `action="/setup"`) {
		t.Error("without a link there is a form")
	}
	rec := v.post("/setup", "link=wrong", "email=mia@example.com", "password=correct horse battery")
	if rec.Code != http.StatusForbidden {
		t.Errorf("wrong link: status %d, want 403", rec.Code)
	}
	contains(t, rec.Body.String(), "not valid any more", `value="mia@example.com"`)
	rec = v.post("/setup", "link=right-link", "email=mia@example.com", "password=correct horse battery")
	if rec.Code != 303 || rec.Header().Get("Location") != "/apps" || sessionOf(rec) != ownerSession {
		t.Errorf("the owner is created with status %d, led to %q, session %q", rec.Code, rec.Header().Get("Location"), sessionOf(rec))
	}
	contains(t, v.get("/setup?link=right-link").Body.String(), "set up")
}

func sessionOf(rec *httptest.ResponseRecorder) string {
	for _, c := range rec.Result().Cookies() {
		if c.Name == sessionCookie {
			return c.Value
		}
	}
	return ""
}

func TestSignInAndOut(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, "")
	rec := v.post("/signin", "email=mia@example.com", "password=wrong")
	if rec.Code != http.StatusUnauthorized || sessionOf(rec) != "" {
		t.Errorf("wrong password: status %d, session %q", rec.Code, sessionOf(rec))
	}
	body := rec.Body.String()
	contains(t, body, "not right", `value="mia@example.com"`)
	if strings.Contains(body, "wrong\"") {
		t.Error("the password comes back in the page")
	}
	w.refuse = aurora.Errorf(aurora.TooMany, "Too many attempts for this account. Try again in 12 seconds.")
	rec = v.post("/signin", "email=mia@example.com", "password=x")
	if rec.Code != http.StatusTooManyRequests {
		t.Errorf("throttled: status %d, want 429", rec.Code)
	}
	contains(t, rec.Body.String(), "Try again in 12 seconds.")

	rec = v.post("/signin", "email= mia@example.com ", "password=correct horse battery", "next="+full+"/send")
	if rec.Code != 303 || rec.Header().Get("Location") != full+"/send" {
		t.Errorf("signed in: status %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	v.cookie = sessionOf(rec)
	contains(t, v.get("/apps").Body.String(), "Northlight Reader", "mia@example.com")
	rec = v.post("/signout")
	if rec.Header().Get("Location") != "/signin" || !strings.Contains(rec.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signed out: to %q, cookie %q", rec.Header().Get("Location"), rec.Header().Get("Set-Cookie"))
	}
	if rec := v.get("/apps"); rec.Code != 303 {
		t.Errorf("the session still works after signing out: status %d", rec.Code)
	}
}

func TestOneTimeLink(t *testing.T) {
	v := newVisitor(t, newWorld(plain), "")
	for _, method := range []string{"HEAD", "GET"} {
		rec := v.do(request(method, "/signin?link=right-link&next="+full))
		if rec.Code != 200 || sessionOf(rec) != "" {
			t.Errorf("%s uses the link: status %d", method, rec.Code)
		}
		if method == "GET" {
			contains(t, rec.Body.String(), "Sign in as mia@example.com", `name="link" value="right-link"`, `name="next" value="`+full+`"`)
		}
	}
	if rec := v.post("/signin", "link=right-link", "next=//evil.example"); rec.Code != 303 || rec.Header().Get("Location") != "/apps" {
		t.Errorf("led to %q", rec.Header().Get("Location"))
	}
	rec := v.post("/signin", "link=right-link")
	if rec.Code != 303 || rec.Header().Get("Location") != "/apps" || sessionOf(rec) != ownerSession {
		t.Errorf("link: status %d to %q, session %q", rec.Code, rec.Header().Get("Location"), sessionOf(rec))
	}
	if rec := v.post("/signin", "link=used"); rec.Code != http.StatusUnauthorized || sessionOf(rec) != "" {
		t.Errorf("a used link is posted: status %d, want 401", rec.Code)
	}
	rec = v.get("/signin?link=used")
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("used link: status %d, want 401", rec.Code)
	}
	contains(t, rec.Body.String(), "used before", "Password")
	v.cookie = ownerSession
	if rec := v.get("/signin?link=used"); rec.Header().Get("Location") != "/apps" {
		t.Errorf("somebody signed in who opens the link again sees status %d", rec.Code)
	}
}

func TestCookie(t *testing.T) {
	w := newWorld(plain)
	for _, c := range []struct {
		name, public string
		overTLS      bool
		secure       bool
	}{{"http", "", false, false}, {"https", "", true, true}, {"https before a proxy", "https://push.example.com", false, true}} {
		config := configOf(w)
		config.PublicURL = c.public
		h, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/signin", strings.NewReader(form("link=right-link")))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.overTLS {
			r.TLS = &tls.ConnectionState{}
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		got := rec.Result().Cookies()[0]
		if !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Secure != c.secure || got.Path != "/" {
			t.Errorf("%s: cookie %v", c.name, got)
		}
	}
}

func TestNoOpenRedirect(t *testing.T) {
	for in, want := range map[string]string{
		"/apps/x/send?a=1": "/apps/x/send?a=1", "": "/apps", "https://evil.example": "/apps", "//evil.example": "/apps", `/\evil.example`: "/apps",
		"/\t/evil.example": "/apps", "javascript:alert(1)": "/apps", "apps": "/apps", "/%zz": "/apps", "///evil.example": "/apps",
	} {
		if got := localPath(in); got != want {
			t.Errorf("localPath(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	f.Add("//evil.example")
	f.Add("/apps?x=//y")
	f.Add("/\\/x")
	f.Fuzz(func(t *testing.T, in string) {
		rec := httptest.NewRecorder()
		http.Redirect(rec, httptest.NewRequest("GET", "/signin", nil), localPath(in), http.StatusSeeOther)
		to := rec.Header().Get("Location")
		if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\") {
			t.Errorf("%q leads to %q", in, to)
		}
	})
}
