package apns

import (
	"slices"
	"time"
)

// waitingLimit bounds what a connected phone that does not acknowledge may
// pile up; beyond it, the storage rule of one per app applies.
const waitingLimit = 1000

// deliver takes an accepted notification through the pipeline of spec §7.1.
// It is called with the registry locked, like everything in this file.
func (r *registry) deliver(d *device, n *Notification, now time.Time) {
	p := r.phone(d.Phone)
	if !d.Learned.IsZero() {
		r.trace(n, now, Discarded, "the app is no longer on the phone")
		return
	}
	if !d.Removed.IsZero() && p.session != nil {
		r.trace(n, now, Discarded, "the phone reports that the app was removed")
		r.learn(d, now)
		return
	}
	if p.session == nil {
		r.store(p, n, now, "the phone is offline")
		return
	}
	if p.lowPower && n.Priority < 10 {
		r.store(p, n, now, "the phone saves power")
		return
	}
	if r.policy().OverwriteUnacknowledged || len(p.waiting) >= waitingLimit {
		r.replace(p, n, now)
	}
	r.keep(n)
	p.waiting = append(p.waiting, n)
	r.pump(p, now)
}

// store keeps a notification for later, in the one place its app has.
func (r *registry) store(p *phone, n *Notification, now time.Time, why string) {
	if !n.storable(now) {
		r.trace(n, now, Discarded, why+" and the notification must not be stored")
		return
	}
	r.replace(p, n, now)
	r.keep(n)
	p.waiting = append(p.waiting, n)
	r.trace(n, now, Stored, why)
}

// keep writes the notification into the journal, unless it may not be stored.
func (r *registry) keep(n *Notification) {
	if n.stored || !n.storable(r.clock.Now()) {
		return
	}
	n.stored = true
	r.stored++
	r.write(entry{Stored: &storedEntry{n, n.keepUntil}})
}

// finish ends the storage of a notification.
func (r *registry) finish(n *Notification, now time.Time, what What, detail string) {
	if n.stored {
		n.stored = false
		r.stored--
		r.write(entry{Done: n.Sequence})
	}
	r.trace(n, now, what, detail)
}

// replace drops what waits in the slot that n is about to take.
func (r *registry) replace(p *phone, n *Notification, now time.Time) {
	p.waiting = slices.DeleteFunc(p.waiting, func(old *Notification) bool {
		if old.slot() != n.slot() || old.ChannelID != n.ChannelID {
			return false
		}
		r.finish(old, now, Replaced, "by "+n.APNsID)
		return true
	})
}

// collapse applies the storage rule to a phone that just went offline: the
// latest for each app stays, if it may be stored at all.
func (r *registry) collapse(p *phone) {
	now := r.clock.Now()
	latest := map[slot]*Notification{}
	for _, n := range p.waiting {
		if n.storable(now) && n.ChannelID == "" {
			latest[n.slot()] = n
		}
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(n *Notification) bool {
		switch by := latest[n.slot()]; {
		case by == n:
			return false
		case n.ChannelID != "": // kept by its channel, if at all
			r.trace(n, now, Discarded, "the phone went offline")
		case !n.storable(now) && !n.stored:
			r.trace(n, now, Discarded, "the phone went offline and the notification must not be stored")
		case !n.storable(now):
			r.finish(n, now, Expired, "")
		default:
			r.finish(n, now, Replaced, "by "+by.APNsID)
		}
		return true
	})
}

// pump hands the next waiting notification to a phone that has none in flight.
func (r *registry) pump(p *phone, now time.Time) {
	if p.session == nil || p.inFlight != nil {
		return
	}
	for i := 0; i < len(p.waiting); {
		n := p.waiting[i]
		if p.lowPower && n.Priority < 10 {
			i++
			continue
		}
		p.waiting = slices.Delete(p.waiting, i, i+1)
		if n.stored && !n.storable(now) {
			r.finish(n, now, Expired, "")
			continue
		}
		if d := r.devices[deviceKey{n.Environment, n.Token}]; d != nil && !d.Removed.IsZero() {
			r.finish(n, now, Discarded, "the phone reports that the app was removed")
			r.learn(d, now)
			continue
		}
		p.inFlight = n
		p.session.notify(n)
		detail := ""
		if n.sent {
			detail = "again"
		}
		n.sent = true
		r.trace(n, now, Delivered, detail)
		return
	}
}

// acknowledge frees the phone for the next notification.
func (r *registry) acknowledge(s *session, sequence uint64, status string) {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.phone(s.phone)
	n := p.inFlight
	if p.session != s || n == nil || n.Sequence != sequence {
		return // late, for something that was settled otherwise
	}
	p.inFlight = nil
	switch status {
	case "app-missing":
		r.finish(n, now, Discarded, "the phone does not have the app")
		if d := r.devices[deviceKey{n.Environment, n.Token}]; d != nil {
			r.learn(d, now)
		}
	case "disabled":
		r.finish(n, now, Discarded, "notifications are turned off for the app")
	default:
		r.finish(n, now, Acknowledged, "")
	}
	r.pump(p, now)
	r.flushLocked()
}

// connect makes s the session of its phone and returns the one it replaces.
func (r *registry) connect(s *session) (older *session) {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.phone(s.phone)
	older = p.session
	if older != nil {
		r.offline(p, now)
	}
	p.session = s // its power state is what it said last
	r.record.count("sessions")
	r.catchUp(p, now)
	r.pump(p, now)
	r.flushLocked()
	return older
}

// disconnect takes the session away, unless a newer one took its place already.
func (r *registry) disconnect(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.phone(s.phone)
	if p.session != s {
		return
	}
	r.offline(p, r.clock.Now())
	r.flushLocked()
}

func (r *registry) offline(p *phone, now time.Time) {
	p.session = nil
	if n := p.inFlight; n != nil {
		p.inFlight = nil
		p.waiting = slices.Insert(p.waiting, 0, n)
		r.trace(n, now, Stored, "the phone left without acknowledging")
	}
	r.collapse(p)
}

// setPower holds back, or releases, what is not urgent.
func (r *registry) setPower(s *session, low bool) {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.phone(s.phone)
	if p.session != s {
		return
	}
	p.lowPower = low
	r.pump(p, now)
	r.flushLocked()
}

// sweep drops what has waited past its time. Delivery checks this as well; the
// sweep is what lets a trace show the expiry of something nobody fetches.
func (r *registry) sweep() {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stored == 0 {
		return
	}
	for _, p := range r.phones {
		p.waiting = slices.DeleteFunc(p.waiting, func(n *Notification) bool {
			if !n.stored || n.storable(now) {
				return false
			}
			r.finish(n, now, Expired, "")
			return true
		})
	}
	r.flushLocked()
}
