package console_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
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
	return openHouseOn(t, server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0"})
}

func openHouseOn(t *testing.T, c server.Config) *house {
	t.Helper()
	s, err := server.Open(t.Context(), c)
	check(t, err)
	check(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(s.Addr().String())
	check(t, err)
	h := &house{Server: s, url: "http://localhost:" + port, session: map[aurora.Role]string{}}
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

// request is a browser's with a session; fields make it a form, and one named
// file an upload.
func (h *house) request(t *testing.T, session, method, path string, fields ...string) *http.Request {
	t.Helper()
	var b bytes.Buffer
	kind := "application/x-www-form-urlencoded"
	if method == "POST" {
		parts, values := multipart.NewWriter(&b), url.Values{}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, "=")
			values.Add(name, value)
		}
		if values.Has("file") {
			kind = parts.FormDataContentType()
			for name := range values {
				part, err := parts.CreateFormField(name)
				if name == "file" {
					part, err = parts.CreateFormFile(name, "credential.bin")
				}
				check(t, err)
				part.Write([]byte(values.Get(name)))
			}
			parts.Close()
		} else {
			b.WriteString(values.Encode())
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, &b)
	check(t, err)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Accept-Language", "en")
	if strings.HasSuffix(r.URL.Path, "/live") {
		r.Header.Set("Accept", "text/event-stream")
	}
	r.AddCookie(&http.Cookie{Name: "aurora_session", Value: session})
	return r
}

// send returns the answer to a request, and of a stream the first event.
func (h *house) send(t *testing.T, r *http.Request) answer {
	t.Helper()
	client := http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	check(t, err)
	defer got.Body.Close()
	var b strings.Builder
	for body := bufio.NewReader(got.Body); ; {
		line, err := body.ReadString('\n')
		b.WriteString(line)
		if errors.Is(err, io.EOF) || line == "\n" && got.Header.Get("Content-Type") == "text/event-stream" {
			return answer{got.StatusCode, b.String(), got.Header}
		}
		check(t, err)
	}
}

func (h *house) ask(t *testing.T, session, method, path string, fields ...string) answer {
	t.Helper()
	return h.send(t, h.request(t, session, method, path, fields...))
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

// TestExportOfDevices: a download can be imported again and is on record; who may
// not have it is not offered it.
func TestExportOfDevices(t *testing.T) {
	h := openHouse(t)
	owner := h.session[aurora.OwnerRole]
	rows := "token,tags\n" + strings.Repeat("ab", 32) + ",vip;london\n" + strings.Repeat("cd", 32) + ",\n"
	_, err := h.Registry.Import(t.Context(), h.app.ID, strings.NewReader(rows), registry.ImportOptions{Environment: aurora.Production})
	check(t, err)
	list := "/apps/" + h.app.Key + "/devices"
	link := "/apps/" + h.app.Key + "/export/devices.csv"
	for role, may := range map[aurora.Role]bool{aurora.OwnerRole: true, aurora.DeveloperRole: true, aurora.SenderRole: false, aurora.ViewerRole: false} {
		if got := strings.Contains(h.ask(t, h.session[role], "GET", list).body, link); got != may {
			t.Errorf("%s is offered the export: %v", role, got)
		}
	}
	file := h.ask(t, owner, "POST", link).body
	state, err := h.Registry.Import(t.Context(), h.app.ID, strings.NewReader(file), registry.ImportOptions{})
	if lines := int64(strings.Count(file, "\n")); err != nil || lines != 3 || state.Changed != lines-1 || state.Rejected != 0 {
		t.Errorf("%d lines were imported as %+v, %v:\n%s", lines, state, err, file)
	}
	if objects := h.ask(t, owner, "POST", "/apps/"+h.app.Key+"/export/devices.jsonl").body; strings.Count(objects, `"registration_id"`) != strings.Count(file, "\n")-1 {
		t.Errorf("%s", objects)
	}
	if got := h.ask(t, owner, "POST", "/apps/"+h.app.Key+"/export/devices.exe"); got.status != http.StatusNotFound {
		t.Errorf("%d", got.status)
	}
	if log := h.ask(t, owner, "GET", "/audit?action=devices.").body; strings.Count(log, "devices.exported") < 2 || !strings.Contains(log, email) {
		t.Errorf("%s", log)
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
