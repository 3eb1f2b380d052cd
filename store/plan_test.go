package store

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/store/storetest"
)

// throughAll is a plan that walks through an app's devices, in part or whole.
var throughAll = regexp.MustCompile(`(SEARCH|SCAN) device( USING PRIMARY KEY \(app_id=\?( AND number[<>]\?)*\))?$`)

// What looks for few devices does not walk through all: pushes to an alias would
// take tenths of a second in an app of a million.
func TestFewDevicesAreFoundByAnIndex(t *testing.T) {
	storetest.SQLiteOnly(t, "PostgreSQL plans by what it has counted")
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, query := range []string{pointQueries[audience.Alias], pointQueries[audience.Registration], aliasQuery, regIDQuery, aliasDevicesQuery, tokenSearchQuery} {
		args := []any{1, "a", 2, 3, 4}[:strings.Count(query, "$")]
		if strings.Contains(query, byAlias) { // which has $1 once more
			args = args[:len(args)-1]
		}
		err := s.rows(t.Context(), func(row scanner) error {
			var id, parent, unused int
			var detail string
			err := row.Scan(&id, &parent, &unused, &detail)
			if throughAll.MatchString(detail) {
				t.Errorf("%s: %s", query, detail)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
	}
}
