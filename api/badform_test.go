package api_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// part is one field of a form; a name for the file makes it a file.
type part struct{ name, file, value string }

// form writes a multipart form.
func form(parts ...part) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--b\r\nContent-Disposition: form-data; name=%q", p.name)
		if p.file != "" {
			fmt.Fprintf(&b, "; filename=%q\r\nContent-Type: application/octet-stream", p.file)
		}
		fmt.Fprintf(&b, "\r\n\r\n%s\r\n", p.value)
	}
	return b.String() + "--b--\r\n"
}

// formExample is a valid form of a route, with the number of its failures.
type formExample struct {
	route   string
	r       request
	parts   []part
	missing verdict // of the file
	wrong   verdict // of the file
}

func (f *fixture) forms(t *testing.T) []formExample {
	w := f.w
	png := "\x89PNG\r\n\x1a\nxxxx"
	list := []formExample{
		{"POST /v3/files/alias", request{path: "/v3/files/alias"}.as(w.app), []part{{"filename", "a.txt", "mia\n"}, {"ttl", "", "1"}}, verdict{400, 1002}, verdict{400, 1003}},
		{"POST /v3/files/registration_id", request{path: "/v3/files/registration_id"}.as(w.app), []part{{"filename", "a.txt", f.p.id + "\n"}, {"ttl", "", "1"}}, verdict{400, 1002}, verdict{400, 1003}},
		{"POST /v1/app/{app}/certificate", request{path: "/v1/app/" + w.app.Key + "/certificate"}.asDeveloper(w.owner), []part{{"devCertificateFile", "c.p12", string(w.p12(t, w.app.BundleID))}, {"devCertificatePassword", "", "secret"}, {"proCertificateFile", "c.p12", string(w.p12(t, w.app.BundleID))}, {"proCertificatePassword", "", "secret"}}, verdict{200, 1014}, verdict{200, 1012}},
	}
	images := []part{{"image_type", "", "1"}}
	for _, vendor := range []string{"oppo", "xiaomi", "huawei", "fcm", "jiguang"} {
		images = append(images, part{vendor + "_file", "a.png", png})
	}
	return append(list,
		formExample{"POST /v3/images/byfiles", request{path: "/v3/images/byfiles"}.as(w.app), images, verdict{400, 1002}, verdict{400, 1003}},
		formExample{"PUT /v3/images/byfiles/{id}", request{method: "PUT", path: "/v3/images/byfiles/" + f.image}.as(w.app), images, verdict{400, 1002}, verdict{400, 1003}})
}

// TestBadForms tries what can be wrong with each field of each form, and with
// the forms themselves.
func TestBadForms(t *testing.T) {
	w := startWorld(t)
	c, err := theContract()
	check(t, err)
	f := newFixture(t, w)
	w.settled(t, w.app, f.message)
	forms := f.forms(t)
	for path, item := range c.at("/paths") {
		for method, op := range item.(map[string]any) {
			body, ok := op.(map[string]any)["requestBody"].(map[string]any)
			if !ok || body["content"].(map[string]any)["multipart/form-data"] == nil {
				continue
			}
			route := strings.ToUpper(method) + " " + path
			i := slices.IndexFunc(forms, func(e formExample) bool { return e.route == route })
			if i < 0 {
				t.Errorf("there is no example of %s", route)
				continue
			}
			schema := c.alternatives("/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + method + "/requestBody/content/multipart~1form-data/schema")
			for _, name := range c.names(schema) {
				if !slices.ContainsFunc(forms[i].parts, func(p part) bool { return p.name == name }) {
					t.Errorf("no example of %s has %s", route, name)
				}
			}
		}
	}
	before := w.state(t)
	for _, e := range forms {
		e.tryBad(t, w)
		if d := difference(before, w.state(t)); len(d) > 0 {
			t.Errorf("%s: refused forms changed %s", e.route, d)
			before = w.state(t)
		}
	}
}

func (e formExample) tryBad(t *testing.T, w *world) {
	t.Helper()
	try := func(what, body, kind string, want ...verdict) {
		t.Helper()
		r := e.r
		if r.method == "" {
			r.method = http.MethodPost
		}
		r.body, r.header = body, http.Header{"Content-Type": {kind}}
		if v, a := w.verdict(t, r); !slices.Contains(want, v) {
			t.Errorf("%s, %s: answered %v, want %v: %.200s", e.route, what, v, want, a.body)
		}
	}
	const kind = "multipart/form-data; boundary=b"
	whole := form(e.parts...)
	anyWrong := []verdict{e.missing, e.wrong, {400, 1005}, {400, 4003}}
	noForm := []verdict{{400, 1002}, {400, 1003}, {400, 4002}, {400, 4003}}
	for i, p := range e.parts {
		with := func(value string) string {
			parts := slices.Clone(e.parts)
			parts[i].value = value
			return form(parts...)
		}
		try(p.name+" twice", form(append(slices.Clone(e.parts), p)...), kind, anyWrong...)
		if p.file == "" {
			try(p.name+" too long", with(strings.Repeat("x", 5000)), kind, anyWrong...)
			if !strings.HasSuffix(p.name, "Password") || p.name[0] == 'd' {
				try(p.name+" wrong", with("wrong"), kind, anyWrong...)
			}
			continue
		}
		try(p.name+" wrong", with("\x00\x01 neither one nor the other,\xff"), kind, anyWrong...)
		try(p.name+" in base64", with(base64.StdEncoding.EncodeToString([]byte(p.value))+","), kind, anyWrong...)
		try(p.name+" too large", with(strings.Repeat("x", 11<<20)), kind, anyWrong...)
	}
	files := slices.DeleteFunc(slices.Clone(e.parts), func(p part) bool { return p.file != "" })
	try("no file", form(files...), kind, e.missing)
	try("nothing", form(), kind, append(noForm, e.missing)...)
	try("no body", "", kind, append(noForm, e.missing)...)
	try("cut off", whole[:len(whole)/2], kind, anyWrong...)
	for cut := len(whole) - 100; cut < len(whole)-len("--\r\n"); cut += 3 {
		try("cut off near the end", whole[:cut], kind, append(noForm, anyWrong...)...)
	}
	try("another boundary", whole, "multipart/form-data; boundary=c", append(noForm, e.missing)...)
	try("no boundary", whole, "multipart/form-data", noForm...)
	try("JSON", `{"a":1}`, "application/json", noForm...)
	try("rubbish", string(bytes.Repeat([]byte{0, 255}, 500)), kind, append(noForm, e.missing)...)
	try("a field's name of 100,000 bytes", form(append([]part{{strings.Repeat("n", 100_000), "", "x"}}, e.parts...)...), kind, anyWrong...)
}
