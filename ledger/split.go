package ledger

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// SplitQuery asks for sums over messages by a property of the devices.
type SplitQuery struct {
	AppID int64
	Field audience.Field // what devices are told apart by, such as a version of the app
	// Starts are the beginnings of the periods, in order; the last one ends now.
	Starts []time.Time
	// Values bounds how many values are told apart: those that most devices have.
	Values int
	// Messages and Notes bound the newest messages that are read: those to many
	// devices, which have bitmaps, and those to few.
	Messages, Notes int
}

// SplitRow is what became of messages to the devices with one value now.
type SplitRow struct {
	Value   string // "" is all the others, and devices that tell none
	Devices uint64
	Periods []Figures
	Total   Figures
}

// Split are sums by a property; the value that most devices have is first, and
// the others last.
type Split struct {
	Rows    []SplitRow
	Partial bool // there were more messages; these are the newest
}

// Splits reads messages for sums by a property.
type Splits interface {
	// SplitPushes intersects the outcomes of messages with the devices that have
	// each value. The unfolded changes of the last seconds are left out.
	SplitPushes(ctx context.Context, q SplitQuery) (Split, error)
}

// Bounds of one report: what is read for it is some 2 MB for each message to a
// million devices.
const (
	splitValues   = 50
	splitMessages = 200
)

// By returns figures for periods that begin at the given times, in order, by a
// property of the devices as they are now; the last period ends now.
func (s Statistics) By(ctx context.Context, appID int64, field audience.Field, starts []time.Time) (Split, error) {
	split, err := s.splits.SplitPushes(ctx, SplitQuery{AppID: appID, Field: field, Starts: starts, Values: splitValues, Messages: splitMessages, Notes: maxPushes})
	if err != nil {
		return split, err
	}
	for i := range split.Rows {
		row := &split.Rows[i]
		for _, p := range row.Periods {
			row.Total.Targeted += p.Targeted
			row.Total.Accepted += p.Accepted
			row.Total.Failed += p.Failed
			row.Total.Received += p.Received
			row.Total.Opened += p.Opened
		}
	}
	split.Rows = slices.DeleteFunc(split.Rows, func(r SplitRow) bool { return r.Devices+r.Total.Targeted == 0 })
	slices.SortFunc(split.Rows, func(a, b SplitRow) int {
		if (a.Value == "") != (b.Value == "") {
			return cmp.Compare(b.Value, a.Value) // "" is last
		}
		return cmp.Or(cmp.Compare(b.Devices, a.Devices), audience.NewestFirst(a.Value, b.Value))
	})
	return split, nil
}

// Count adds devices that got a mark.
func (f *Figures) Count(mark aurora.Mark, n uint64) {
	switch mark {
	case aurora.Targeted:
		f.Targeted += n
	case aurora.Accepted:
		f.Accepted += n
	case aurora.Received:
		f.Received += n
	case aurora.Opened:
		f.Opened += n
	default:
		if _, failed := mark.FailedReason(); failed {
			f.Failed += n
		}
	}
}
