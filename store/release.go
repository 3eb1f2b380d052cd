//go:build !auroranext

package store

// What a test of upgrades replaces to have a next Aurora (release_next.go).

// ours is the schema of this Aurora.
func ours() schema { return known }

var known = readSchema(migrations, "migrations/*.sql")

const passGate = "INSERT INTO gate (id, passed) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET passed = gate.passed + 1"
