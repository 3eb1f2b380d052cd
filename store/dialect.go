package store

import (
	"regexp"
	"strings"
)

// dialect is what differs between databases. Everything else is one SQL text:
// numbered parameters ($1), ON CONFLICT, RETURNING.
type dialect struct {
	words *strings.Replacer
	// rewrite turns a statement's numbered parameters into the database's own.
	rewrite func(string) string
	// returnsPages tells that free pages are given back by our asking.
	returnsPages bool
}

var numbered = regexp.MustCompile(`\$(\d+)`)

// sqlite's $1 is a name, numbered by first appearance; ?1 is a number.
var sqlite = dialect{
	words: strings.NewReplacer(
		"{blob}", "BLOB",
		"{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT",
		"{id}", "INTEGER PRIMARY KEY", // given by the writer; for SQLite the table's own order, which saves an index
		"{sequence}", "INTEGER PRIMARY KEY", // rises among the rows that are there, which is all that order needs
		"{clustered}", "WITHOUT ROWID",
	),
	returnsPages: true,
	rewrite:      func(q string) string { return numbered.ReplaceAllString(q, "?$1") },
}
