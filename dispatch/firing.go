package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora"
)

const (
	duePage   = 64 // schedules read at once
	fireLimit = 8  // schedules fired at once
	// onTime is a lateness that nobody minds, whatever the time to live: a busy
	// second, a short restart.
	onTime = time.Minute
)

// Firing is one occurrence of a schedule, to be written in one transaction.
type Firing struct {
	Schedule Schedule // as it was read
	Next     time.Time
	Fired    Fired
	// Accepted is the message to store; nil if the occurrence sends none.
	Accepted *Accepted
}

// Fired is what became of an occurrence.
type Fired struct {
	At        time.Time // when it was due
	FiredAt   time.Time // when it was carried out or given up
	MessageID aurora.MessageID
	// Problem says why no message was sent; "" if one was.
	Problem string
}

// Run fires schedules until the context ends.
//
// A schedule fires when the clock on the wall has reached its next time, which
// is a row in the database: neither a restart nor a step of the clock loses it.
// Firing moves the schedule beyond the occurrence in the transaction that
// stores the message, so no occurrence is sent twice, by however many servers,
// and also not when the clock is set back.
//
// Occurrences that nobody was there to carry out, because the server was down
// or the clock was set forward, are made up for as far as that is worth it:
//
//   - A single one is sent late if it was due less than its message's time to
//     live ago, and is otherwise recorded as missed.
//   - Of a periodical schedule's only the latest counts, by the same rule;
//     those before it are dropped. Then it goes on with its next time.
//   - Up to a minute late is on time, whatever the time to live.
//
// The audience is resolved when it fires. If it selects nobody the message is
// recorded with no targets.
func (s *Schedules) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := s.round(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round fires what is due and returns how long to wait for the next round: at
// most a second, since the clock may be set and other servers may write.
func (s *Schedules) round(ctx context.Context) time.Duration {
	if failed := s.fireDue(ctx); failed {
		return pollPause
	}
	next, err := s.c.Store.NextDue(ctx)
	if err != nil || next.IsZero() {
		return pollPause
	}
	return min(max(next.Sub(s.c.Now()), time.Millisecond), pollPause)
}

func (s *Schedules) fireDue(ctx context.Context) (failed bool) {
	now := s.c.Now()
	var last Schedule
	for ctx.Err() == nil {
		due, err := s.c.Store.DueSchedules(ctx, now, last, duePage)
		if err != nil {
			if ctx.Err() == nil {
				s.c.Logger.ErrorContext(ctx, "the schedules could not be read; trying again", "error", err)
			}
			return true
		}
		failed = s.fireAll(ctx, due, now) || failed
		if len(due) < duePage {
			return failed
		}
		last = due[len(due)-1]
	}
	return failed
}

// fireAll fires several at once, so that they share commits.
func (s *Schedules) fireAll(ctx context.Context, due []Schedule, now time.Time) bool {
	var wg sync.WaitGroup
	var failed atomic.Bool
	places := make(chan struct{}, fireLimit)
	for _, one := range due {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			err := s.fire(ctx, one, now)
			if err == nil || errors.Is(err, ErrMoved) { // another did it, or its owner changed it
				return
			}
			failed.Store(true)
			if ctx.Err() == nil {
				s.c.Logger.ErrorContext(ctx, "a schedule could not fire; trying again", "schedule", one.ID, "app", one.AppID, "error", err)
			}
		})
	}
	wg.Wait()
	return failed.Load()
}

func (s *Schedules) fire(ctx context.Context, one Schedule, now time.Time) error {
	f := Firing{Schedule: one, Fired: Fired{At: one.NextAt, FiredAt: now}}
	if one.Damaged != nil {
		return s.giveUp(ctx, f)
	}
	if at, ok := one.Trigger.Latest(now); ok {
		f.Fired.At = latest(at, one.NextAt)
	}
	if one.Trigger.Kind == Periodical { // the others have had their one time, whatever its precision
		f.Next, _ = one.Trigger.Next(f.Fired.At)
	}
	if !worthSending(one.Push.Message, f.Fired.At, now) {
		f.Fired.Problem = "Missed: the push could not be sent when it was due, as when no server runs, and its time to live was over when it could."
	} else if err := s.load(ctx, &f); err != nil {
		return err
	}
	if err := s.c.Store.FireSchedule(ctx, f); err != nil {
		return err
	}
	if f.Fired.Problem != "" {
		s.c.Logger.WarnContext(ctx, "an occurrence of a schedule was not sent", "schedule", one.ID, "app", one.AppID, "due", f.Fired.At, "reason", f.Fired.Problem)
	}
	if f.Accepted != nil {
		s.c.Service.Wake()
		s.c.Service.hint(one.AppID, f.Fired.MessageID)
	}
	return nil
}

// giveUp finishes a schedule whose row is damaged: it would stand before the
// others at every look.
func (s *Schedules) giveUp(ctx context.Context, f Firing) error {
	s.c.Logger.ErrorContext(ctx, "a schedule is damaged and was finished", "schedule", f.Schedule.ID, "app", f.Schedule.AppID, "error", f.Schedule.Damaged)
	f.Fired.Problem = "The stored schedule is damaged and could not be read. Create it anew."
	return s.c.Store.FireSchedule(ctx, f)
}

// worthSending reports whether a message that was due at a moment is still
// sent now.
func worthSending(m aurora.Message, due, now time.Time) bool {
	m.AcceptedAt = due
	return now.Sub(due) < onTime || now.Before(m.ExpiresAt())
}

// load fills in the message. A refusal is recorded: it would be the same the
// next time. Other errors are returned, and it is tried again.
func (s *Schedules) load(ctx context.Context, f *Firing) error {
	r := f.Schedule.Push
	r.CID, r.AllowEmpty = "", true
	a, err := s.c.Service.prepare(ctx, aurora.App{ID: f.Schedule.AppID}, r)
	switch kind := aurora.KindOf(err); {
	case err == nil:
		f.Accepted, f.Fired.MessageID = &a, a.Message.ID
		return nil
	case kind == aurora.Internal, kind == aurora.Unavailable:
		return err
	}
	f.Fired.Problem = err.Error()
	return nil
}
