package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
)

func deviceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "device", Short: "Import and export devices"}
	cmd.AddCommand(deviceImportCommand(), deviceExportCommand())
	return cmd
}

const (
	// importPause is what a running server gets between two transactions.
	importPause = 3 * time.Millisecond
	// shownRejections is how many lines are explained on the terminal.
	shownRejections = 20
	// linePace is how often progress is told where there is no terminal.
	linePace = 5 * time.Second
)

// deviceImport is `aurora device import` in progress.
type deviceImport struct {
	name     string // of the file, - for standard input
	rejected string // path of the file for rejected lines
	errs     io.Writer
	terminal bool
	size     int64 // of the file, 0 if unknown

	read   atomic.Int64 // bytes of the file
	lines  *os.File
	buffer *bufio.Writer
	shown  int
	bar    *progressbar.ProgressBar
	told   time.Time
	begun  time.Time
	begin  int64 // devices that an earlier run stored
}

func deviceImportCommand() *cobra.Command {
	var data, key, environment, rejected string
	var o registry.ImportOptions
	cmd := &cobra.Command{
		Use:   "import --data DIR --app APPKEY [--environment development|production] [--dry-run] [--again] FILE",
		Short: "Import devices from CSV or JSON lines",
		Long: "Import devices from a file, gzipped or not, or from - for standard input: CSV with a header line, or a JSON object on each line. " +
			"It works beside a running server. Interrupted, it goes on where it was when it is run again, and repeats nothing. Lines that break a rule go to FILE.rejected, with their numbers and what to do; all others are imported. " +
			"A row with a known registration id, or without one with a known token, changes that device. An app that registers with the token of an imported device takes it over with its registration id, alias and tags.\n\n" +
			"Columns: " + registry.ColumnNames() + ". JPush's and OneSignal's names for them are known too.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if environment != "" {
				if o.Environment, err = aurora.ParseEnvironment(environment); err != nil {
					return err
				}
			}
			return withServices(cmd, data, func(s *server.Server) error {
				app, err := s.Accounts.AppByKey(cmd.Context(), key)
				if err != nil {
					return err
				}
				i := &deviceImport{name: args[0], rejected: rejected, errs: cmd.ErrOrStderr(), terminal: isTerminal(cmd.ErrOrStderr())}
				state, err := i.run(cmd.Context(), s, app.ID, o, cmd.InOrStdin())
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					Added    int64   `json:"added"`
					Changed  int64   `json:"changed"`
					Rejected int64   `json:"rejected"`
					Lines    int64   `json:"lines"`
					DryRun   bool    `json:"dry_run,omitempty"`
					Seconds  float64 `json:"seconds"`
				}{state.Added, state.Changed, state.Rejected, state.Line, o.DryRun, time.Since(i.begun).Seconds()})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "data", "data folder of the server")
	f.StringVar(&key, "app", "", "AppKey")
	f.StringVar(&environment, "environment", "", "of tokens whose row names none: development or production")
	f.StringVar(&rejected, "rejected", "", "file for lines that were not imported (default FILE.rejected)")
	f.BoolVar(&o.DryRun, "dry-run", false, "read and check everything, and store nothing")
	f.BoolVar(&o.Again, "again", false, "begin anew with a file that was imported before")
	cmd.MarkFlagRequired("app")
	return cmd
}

func (i *deviceImport) run(ctx context.Context, s *server.Server, appID int64, o registry.ImportOptions, stdin io.Reader) (state registry.ImportState, err error) {
	i.begun = time.Now()
	file := stdin
	if i.name != "-" {
		f, err := os.Open(i.name)
		if err != nil {
			return state, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return state, err
		}
		if info.IsDir() {
			return state, fmt.Errorf("%s is a folder: name a file", i.name)
		}
		i.size, file = info.Size(), f
		if o.Source, err = filepath.Abs(i.name); err != nil {
			return state, err
		}
	} else {
		o.Source = "standard input"
	}
	if i.rejected == "" && i.name != "-" {
		i.rejected = i.name + ".rejected"
	}
	o.Begin, o.Progress, o.Rejected = i.start, i.progress, i.reject
	if o.Alone = s.Alone(); !o.Alone {
		o.Pause = importPause
	}
	state, err = s.Registry.Import(ctx, appID, io.TeeReader(file, counter{&i.read}), o)
	err = errors.Join(err, i.close(state))
	if err == nil && i.shown < int(state.Rejected) && i.shown == shownRejections {
		fmt.Fprintf(i.errs, "… and more: all %d rejected lines are in %s\n", state.Rejected, i.rejected)
	}
	if err != nil && ctx.Err() != nil {
		return state, fmt.Errorf("interrupted after line %d: run the same command again to go on", state.Line)
	}
	return state, err
}

