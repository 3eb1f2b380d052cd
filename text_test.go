package aurora_test

import (
	"testing"

	"github.com/aurora-push/aurora"
)

func TestText(t *testing.T) {
	for text, clean := range map[string]string{
		"": "", "Gate change": "Gate change", "登机口\n\t\u200b": "登机口\n\t\u200b",
		"a\x00b": "a\uFFFDb", "\xff": "\uFFFD", "half 极"[:6]: "half \uFFFD", "\xed\xa0\x80": "\uFFFD", "\x00\xfe": "\uFFFD\uFFFD",
	} {
		err := aurora.CheckText("name", text)
		if refused := err != nil; refused != (text != clean) || refused && aurora.KindOf(err) != aurora.Invalid {
			t.Errorf("%q: %v", text, err)
		}
		if got := aurora.CleanText(text); got != clean || !aurora.ValidText(got) {
			t.Errorf("%q was cleaned to %q, want %q", text, got, clean)
		}
	}
}
