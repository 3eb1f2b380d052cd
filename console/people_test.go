package console_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/console"
	"github.com/aurora-push/aurora/server"
)

const (
	patience = 20 * time.Second
	email    = "mia@example.com"
	password = "correct horse battery"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a running server with an account, an app and somebody of every role.
type house struct {
	*server.Server
	url     string
	app     aurora.App
	devKey  string
	session map[aurora.Role]string
}

// openHouse starts a server with the console on it.
func openHouse(t *testing.T) *house {
	t.Helper()
	s, err := server.Open(t.Context(), server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0"})
	check(t, err)
	check(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(s.URL())
	check(t, err)
	h := &house{Server: s, url: "http://localhost:" + u.Port(), session: map[aurora.Role]string{}}
	a, _, err := s.Accounts.Create(t.Context(), email, password)
	check(t, err)
	h.devKey = a.DevKey
	h.app, err = s.Accounts.CreateApp(t.Context(), a.ID, "Northlight Reader", "com.example.reader")
	check(t, err)
	in, err := s.Accounts.SignIn(t.Context(), email, password)
	check(t, err)
	h.session[aurora.OwnerRole] = in.Session
	owner, err := s.Accounts.Session(t.Context(), in.Session)
	check(t, err)
	for _, role := range aurora.Roles[1:] {
		_, link, err := s.Accounts.Invite(t.Context(), owner, string(role)+"@example.com", role)
		check(t, err)
		h.session[role], err = s.Accounts.JoinNew(t.Context(), link, password)
		check(t, err)
	}
	return h
}

// answer is what a browser without scripts gets; it follows nothing.
type answer struct {
	status int
	body   string
	http.Header
}

// ask sends a request with a session; fields make it a form.
func (h *house) ask(t *testing.T, session, method, path string, fields ...string) answer {
	t.Helper()
	var body io.Reader
	if method == "POST" {
		form := url.Values{}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, "=")
			form.Add(name, value)
		}
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, body)
	check(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", "en")
	r.AddCookie(&http.Cookie{Name: "aurora_session", Value: session})
	client := http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	check(t, err)
	defer got.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(got.Body)
	check(t, err)
	return answer{got.StatusCode, b.String(), got.Header}
}

// TestRoleByRoute: what each role gets from each route that changes or shows
// something not everybody may see. Requests are such that whoever may is told
// what is wrong with them, so that nothing changes.
func TestRoleByRoute(t *testing.T) {
	h := openHouse(t)
	app := "/apps/" + h.app.Key
	for _, tt := range []struct {
		may          string // the first letters of the roles
		method, path string
		fields       []string
	}{
		{"odsv", "GET", "/team", nil},
		{"o", "POST", "/team/invite", []string{"email=x", "role=viewer"}},
		{"o", "POST", "/team/revoke", []string{"id=99"}},
		{"o", "POST", "/team/role", []string{"person=99", "role=viewer"}},
		{"o", "POST", "/team/remove", []string{"person=99"}},
		{"odsv", "POST", "/team/switch", []string{"account=99"}},
		{"odsv", "GET", "/security", nil},
		{"odsv", "POST", "/security/sessions/end", []string{"id=00"}},
		{"od", "GET", "/audit", nil},
		{"od", "GET", "/audit/audit.csv", nil},
		{"od", "GET", "/audit/audit.jsonl", nil},
		{"od", "POST", "/apps", []string{"name=", "bundle_id="}},
		{"odsv", "GET", "/apps", nil},
		{"odsv", "GET", app, nil},
		{"od", "POST", app + "/secret", nil},
		{"od", "POST", app + "/keys/rotate", []string{"overlap=-1"}},
		{"od", "POST", app + "/credential/remove", []string{"environment=development"}},
		{"od", "POST", app + "/credential/probe", []string{"environment=development"}},
		{"ods", "POST", app + "/send", []string{"audience=all", "body=hi", "environment=development", "life=1", "life_unit=hours"}},
		{"odsv", "GET", app + "/devices", nil},
		{"odsv", "GET", app + "/messages", nil},
		{"odsv", "GET", app + "/quarantine", nil},
		{"od", "POST", app + "/quarantine", []string{"one=1a0018970a8c51be3f4"}},
		{"od", "POST", app + "/quarantine", []string{"do=all"}},
	} {
		for _, role := range aurora.Roles {
			got := h.ask(t, h.session[role], tt.method, tt.path, tt.fields...)
			if may := strings.Contains(tt.may, string(role[:1])); may == (got.status == http.StatusForbidden) || got.status >= 500 {
				t.Errorf("%s %s as %s: status %d", tt.method, tt.path, role, got.status)
			}
			if got.status == http.StatusForbidden && strings.Contains(got.body, h.app.MasterSecret.Reveal()) {
				t.Errorf("%s %s as %s gives the secret away", tt.method, tt.path, role)
			}
			if found := console.Inline.FindString(got.body); found != "" && strings.HasPrefix(got.Get("Content-Type"), "text/html") {
				t.Errorf("%s %s contains %q", tt.method, tt.path, found)
			}
		}
		if got := h.ask(t, "none", tt.method, tt.path, tt.fields...); got.status != http.StatusSeeOther || !strings.HasPrefix(got.Get("Location"), "/signin") {
			t.Errorf("%s %s without a session: %d", tt.method, tt.path, got.status)
		}
	}
}

// TestAuditPageAndExport: filters, and files that a spreadsheet can be trusted with.
func TestAuditPageAndExport(t *testing.T) {
	h := openHouse(t)
	ctx := aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.PersonActor, Name: "=cmd()@example.com", Address: "192.0.2.7", Role: aurora.OwnerRole})
	_, err := h.Accounts.CreateGroup(ctx, h.app.AccountID, "+1<script>")
	check(t, err)
	owner := h.session[aurora.OwnerRole]
	page := h.ask(t, owner, "GET", "/audit?action=group.").body
	if !strings.Contains(page, "group.created") || strings.Contains(page, "member.joined") || strings.Contains(page, "<script>") || !strings.Contains(page, "192.0.2.7") {
		t.Errorf("%s", page)
	}
	if page := h.ask(t, owner, "GET", "/audit?actor=sender%40example.com").body; !strings.Contains(page, "member.joined") || strings.Contains(page, "developer@example.com") {
		t.Errorf("%s", page)
	}
	csv := h.ask(t, owner, "GET", "/audit/audit.csv?action=group.").body
	if lines := strings.Split(strings.TrimSpace(csv), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "'=cmd()@example.com") || !strings.Contains(lines[1], "'+1<script>") {
		t.Errorf("%s", csv)
	}
	if lines := h.ask(t, owner, "GET", "/audit/audit.jsonl").body; strings.Count(lines, `"action":"member.joined"`) != 3 || strings.Contains(lines, h.app.MasterSecret.Reveal()) {
		t.Errorf("%s", lines)
	}
	if got := h.ask(t, owner, "GET", "/audit/audit.exe"); got.status != http.StatusNotFound {
		t.Errorf("%d", got.status)
	}
}

