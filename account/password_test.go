package account

import (
	"strings"
	"testing"
)

// TestPasswordHash: stored in the usual form of argon2id, salted, and only the
// password itself passes.
func TestPasswordHash(t *testing.T) {
	one, two := hashPassword("correct horse battery"), hashPassword("correct horse battery")
	if !strings.HasPrefix(one, "$argon2id$v=19$m=65536,t=3,p=2$") || one == two {
		t.Errorf("%s and %s", one, two)
	}
	if !checkPassword(one, "correct horse battery") || !checkPassword(two, "correct horse battery") {
		t.Error("the right password does not pass")
	}
	for encoded, password := range map[string]string{
		one: "correct horse batterz", two: "",
		"":                                   "correct horse battery", // no such account
		strings.TrimSuffix(one, one[60:]):    "correct horse battery",
		"$argon2id$v=19$m=65536,t=3,p=2$$":   "",
		"$argon2id$v=19$m=65536,t=3,p=2$!$!": "x",
	} {
		if checkPassword(encoded, password) {
			t.Errorf("%q passes for %q", password, encoded)
		}
	}
}
