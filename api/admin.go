package api

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/aurora-push/aurora"
)

// Admin is what a developer's own programs do with apps.
type Admin interface {
	// App returns an app of the account, or aurora.NotFound.
	App(ctx context.Context, accountID int64, key string) (aurora.App, error)
	ProvisionApp(ctx context.Context, accountID int64, name, pkg, group string) (app aurora.App, created bool, err error)
	ProvisionCertificates(ctx context.Context, app aurora.App, files []aurora.CredentialFile) error
	DeleteApp(ctx context.Context, accountID int64, key string) error
}

// Failures of the admin API beyond the credentials come with 200
// (spec/rest-api.md §6.5).
const (
	certificateIsSet    = 1010
	certificateRejected = 1012
	appOfAnother        = 1013
	noCertificate       = 1014
	deletionFailed      = 1015
)

// success is the admin API's answer when nothing else is to say.
type success struct {
	Success string `json:"success"`
}

var synchronized = success{"Synchronized success"} // the text that JPush answers

// createApp is POST /v1/app.
func (s *server) createApp(r *http.Request, a aurora.Account) (any, error) {
	body, err := readBody(r, MaxBody)
	if err != nil {
		return nil, err
	}
	top, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	var name, pkg, group string
	for _, field := range []struct {
		key      string
		into     *string
		required bool
	}{{"app_name", &name, true}, {"android_package", &pkg, true}, {"group_name", &group, false}} {
		text, ok, err := top.text(field.key)
		if err != nil {
			return nil, err
		}
		if !ok && field.required {
			return nil, aurora.Errorf(aurora.Missing, "%s is missing.", field.key)
		}
		*field.into = text
	}
	app, created, err := s.Admin.ProvisionApp(r.Context(), a.ID, name, pkg, group)
	if err != nil {
		return nil, err
	}
	return struct {
		Key     string `json:"app_key"`
		Package string `json:"android_package"`
		Created bool   `json:"is_new_created"`
		Secret  string `json:"master_secret"`
	}{app.Key, app.Package, created, app.MasterSecret.Reveal()}, nil
}

// ownApp returns the developer's app that the path names.
func (s *server) ownApp(r *http.Request, a aurora.Account) (aurora.App, error) {
	app, err := s.Admin.App(r.Context(), a.ID, r.PathValue("app"))
	if aurora.KindOf(err) == aurora.NotFound {
		return app, numbered{http.StatusOK, appOfAnother, "The account has no app with this AppKey. It was deleted, or it is another account's."}
	}
	return app, err
}

// deleteApp is POST or DELETE /v1/app/{app}/delete. A body is not looked at:
// clients send null, {} or [].
func (s *server) deleteApp(r *http.Request, a aurora.Account) (any, error) {
	app, err := s.ownApp(r, a)
	if err != nil {
		return nil, err
	}
	if err := s.Admin.DeleteApp(r.Context(), a.ID, app.Key); err != nil {
		s.Logger.ErrorContext(r.Context(), "an app could not be deleted", "app", app.Key, "error", err)
		return nil, numbered{http.StatusOK, deletionFailed, "The app could not be deleted, and is as it was. Call again; Aurora's log has the cause."}
	}
	return synchronized, nil
}

// maxCertificateForm bounds a form of two certificates with their passwords.
const maxCertificateForm = 4 << 20

// uploadCertificates is POST /v1/app/{app}/certificate: a form with a
// certificate for development, for production, or both. Both are stored or none.
func (s *server) uploadCertificates(r *http.Request, a aurora.Account) (any, error) {
	app, err := s.ownApp(r, a)
	if err != nil {
		return nil, err
	}
	files, err := certificateForm(r)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, numbered{http.StatusOK, noCertificate, "The form has no certificate. Send devCertificateFile, proCertificateFile or both, each with its password."}
	}
	err = s.Admin.ProvisionCertificates(r.Context(), app, files)
	switch aurora.KindOf(err) {
	case aurora.Conflict:
		return nil, numbered{http.StatusOK, certificateIsSet, err.Error()}
	case aurora.Invalid, aurora.Missing, aurora.TooLarge:
		return nil, numbered{http.StatusOK, certificateRejected, err.Error()}
	}
	return synchronized, err
}

// certificateForm reads the certificates that are there, development first.
func certificateForm(r *http.Request) ([]aurora.CredentialFile, error) {
	slots := []struct {
		file, password string
		aurora.CredentialFile
	}{
		{"devCertificateFile", "devCertificatePassword", aurora.CredentialFile{Environment: aurora.Development}},
		{"proCertificateFile", "proCertificatePassword", aurora.CredentialFile{Environment: aurora.Production}},
	}
	err := eachPart(r, maxCertificateForm, func(p *multipart.Part) (err error) {
		for i := range slots {
			switch p.FormName() {
			case slots[i].file:
				var file bytes.Buffer
				_, err = io.Copy(&file, p)
				slots[i].File = file.Bytes()
			case slots[i].password:
				slots[i].Password, err = fieldText(p)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	var files []aurora.CredentialFile
	for _, slot := range slots {
		if len(slot.File) > 0 {
			files = append(files, slot.CredentialFile)
		}
	}
	return files, err
}
