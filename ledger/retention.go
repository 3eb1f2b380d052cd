package ledger

import (
	"context"
	"log/slog"
	"time"
)

// Archive deletes what is old, a portion at a time.
type Archive interface {
	// ForgetMessages deletes messages accepted before a moment, with their
	// outcomes, unless they have work left; more tells whether to go on.
	ForgetMessages(ctx context.Context, before time.Time) (more bool, err error)
	// ForgetGroupPushes deletes pushes to groups that began before a moment and
	// whose messages are gone.
	ForgetGroupPushes(ctx context.Context, before time.Time) (more bool, err error)
	// ForgetSchedules deletes schedules finished before a moment.
	ForgetSchedules(ctx context.Context, before time.Time) (more bool, err error)
	// ForgetCIDs deletes clients' ids that count no longer.
	ForgetCIDs(ctx context.Context, now time.Time) error
	// ReturnSpace gives free space back to the file system.
	ReturnSpace(ctx context.Context) (more bool, err error)
}

// DefaultKeep is how long messages are kept.
const DefaultKeep = 90 * 24 * time.Hour

// MinKeep is the least: a push lives ten days at most, and its answers come in
// during that time (spec/rest-api.md §7.11).
const MinKeep = 11 * 24 * time.Hour

// Retention deletes messages, their outcomes and finished schedules by age.
type Retention struct {
	Archive Archive
	Logger  *slog.Logger
	// Keep is how long; 0 means DefaultKeep, and less than MinKeep is MinKeep.
	Keep time.Duration
	// Also deletes a portion of what another service keeps for a time, before the
	// space is given back; nil deletes nothing.
	Also func(ctx context.Context, now time.Time) (more bool, err error)
}

const (
	sweepPause   = time.Hour
	portionPause = 20 * time.Millisecond // between two writes: others come first
)

// Run deletes what is old once an hour until the context ends.
func (r *Retention) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.Sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.Logger.ErrorContext(ctx, "what is old could not be deleted; trying again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(sweepPause):
		}
	}
}

// Sweep deletes everything that is old now.
func (r *Retention) Sweep(ctx context.Context, now time.Time) error {
	keep := r.Keep
	if keep == 0 {
		keep = DefaultKeep
	}
	before := now.Add(-max(keep, MinKeep))
	also := r.Also
	if also == nil {
		also = func(context.Context, time.Time) (bool, error) { return false, nil }
	}
	for _, step := range []func() (bool, error){
		func() (bool, error) { return r.Archive.ForgetMessages(ctx, before) },
		func() (bool, error) { return r.Archive.ForgetGroupPushes(ctx, before) },
		func() (bool, error) { return r.Archive.ForgetSchedules(ctx, before) },
		func() (bool, error) { return false, r.Archive.ForgetCIDs(ctx, now) },
		func() (bool, error) { return also(ctx, now) },
		func() (bool, error) { return r.Archive.ReturnSpace(ctx) },
	} {
		for more := true; more; {
			var err error
			if more, err = step(); err != nil {
				return err
			}
			if !more {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(portionPause):
			}
		}
	}
	return nil
}
