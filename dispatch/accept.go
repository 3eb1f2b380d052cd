package dispatch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// handful is the largest audience that is frozen when the message is accepted
// and sent as one job in the direct lane.
const handful = 4096

// Accept validates a push, resolves its audience and stores it with its jobs.
// When it returns without an error the push survives a crash.
func (s *Service) Accept(ctx context.Context, app aurora.App, r Request) (_ Receipt, err error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return Receipt{}, err
	}
	ctx, end := s.c.Tracer.Start(ctx, "accept push")
	defer func() { end(err) }()
	a, err := s.prepare(ctx, app, r)
	giveBack := func() {}
	if err == nil {
		giveBack, err = s.takeBroadcast(r, &a.Message)
	}
	if r.CID != "" && (aurora.KindOf(err) == aurora.NoTarget || errors.Is(err, ErrBroadcasts) || err != nil && r.File != "" && r.Message.Validate() == nil) {
		// A repeated push keeps its answer, whatever became of its audience.
		if first, used, e := s.c.Messages.UsedCID(ctx, app.ID, r.CID); used || e != nil {
			return first, e
		}
	}
	if err != nil {
		return Receipt{}, err
	}
	// A free worker gets a small job straight from here; otherwise the lane
	// leases it when one is free.
	handed := a.Targets != nil && !s.c.Elsewhere(a.Message.Environment()) && s.reserve()
	if handed {
		a.Holder, a.Until = s.holder, time.Now().Add(leaseTime)
	}
	a.Message.Trace = s.c.Tracer.Carry(ctx)
	storing, stored := s.c.Tracer.Start(ctx, "store push", slog.String("message", a.Message.ID.String()))
	receipt, job, err := s.c.Messages.AcceptMessage(storing, a)
	stored(err)
	switch {
	case handed && err == nil && job != nil:
		s.handoff <- freshJob{*job, a.Message, a.found} // has room: reserved
	case handed:
		s.unreserve()
	}
	if err != nil {
		giveBack()
		return Receipt{}, err
	}
	if job == nil || a.Message.Content.VoIP != nil { // there is a job in a lane
		s.Wake()
	}
	if receipt.MessageID != a.Message.ID { // a repeat, which changes nothing
		giveBack()
		return receipt, nil
	}
	s.c.Accepted(r.Message.Source)
	s.arrived(&a.Message, a.Targets)
	if r.Plan != "" {
		if err := s.c.Assets.UsePlan(ctx, app.ID, r.Plan); err != nil { // the push is kept, and that is what was promised
			s.c.Logger.WarnContext(ctx, "a push was not counted under its plan", "message", receipt.MessageID, "error", err)
		}
	}
	s.hint(app.ID, receipt.MessageID)
	return receipt, nil
}

// Stop ends a message: devices whose turn has not come fail with the reason
// Stopped, within a second; those that were sent to keep their outcomes.
func (s *Service) Stop(ctx context.Context, appID int64, id aurora.MessageID) error {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return err
	}
	if err := s.c.Messages.StopMessage(ctx, appID, id); err != nil {
		return err
	}
	s.Wake()
	s.hint(appID, id)
	return nil
}

// Validate does everything Accept does but store.
func (s *Service) Validate(ctx context.Context, app aurora.App, r Request) (Receipt, error) {
	a, err := s.prepare(ctx, app, r)
	return Receipt{a.Message.ID, a.Message.SendNo}, err
}

