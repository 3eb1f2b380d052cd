package registry

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// Sighting is how a device was noticed (spec/rest-api.md §11.9).
type Sighting uint8

// The sightings.
const (
	Registered Sighting = iota // it is new; counted by the transaction that registers it
	Online                     // it connected: asked or told Aurora something
	Active                     // its app was opened; such a device is online too
)

// Notice are devices of one app and platform that were seen in one period.
type Notice struct {
	AppID    int64
	Period   Period
	Kind     Sighting
	Platform aurora.Platform
	Numbers  *roaring.Bitmap
}

// Touch moves the time of a device's last contact on.
type Touch struct {
	AppID  int64
	Number uint32
	At     time.Time
	// Was is the last contact before, as somebody has read it; it may have moved
	// on since.
	Was time.Time
}

// Presence stores when devices were seen.
type Presence interface {
	// Notice adds devices to those seen in their periods, and moves last
	// contacts on, never back.
	Notice(ctx context.Context, notices []Notice, touches []Touch) error
	// CountSeen returns how many different devices were seen in each period of
	// a range, both ends included. Periods without any are left out.
	CountSeen(ctx context.Context, appID int64, first, last Period) ([]Seen, error)
	// CloseSeen keeps only the numbers of the periods of one unit that are
	// earlier than open, and forgets those earlier than kept.
	CloseSeen(ctx context.Context, open, kept Period) error
}

// Seen is how many devices of a platform were seen in a period.
type Seen struct {
	Period   Period
	Kind     Sighting
	Platform aurora.Platform
	Devices  uint64
}

const (
	// touchPace is how long a device that was just seen need not be noted
	// again: it bounds the writes for a device that asks every second.
	touchPace = 5 * time.Minute
	// noticePace is how long what was seen is gathered in memory. A crash loses
	// no more than that of the statistics.
	noticePace = 10 * time.Second
	// noticeBatch is how many devices one transaction touches.
	noticeBatch = 1024
)

// presence gathers what was seen until it is written.
type presence struct {
	mu      sync.Mutex
	slot    int64                      // the touchPace that known is about
	known   map[seenAs]*roaring.Bitmap // seen in this slot already
	notices map[noticed]*roaring.Bitmap
	touches map[place]touch
}

// touch is a contact, and the one before it.
type touch struct{ at, was time.Time }

type seenAs struct {
	app  int64
	kind Sighting
}

type noticed struct {
	app      int64
	hour     int64 // since 1970
	kind     Sighting
	platform aurora.Platform
}

type place struct {
	app    int64
	number uint32
}

// Seen notes that a device was seen just now. It only remembers, and costs
// little if the device was seen a moment ago, so it can be called for every
// request; Run writes. Reports, and who has been seen when, follow within
// seconds.
func (s *Service) Seen(_ context.Context, d aurora.Device, kind Sighting) {
	now := time.Now()
	p := &s.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if slot := now.UnixNano() / int64(touchPace); slot != p.slot || p.known == nil {
		p.slot, p.known = slot, map[seenAs]*roaring.Bitmap{}
	}
	if !p.first(seenAs{d.AppID, kind}, d.Number) {
		return
	}
	if p.notices == nil {
		p.notices, p.touches = map[noticed]*roaring.Bitmap{}, map[place]touch{}
	}
	p.note(noticed{d.AppID, now.Unix() / 3600, kind, d.Platform}, d.Number)
	if kind == Active && p.first(seenAs{d.AppID, Online}, d.Number) {
		p.note(noticed{d.AppID, now.Unix() / 3600, Online, d.Platform}, d.Number)
	}
	p.touch(place{d.AppID, d.Number}, touch{now, d.SeenAt})
}

// first reports whether a device is seen for the first time in the slot.
func (p *presence) first(as seenAs, number uint32) bool {
	if p.known[as] == nil {
		p.known[as] = roaring.New()
	}
	return p.known[as].CheckedAdd(number)
}

// touch notes a contact. What was read of the one before may have come from
// here, and not be written yet: the earlier one is true.
func (p *presence) touch(at place, t touch) {
	if known, ok := p.touches[at]; ok {
		t = touch{later(t.at, known.at), earlier(t.was, known.was)}
	}
	p.touches[at] = t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p *presence) note(n noticed, number uint32) {
	if p.notices[n] == nil {
		p.notices[n] = roaring.New()
	}
	p.notices[n].Add(number)
}

