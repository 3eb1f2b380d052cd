package aurora

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"log/slog"
)

// Secret is a value that must not appear in logs or error texts by accident.
// It prints as "[secret]" everywhere; only Reveal gives the value.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value. Call it only where the value leaves on purpose.
func (s Secret) Reveal() string { return s.value }

// Equal compares in constant time.
func (s Secret) Equal(value string) bool {
	return subtle.ConstantTimeCompare([]byte(s.value), []byte(value)) == 1
}

// String hides the value from fmt.
func (Secret) String() string { return "[secret]" }

// GoString hides the value from %#v.
func (Secret) GoString() string { return "[secret]" }

// LogValue hides the value from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText hides the value from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// NewKey returns 24 lower-case hexadecimal characters (96 bits) from a
// cryptographic source: the form of AppKeys, Master Secrets and developer keys
// that official JPush clients insist on (spec/rest-api.md §3).
func NewKey() string {
	var b [12]byte
	rand.Read(b[:]) // never fails since Go 1.24: the program stops instead
	return hex.EncodeToString(b[:])
}

// ValidKey reports whether s has the form of a key: exactly 24 ASCII letters
// and digits.
func ValidKey(s string) bool { return len(s) == 24 && alphanumeric(s) }

func alphanumeric(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
