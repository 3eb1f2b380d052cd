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

// eachPart calls use for every part of a multipart form, in the order sent. The
// whole body is bounded; a client may begin it with a line break, leave out the
// blank after a header's colon and the last line break (spec/rest-api.md T12),
// all of which mime/multipart takes.
func eachPart(r *http.Request, limit int64, use func(*multipart.Part) error) error {
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
	parts, err := r.MultipartReader()
	if err != nil {
		return aurora.Errorf(aurora.Missing, "The request is no multipart form. Send the file as multipart/form-data with a boundary.")
	}
	for {
		p, err := parts.NextRawPart()
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
	if aurora.KindOf(err) != aurora.Internal || errors.Is(err, errStore) {
		return err
	}
	return aurora.Errorf(aurora.Invalid, "The multipart form could not be read to its end: a boundary is missing, or the connection ended.")
}

// errStore marks an error of a service within eachPart: it is not the form's.
var errStore = errors.New("api: not the form's fault")

// fieldText reads a short text field.
func fieldText(p *multipart.Part) (string, error) {
	text, err := io.ReadAll(io.LimitReader(p, maxField+1))
	if err == nil && len(text) > maxField {
		return "", aurora.Errorf(aurora.TooLarge, "The field %.50q is longer than %d bytes.", p.FormName(), maxField)
	}
	return string(text), err
}
