package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"strconv"
	"time"
)

// files are the calls of whoever may keep audience files: an app for itself, or a
// developer for all apps and groups of the account.
type files struct{ by *caller }

// File is a list of aliases or registration ids that pushes are sent to.
type File struct {
	ID        string
	Kind      string // "alias" or "registration_id"
	Name      string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// UnmarshalJSON reads JPush's form.
func (f *File) UnmarshalJSON(text []byte) error {
	var a struct {
		ID      string `json:"file_id"`
		Kind    string `json:"type"`
		Name    string `json:"file_name"`
		Created string `json:"create_time"`
		Expires string `json:"expire_time"`
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	*f = File{ID: a.ID, Kind: a.Kind, Name: a.Name}
	var err error
	if f.CreatedAt, err = time.ParseInLocation(time.DateTime, a.Created, chinaTime); err != nil {
		return err
	}
	f.ExpiresAt, err = time.ParseInLocation(time.DateTime, a.Expires, chinaTime)
	return err
}

// UploadAliases uploads a list of aliases, one a line: UTF-8, up to 10 MB. It is
// kept for whole hours, 1 to 720; 0 means 720. A line that is no alias refuses
// the file. It is read once and not held in memory; an upload is repeated only
// as long as nothing of it was sent, so repeat it yourself if you must.
func (f files) UploadAliases(ctx context.Context, name string, lines io.Reader, keep time.Duration) (id string, err error) {
	return f.upload(ctx, "/v3/files/alias", name, lines, keep)
}

// UploadRegistrationIDs uploads a list of registration ids, as UploadAliases
// does.
func (f files) UploadRegistrationIDs(ctx context.Context, name string, lines io.Reader, keep time.Duration) (id string, err error) {
	return f.upload(ctx, "/v3/files/registration_id", name, lines, keep)
}

func (f files) upload(ctx context.Context, path, name string, lines io.Reader, keep time.Duration) (string, error) {
	hours, err := whole("the time to keep a file", keep, time.Hour)
	if err != nil {
		return "", err
	}
	var a struct {
		ID string `json:"file_id"`
	}
	err = f.by.call(ctx, &request{method: "POST", path: path, once: true, slow: true, form: formOf(func(m *multipart.Writer) error {
		if hours > 0 {
			if err := m.WriteField("ttl", strconv.FormatInt(hours, 10)); err != nil {
				return err
			}
		}
		return addFile(m, "filename", name, lines)
	})}, &a)
	return a.ID, err
}

// formOf makes a form that is written while it is sent.
func formOf(write func(*multipart.Writer) error) form {
	return func() (io.ReadCloser, string) {
		out, in := io.Pipe()
		m := multipart.NewWriter(in)
		go func() {
			err := write(m)
			if err == nil {
				err = m.Close()
			}
			in.CloseWithError(err) // nil is the end of the form
		}()
		return out, m.FormDataContentType()
	}
}

func addFile(m *multipart.Writer, field, name string, content io.Reader) error {
	part, err := m.CreateFormFile(field, name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, content); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Files returns the audience files, 20 at most.
func (f files) Files(ctx context.Context) ([]File, error) {
	var a struct {
		Files []File `json:"files"`
	}
	err := f.by.call(ctx, get("/v3/files", nil), &a)
	return a.Files, err
}

// File returns what is known of a file. [ErrNotFound] if it is gone.
func (f files) File(ctx context.Context, id string) (File, error) {
	var a File
	return a, f.by.call(ctx, get("/v3/files/{}", nil).to(id), &a)
}

// DeleteFile deletes a file; pushes that were sent to it go on. One that is gone
// is no error.
func (f files) DeleteFile(ctx context.Context, id string) error {
	return f.by.call(ctx, remove("/v3/files/{}", nil).to(id), nil)
}

// fileAudience is the audience of a push to a file.
func fileAudience(id string) any {
	return map[string]any{"file": map[string]string{"file_id": id}}
}