func (s *Service) prepare(ctx context.Context, app aurora.App, r Request) (Accepted, error) {
	m := r.Message
	m.AppID, m.AcceptedAt = app.ID, time.Now()
	if err := m.Validate(); err != nil {
		return Accepted{}, err
	}
	if m.SendNo == 0 {
		m.SendNo = 1 + rand.Int64N(1<<31-1) // fits the int that JPush's Java client reads it into
	}
	m.ID = s.ids.next(m.AcceptedAt)
	if err := s.checkOverride(ctx, &m); err != nil {
		return Accepted{}, err
	}
	if r.TestOnly {
		tests, err := s.c.Registry.TestDevices(ctx, app.ID)
		if err != nil {
			return Accepted{}, err
		}
		if len(tests) == 0 {
			return Accepted{}, aurora.Errorf(aurora.NoTarget, "options.test_model is set and the app has no test devices. Add one with POST /v3/test/model/add.")
		}
		if r.File != "" {
			return Accepted{}, aurora.Errorf(aurora.Invalid, "options.test_model does not go with a file. Name the test devices instead.")
		}
		if l := m.Content.LiveActivity; l != nil && l.ID != "" {
			return Accepted{}, aurora.Errorf(aurora.Invalid, "options.test_model does not go with live_activity_id: everyone who shows the activity has it. Start one on the test devices instead.")
		}
		r.Audience = audience.And(r.Audience, audience.AnyOf(audience.Registration, tests))
	}
	bound, err := s.c.Registry.Bind(ctx, app.ID, r.Audience, m.AcceptedAt)
	if err != nil {
		return Accepted{}, err
	}
	e := onPlatforms(bound, m.Platforms)
	m.Audience = e.String()
	a := Accepted{Message: m, CID: r.CID, Group: r.group}
	resolve := func() error { return s.resolve(ctx, e, &a) }
	if l := m.Content.LiveActivity; l != nil && l.ID != "" {
		resolve = func() (err error) {
			a.Targets, err = s.c.Messages.ActivityDevices(ctx, app.ID, l.ID)
			return err
		}
	}
	if r.File != "" {
		if m.Content.VoIP != nil {
			return a, aurora.Errorf(aurora.Invalid, "notification.voip does not go with a file. Use tags, an alias or registration ids.")
		}
		resolve = func() error { return s.selectFile(ctx, app, r.File, &a) }
	}
	if err := resolve(); err != nil {
		return a, err
	}
	if a.Targets != nil && a.Targets.IsEmpty() && !r.AllowEmpty {
		return a, aurora.Errorf(aurora.NoTarget, "The audience selects no device. Check the tags, alias or registration ids; a device can be reached once its app has registered.")
	}
	return a, s.checkSize(ctx, a, r.MaxDevices)
}

// checkSize refuses more devices than a request is bound to.
func (s *Service) checkSize(ctx context.Context, a Accepted, most uint64) error {
	if most == 0 {
		return nil
	}
	reach, err := s.reach(ctx, a)
	if err != nil {
		return err
	}
	if n := max(reach.Targeted, reach.InApp); n > most {
		return aurora.Errorf(aurora.Forbidden, "The push selects %d devices by now, and more than %d need the approval of a second person. Ask for it by sending it again from the console.", n, most)
	}
	return nil
}

// overrideTime is how long a push can be overridden (spec/rest-api.md §7.11).
const overrideTime = 24 * time.Hour

func (s *Service) checkOverride(ctx context.Context, m *aurora.Message) error {
	id := m.Options.OverrideID
	if id == 0 {
		return nil
	}
	ok, err := s.c.Messages.MessageSince(ctx, m.AppID, id, m.AcceptedAt.Add(-overrideTime))
	if err == nil && !ok {
		return aurora.Errorf(aurora.Invalid, "override_msg_id %v is not a push of this app within the last day.", id)
	}
	return err
}

// arrived tells devices that a stored message may wait for them.
func (s *Service) arrived(m *aurora.Message, numbers *roaring.Bitmap) {
	if m.Content.InApp == nil || s.c.Arrived == nil {
		return
	}
	if m.Options.OverrideID != 0 { // also those that waited for the other
		numbers = nil
	}
	s.c.Arrived(m.AppID, numbers)
}

