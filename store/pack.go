package store

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/aurora-push/aurora"
)

// What every device has is stored in as few bytes as it needs: with ten million
// devices each byte in a row and its indexes is tens of megabytes.

// keptDigest is how many bytes of a secret's digest are stored.
const keptDigest = 16

// packToken returns a token's bytes, nil for none.
func packToken(token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	return hex.DecodeString(token)
}

// tokenRange returns the range of tokens that begin with some digits.
func tokenRange(digits string) (low, high []byte, ok bool) {
	const most = 2 * 100 // of a token
	if digits == "" || len(digits) > most {
		return nil, nil, false
	}
	low, err := hex.DecodeString(digits + strings.Repeat("0", len(digits)%2))
	if err != nil {
		return nil, nil, false
	}
	high, err = hex.DecodeString(digits + strings.Repeat("f", most-len(digits)))
	return low, high, err == nil
}

// The forms of a packed install id, besides that of an upper-case UUID, which
// is 16 bytes and nothing else.
const (
	packedText  = 0 // stands once or, so that there are not 16 bytes, twice before the text
	packedLower = 1 // stands before the bytes of a lower-case UUID
)

// packInstall returns an install id in bytes: UUIDs as what they stand for.
// There is none for "".
func packInstall(id string) []byte {
	if id == "" {
		return nil
	}
	if b, ok := uuidBytes(id); ok && strings.ToUpper(id) == id {
		return b
	} else if ok && strings.ToLower(id) == id {
		return append([]byte{packedLower}, b...)
	}
	b := append([]byte{packedText}, id...)
	if len(b) == 16 {
		b = append([]byte{packedText}, b...)
	}
	return b
}

func unpackInstall(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case len(b) == 16:
		return strings.ToUpper(uuidText(b))
	case b[0] == packedLower && len(b) == 17:
		return uuidText(b[1:])
	}
	return strings.TrimLeft(string(b), string(rune(packedText)))
}

// uuidBytes reads the usual text of a UUID.
func uuidBytes(s string) ([]byte, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return nil, false
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	return b, err == nil
}

func uuidText(b []byte) string {
	s := hex.EncodeToString(b)
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// fieldSeparator separates the values of a profile; no value has it.
const fieldSeparator = "\x1f"

func profileFields(p *aurora.Profile) []*string {
	return []*string{&p.Channel, &p.AppVersion, &p.OSVersion, &p.Model, &p.Language, &p.TimeZone}
}

// packProfile writes the values of a profile without their names; those that
// are missing at the end are left out.
func packProfile(p aurora.Profile) string {
	var values []string
	for _, field := range profileFields(&p) {
		values = append(values, *field)
	}
	return strings.TrimRight(strings.Join(values, fieldSeparator), fieldSeparator)
}

func unpackProfile(s string) (p aurora.Profile, err error) {
	if s == "" {
		return p, nil
	}
	fields := profileFields(&p)
	values := strings.Split(s, fieldSeparator)
	if len(values) > len(fields) {
		return p, errors.New("store: a device's profile is damaged")
	}
	for i, v := range values {
		*fields[i] = v
	}
	return p, nil
}