// counter counts the bytes written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// start begins the output: it keeps the rejected lines that an earlier run has
// counted, and no others.
func (i *deviceImport) start(state registry.ImportState) error {
	i.begin = state.Added + state.Changed
	if state.Offset > 0 {
		fmt.Fprintf(i.errs, "going on after line %d: %d devices are imported already\n", state.Line, i.begin)
	}
	if i.terminal {
		i.bar = progressbar.NewOptions64(max(1, i.size), progressbar.OptionSetWriter(i.errs), progressbar.OptionSetDescription("importing"), progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		if i.size == 0 {
			i.bar.ChangeMax(-1)
		}
	}
	if i.rejected == "" {
		return nil
	}
	if state.Rejected == 0 {
		if err := os.Remove(i.rejected); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	f, err := os.OpenFile(i.rejected, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	kept, r := int64(0), bufio.NewReader(f)
	for range state.Rejected {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		kept += int64(len(line))
	}
	if err := f.Truncate(kept); err != nil {
		return errors.Join(err, f.Close())
	}
	if _, err := f.Seek(kept, io.SeekStart); err != nil {
		return errors.Join(err, f.Close())
	}
	i.lines, i.buffer = f, bufio.NewWriter(f)
	return nil
}

// reject notes a line that was not imported: number, reason and line, between tabs.
func (i *deviceImport) reject(r registry.Rejection) (err error) {
	if i.shown < shownRejections {
		i.shown++
		if i.bar != nil {
			i.bar.Clear()
		}
		fmt.Fprintf(i.errs, "line %d: %s\n", r.Line, r.Reason)
	}
	if i.rejected == "" {
		return nil
	}
	if i.lines == nil {
		if i.lines, err = os.OpenFile(i.rejected, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return err
		}
		i.buffer = bufio.NewWriter(i.lines)
	}
	fmt.Fprintf(i.buffer, "%d\t%s\t%s\n", r.Line, oneLine(r.Reason), oneLine(r.Text))
	return i.buffer.Flush() // what the database is about to count must be in the file
}

func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(s) }

func (i *deviceImport) progress(state registry.ImportState) {
	if i.bar != nil {
		i.bar.Describe(fmt.Sprintf("%d devices", state.Added+state.Changed))
		i.bar.Set64(i.read.Load())
		return
	}
	if time.Since(i.told) < linePace {
		return
	}
	if !i.told.IsZero() {
		share := ""
		if i.size > 0 {
			share = fmt.Sprintf(", %d %% of the file", 100*i.read.Load()/i.size)
		}
		fmt.Fprintf(i.errs, "%d devices, %.0f a second%s\n", state.Added+state.Changed, float64(state.Added+state.Changed-i.begin)/time.Since(i.begun).Seconds(), share)
	}
	i.told = time.Now()
}

func (i *deviceImport) close(registry.ImportState) error {
	if i.bar != nil {
		i.bar.Finish()
	}
	if i.lines == nil {
		return nil
	}
	return i.lines.Close()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func deviceExportCommand() *cobra.Command {
	var data, key, format, out string
	var o registry.ExportOptions
	cmd := &cobra.Command{
		Use:   "export --data DIR --app APPKEY [--tag T] [--format csv|jsonl] [--out FILE]",
		Short: "Export devices as CSV or JSON lines",
		Long:  "Export the app's devices as they are at one moment, in a form that import reads back identically; also into another Aurora, where the installations stay proven. It works beside a running server.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Format, err = registry.ParseFormat(format); err != nil {
				return err
			}
			return withServices(cmd, data, func(s *server.Server) error {
				app, err := s.Accounts.AppByKey(cmd.Context(), key)
				if err != nil {
					return err
				}
				errs := cmd.ErrOrStderr()
				var told time.Time
				o.Progress = func(n int64) {
					if time.Since(told) >= linePace {
						if !told.IsZero() {
							fmt.Fprintf(errs, "%d devices\n", n)
						}
						told = time.Now()
					}
				}
				if out == "" {
					_, err = s.Registry.Export(cmd.Context(), app.ID, cmd.OutOrStdout(), o)
					return err
				}
				return exportTo(cmd, s, app.ID, out, o)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "data", "data folder of the server")
	f.StringVar(&key, "app", "", "AppKey")
	f.StringVar(&format, "format", "csv", "csv or jsonl")
	f.StringVar(&o.Tag, "tag", "", "only devices with this tag")
	f.StringVar(&out, "out", "", "file to write, which gets its name once it is whole (default: standard output)")
	cmd.MarkFlagRequired("app")
	return cmd
}

// exportTo writes a file that is there whole or not at all.
func exportTo(cmd *cobra.Command, s *server.Server, appID int64, out string, o registry.ExportOptions) (err error) {
	part, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".part-") // mode 0600: it has tokens
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	n, err := s.Registry.Export(cmd.Context(), appID, part, o)
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), out); err != nil {
		return err
	}
	return printJSON(cmd, map[string]any{"devices": n, "file": out})
}
