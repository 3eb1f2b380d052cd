package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/aurora-push/aurora"
)

// argon2id with the second recommended option of RFC 9106 §4, at a memory cost
// that a small server can bear for a few sign-ins at once.
const (
	argonTime       = 3
	argonFullMemory = 64 << 10 // KiB
	argonThreads    = 2
	argonLength     = 32
)

// argonMemory is argonFullMemory everywhere but in tests of other things than
// hashing: under the race detector a hash of that size takes half a second.
var argonMemory uint32 = argonFullMemory

// gate bounds how many do something at once, and how long others wait for it.
type gate struct {
	places chan struct{}
	wait   time.Duration
}

// argonGate keeps a flood of sign-ins from taking all memory (64 MiB a hash).
var argonGate = gate{make(chan struct{}, 2), 10 * time.Second}

// enter waits for a place and returns how to leave it. Nobody waits longer than
// the gate's time: aurora.Unavailable.
func (g gate) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.places <- struct{}{}:
		return func() { <-g.places }, nil
	case <-timer.C:
		return nil, aurora.Errorf(aurora.Unavailable, "Very many people are signing in right now. Try again in a minute.")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func hashPassword(ctx context.Context, password string) (string, error) {
	var salt [16]byte
	rand.Read(salt[:])
	sum, err := derive(ctx, password, salt[:])
	return encodeHash(salt[:], sum), err
}

func derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	leave, err := argonGate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonLength), nil
}

func encodeHash(salt, sum []byte) string {
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, enc(salt), enc(sum))
}

// checkPassword takes the same time whether or not there is a hash to compare with.
func checkPassword(ctx context.Context, encoded, password string) (bool, error) {
	salt := make([]byte, 16)
	if parts := strings.Split(encoded, "$"); len(parts) == 6 {
		if b, err := base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
			salt = b
		}
	}
	sum, err := derive(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(encodeHash(salt, sum)), []byte(encoded)) == 1, nil
}
