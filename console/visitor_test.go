package console

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/channel"
)

// visitor is a browser without scripts: it keeps cookies and follows nothing.
type visitor struct {
	t       *testing.T
	handler http.Handler
	cookie  string
}

func newVisitor(t *testing.T, w *world, session string) *visitor {
	t.Helper()
	return &visitor{t, newConsole(t, w), session}
}

func newConsole(t *testing.T, w *world) http.Handler {
	t.Helper()
	h, err := New(configOf(w))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func configOf(w *world) Config {
	return Config{Account: w, Registry: w, Dispatch: sender{w}, Schedules: planner{w}, Approvals: approver{w}, Ledger: w, Quarantine: w, Payload: channel.IOSPayload, PhoneURL: "/phone/"}
}

func (v *visitor) do(r *http.Request) *httptest.ResponseRecorder {
	v.t.Helper()
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: v.cookie})
	}
	rec := httptest.NewRecorder()
	v.handler.ServeHTTP(rec, r)
	return rec
}

func (v *visitor) get(path string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.do(httptest.NewRequest("GET", path, nil))
}

// post sends a form; fields are "name=value", unescaped.
func (v *visitor) post(path string, fields ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.do(visitorForm(path, fields...))
}

// follow goes where an answer leads, with the cookies it set.
func (v *visitor) follow(rec *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequest("GET", rec.Header().Get("Location"), nil)
	for _, c := range rec.Result().Cookies() {
		r.AddCookie(c)
	}
	return v.do(r)
}

func visitorForm(path string, fields ...string) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(form(fields...)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// upload sends a form with a file field of the given content in "file=…".
func (v *visitor) upload(path string, fields ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		part, err := m.CreateFormField(name)
		if name == "file" {
			part, err = m.CreateFormFile(name, "credential.bin")
		}
		if err != nil {
			v.t.Fatal(err)
		}
		part.Write([]byte(value))
	}
	m.Close()
	r := httptest.NewRequest("POST", path, &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return v.do(r)
}

// form encodes "name=value" pairs.
func form(fields ...string) string {
	values := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values.Add(name, value)
	}
	return values.Encode()
}

func contains(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(body, p) {
			t.Errorf("the page does not contain %q:\n%s", p, excerpt(body))
		}
	}
}

func excerpt(body string) string {
	if i := strings.Index(body, "<main"); i >= 0 {
		body = body[i:]
	}
	return fmt.Sprintf("%.3000s", body)
}
