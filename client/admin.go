package client

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
)

// DeveloperConfig is what a [Developer] needs. `aurora account create` prints the
// key and the secret.
type DeveloperConfig struct {
	Server    string // base URL, such as https://push.example.com
	DevKey    string // 24 letters and digits
	DevSecret string
	Settings
}

// Developer makes and ends the apps of an account, and keeps files that serve all
// of them.
type Developer struct {
	caller
	files
}

// NewDeveloper returns a client for an account. It does no I/O.
func NewDeveloper(c DeveloperConfig) (*Developer, error) {
	if c.DevKey == "" || c.DevSecret == "" {
		return nil, errors.New("client: DevKey and DevSecret are required; `aurora account create` prints them")
	}
	to, err := newCaller(c.Server, c.DevKey, c.DevSecret, c.Settings)
	if err != nil {
		return nil, err
	}
	d := &Developer{caller: to}
	d.files = files{&d.caller}
	return d, nil
}

// App is an app with its credentials.
type App struct {
	Key          string `json:"app_key"`
	Package      string `json:"android_package"`
	Created      bool   `json:"is_new_created"` // false if the account had it already
	MasterSecret string `json:"master_secret"`
}

// CreateApp makes an app, or returns the account's app of that package: calling
// again changes nothing. The package stands for the bundle id until the first
// certificate says another. group, if it is not "", is a group of apps to add it
// to, which is made if it is not there.
func (d *Developer) CreateApp(ctx context.Context, name, pkg, group string) (App, error) {
	b := map[string]string{"app_name": name, "android_package": pkg}
	if group != "" {
		b["group_name"] = group
	}
	r := post("/v1/app", b)
	r.refusesOK = true
	var a App
	return a, d.call(ctx, r, &a)
}

// DeleteApp ends an app for good: its keys, devices and credentials are of no use
// from then on, and all of it is erased within minutes. [ErrNotFound] if the
// account has no such app.
func (d *Developer) DeleteApp(ctx context.Context, appKey string) error {
	r := remove("/v1/app/{}/delete", nil).to(appKey)
	r.refusesOK = true
	return d.call(ctx, r, nil)
}

// Certificate is a push certificate with its key, as PKCS#12 (.p12).
type Certificate struct {
	P12      []byte
	Password string
}

// Certificates are an app's, for one environment of APNs or for both.
type Certificates struct {
	Development *Certificate
	Production  *Certificate
}

// UploadCertificates stores certificates once they were checked and proved at
// APNs: all of them, or none. [ErrInvalid] says what is wrong with one.
func (d *Developer) UploadCertificates(ctx context.Context, appKey string, c Certificates) error {
	r := (&request{method: http.MethodPost, path: "/v1/app/{}/certificate", refusesOK: true, form: formOf(func(m *multipart.Writer) error {
		if err := addCertificate(m, "dev", c.Development); err != nil {
			return err
		}
		return addCertificate(m, "pro", c.Production)
	})}).to(appKey)
	return d.call(ctx, r, nil)
}

func addCertificate(m *multipart.Writer, slot string, c *Certificate) error {
	if c == nil {
		return nil
	}
	if err := addFile(m, slot+"CertificateFile", slot+".p12", bytes.NewReader(c.P12)); err != nil {
		return err
	}
	return m.WriteField(slot+"CertificatePassword", c.Password)
}
