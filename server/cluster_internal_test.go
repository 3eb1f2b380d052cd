package server

import (
	"strings"
	"testing"
	"time"
)

// A clock that is minutes off is named with its remedy; a second is nothing.
func TestClocksThatDiffer(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		want  string
	}{
		{0, ""},
		{-time.Second, ""},
		{3 * time.Minute, "clock is 3m0s ahead of the database's; set it"},
		{-2 * time.Minute, "clock is 2m0s behind the database's; set it"},
	} {
		err := (&cluster{ahead: c.ahead}).clock()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v ahead: %v, want %q", c.ahead, err, c.want)
		}
	}
}
