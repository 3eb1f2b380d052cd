package store

import (
	"strings"
	"testing"
)

// TestCheckNamesBusyConnections: a server whose reads all wait says so.
func TestCheckNamesBusyConnections(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := s.reads.Stats(); n.InUse < n.MaxOpenConnections; n = s.reads.Stats() {
		conn, err := s.reads.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "none came free") {
		t.Errorf("the check says %v", err)
	}
}
