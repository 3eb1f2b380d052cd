package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Store keeps the SDK's record of one installation: its identity, the desired state and the receipts not yet delivered.
// The record is one small JSON document (under 400 KiB) that contains the secret of the installation, so it belongs where
// only the app can read it. One Client uses a Store at a time.
type Store interface {
	// Load returns the record last saved, or nil when there is none. An error means "cannot be read now": the SDK tries
	// again later and does not replace what is there.
	Load() ([]byte, error)
	// Save replaces the record as a whole: after a crash either the old or the new one is found. It does not keep data.
	Save(data []byte) error
}

// MemoryStore keeps the record for the life of the process; the zero value is empty and ready. For tests, and for apps
// that are to be a new device each time.
type MemoryStore struct {
	mu   sync.Mutex
	data []byte
}

// Load implements [Store].
func (s *MemoryStore) Load() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.data...), nil
}

// Save implements [Store].
func (s *MemoryStore) Save(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = append([]byte(nil), data...)
	return nil
}

// FileStore keeps the record in a file that only its owner can read (mode 0600). Its folder must exist.
type FileStore struct{ Path string }

// Load implements [Store].
func (s FileStore) Load() ([]byte, error) {
	data, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("device: read the stored record: %w", err)
	}
	return data, nil
}

// Save implements [Store]: write beside, flush, rename.
func (s FileStore) Save(data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(s.Path), "."+filepath.Base(s.Path)+".*") // created with mode 0600
	if err != nil {
		return fmt.Errorf("device: store the record: %w", err)
	}
	defer os.Remove(file.Name()) // no longer there after a successful rename
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), s.Path)
	}
	if err != nil {
		return fmt.Errorf("device: store the record: %w", err)
	}
	return nil
}
