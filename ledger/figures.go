package ledger

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// Push is what became of one message, for sums.
type Push struct {
	At    time.Time // when it was accepted
	Marks map[aurora.Mark]uint64
}

// Pushes reads messages for sums.
type Pushes interface {
	// PushesSince returns an app's messages since a moment, the newest first; at
	// most max of them, and whether there are more.
	PushesSince(ctx context.Context, appID int64, from time.Time, max int) (list []Push, more bool, err error)
}

// maxPushes bounds what one report reads. Login codes come by the million; what
// they sum up to is told by the newest of them.
const maxPushes = 20_000

// Figures are sums over messages that were accepted in one period.
type Figures struct {
	Start                                                  time.Time
	Messages, Targeted, Accepted, Failed, Received, Opened uint64
}

// Statistics sums up what became of messages.
type Statistics struct {
	pushes Pushes
	splits Splits
}

// NewStatistics returns sums over what the store has.
func NewStatistics(p interface {
	Pushes
	Splits
}) Statistics {
	return Statistics{p, p}
}

// Sums are the figures of each period and why devices failed in all of them.
type Sums struct {
	Periods []Figures
	Reasons []ReasonCount // most frequent first
	Partial bool          // there were more than 20,000 messages; these are the newest
}

// Sums returns figures for periods that begin at the given times, in order; the
// last one ends now.
func (s Statistics) Sums(ctx context.Context, appID int64, starts []time.Time) (sums Sums, err error) {
	list, more, err := s.pushes.PushesSince(ctx, appID, starts[0], maxPushes)
	if err != nil {
		return sums, err
	}
	sums.Partial = more
	for _, start := range starts {
		sums.Periods = append(sums.Periods, Figures{Start: start})
	}
	reasons := map[string]uint64{}
	for _, p := range list {
		at := 0
		for at+1 < len(starts) && !p.At.Before(starts[at+1]) {
			at++
		}
		sums.Periods[at].add(p, reasons)
	}
	for reason, n := range reasons {
		sums.Reasons = append(sums.Reasons, ReasonCount{reason, n})
	}
	sortReasons(sums.Reasons)
	return sums, nil
}

func (f *Figures) add(p Push, reasons map[string]uint64) {
	f.Messages++
	for mark, n := range p.Marks {
		f.Count(mark, n)
		if reason, failed := mark.FailedReason(); failed {
			reasons[reason] += n
		}
	}
}