// lastSeen returns when a device was last seen, what is not written yet included.
func (p *presence) lastSeen(d aurora.Device) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.touches[place{d.AppID, d.Number}]; t.at.After(d.SeenAt) {
		return t.at
	}
	return d.SeenAt
}

// writeSeen writes what was gathered. What cannot be written stays for the next
// time: writing it twice changes nothing.
func (s *Service) writeSeen(ctx context.Context) error {
	p := &s.presence
	p.mu.Lock()
	noted, touched := p.notices, p.touches
	p.notices, p.touches = nil, nil
	p.mu.Unlock()
	err := s.write(ctx, noted, touched)
	if err != nil {
		p.giveBack(noted, touched)
	}
	return err
}

func (s *Service) write(ctx context.Context, noted map[noticed]*roaring.Bitmap, touched map[place]touch) error {
	var notices []Notice
	for n, numbers := range noted {
		for _, unit := range Units {
			notices = append(notices, Notice{n.app, unit.Period(time.Unix(n.hour*3600, 0)), n.kind, n.platform, numbers})
		}
	}
	for _, n := range notices {
		if err := s.store.Notice(ctx, []Notice{n}, nil); err != nil {
			return err
		}
	}
	touches := make([]Touch, 0, len(touched))
	for at, seen := range touched {
		touches = append(touches, Touch{at.app, at.number, seen.at, seen.was})
	}
	slices.SortFunc(touches, func(a, b Touch) int { // rows that lie together are written together
		return cmp.Or(cmp.Compare(a.AppID, b.AppID), cmp.Compare(a.Number, b.Number))
	})
	for batch := range slices.Chunk(touches, noticeBatch) {
		if err := s.store.Notice(ctx, nil, batch); err != nil {
			return err
		}
	}
	return nil
}

// giveBack keeps what could not be written.
func (p *presence) giveBack(notices map[noticed]*roaring.Bitmap, touches map[place]touch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.notices == nil {
		p.notices, p.touches = notices, touches
		return
	}
	for n, numbers := range notices {
		if have := p.notices[n]; have != nil {
			have.Or(numbers)
		} else {
			p.notices[n] = numbers
		}
	}
	for at, t := range touches {
		p.touch(at, t)
	}
}

const (
	keepHours  = 62 * 24 * time.Hour // hours can be asked for 60 days (spec/rest-api.md §11.7)
	keepDays   = 400 * 24 * time.Hour
	keepMonths = 10 * 366 * 24 * time.Hour
	closePace  = time.Hour
)

// closeSeen drops the sets of periods that are over, of which the numbers are
// all that is asked for, and what is older than reports reach.
func (s *Service) closeSeen(ctx context.Context) error {
	now := time.Now()
	for unit, kept := range map[Unit]time.Duration{Hour: keepHours, Day: keepDays, Month: keepMonths} {
		// An hour of grace: another node may still write what it gathered. Retention
		// asks for the sets of the last days.
		open := now.Add(-time.Hour)
		if unit == Day {
			open = Day.Start(now, -maxRetention)
		}
		if err := s.store.CloseSeen(ctx, unit.Period(open), unit.Period(now.Add(-kept))); err != nil {
			return err
		}
	}
	return nil
}

// runPresence writes what was seen until the context ends, and then the rest.
func (s *Service) runPresence(ctx context.Context) {
	var closed time.Time
	for ctx.Err() == nil {
		if err := s.writeSeen(ctx); err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "who was seen could not be written; it is kept and tried again", "error", err)
		}
		if time.Since(closed) >= closePace {
			closed = time.Now()
			if err := s.closeSeen(ctx); err != nil && ctx.Err() == nil {
				s.logger.ErrorContext(ctx, "statistics of past periods could not be put away; tried again in an hour", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(noticePace):
		}
	}
	if err := s.writeSeen(context.WithoutCancel(ctx)); err != nil {
		s.logger.Error("who was seen in the last seconds could not be written", "error", err)
	}
}
