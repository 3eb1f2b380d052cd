package server_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/server"
)

// Another key than the one the data was sealed with is refused at once, by the
// server and by tools, instead of failing later, or sealing secrets that the
// server cannot open.
func TestAnotherKeyIsRefused(t *testing.T) {
	key := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	dir := t.TempDir()
	for _, c := range []struct {
		key string
		ok  bool
	}{{key('a'), true}, {key('b'), false}, {"", false}, {key('a'), true}} {
		s, err := server.Open(t.Context(), server.Config{Data: dir, Key: c.key})
		if (err == nil) != c.ok {
			t.Errorf("with key %.6q: %v, want opened: %v", c.key, err, c.ok)
		}
		if err == nil {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		} else if !strings.Contains(err.Error(), "AURORA_KEY") {
			t.Errorf("the refusal does not name the key: %v", err)
		}
	}
}
