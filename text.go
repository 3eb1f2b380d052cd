package aurora

import (
	"strings"
	"unicode/utf8"
)

// ValidText reports whether a text can be stored: UTF-8 without U+0000.
// PostgreSQL takes no other, and what SQLite took could not be moved there.
func ValidText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// CheckText refuses a text that cannot be stored. It is given the name of the
// field, for the sentence.
func CheckText(field, s string) error {
	if ValidText(s) {
		return nil
	}
	return Errorf(Invalid, "%.60s has a character that cannot be stored: U+0000, or a byte that is not UTF-8. Leave it out.", field)
}

// CleanText replaces what CheckText refuses by U+FFFD. It is for what other
// programs say: that is to be kept however it is written.
func CleanText(s string) string {
	if ValidText(s) {
		return s
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}
