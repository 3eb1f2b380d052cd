package audience

import (
	"cmp"
	"strings"
)

// CompareVersions compares two versions as people count: part by part, numbers
// as numbers, a missing part as 0, so that 2.9 is before 2.10 and 2.3 is 2.3.0.
// Anything before the first digit does not count ("v2.3", "iOS 17.5"), nor does
// a build after "+", "(" or a blank. A word is before any number, so that
// 2.3.0-beta is before 2.3.0. The result is that of cmp.Compare.
func CompareVersions(a, b string) int {
	a, b = bare(a), bare(b)
	for a != "" || b != "" {
		var x, y string
		x, a = part(a)
		y, b = part(b)
		if c := compareParts(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// NewestFirst orders versions for a list, the newest first. Unlike
// CompareVersions it tells any two texts apart, so that the order is the same
// each time.
func NewestFirst(a, b string) int { return cmp.Or(CompareVersions(b, a), cmp.Compare(a, b)) }

// bare returns what counts of a version.
func bare(v string) string {
	i := strings.IndexFunc(v, isDigit)
	if i < 0 {
		return v
	}
	v = v[i:]
	if end := strings.IndexAny(v, "+( "); end >= 0 {
		v = v[:end]
	}
	return v
}

// part cuts the first number or word off.
func part(v string) (first, rest string) {
	v = strings.TrimLeft(v, ".-_")
	number := v != "" && isDigit(rune(v[0]))
	end := strings.IndexFunc(v, func(r rune) bool { return strings.ContainsRune(".-_", r) || isDigit(r) != number })
	if end < 0 {
		return v, ""
	}
	return v[:end], v[end:]
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// compareParts compares two numbers or words; "" is 0.
func compareParts(x, y string) int {
	xWord, yWord := isWordPart(x), isWordPart(y)
	switch {
	case xWord && yWord:
		return cmp.Compare(strings.ToLower(x), strings.ToLower(y))
	case xWord:
		return -1
	case yWord:
		return 1
	}
	x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)) // of any length
}

func isWordPart(p string) bool { return p != "" && !isDigit(rune(p[0])) }
