package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// onDatabase lets commands work on the database that several servers share.
func onDatabase(commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.PersistentFlags().String("database", "", "postgres:// URL of the server's database (default SQLite in --data)")
	}
	return commands
}

// databaseOf returns what --database was given, "" for a command without it.
func databaseOf(cmd *cobra.Command) string {
	if f := cmd.Flags().Lookup("database"); f != nil {
		return f.Value.String()
	}
	return ""
}

// onlySQLite refuses to copy a database that is not in the data folder.
func onlySQLite(cmd *cobra.Command) error {
	if databaseOf(cmd) == "" {
		return nil
	}
	return errors.New("the database is PostgreSQL: copy it with pg_dump --format=custom and put it back with pg_restore, while no server runs, or as your PostgreSQL is backed up otherwise. Keep AURORA_KEY or secret.key beside it: without the key the stored credentials cannot be read")
}
