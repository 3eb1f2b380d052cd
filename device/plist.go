package device

import (
	"bytes"
	"errors"
	"fmt"
)

// Limits of a property list that is read. A PushConfig.plist holds four short strings; whatever is larger than this is not
// one, and must not be able to make a phone allocate or recurse without end.
const (
	maxPlistSize  = 64 << 10 // bytes
	maxPlistDepth = 16       // nested containers
	maxPlistNodes = 4096     // values visited, counted with repetition, so that shared objects cannot multiply
)

// errPlist is wrapped by every error of the property list readers.
var errPlist = errors.New("not a readable property list")

// parsePlist reads a property list, XML or binary, into string, bool, int64, float64, []byte, time.Time, []any and
// map[string]any. The old NeXT form is refused with the command that converts it.
func parsePlist(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", errPlist)
	}
	if len(data) > maxPlistSize {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are read", errPlist, len(data), maxPlistSize)
	}
	if bytes.HasPrefix(data, []byte("bplist")) {
		return parseBinaryPlist(data)
	}
	text := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<")) {
		return parseXMLPlist(text)
	}
	return nil, fmt.Errorf("%w: it is neither XML nor binary; convert it with: plutil -convert xml1 PushConfig.plist", errPlist)
}

// budget bounds the work spent on one property list.
type budget struct{ nodes int }

// enter accounts for one value at the given depth of nesting.
func (b *budget) enter(depth int) error {
	if depth > maxPlistDepth {
		return fmt.Errorf("%w: values are nested more than %d deep", errPlist, maxPlistDepth)
	}
	b.nodes++
	if b.nodes > maxPlistNodes {
		return fmt.Errorf("%w: it holds more than %d values", errPlist, maxPlistNodes)
	}
	return nil
}
