package api

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/aurora-push/aurora"
)

// maxField is the longest text field of a form, in bytes.
const maxField = 4 << 10

// partsOf returns a way to read a multipart form part by part. The whole body is
// bounded; a client may begin it with a line break, leave out the blank after a
// header's colon and the last line break (spec/rest-api.md T12), all of which
// mime/multipart takes.
func partsOf(r *http.Request, limit int64) func() (*multipart.Part, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
	parts, err := r.MultipartReader()
	if err != nil {
		err = aurora.Errorf(aurora.Missing, "The request is no multipart form. Send the file as multipart/form-data with a boundary.")
		return func() (*multipart.Part, error) { return nil, err }
	}
	return parts.NextRawPart
}

// eachPart calls use for every part of a form, in the order sent.
func eachPart(r *http.Request, limit int64, use func(*multipart.Part) error) error {
	for next := partsOf(r, limit); ; {
		p, err := next()
		if errors.Is(err, io.EOF) {
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
