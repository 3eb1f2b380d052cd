package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argon2id with the second recommended option of RFC 9106 §4, at a memory cost
// that a small server can bear for a few sign-ins at once.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 2
	argonLength  = 32
)

// argonGate bounds how many hashes run at once, so that a flood of sign-ins
// cannot take all memory (64 MiB each).
var argonGate = make(chan struct{}, 2)

func hashPassword(password string) string {
	var salt [16]byte
	rand.Read(salt[:])
	return encodeHash(salt[:], derive(password, salt[:]))
}

func derive(password string, salt []byte) []byte {
	argonGate <- struct{}{}
	defer func() { <-argonGate }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonLength)
}

func encodeHash(salt, sum []byte) string {
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, enc(salt), enc(sum))
}

// checkPassword takes the same time whether or not there is a hash to compare with.
func checkPassword(encoded, password string) bool {
	salt := make([]byte, 16)
	if parts := strings.Split(encoded, "$"); len(parts) == 6 {
		if b, err := base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
			salt = b
		}
	}
	got := encodeHash(salt, derive(password, salt))
	return subtle.ConstantTimeCompare([]byte(got), []byte(encoded)) == 1
}
