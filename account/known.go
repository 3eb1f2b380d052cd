package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"
)

// DeviceLife is how long a browser is known after a sign-in.
const DeviceLife = 180 * 24 * time.Hour

const (
	deviceLabel  = "known device"
	devicePrefix = "device " // of a guess's trusted
)

// known is what a browser keeps, sealed.
type known struct {
	Email string
	ID    string
	At    time.Time
}

// Remember returns what a browser keeps after a sign-in, for DeviceLife. It
// opens nothing: attempts to sign in that bring it along are counted by
// themselves, so that strangers who guess at the account do not keep its person
// out.
func (s *Service) Remember(ctx context.Context, session string) (string, error) {
	v, err := s.c.Doors.Visitor(ctx, hash(session))
	if err != nil {
		return "", err
	}
	var id [8]byte
	rand.Read(id[:])
	text, err := json.Marshal(known{v.Email, hex.EncodeToString(id[:]), time.Now()})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.c.Seal.Close(text, deviceLabel)), nil
}

type deviceKey struct{}

// WithDevice notes on a context what a browser kept of Remember.
func WithDevice(ctx context.Context, kept string) context.Context {
	return context.WithValue(ctx, deviceKey{}, kept)
}

// knownDevice names the device of a context if the person has signed in with
// it; "" if not.
func (s *Service) knownDevice(ctx context.Context, email string) string {
	kept, _ := ctx.Value(deviceKey{}).(string)
	sealed, err := base64.RawURLEncoding.DecodeString(kept)
	if kept == "" || err != nil {
		return ""
	}
	text, err := s.c.Seal.Open(sealed, deviceLabel)
	var k known
	if err != nil || json.Unmarshal(text, &k) != nil || k.Email != email || time.Since(k.At) > DeviceLife {
		return ""
	}
	return devicePrefix + k.ID
}
