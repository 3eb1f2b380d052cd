package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// developer is an account's way into the admin API.
type developer struct{ key, secret string }

func (r request) asDeveloper(d developer) request {
	r.user, r.password = d.key, d.secret
	return r
}

func (w *world) newDeveloper(t *testing.T, email string) developer {
	t.Helper()
	a, secret, err := w.s.Accounts.Create(t.Context(), email, "correct horse battery")
	check(t, err)
	return developer{a.DevKey, secret.Reveal()}
}

type madeApp struct {
	Key     string `json:"app_key"`
	Package string `json:"android_package"`
	Created bool   `json:"is_new_created"`
	Secret  string `json:"master_secret"`
}

// certificates is a form of files by field name, text fields among them.
func certificates(t *testing.T, d developer, key string, fields map[string][]byte) request {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, value := range fields {
		create := func(name string) (io.Writer, error) { return form.CreateFormFile(name, "cert.p12") }
		if strings.HasSuffix(name, "Password") {
			create = form.CreateFormField
		}
		part, err := create(name)
		check(t, err)
		_, err = part.Write(value)
		check(t, err)
	}
	check(t, form.Close())
	return request{method: "POST", path: "/v1/app/" + key + "/certificate", body: b.String(), header: http.Header{"Content-Type": {form.FormDataContentType()}}}.asDeveloper(d)
}

func (w *world) p12(t *testing.T, bundleID string) []byte {
	t.Helper()
	made, err := w.apns.Issue(localapns.IssueRequest{BundleID: bundleID, Password: "secret"})
	check(t, err)
	return made.P12
}

// TestAdminApps: an app's whole life by its developer's programs alone.
func TestAdminApps(t *testing.T) {
	w := startWorld(t)
	mia, eve := w.newDeveloper(t, "mia2@example.com"), w.newDeveloper(t, "eve@example.com")
	create := request{path: "/v1/app/", body: `{"app_name":"Reader","android_package":"org.example.reader","group_name":"Readers"}`}
	var made, again, foreign madeApp
	w.accepted(t, create.asDeveloper(mia), &made)
	w.accepted(t, create.asDeveloper(mia), &again)
	w.accepted(t, create.asDeveloper(eve), &foreign)
	if !made.Created || made.Package != "org.example.reader" || again.Created || again.Key != made.Key || again.Secret != made.Secret || !foreign.Created || foreign.Key == made.Key {
		t.Fatalf("%+v, again %+v, another's %+v", made, again, foreign)
	}
	app := aurora.App{Key: made.Key, MasterSecret: aurora.NewSecret(made.Secret), BundleID: "com.example.reader"}

	// The first certificate says what the bundle id is.
	w.accepted(t, certificates(t, mia, made.Key, map[string][]byte{"proCertificateFile": w.p12(t, "com.example.reader"), "proCertificatePassword": []byte("secret")}), nil)
	p := w.register(t, app, `{"token":"`+token(0)+`","environment":"production"}`)
	id := w.push(t, app, `{"platform":"all","audience":"all","notification":{"alert":"hi"},"options":{"apns_production":true}}`).MessageID
	stored, err := w.s.Accounts.AppByKey(t.Context(), made.Key)
	check(t, err)
	app.ID = stored.ID
	if r := w.settled(t, app, id); r.Accepted != 1 || stored.BundleID != "com.example.reader" {
		t.Errorf("%+v of %+v", r, stored)
	}
	w.accepted(t, request{path: "/v3/schedules", body: `{"name":"s","enabled":true,"trigger":{"single":{"time":"` + china(time.Hour) + `"}},"push":{"platform":"all","audience":"all","notification":{"alert":"later"}}}`}.as(app), nil)

	for name, tt := range map[string]struct {
		r    request
		code int
	}{
		"another bundle":     {certificates(t, mia, made.Key, map[string][]byte{"proCertificateFile": w.p12(t, "com.example.elsewhere"), "proCertificatePassword": []byte("secret")}), 1010},
		"wrong password":     {certificates(t, mia, made.Key, map[string][]byte{"devCertificateFile": w.p12(t, "com.example.reader"), "devCertificatePassword": []byte("guess")}), 1012},
		"no certificate":     {certificates(t, mia, made.Key, map[string][]byte{"devCertificateFile": []byte("hello"), "devCertificatePassword": []byte("secret")}), 1012},
		"an empty form":      {certificates(t, mia, made.Key, nil), 1014},
		"another's":          {certificates(t, eve, made.Key, nil), 1013},
		"delete another's":   {request{method: "DELETE", path: "/v1/app/" + made.Key + "/delete"}.asDeveloper(eve), 1013},
		"delete nobody's":    {request{method: "POST", path: "/v1/app/" + aurora.NewKey() + "/delete"}.asDeveloper(mia), 1013},
		"delete not even it": {request{method: "POST", path: "/v1/app/x/delete", body: "[]"}.asDeveloper(mia), 1013},
	} {
		t.Run(name, func(t *testing.T) { w.refused(t, tt.r, 200, tt.code) })
	}

	// Deleted: gone for everybody at once.
	var gone struct{ Success string }
	w.accepted(t, request{method: "DELETE", path: "/v1/app/" + made.Key + "/delete/", body: "null"}.asDeveloper(mia), &gone)
	if gone.Success == "" {
		t.Error("no text of success")
	}
	w.refused(t, request{path: "/v3/push", body: `{"platform":"all","audience":"all","notification":{"alert":"hi"}}`}.as(app), 401, 1004)
	if a := w.call(t, request{path: "/v1/devices/" + p.id, user: p.id, password: p.secret}); a.status != 401 {
		t.Errorf("the device still reads %s", a.body)
	}
	w.refused(t, request{method: "DELETE", path: "/v1/app/" + made.Key + "/delete"}.asDeveloper(mia), 200, 1013)
	var anew madeApp
	w.accepted(t, create.asDeveloper(mia), &anew)
	if !anew.Created || anew.Key == made.Key {
		t.Errorf("after the deletion: %+v", anew)
	}
}

