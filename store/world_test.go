package store

import (
	"testing"

	"github.com/aurora-push/aurora/store/storetest"
)

// openTest opens the database of a folder, or on PostgreSQL what stands for it.
func openTest(t testing.TB, dir string) (*Store, error) {
	t.Helper()
	if url := storetest.Database(t, dir); url != "" {
		return OpenURL(t.Context(), url, nil)
	}
	return Open(t.Context(), dir)
}

// Every test of the store that does not say "only of SQLite" passes on
// PostgreSQL too. Those that take long are run there by AURORA_TEST_DATABASE=postgres
// only.
func TestOnPostgres(t *testing.T) {
	storetest.Again(t, ".", "Servers|Database|^Fuzz|BroadcastsToInboxes|FoldGoesInSteps|ManyBlocksAre|BadgesFollow")
}
