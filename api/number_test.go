package api

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestNumbersAreExplained: every refusal points to an anchor that exists.
func TestNumbersAreExplained(t *testing.T) {
	doc, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[int]bool{1001: true, 1008: true, 7001: true, 7008: true, 7013: true, 4001: true, 4004: true, 4005: true, 4006: true,
		certificateIsSet: true, certificateRejected: true, appOfAnother: true, noCertificate: true, deletionFailed: true} // those that follow from no kind
	for _, kinds := range refusals {
		for _, n := range kinds {
			codes[n.code] = true
			if n.status < 400 || n.status > 599 || n.status == 405 {
				t.Errorf("status %d for code %d", n.status, n.code)
			}
		}
	}
	for code := range codes {
		if anchor := fmt.Sprintf(`<a id="%d"></a>`, code); strings.Count(string(doc), anchor) != 1 {
			t.Errorf("%s stands %d times in docs/errors.md", anchor, strings.Count(string(doc), anchor))
		}
	}
}
