package dispatch

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// FuzzFileLines compares the reading of a file with a slow and obvious
// definition.
func FuzzFileLines(f *testing.F) {
	for _, text := range []string{"", "x", "x\n", "\ufeffx\r\ny", " a \n\n b\t\n", "a\rb\n", "\xff\n", "读者\n" + strings.Repeat("读", 14), strings.Repeat("x", 70000), "a,b\n", "\ufeff", "\ufeff\ufeffx"} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, aliases bool) {
		kind, valid := RegistrationFile, func(s string) error { return aurora.ValidateRegistrationID(s) }
		if aliases {
			kind, valid = AliasFile, func(s string) error { return aurora.ValidateTag("alias", s) }
		}
		var want []string
		refused := false
		for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
			if line = strings.TrimSpace(line); line != "" {
				refused = refused || valid(line) != nil
				want = append(want, line)
			}
		}
		refused = refused || slices.ContainsFunc(strings.Split(text, "\n"), func(s string) bool { return len(s) > 60<<10 })
		var got []string
		err := kind.eachLine(bytes.NewReader([]byte(text)), func(line []byte) error {
			got = append(got, string(line))
			return nil
		})
		if (err != nil) != refused || !refused && !slices.Equal(got, want) {
			t.Errorf("%.200q: read %q with %v, want %q, refused %v", text, got, err, want, refused)
		}
	})
}
