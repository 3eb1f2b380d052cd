package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/aurora-push/aurora"
)

const (
	maxField     = 4 << 10 // bytes of a text field
	maxFieldName = 200     // bytes
	maxFields    = 100     // of one form
)

// partsOf returns a way to read a multipart form part by part, which ends with
// errNoMoreParts; a field that comes twice is an error. The whole body is
// bounded; a client may begin it with a line break, leave out the blank after a
// header's colon and the last line break (spec/rest-api.md T12), all of which
// mime/multipart takes.
func partsOf(r *http.Request, limit int64) func() (*multipart.Part, error) {
	end := &tail{ReadCloser: http.MaxBytesReader(nil, r.Body, limit)}
	r.Body = end
	parts, err := r.MultipartReader()
	if err != nil {
		err = aurora.Errorf(aurora.Missing, "The request is no multipart form. Send the file as multipart/form-data with a boundary.")
		return func() (*multipart.Part, error) { return nil, err }
	}
	seen := map[string]bool{}
	return func() (*multipart.Part, error) {
		p, err := parts.NextRawPart()
		if err == io.EOF && end.has(r) {
			return nil, errNoMoreParts
		}
		if err != nil { // io.EOF, too, if the form was cut off
			return nil, err
		}
		name := p.FormName()
		switch {
		case len(name) > maxFieldName:
			return nil, aurora.Errorf(aurora.Invalid, "The name of a field is %d bytes long.", len(name))
		case seen[name]:
			return nil, aurora.Errorf(aurora.Invalid, "The form has the field %.80q twice. Send each once.", name)
		case len(seen) == maxFields:
			return nil, aurora.Errorf(aurora.Invalid, "The form has more than %d fields.", maxFields)
		}
		seen[name] = true
		return p, nil
	}
}

// tail remembers the end of a body: mime/multipart takes a form that was cut off
// in a part's header for one that ended.
type tail struct {
	io.ReadCloser
	last []byte
}

// tailSize is more than mime/multipart reads ahead of the last boundary.
const tailSize = 16 << 10

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.last = append(t.last, p[:n]...)
	if extra := len(t.last) - tailSize; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	return n, err
}

// has reports whether the last boundary of the request's form was read.
func (t *tail) has(r *http.Request) bool {
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && bytes.Contains(t.last, []byte("--"+parameters["boundary"]+"--"))
}

// errNoMoreParts says that a form was read to its end.
var errNoMoreParts = errors.New("the form has no more parts")

// eachPart calls use for every part of a form, in the order sent.
func eachPart(r *http.Request, limit int64, use func(*multipart.Part) error) error {
	for next := partsOf(r, limit); ; {
		p, err := next()
		if err == errNoMoreParts {
			return nil
		}
		if err == nil {
			err = use(p)
		}
		if err != nil {
			return formError(err)
		}
	}
}

// formError says what is wrong with a form that could not be read; a refusal
// of the one who uses it stays as it is.
func formError(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return aurora.Errorf(aurora.TooLarge, "The upload is over %d bytes.", tooLarge.Limit)
	}
	if errors.Is(err, errNoGzip) {
		return aurora.Errorf(aurora.Invalid, "The upload is labelled Content-Encoding: gzip, and is no gzip.")
	}
	if aurora.KindOf(err) != aurora.Internal {
		return err
	}
	return aurora.Errorf(aurora.Invalid, "The multipart form could not be read to its end: a boundary is missing, or the connection ended.")
}

// fieldText reads a short text field.
func fieldText(p *multipart.Part) (string, error) {
	text, err := io.ReadAll(io.LimitReader(p, maxField+1))
	if err == nil && len(text) > maxField {
		return "", aurora.Errorf(aurora.TooLarge, "The field %.50q is longer than %d bytes.", p.FormName(), maxField)
	}
	return string(text), err
}
