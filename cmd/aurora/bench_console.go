package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/account"
)

const (
	consoleLimit = 100 * time.Millisecond // what an answer to a person may take
	askedTimes   = 20                     // each page
)

func benchConsoleCommand() *cobra.Command {
	var o consoleBench
	var data string
	cmd := &cobra.Command{
		Use:   "console --devices N [--messages M] [--data DIR]",
		Short: "Measure how long every page of the console takes in a large app",
		Long: "Start Aurora and a local APNs in bench mode in this process, import N devices with tags, aliases, versions and a tenth of a percent in quarantine, send M single pushes and a few to all, report some as received and opened, wait until the audience index is folded, and ask for every page, live stream and preview of the console twenty times. " +
			"A stream's time is that of its first event. The time is until the whole answer is there, a browser's work not included. The last line is JSON; the exit code is 1 if an answer's median is above 100 ms.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if data == "" {
				if data, err = os.MkdirTemp("", "aurora-bench-"); err != nil {
					return err
				}
				defer os.RemoveAll(data)
			}
			r, err := o.run(cmd.Context(), cmd.ErrOrStderr(), data)
			if err != nil {
				return err
			}
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(r); err != nil {
				return err
			}
			if len(r.Slow) > 0 {
				return fmt.Errorf("%d answers take more than %v: %s", len(r.Slow), consoleLimit, strings.Join(r.Slow, ", "))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.devices, "devices", 1_000_000, "devices of the app")
	f.IntVar(&o.messages, "messages", 20_000, "pushes to one device each in its history")
	f.StringVar(&o.only, "only", "", "ask for no answers but those that have this text in their names")
	f.StringVar(&data, "data", "", "folder to work in, which keeps its devices and messages (default: a temporary one)")
	return cmd
}

// consoleBench is one measurement of the console.
type consoleBench struct {
	devices, messages int
	only              string

	d       *demo
	session string
	samples samples
}

type consoleResult struct {
	Devices  int      `json:"devices"`
	Messages int      `json:"messages"`
	Answers  int      `json:"answers"` // how many different ones
	Median   float64  `json:"p50_ms"`  // of the answer whose median is the longest
	Most     float64  `json:"p95_ms"`  // of the answer for which that is the longest
	Slow     []string `json:"slow"`    // answers whose median is over the limit
}

func (o *consoleBench) run(ctx context.Context, progress io.Writer, data string) (r consoleResult, err error) {
	o.d = &demo{dir: data, logger: slog.New(slog.DiscardHandler), bench: true}
	defer o.d.stop()
	if err := o.d.startMeasured(ctx); err != nil {
		return r, err
	}
	begin := time.Now()
	if o.samples, err = o.fill(ctx); err != nil {
		return r, err
	}
	if err := awaitFolding(ctx, o.d.server); err != nil {
		return r, err
	}
	fmt.Fprintf(progress, "%d devices and %d messages are there after %.0f s\n", o.devices, o.messages, time.Since(begin).Seconds())
	link, err := o.d.server.Accounts.IssueLink(ctx, account.SignInLink, o.d.account.ID)
	if err != nil {
		return r, err
	}
	if o.session, err = o.d.server.Accounts.SignInByLink(ctx, link); err != nil {
		return r, err
	}
	r.Devices, r.Messages = o.devices, o.messages
	return r, o.measure(ctx, progress, &r)
}

// measure asks for every page in turns, so that a busy moment of the machine
// does not meet one page alone.
func (o *consoleBench) measure(ctx context.Context, progress io.Writer, r *consoleResult) error {
	asked := slices.DeleteFunc(o.samples.answers(), func(a consoleAnswer) bool { return !strings.Contains(a.name, o.only) })
	took, bytes := make([][]time.Duration, len(asked)), make([]int64, len(asked))
	for range askedTimes {
		for i, a := range asked {
			t, n, err := o.ask(ctx, a)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			took[i], bytes[i] = append(took[i], t), n
		}
	}
	w := tabwriter.NewWriter(progress, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "p50 ms\tp95 ms\tbytes\t  answer")
	for i, a := range asked {
		slices.Sort(took[i])
		median, most := took[i][askedTimes/2], took[i][askedTimes*95/100-1]
		fmt.Fprintf(w, "%.1f\t%.1f\t%d\t  %s\n", millis(median), millis(most), bytes[i], a.name)
		r.Median, r.Most = max(r.Median, millis(median)), max(r.Most, millis(most))
		if median > consoleLimit {
			r.Slow = append(r.Slow, a.name)
		}
	}
	r.Answers = len(asked)
	return w.Flush()
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ask returns how long an answer took and how large it was.
func (o *consoleBench) ask(ctx context.Context, a consoleAnswer) (time.Duration, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel() // ends a stream
	method, body := http.MethodGet, io.Reader(nil)
	if a.form != nil {
		method, body = http.MethodPost, strings.NewReader(a.form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, o.d.server.URL()+a.path, body)
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "aurora_session", Value: o.session})
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	begin := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	var n int64
	switch {
	case answer.StatusCode >= 400 || answer.StatusCode == http.StatusSeeOther && answer.Header.Get("Location") == "/signin":
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 20000))
		return 0, 0, fmt.Errorf("%s: %s", answer.Status, text)
	case strings.HasSuffix(a.path, "/live"):
		n, err = firstEvent(answer.Body)
	default:
		n, err = io.Copy(io.Discard, answer.Body)
	}
	return time.Since(begin), n, err
}

// firstEvent reads a stream to the end of its first event.
func firstEvent(stream io.Reader) (n int64, err error) {
	for lines := bufio.NewReader(stream); ; {
		line, err := lines.ReadString('\n')
		n += int64(len(line))
		if err != nil || line == "\n" {
			return n, err
		}
	}
}
