package api

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
)

// maxCompressed is the largest compressed body, in bytes: an upload's. What it
// holds is bounded where it is read, as if it had come uncompressed.
const maxCompressed = maxFileForm

// decodeEncoding makes a request's body what it is without its coding. Nothing
// of it is read yet: the caller is not known.
func decodeEncoding(r *http.Request) error {
	switch coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		return nil
	case "gzip", "x-gzip":
		r.Body = &inflated{compressed: http.MaxBytesReader(nil, r.Body, maxCompressed)}
		return nil
	default:
		return aurora.Errorf(aurora.Invalid, "A body with the Content-Encoding %.40q cannot be read. Send it as it is, or with gzip.", coding)
	}
}

// inflated is a body that came compressed. It is read as it is asked for, so
// that a small body which swells is left at the limit of its reader.
type inflated struct {
	compressed io.ReadCloser
	reader     *gzip.Reader
	err        error
}

// errNoGzip says that a body is not what its Content-Encoding says.
var errNoGzip = errors.New("the body is no gzip")

func (b *inflated) Read(p []byte) (int, error) {
	if b.reader == nil && b.err == nil {
		if b.reader, b.err = gzip.NewReader(b.compressed); errors.Is(b.err, gzip.ErrHeader) {
			b.err = errNoGzip
		}
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.reader.Read(p)
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		err = errNoGzip
	}
	return n, err
}

// Close implements io.Closer.
func (b *inflated) Close() error { return b.compressed.Close() }
