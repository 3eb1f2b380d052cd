package dispatch

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// run works on one leased job until every device has an outcome, a retry is
// planned, or the context ends. After an error of the store the job is given
// back: another worker repeats at most what was not settled. The message is
// read unless it is given.
func (s *Service) run(ctx context.Context, h freshJob) {
	j := h.job
	w := &work{s: s, job: j, message: h.message, found: h.found, marks: map[aurora.Mark]*roaring.Bitmap{}, retry: roaring.New(), enough: make(chan struct{}, 1)}
	work := w.run
	if j.Damaged != nil {
		work = func(ctx context.Context) error { return s.setAside(ctx, j) }
	}
	err := work(ctx)
	switch {
	case err == nil || errors.Is(err, ErrLost) || ctx.Err() != nil:
	default:
		s.c.Logger.ErrorContext(ctx, "a job was interrupted and will be repeated", "message", j.MessageID, "job", j.ID, "error", err)
		s.giveBack(ctx, j)
	}
}

// brokenWait is how long an interrupted job waits before it is done again.
const brokenWait = 5 * time.Second

// giveBack ends the lease of a job, trying for as long as it lasts: the store
// may be away.
func (s *Service) giveBack(ctx context.Context, j Job) {
	end := time.Now().Add(leaseTime)
	for wait := 500 * time.Millisecond; time.Now().Before(end); wait = min(2*wait, brokenWait) {
		err := s.c.Messages.GiveBack(ctx, j, time.Now().Add(brokenWait))
		if err == nil || errors.Is(err, ErrLost) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// work is one job in progress.
type work struct {
	s       *Service
	job     Job
	message aurora.Message
	found   []Target // the targets as they were found a moment ago, if they are known
	route   aurora.Route

	mu       sync.Mutex
	inFlight sync.WaitGroup
	marks    map[aurora.Mark]*roaring.Bitmap // settled since the last write
	answers  int                             // since the last write
	enough   chan struct{}                   // there are settleSize of them
	retired  []Retirement
	retry    *roaring.Bitmap // devices for another attempt
	wait     time.Duration   // the longest that a retried device asked for
	leased   time.Time       // until when, as far as written by this worker
	stopped  string          // reason for which the message is wrong for everyone
	parked   string          // reason for which the credential is refused
	left     bool            // for another server, which reaches the vendor
}

func (w *work) run(ctx context.Context) (err error) {
	if w.message.ID == 0 {
		w.message, err = w.s.c.Messages.Message(ctx, w.job.MessageID)
		if errors.Is(err, ErrDamaged) {
			return w.giveUp(ctx, err)
		}
		if err != nil {
			return err
		}
	}
	ctx, end := w.s.c.Tracer.Start(w.s.c.Tracer.Resume(ctx, w.message.Trace), "work on job",
		slog.String("message", w.job.MessageID.String()), slog.String("lane", w.job.Lane.String()), slog.Int64("block", w.job.Block), slog.Int("attempt", w.job.Attempt))
	defer func() { end(err) }()
	w.message.Content = w.message.Content.Of(w.job.Part)
	if stopped := !w.message.StoppedAt.IsZero(); stopped {
		w.stopped, w.message.Content.IOS = aurora.ReasonStopped, nil // and no badge counts up for it
	}
	if w.job.Targets == nil {
		if err := w.plan(ctx); err != nil {
			return err
		}
	}
	if w.stopped != "" {
		return w.finish(ctx)
	}
	if w.job.Targets.IsEmpty() { // an in-app message alone, or nobody
		return w.finish(ctx)
	}
	if w.message.Options.Pace > 0 && w.job.Block != Explicit {
		return w.spread(ctx)
	}
	if w.expired(time.Now()) {
		w.failAll(w.job.Targets, aurora.ReasonExpired)
		return w.finish(ctx)
	}
	if w.s.c.Elsewhere(w.message.Environment()) { // leased before that was known
		return w.leave(ctx)
	}
	w.route, err = w.s.c.Channel.Open(ctx, &w.message)
	if aurora.KindOf(err) == aurora.NotFound {
		return w.finishWithoutRoute(ctx)
	}
	if err != nil {
		return err
	}
	if w.route.Refused != "" {
		w.stopped = w.route.Refused
		return w.finish(ctx)
	}
	if w.parked = w.route.Parked; w.parked != "" {
		return w.finish(ctx)
	}
	targets := w.job.Targets.Clone() // settling takes from the job's own
	sending, endSending := context.WithCancel(ctx)
	defer endSending()
	stop := w.settleWhileSending(ctx, endSending)
	_, sent := w.s.c.Tracer.Start(ctx, "send to vendor", slog.Uint64("devices", targets.GetCardinality()))
	sendErr := w.send(sending, targets)
	err = errors.Join(sendErr, stop(), w.awaitAnswers(ctx))
	sent(err)
	if err != nil {
		return w.interrupted(ctx, err)
	}
	return w.finish(ctx)
}

// plan evaluates the audience of a block job and freezes it.
func (w *work) plan(ctx context.Context) error {
	e, err := audience.Parse(w.message.Audience)
	if err != nil {
		return err
	}
	numbers, err := w.s.c.Registry.SelectBlock(ctx, w.job.AppID, e, uint32(w.job.Block))
	if err != nil {
		return err
	}
	canReach := roaring.New()
	if w.message.HasBadge() {
		if canReach, err = w.s.c.Registry.SelectBlock(ctx, w.job.AppID, reachable(e, &w.message), uint32(w.job.Block)); err != nil {
			return err
		}
	}
	if w.message.Content.InApp != nil {
		if w.job.ByPlatform, err = w.byPlatform(ctx, numbers); err != nil {
			return err
		}
	}
	w.job, err = w.s.c.Messages.PlanJob(ctx, w.job, &w.message, numbers, roaring.And(canReach, numbers))
	if err == nil {
		w.s.arrived(&w.message, numbers)
	}
	return err
}

// byPlatform splits the devices of the job's block by platform.
func (w *work) byPlatform(ctx context.Context, numbers *roaring.Bitmap) (map[aurora.Platform]*roaring.Bitmap, error) {
	split := map[aurora.Platform]*roaring.Bitmap{}
	for _, p := range aurora.Platforms {
		if !w.message.For(p) {
			continue
		}
		on, err := w.s.c.Registry.SelectBlock(ctx, w.job.AppID, audience.Is(audience.Platform, string(p)), uint32(w.job.Block))
		if err != nil {
			return nil, err
		}
		if on = roaring.And(on, numbers); !on.IsEmpty() {
			split[p] = on
		}
	}
	return split, nil
}

// expired reports whether the message's time is over. A message with a time to
// live of 0 still gets its first attempt.
func (w *work) expired(now time.Time) bool {
	once := w.message.Options.TimeToLive != nil && *w.message.Options.TimeToLive == 0
	if once && w.job.Attempt == 0 {
		return false
	}
	return now.After(w.message.ExpiresAt())
}

// targets reads devices with the tokens that the message is sent to.
func (w *work) targets(ctx context.Context, numbers *roaring.Bitmap) iter.Seq2[Target, error] {
	kind, name := w.message.Content.Needs()
	if kind == aurora.NotificationToken && w.found != nil {
		return w.known(numbers)
	}
	if kind == aurora.NotificationToken {
		return w.s.c.Messages.ReadTargets(ctx, w.job.AppID, numbers)
	}
	return w.s.c.Messages.ReadTokens(ctx, w.job.AppID, numbers, kind, name)
}

// known yields those of the targets that were found before.
func (w *work) known(numbers *roaring.Bitmap) iter.Seq2[Target, error] {
	return func(yield func(Target, error) bool) {
		for _, t := range w.found {
			if numbers.Contains(t.Number) && !yield(t, nil) {
				return
			}
		}
	}
}

// named is the name of a mark of the job's part.
func (w *work) named(m aurora.Mark) aurora.Mark {
	if w.job.Part == aurora.VoIPPart {
		return aurora.VoIP(m)
	}
	return m
}

// send submits every target. It stops early when the message or the
// credential turns out to be refused.
func (w *work) send(ctx context.Context, targets *roaring.Bitmap) error {
	badges := w.job.Badges
	for t, err := range w.targets(ctx, targets) {
		if err != nil {
			return err
		}
		if reason := unreachable(&w.message, t); reason != "" {
			w.fail(t.Number, reason)
			continue
		}
		if w.halted() {
			return nil
		}
		d := aurora.Delivery{Number: t.Number, Token: t.Token, Badge: aurora.NoBadge, Urgent: w.job.Lane == Direct}
		for len(badges) > 0 && badges[0].Number < t.Number {
			badges = badges[1:]
		}
		if len(badges) > 0 && badges[0].Number == t.Number {
			d.Badge = int(badges[0].Badge)
		}
		w.inFlight.Add(1)
		if err := w.route.Send(ctx, d, w.answered); err != nil {
			w.inFlight.Done()
			return err
		}
	}
	return nil
}

func (w *work) halted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopped != "" || w.parked != "" || w.left
}

// awaitAnswers waits for the deliveries in flight, writing outcomes meanwhile.
// The channel bounds how long an answer can take.
func (w *work) awaitAnswers(ctx context.Context) error {
	answered := make(chan struct{})
	go func() { w.inFlight.Wait(); close(answered) }()
	for {
		select {
		case <-answered:
			return nil
		case <-ctx.Done():
			select { // what is already on the wire usually comes back within moments
			case <-answered:
				return nil
			case <-time.After(drainTime):
				return ctx.Err()
			}
		case <-w.enough:
		case <-time.After(settlePace):
		}
		if err := w.settle(ctx, false); err != nil {
			return err
		}
	}
}

// answered takes the vendor's answer for one device: one branch for each fault.
func (w *work) answered(d aurora.Delivery, o aurora.Outcome) {
	defer w.inFlight.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answers++; w.answers == settleSize {
		select {
		case w.enough <- struct{}{}:
		default:
		}
	}
	switch o.Fault {
	case aurora.NoFault:
		w.mark(aurora.Accepted, d.Number)
	case aurora.DeviceFault:
		w.mark(aurora.Failed(o.Reason), d.Number)
		kind, _ := w.message.Content.Needs()
		w.retired = append(w.retired, Retirement{d.Number, d.Token, o.Reason, o.InactiveAt, kind})
	case aurora.MessageFault:
		w.mark(aurora.Failed(o.Reason), d.Number)
		w.stopped = o.Reason
	case aurora.CredentialFault:
		w.parked = o.Reason // the device keeps no outcome: it waits with the job
	case aurora.VendorFault:
		if !o.Unsure && w.s.c.Elsewhere(w.message.Environment()) {
			w.left = true // the device keeps no outcome: it was not sent to
			return
		}
		w.again(d, o)
	default:
		w.mark(aurora.Failed(o.Reason), d.Number)
		w.s.c.Logger.Error("a notification failed by a defect of ours", "message", w.job.MessageID, "reason", o.Reason)
	}
}

func (w *work) mark(m aurora.Mark, number uint32) {
	m = w.named(m)
	b := w.marks[m]
	if b == nil {
		b = roaring.New()
		w.marks[m] = b
	}
	b.Add(number)
}

func (w *work) fail(number uint32, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mark(aurora.Failed(reason), number)
}

func (w *work) failAll(numbers *roaring.Bitmap, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.named(aurora.Failed(reason))
	if w.marks[m] == nil {
		w.marks[m] = roaring.New()
	}
	w.marks[m].Or(numbers)
}

// maxAttempts with retryWait spans about two hours.
const maxAttempts = 10

const parkedWait = time.Minute

// retryWait is how long to wait before the next attempt: 1 s, 4 s, 16 s … to
// 15 minutes (Apple asks for 15 minutes after a 5xx; the quick first ones serve
// time-critical messages, spec/apns.md §3.5), with jitter of a quarter.
func retryWait(attempt int) time.Duration {
	d := min(time.Second<<(2*min(attempt, 6)), 15*time.Minute)
	return d - d/8 + rand.N(d/4)
}

// again plans another attempt, or settles the device when there is none left.
func (w *work) again(d aurora.Delivery, o aurora.Outcome) {
	wait := max(retryWait(w.job.Attempt), o.Retry)
	once := w.message.Options.TimeToLive != nil && *w.message.Options.TimeToLive == 0
	if once || w.job.Attempt+1 >= maxAttempts || time.Now().Add(wait).After(w.message.ExpiresAt()) {
		w.mark(aurora.Failed(o.Reason), d.Number)
		return
	}
	w.retry.Add(d.Number)
	w.wait = max(w.wait, wait)
}
