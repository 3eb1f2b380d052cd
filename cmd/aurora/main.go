// Command aurora is the whole of Aurora in one binary: the service, the local
// APNs, the demo and the tools. `aurora help` lists the commands.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "aurora: "+err.Error())
		stop()
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "aurora",
		Short:         "A push notification platform that you run yourself",
		Long:          "Aurora sends push notifications to the devices of your apps and says for every one what became of it.\n\nBegin with `aurora demo`: everything offline, with a local APNs and a simulated iPhone.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if ofItsOwn(cmd) {
				return nil
			}
			return fromEnvironment(cmd.Flags())
		},
	}
	cmd.AddCommand(demoCommand(), serveCommand(), apnsCommand(), webhookCommand(), pushCommand(), jpushCertCommand(), benchCommand(), migrateCommand())
	cmd.AddCommand(onDatabase(accountCommand(), appCommand(), deviceCommand(), groupCommand(), keyCommand(), doctorCommand(), backupCommand(), restoreCommand())...)
	return cmd
}

// ofItsOwn reports whether a command runs something beside the server, in a
// folder of its own: the variables that are set for a server would lead it into
// the server's.
func ofItsOwn(cmd *cobra.Command) bool {
	for ; cmd.HasParent(); cmd = cmd.Parent() {
		switch cmd.Name() {
		case "demo", "apns", "bench":
			return true
		}
	}
	return false
}

// fromEnvironment lets AURORA_NAME stand for --name where the flag is not given.
func fromEnvironment(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := "AURORA_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := os.LookupEnv(name); ok && !f.Changed && f.Name != "help" && err == nil {
			if e := flags.Set(f.Name, value); e != nil {
				err = fmt.Errorf("%s: %w", name, e)
			}
		}
	})
	return err
}

// newLogger writes readable lines for people and JSON for machines.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("--log-format %q: use text or json", format)
}

// printJSON writes a command's result for scripts.
func printJSON(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	return e.Encode(v)
}
