package account

import (
	"strings"
	"testing"
	"time"
)

// TestTotpVectors: the values of RFC 6238, appendix B, for SHA-1; the last six
// of their eight digits.
func TestTotpVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for unix, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := totpCode(secret, stepOf(time.Unix(unix, 0))); got != want {
			t.Errorf("at %d: %s, want %s", unix, got, want)
		}
		for _, skew := range []int64{-30, 0, 30} {
			if totpMatch(secret, want, time.Unix(unix+skew, 0)) != unix/30 {
				t.Errorf("the code of %d is refused %d s later", unix, skew)
			}
		}
		for _, skew := range []int64{-90, 90} {
			if totpMatch(secret, want, time.Unix(unix+skew, 0)) != 0 {
				t.Errorf("the code of %d passes %d s later", unix, skew)
			}
		}
	}
	if got, want := totpURI("Aurora", "mia+1@example.com", secret), "otpauth://totp/Aurora:mia+1@example.com?issuer=Aurora&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// FuzzTidyCode: whatever is typed becomes capital letters and digits.
func FuzzTidyCode(f *testing.F) {
	for _, seed := range []string{"123 456", "abcd-efgh-ijkl-mnop", "", "１２３", "\xff\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if rest := strings.Trim(tidyCode(typed), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"); rest != "" {
			t.Errorf("%q became %q", typed, tidyCode(typed))
		}
	})
}
