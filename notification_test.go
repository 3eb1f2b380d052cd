package aurora_test

import (
	"encoding/json"
	"testing"

	"github.com/aurora-push/aurora"
)

// TestBadge follows the table of spec/rest-api.md §7.5.3.
func TestBadge(t *testing.T) {
	for _, tt := range []struct {
		given     string
		old, want int
	}{
		{"5", 2, 5},
		{"0", 7, 0},
		{"", 7, 0},
		{"99999", 0, 99999},
		{"+1", 2, 3},
		{"+10", 2, 12},
		{"+0", 2, 2},
		{"-1", 2, 1},
		{"-5", 2, 0},
		{"-0", 2, 2},
		{"auto", 2, 3},
		{"+1", 99999, 99999},
		{"+99999", 99999, 99999},
	} {
		b, err := aurora.ParseBadge(tt.given)
		if err != nil {
			t.Errorf("%q: %v", tt.given, err)
			continue
		}
		if got := b.Apply(tt.old); got != tt.want {
			t.Errorf("%q on %d gives %d, want %d", tt.given, tt.old, got, tt.want)
		}
		again, err := aurora.ParseBadge(b.String())
		if err != nil || again.Apply(tt.old) != tt.want {
			t.Errorf("%q is stored as %q, which means %+v (%v)", tt.given, b, again, err)
		}
	}
	for _, s := range []string{"100000", "-100000", "+100000", "1.5", "one", "++1", " 1", "0x1", "99999999999999999999"} {
		_, err := aurora.ParseBadge(s)
		refused(t, err, aurora.Invalid)
	}
}

func TestBadgeIsStoredInContent(t *testing.T) {
	for _, s := range []string{"5", "+1", "-2", "0"} {
		b, err := aurora.ParseBadge(s)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := json.Marshal(aurora.IOSNotification{Badge: &b})
		if err != nil {
			t.Fatal(err)
		}
		var back aurora.IOSNotification
		if err := json.Unmarshal(stored, &back); err != nil || back.Badge == nil || *back.Badge != b {
			t.Errorf("%q came back from %s as %+v (%v)", s, stored, back.Badge, err)
		}
	}
}