// TestAdminRefusals: credentials and parameters have numbers of their own.
func TestAdminRefusals(t *testing.T) {
	w := startWorld(t)
	d := w.newDeveloper(t, "dev@example.com")
	const body = `{"app_name":"Reader","android_package":"org.example.reader"}`
	for name, tt := range map[string]struct {
		r            request
		status, code int
	}{
		"no credentials": {request{path: "/v1/app", body: body}, 401, 4004},
		"not basic":      {request{path: "/v1/app", body: body, header: http.Header{"Authorization": {"Bearer x"}}}, 401, 4005},
		"malformed key":  {request{path: "/v1/app", body: body}.asDeveloper(developer{"x", "y"}), 401, 4005},
		"unknown key":    {request{path: "/v1/app", body: body}.asDeveloper(developer{aurora.NewKey(), "y"}), 401, 4006},
		"an app":         {request{path: "/v1/app", body: body}.as(w.app), 401, 4006},
		"wrong secret":   {request{path: "/v1/app", body: body}.asDeveloper(developer{d.key, aurora.NewKey()}), 401, 4007},
		"no name":        {request{path: "/v1/app", body: `{"android_package":"org.example.reader"}`}.asDeveloper(d), 400, 4002},
		"no package":     {request{path: "/v1/app", body: `{"app_name":"x","android_package":null}`}.asDeveloper(d), 400, 4002},
		"a number":       {request{path: "/v1/app", body: `{"app_name":7,"android_package":"org.example.reader"}`}.asDeveloper(d), 400, 4003},
		"bad package":    {request{path: "/v1/app", body: `{"app_name":"x","android_package":"org..reader"}`}.asDeveloper(d), 400, 4003},
		"bad group":      {request{path: "/v1/app", body: `{"app_name":"x","android_package":"org.reader","group_name":"` + strings.Repeat("g", 65) + `"}`}.asDeveloper(d), 400, 4003},
		"no JSON":        {request{path: "/v1/app", body: `app_name=x`}.asDeveloper(d), 400, 4003},
		"no body":        {request{method: "POST", path: "/v1/app"}.asDeveloper(d), 400, 4002},
		"method":         {request{path: "/v1/app"}.asDeveloper(d), 405, 4001},
		"no form":        {request{path: "/v1/app/" + w.app.Key + "/certificate", body: `{}`}.asDeveloper(developer{}), 401, 4004},
	} {
		t.Run(name, func(t *testing.T) { w.refused(t, tt.r, tt.status, tt.code) })
	}
}

// TestDeletedAppStopsSending: what was waiting is not sent, and everything the
// app owned is erased once nobody can use its key any more.
func TestDeletedAppStopsSending(t *testing.T) {
	w := startWorld(t)
	ctx := t.Context()
	check(t, w.s.Accounts.RemoveCredential(ctx, w.app.ID, aurora.Production))
	for i := range 3 {
		w.register(t, w.app, `{"token":"`+token(i)+`","environment":"production","tags":{"set":["a","b"]},"alias":"x"}`)
	}
	w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"hi"}}`)
	check(t, w.s.Accounts.DeleteApp(ctx, w.app.AccountID, w.app.Key))
	if apps, err := w.s.Accounts.Apps(ctx, w.app.AccountID); err != nil || len(apps) != 1 || apps[0].Key != w.other.Key {
		t.Errorf("%+v, %v", apps, err)
	}
	if aurora.KindOf(w.s.Accounts.DeleteApp(context.Background(), w.app.AccountID, w.app.Key)) != aurora.NotFound {
		t.Error("it is there to be deleted again")
	}
	var list []json.RawMessage
	w.accepted(t, request{path: "/v3/received?msg_ids=1"}.as(w.other), &list)
}
