package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/server"
)

func backupCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy a data folder into one file, while its server runs",
		Long:  "Copy a data folder, as of one moment, into one file with mode 0600: the database, and the encryption key unless the server gets it from AURORA_KEY. A running server goes on. The file is a tar archive and holds secrets in a form that its own key opens: keep it as safe as the server.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := onlySQLite(cmd); err != nil {
				return err
			}
			m, err := server.Backup(cmd.Context(), data, args[0])
			if err != nil {
				return err
			}
			if m.Key.Bytes == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "The data folder holds no secret.key, so the backup holds none either: keep the value of AURORA_KEY safe, without it stored credentials cannot be read.")
			}
			return printJSON(cmd, m)
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "folder of the server")
	return cmd
}

func restoreCommand() *cobra.Command {
	var data string
	var replace bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into a data folder",
		Long:  "Put a backup into a data folder that no server uses. The backup is read and proved whole before anything is changed. Pushes that were accepted but not settled when the backup was made are sent when the server starts, unless their time to live is over; devices that registered later must register again, which the SDK does by itself.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := onlySQLite(cmd); err != nil {
				return err
			}
			m, kept, err := server.Restore(cmd.Context(), args[0], data, replace)
			if err != nil {
				return err
			}
			if kept != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "What the folder held before is in %s; remove it when you no longer need it.\n", kept)
			}
			return printJSON(cmd, m)
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "folder to restore into")
	cmd.Flags().BoolVar(&replace, "replace", false, "move a database that is there aside")
	return cmd
}