func onPlatforms(e audience.Expr, platforms []aurora.Platform) audience.Expr {
	if platforms == nil {
		return e
	}
	names := make([]string, len(platforms))
	for i, p := range platforms {
		names[i] = string(p)
	}
	on := audience.AnyOf(audience.Platform, names)
	if e.Op == audience.OpAll {
		return on
	}
	return audience.And(e, on)
}

// resolve fills in the whole audience if it is a handful, or else the blocks
// it can lie in. Counting stops as soon as it is more than a handful, so a
// broadcast is accepted as quickly as a reply.
func (s *Service) resolve(ctx context.Context, e audience.Expr, a *Accepted) (err error) {
	app := a.Message.AppID
	if _, ok := e.Points(); ok {
		var devices []aurora.Device
		if a.Targets, devices, err = s.c.Registry.FindPoints(ctx, app, e); err != nil {
			return err
		}
		a.found = targetsOf(devices)
		if !a.Message.HasBadge() {
			return nil
		}
		a.Reachable, err = s.c.Registry.SelectPoints(ctx, app, reachable(e, &a.Message))
		return err
	}
	blocks, err := s.c.Registry.Blocks(ctx, app)
	if err != nil {
		return err
	}
	targets := roaring.New()
	for block := range blocks {
		numbers, err := s.c.Registry.SelectBlock(ctx, app, e, block)
		if err != nil {
			return err
		}
		if numbers.IsEmpty() {
			continue
		}
		targets.Or(numbers)
		if targets.GetCardinality() > handful {
			a.Blocks = append(blocksOf(targets), after(block, blocks)...)
			return nil
		}
	}
	a.Targets = targets
	if !a.Message.HasBadge() {
		return nil
	}
	a.Reachable = roaring.New()
	for _, block := range blocksOf(targets) {
		numbers, err := s.c.Registry.SelectBlock(ctx, app, reachable(e, &a.Message), block)
		if err != nil {
			return err
		}
		a.Reachable.Or(numbers)
	}
	a.Reachable.And(targets) // a device that came in between is not one
	return nil
}

// fewFound is how many targets go from the acceptance of a push to its worker.
const fewFound = 16

// targetsOf returns devices as a worker sees them, by ascending number, unless
// they are many.
func targetsOf(devices []aurora.Device) []Target {
	if len(devices) > fewFound {
		return nil
	}
	targets := make([]Target, len(devices))
	for i, d := range devices {
		targets[i] = Target{d.Number, d.Platform, d.Token, d.Environment, d.RetiredReason, d.PushDisabled}
	}
	slices.SortFunc(targets, func(a, b Target) int { return cmp.Compare(a.Number, b.Number) })
	return slices.CompactFunc(targets, func(a, b Target) bool { return a.Number == b.Number })
}

// reachable narrows an audience to the devices that a message can be sent to.
func reachable(e audience.Expr, m *aurora.Message) audience.Expr {
	return audience.And(e, audience.Is(audience.Token, m.Environment().String()))
}

func blocksOf(numbers *roaring.Bitmap) []uint32 {
	var blocks []uint32
	for block := range audience.ByBlock(numbers) {
		blocks = append(blocks, block)
	}
	return blocks
}

func after(block, blocks uint32) []uint32 {
	var rest []uint32
	for b := block + 1; b < blocks; b++ {
		rest = append(rest, b)
	}
	return rest
}

// idMaker makes message ids: milliseconds since 2024 times 2^14 plus a counter
// that starts at random, so that ids rise with time and two nodes hardly ever
// make the same one (the store refuses a second). They stay below 2^53 until
// the year 2041.
type idMaker struct {
	mu   sync.Mutex
	last aurora.MessageID
}

var idEpoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func (g *idMaker) next(now time.Time) aurora.MessageID {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := aurora.MessageID(now.Sub(idEpoch).Milliseconds()<<14 | rand.Int64N(1<<13))
	g.last = max(id, g.last+1)
	return g.last
}
