package account

import (
	"crypto/hmac"
	"crypto/sha1" // RFC 6238's default, and all that most authenticator apps know
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Time-based one-time passwords as authenticator apps make them: RFC 6238 with
// SHA-1, six digits and steps of 30 seconds from 1970.
const (
	totpStep   = 30 * time.Second
	totpSecret = 20 // bytes, the length of SHA-1's output (RFC 4226 §4, R6)
	totpSkew   = 1  // steps that a phone's clock may be off, to either side (RFC 6238 §5.2)
)

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

func stepOf(t time.Time) int64 { return t.Unix() / int64(totpStep/time.Second) }

// totpCode returns the code of a step (RFC 4226 §5.3).
func totpCode(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	binary.Write(mac, binary.BigEndian, step) // a hash does not fail
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[offset:])&0x7fffffff)%1_000_000)
}

// totpMatch returns the step that a code belongs to; 0 if it is none of those
// around now. It takes the same time for every code.
func totpMatch(secret []byte, code string, now time.Time) (found int64) {
	for step := stepOf(now) - totpSkew; step <= stepOf(now)+totpSkew; step++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(secret, step)), []byte(code)) == 1 {
			found = step
		}
	}
	return found
}

// totpURI is what an authenticator app reads from a QR code.
func totpURI(issuer, email string, secret []byte) string {
	q := url.Values{"secret": {base32NoPad.EncodeToString(secret)}, "issuer": {issuer}}
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(email) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// tidyCode drops what people type between the digits or letters of a code.
func tidyCode(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return -1
	}, code)
}
