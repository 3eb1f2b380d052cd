package console

import (
	"net/http"
	"testing"

	"github.com/aurora-push/aurora"
)

// TestRefusalsAreNoDefects: every kind of refusal has a status that says whose
// turn it is; only a defect is a 500.
func TestRefusalsAreNoDefects(t *testing.T) {
	for kind := aurora.Invalid; kind <= aurora.Unavailable; kind++ {
		if status := statusOf(aurora.Errorf(kind, "no")); status == http.StatusInternalServerError {
			t.Errorf("kind %d is shown with status %d", kind, status)
		}
	}
}

// TestCellsAreNoFormulas: of what people type nothing begins a formula.
func TestCellsAreNoFormulas(t *testing.T) {
	for _, text := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠SUM"} {
		if got := cell(text); got != "'"+text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	for _, text := range []string{"", "mia@example.com", "a=b", "3"} {
		if got := cell(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}