// TestInvitationByPage: from the owner's form to the new person's first page,
// without a script; the link is in no page but the one that made it.
func TestInvitationByPage(t *testing.T) {
	h := openHouse(t)
	owner := h.session[aurora.OwnerRole]
	made := h.ask(t, owner, "POST", "/team/invite", "email=noah@example.com", "role=sender")
	_, rest, ok := strings.Cut(made.body, `<code id="invite-link">`)
	link, _, _ := strings.Cut(rest, "</code>")
	if !ok || !strings.HasPrefix(link, h.url+"/join?link=") {
		t.Fatalf("%d %s", made.status, made.body)
	}
	path := strings.TrimPrefix(link, h.url)
	if strings.Contains(h.ask(t, owner, "GET", "/team").body, path) {
		t.Error("the page shows the link again")
	}
	if page := h.ask(t, owner, "GET", path).body; !strings.Contains(page, "You are signed in as "+email) {
		t.Errorf("%s", page)
	}
	secret := strings.TrimPrefix(path, "/join?link=")
	if got := h.ask(t, owner, "POST", "/join", "link="+secret); got.status != http.StatusForbidden {
		t.Errorf("somebody else's invitation: %d", got.status)
	}
	if got := h.ask(t, "", "POST", "/join", "link="+secret, "password=short"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a short password: %d", got.status)
	}
	joined := h.ask(t, "", "POST", "/join", "link="+secret, "password=another good password")
	if joined.status != http.StatusSeeOther || !strings.Contains(joined.Get("Set-Cookie"), "aurora_session=") || !strings.Contains(joined.Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("%d %v", joined.status, joined.Header)
	}
	if got := h.ask(t, "", "GET", path); got.status != http.StatusForbidden {
		t.Errorf("the link works again: %d", got.status)
	}
	if page := h.ask(t, owner, "GET", "/team").body; !strings.Contains(page, "noah@example.com") {
		t.Error("nobody joined")
	}
}
