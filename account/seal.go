package account

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Seal encrypts secrets at rest with AES-256-GCM. Each sealed value is bound
// to a label, so that one cannot be put in another's place in the database.
type Seal struct{ aead cipher.AEAD }

// NewSeal makes a seal from a 32-byte key.
func NewSeal(key []byte) (*Seal, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("the encryption key has %d bytes; it must have 32. Make one with: openssl rand -base64 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Seal{aead}, err
}

// KeyFile is the name of the file in a data folder that holds the encryption key.
const KeyFile = "secret.key"

// LoadSeal uses the base64 key in env, or else the file secret.key in dir,
// which it creates with mode 0600 on first use.
func LoadSeal(env, dir string) (*Seal, error) {
	if env != "" {
		key, err := base64.StdEncoding.DecodeString(env)
		if err != nil {
			return nil, errors.New("AURORA_KEY is not base64; make one with: openssl rand -base64 32")
		}
		return NewSeal(key)
	}
	path := filepath.Join(dir, KeyFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = createKey(path); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s is damaged (not 32 bytes in base64); restore it from a backup, the stored credentials cannot be read without it", path)
	}
	return NewSeal(key)
}

// createKey links the finished file into place: of two processes that start
// together both end with the first one's key.
func createKey(path string) ([]byte, error) {
	var key [32]byte
	rand.Read(key[:])
	f, err := os.CreateTemp(filepath.Dir(path), "secret.key.*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n"); err != nil {
		f.Close()
		return nil, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// Close encrypts a secret under a label.
func (s *Seal) Close(secret []byte, label string) []byte {
	return s.aead.Seal(nil, nil, secret, []byte(label))
}

// Open decrypts what Close made with the same label.
func (s *Seal) Open(sealed []byte, label string) ([]byte, error) {
	secret, err := s.aead.Open(nil, nil, sealed, []byte(label))
	if err != nil {
		return nil, errors.New("a stored secret cannot be decrypted: secret.key in the data folder (or AURORA_KEY) is not the key it was stored with. Put the right key back from a backup and restart")
	}
	return secret, nil
}
