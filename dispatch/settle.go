package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// settleWhileSending writes outcomes every settlePace, or sooner when there are
// settleSize, until the returned function is called, which reports the first
// error. An error ends the sending: what is sent without a lease, or without a
// way to note its outcome, would be sent again.
func (w *work) settleWhileSending(ctx context.Context, endSending func()) func() error {
	done := make(chan struct{})
	result := make(chan error, 1)
	go func() {
		for {
			select {
			case <-done:
				result <- nil
				return
			case <-w.enough:
			case <-time.After(settlePace):
			}
			err := w.settle(ctx, false)
			if err == nil {
				err = w.heedStop(ctx)
			}
			if err != nil {
				endSending()
				result <- err
				return
			}
		}
	}()
	return func() error {
		close(done)
		return <-result
	}
}

// heedStop ends the sending of a message that was stopped meanwhile.
func (w *work) heedStop(ctx context.Context) error {
	m, err := w.s.c.Messages.Message(ctx, w.job.MessageID)
	if err != nil || m.StoppedAt.IsZero() {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = aurora.ReasonStopped
	return nil
}

// interruptedWait keeps a job that fails at once from failing all the time.
const interruptedWait = 2 * time.Second

// interrupted writes what is known and gives the job back: at a shutdown to
// whoever starts next, else for a little later.
func (w *work) interrupted(ctx context.Context, cause error) error {
	wait := interruptedWait
	if ctx.Err() != nil {
		wait = 0
	}
	return errors.Join(cause, w.giveBack(ctx, wait))
}

// finish writes the last outcomes. Devices without one are retried, wait for
// the credential, or fail with the message.
func (w *work) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if w.stopped != "" {
		w.failAll(w.unsettled(), w.stopped)
	}
	if w.parked == "" && w.left && w.stopped == "" {
		return w.leave(ctx)
	}
	if w.parked == "" {
		// A device that was deleted since the job was planned was not among those
		// that were read.
		if gone := w.unsettled(); !gone.IsEmpty() {
			w.failAll(gone, aurora.ReasonNoToken)
		}
		return w.settle(ctx, true)
	}
	if w.route.Parked == "" {
		if err := w.s.c.Parker.ParkCredential(ctx, w.route.CredentialID, w.parked); err != nil {
			return err
		}
	}
	if time.Now().Add(parkedWait).After(w.message.ExpiresAt()) {
		w.failAll(w.unsettled(), w.parked)
		return w.settle(ctx, true)
	}
	return w.giveBack(ctx, parkedWait)
}

// leave gives the job to the servers that reach the vendor.
func (w *work) leave(ctx context.Context) error {
	err := w.giveBack(ctx, 0)
	if err == nil {
		w.s.Wake()
	}
	return err
}

// finishWithoutRoute settles a job whose app has no credential: what is wrong
// with the device itself still comes first.
func (w *work) finishWithoutRoute(ctx context.Context) error {
	for t, err := range w.targets(ctx, w.job.Targets.Clone()) {
		if err != nil {
			return err
		}
		reason := unreachable(&w.message, t)
		if reason == "" {
			reason = aurora.ReasonNoCredential
		}
		w.fail(t.Number, reason)
	}
	return w.finish(ctx)
}

// giveBack settles what has an outcome and leaves the rest for a later lease.
func (w *work) giveBack(ctx context.Context, wait time.Duration) error {
	w.job.NotBefore = time.Now().Add(wait)
	w.mu.Lock()
	s := w.take()
	w.mu.Unlock()
	return w.write(ctx, s)
}

// unsettled returns the targets that have neither an outcome nor a retry.
func (w *work) unsettled() *roaring.Bitmap {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := w.job.Targets.Clone()
	for _, b := range w.marks {
		rest.AndNot(b)
	}
	rest.AndNot(w.retry)
	return rest
}

// settle writes what has been answered since the last time and extends the
// lease; last also ends the job.
func (w *work) settle(ctx context.Context, last bool) error {
	w.mu.Lock()
	if !last && len(w.marks) == 0 && time.Until(w.leased) > leaseTime/2 {
		w.mu.Unlock()
		return nil // waiting for a slow vendor costs no writes
	}
	s := w.take()
	w.mu.Unlock()
	if s.Done = last; !last {
		s.Until = time.Now().Add(leaseTime)
	}
	if last && !w.retry.IsEmpty() {
		s.Retry = w.retryJob()
	}
	return w.write(ctx, s)
}

// take empties what has been gathered into a settlement.
func (w *work) take() Settlement {
	for _, b := range w.marks {
		w.job.Targets.AndNot(b)
	}
	s := Settlement{Job: w.job, Marks: w.marks, Retired: w.retired}
	s.Job.Targets = w.job.Targets.Clone()
	w.answers = 0
	w.marks, w.retired = map[aurora.Mark]*roaring.Bitmap{}, nil
	return s
}

func (w *work) retryJob() *Job {
	r := w.job
	r.Attempt++
	r.NotBefore = time.Now().Add(w.wait)
	r.Targets = w.retry
	r.Block = Explicit
	return &r
}

// write carries a settlement out. It does not end with ctx: what is answered at
// a shutdown is written like everything else. What could not be written is
// kept for the next time.
func (w *work) write(ctx context.Context, s Settlement) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := w.s.c.Messages.Settle(ctx, s); err != nil {
		w.putBack(s)
		return err
	}
	for mark, devices := range s.Marks {
		w.s.c.Settled(mark, devices.GetCardinality())
	}
	w.mu.Lock()
	w.leased = s.Until
	w.mu.Unlock()
	if s.Done || len(s.Marks) > 0 {
		w.s.hint(w.job.AppID, w.job.MessageID)
	}
	return nil
}

// putBack undoes take, but for the job's targets: those that leave it do so in
// the transaction that writes their marks.
func (w *work) putBack(s Settlement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for m, numbers := range s.Marks {
		if w.marks[m] == nil {
			w.marks[m] = numbers
		} else {
			w.marks[m].Or(numbers)
		}
	}
	w.retired = append(s.Retired, w.retired...)
}
