package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/server"
)

func migrateCommand() *cobra.Command {
	var data, from, to string
	cmd := &cobra.Command{
		Use:   "migrate --from sqlite --to postgres://…",
		Short: "Move an installation from its data folder into PostgreSQL",
		Long:  "Copy everything from the SQLite database in --data into an empty PostgreSQL database, and prove row for row that it is there. The server must be stopped; the data folder stays as it was. If it is interrupted, run it again: it goes on where it was. The encryption key is not moved: give the servers the content of secret.key in the data folder, or AURORA_KEY as before.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from != "sqlite" {
				return errors.New("--from: only sqlite can be moved from")
			}
			if to == "" {
				return errors.New("--to: give the URL of an empty database, such as postgres://user:password@host:5432/aurora")
			}
			var bar *progressbar.ProgressBar
			table := ""
			moved, err := server.Move(cmd.Context(), data, to, func(name string, done, total int64) {
				if name != table {
					bar, table = progressbar.NewOptions64(total, progressbar.OptionSetDescription(name), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(), progressbar.OptionOnCompletion(func() { fmt.Fprintln(os.Stderr) })), name
				}
				_ = bar.Set64(done) // what cannot be shown is not worth stopping for
			})
			if err != nil {
				return err
			}
			var rows int64
			for _, m := range moved {
				rows += m.Rows
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "Everything is there. Start the servers with --database and the same encryption key (docs/scale.md).")
			return printJSON(cmd, struct {
				Rows   int64          `json:"rows"`
				Tables []server.Moved `json:"tables"`
			}{rows, moved})
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "data", "data folder to move from")
	f.StringVar(&from, "from", "", "sqlite")
	f.StringVar(&to, "to", "", "postgres:// URL of an empty database")
	return cmd
}
