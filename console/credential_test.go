package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
)

func TestUploadReachesTheAccount(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	rec := v.upload(full+"/credential", "kind=p12", "file=\x30\x82pkcs12", "password= with spaces ", "environment=production")
	if rec.Code != 303 || rec.Header().Get("Location") != full+"/credential" {
		t.Fatalf("status %d to %q\n%s", rec.Code, rec.Header().Get("Location"), excerpt(rec.Body.String()))
	}
	v.upload(full+"/credential", "kind=p8", "key_id= ABC123DEFG ", "team_id=A1B2C3D4E5", "environment=", "file=-----BEGIN")
	if len(w.uploads) != 2 {
		t.Fatalf("%d uploads", len(w.uploads))
	}
	p12, p8 := w.uploads[0], w.uploads[1]
	if string(p12.File) != "\x30\x82pkcs12" || p12.Password != " with spaces " || p12.Environment != aurora.Production {
		t.Errorf("p12: %+v", p12)
	}
	if p8.KeyID != "ABC123DEFG" || p8.TeamID != "A1B2C3D4E5" || p8.Environment != aurora.NoEnvironment {
		t.Errorf("p8: %+v", p8)
	}
	contains(t, v.follow(rec).Body.String(), "APNs accepted it")
}

func TestUploadRefusalKeepsTheForm(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	w.refuse = aurora.Errorf(aurora.Invalid, "The key id does not fit. Copy it from Apple's page.")
	rec := v.upload(full+"/credential", "kind=p8", "file=-----BEGIN", "key_id=ABC123DEFG", "team_id=A1B2C3D4E5", "environment=production", "password=hunter2")
	if rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("status %d, want 422", rec.Code)
	}
	body := rec.Body.String()
	contains(t, body, "Copy it from Apple&#39;s page.", `value="ABC123DEFG"`, `value="A1B2C3D4E5"`, `<option value="production" selected>`)
	if strings.Contains(body, "hunter2") {
		t.Error("the file's password comes back in the page")
	}
	p8 := strings.Index(body, `id="p8-verdict"`)
	if at := strings.Index(body, "does not fit"); at < p8 {
		t.Error("the sentence stands beside the other form")
	}
}

func TestUploadWithoutAFile(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	contains(t, v.upload(full+"/credential", "kind=p8", "file=", "key_id=ABC").Body.String(), "No file was chosen. Choose the .p8 file", `value="ABC"`)
}

func TestUploadInTheWrongForm(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	contains(t, v.upload(full+"/credential", "kind=p8", "file=\x30\x82pkcs12").Body.String(), "This is not a .p8 key")
	contains(t, v.upload(full+"/credential", "kind=p12", "file=-----BEGIN PRIVATE KEY-----\nMIG").Body.String(), "Use the form for keys")
	v.upload(full+"/credential", "kind=p12", "file=-----BEGIN CERTIFICATE-----\nMII\n-----BEGIN PRIVATE KEY-----\nMIG")
	if len(w.uploads) != 1 {
		t.Errorf("%d uploads reached the account, want the PEM file with both alone", len(w.uploads))
	}
}

func TestUploadSizeLimit(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	if rec := v.upload(full+"/credential", "kind=p12", "file="+strings.Repeat("x", maxCredential)); rec.Code != 303 {
		t.Errorf("a file of exactly the limit: status %d, want 303", rec.Code)
	}
	for _, size := range []int{maxCredential + 1, 8 << 20, maxUpload + 1} {
		rec := v.upload(full+"/credential", "kind=p8", "file="+strings.Repeat("x", size), "key_id=ABC123DEFG")
		if rec.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%d bytes: status %d, want 413", size, rec.Code)
		}
		contains(t, rec.Body.String(), "larger than 1 MiB")
		if kept := strings.Contains(rec.Body.String(), `value="ABC123DEFG"`); !kept && size < maxUpload {
			t.Errorf("%d bytes: the key id after the file is lost", size)
		}
	}
	if len(w.uploads) != 1 {
		t.Errorf("%d uploads reached the account, want 1", len(w.uploads))
	}
}

func TestOrdinaryFormsAreBounded(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	rec := v.post(full+"/send", "body="+strings.Repeat("x", maxForm))
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", rec.Code)
	}
	contains(t, rec.Body.String(), "larger than 256 KiB")
}

func TestSlots(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	contains(t, v.get(full+"/credential").Body.String(), "Expires soon", "In 20 days", "Validated", "Does not expire", "com.example.reader", "Key (.p8)", "Certificate (.p12)")
	w.credentials[1][0].Parked = "BadCertificate"
	contains(t, v.get(full+"/credential").Body.String(), "Refused by APNs", aurora.ExplainReason("BadCertificate"))
	removed := v.post(full+"/credential/remove", "environment=development")
	if len(w.credentials[1]) != 1 || w.credentials[1][0].Environment != aurora.Production {
		t.Errorf("left: %v", w.credentials[1])
	}
	contains(t, v.follow(removed).Body.String(), "The credential was removed.", "Empty")
}

// TestProbeByPage: the verdict stands where the credential is.
func TestProbeByPage(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	w.credentials[1][1].Parked = "BadCertificate"
	done := v.post(full+"/credential/probe", "environment=production")
	contains(t, v.follow(done).Body.String(), "APNs accepts the credential")
	w.refuse = aurora.Errorf(aurora.Unavailable, "APNs could not be asked. <b>")
	rec := v.post(full+"/credential/probe", "environment=development")
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", rec.Code)
	}
	contains(t, rec.Body.String(), "APNs could not be asked. &lt;b&gt;")
	if rec := v.post(full+"/credential/probe", "environment=moon"); rec.Code != 422 {
		t.Errorf("status %d", rec.Code)
	}
}

// TestUrgentCredentialsAreOnEveryPage of their app, without a mail server too.
func TestUrgentCredentialsAreOnEveryPage(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	if body := v.get(full + "/devices").Body.String(); strings.Contains(body, "A credential") {
		t.Error("twenty days before the end every page warns")
	}
	w.credentials[1][0].NotAfter = time.Now().Add(5*24*time.Hour + time.Hour)
	contains(t, v.get(full+"/devices").Body.String(), "A credential expires in 5 days.", full+"/credential")
	if n := strings.Count(v.get(full).Body.String(), "A credential expires in 5 days."); n != 1 {
		t.Errorf("the first page says it %d times", n)
	}
}
