package registry

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Exports reads devices for files.
type Exports interface {
	// ExportDevices yields the devices of an app by ascending number, as of one
	// moment, with their badges and all their tokens.
	ExportDevices(ctx context.Context, appID int64) iter.Seq2[Row, error]
}

// Format is that of a file of devices.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
)

// ParseFormat reads csv or jsonl.
func ParseFormat(s string) (Format, error) {
	if f := Format(s); f == CSV || f == JSONLines {
		return f, nil
	}
	return "", aurora.Errorf(aurora.Invalid, "The format must be csv or jsonl, not %.20q.", s)
}

// ExportOptions say what to export.
type ExportOptions struct {
	Format Format
	Tag    string // only devices that carry it; "" for all
	// Progress is told now and then how many devices are written; may be nil.
	Progress func(written int64)
}

const (
	exportReport = 10_000 // devices between two calls of Progress
	// exportTime bounds an export: it keeps a view of the database as of its
	// start, beside which the log of changes grows.
	exportTime = 30 * time.Minute
)

// Export writes the app's devices as of one moment, by their age, in a form that
// Import reads back identically; it holds a few hundred in memory. With
// install_id and secret_digest the installations stay proven at another Aurora.
// It returns how many were written. A person needs the right to, and is in the
// audit log.
func (s *Service) Export(ctx context.Context, appID int64, to io.Writer, o ExportOptions) (written int64, err error) {
	if err := aurora.Require(ctx, aurora.ExportRight); err != nil {
		return 0, err
	}
	s.note(ctx, appID, "devices.exported", string(o.Format), o.Tag)
	ctx, cancel := context.WithTimeoutCause(ctx, exportTime, aurora.Errorf(aurora.Unavailable, "The export took longer than %v. Write it to a file on the server: aurora device export.", exportTime))
	defer cancel()
	w := bufio.NewWriterSize(to, 64<<10)
	if o.Format != JSONLines {
		w.WriteString(strings.ReplaceAll(ColumnNames(), ", ", ",") + "\r\n")
	}
	var line []byte
	for row, err := range s.store.ExportDevices(ctx, appID) {
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return written, err
		}
		if o.Tag != "" && !slices.Contains(row.Device.Tags, o.Tag) {
			continue
		}
		if o.Format == JSONLines {
			line = row.appendObject(line[:0])
		} else {
			line = row.appendCells(line[:0])
		}
		if _, err := w.Write(line); err != nil {
			return written, err
		}
		if written++; o.Progress != nil && written%exportReport == 0 {
			o.Progress(written)
		}
	}
	if o.Progress != nil {
		o.Progress(written)
	}
	return written, w.Flush()
}

func (r *Row) appendCells(b []byte) []byte {
	for i, c := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		value := c.get(r)
		if !strings.ContainsAny(value, ",\";\t") && strings.TrimSpace(value) == value {
			b = append(b, value...)
			continue
		}
		b = append(b, '"')
		b = append(b, strings.ReplaceAll(value, `"`, `""`)...)
		b = append(b, '"')
	}
	return append(b, '\r', '\n')
}

func (r *Row) appendObject(b []byte) []byte {
	b = append(b, '{')
	for _, c := range columns {
		value := c.get(r)
		if value == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), c.name...), '"', ':')
		switch c.name {
		case "tags":
			b = append(b, marshalled(r.Device.Tags)...)
		case "tokens", "badge", "push_disabled", "muted":
			b = append(b, value...)
		default:
			b = append(b, marshalled(value)...)
		}
	}
	return append(b, '}', '\n')
}

func marshalled(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // texts do not fail
		panic(err)
	}
	return b
}
