//go:build auroranext

package store

import "embed"

// An Aurora of tomorrow, for the test of an upgrade under load: it renames a
// column in two phases. Both of its statements work before the second phase and
// after it; those of today's Aurora only before.

//go:embed testdata/next/*.sql
var next embed.FS

var known = withNext()

func ours() schema { return known }

func withNext() schema {
	all := readSchema(migrations, "migrations/*.sql")
	for _, m := range readSchema(next, "testdata/next/*.sql") {
		m.version = len(all) + 1
		all = append(all, m)
	}
	return all
}

const passGate = "INSERT INTO gate (id, passes) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET passes = gate.passes + 1"
