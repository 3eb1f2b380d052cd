package iphone

import (
	"fmt"
	"slices"
	"time"
)

// receive does what decide says with a delivery, and returns the answer for APNs. The caller holds mu.
func (p *Phone) receive(d delivery) string {
	// Both ids: an APNs that was started anew may count its deliveries from 1 again.
	key := d.ID + " " + d.APNsID
	if i := slices.Index(p.delivered, key); i >= 0 {
		// APNs did not see the answer before the session broke: answer again, show once.
		p.note("apns", "APNs → phone: delivery %s again, not shown twice", d.ID)
		return p.deliveredAs[i]
	}
	status := p.handle(read(d))
	if len(p.delivered) == maxDelivered {
		p.delivered, p.deliveredAs = p.delivered[1:], p.deliveredAs[1:]
	}
	p.delivered, p.deliveredAs = append(p.delivered, key), append(p.deliveredAs, status)
	return status
}

func (p *Phone) handle(n notice) string {
	kind := n.PushType
	if kind == "" {
		kind = "alert"
	}
	p.note("apns", "APNs → phone: notification %s (%s, priority %d) for %s", n.name(), kind, n.Priority, n.BundleID)
	for _, flaw := range n.flaws {
		p.note("phone", "ignored in the payload: %s", flaw)
	}
	bundleID, _ := kindOf(n.BundleID)
	i, err := p.find(bundleID)
	if err != nil || i.unknownToken(n.delivery) {
		p.note("phone", "phone → APNs: the app is not on this phone, or this token is of an earlier installation")
		return statusAppMissing
	}
	n.BundleID = i.app.BundleID
	d := decide(p.situation(i, n), n)
	if !d.extension {
		p.carryOut(i, n, d)
		return d.status
	}
	i.runExtension(n)
	work := i.build.Extension.Work
	if work == 0 {
		p.carryOut(i, n.rewritten(i.build.Extension.Prefix), d)
		return d.status
	}
	p.wake(i, n, d) // does not wait for the extension
	changed := n.rewritten(i.build.Extension.Prefix)
	p.later(min(work, extensionTimeout), func() {
		if found, err := p.find(n.BundleID); err != nil || found != i {
			return // removed meanwhile
		}
		if work >= extensionTimeout {
			p.note("app", "service extension: its %v are over, the original is shown", extensionTimeout)
			changed = n
		}
		d := decide(p.situation(i, changed), changed)
		if d.delegate == ViaBackground || d.later {
			d.delegate, d.later = "", false
		}
		p.carryOut(i, changed, d)
	})
	return d.status
}

// situation is how things stand for an app.
func (p *Phone) situation(i *installation, n notice) situation {
	return situation{
		locked: p.locked, process: i.process, permission: i.permission, settings: i.settings, build: i.build,
		focused: p.focus.focused(i.app.BundleID), breaks: p.focus.TimeSensitive, muted: p.muted,
		wakesSpent: i.wakesSpent(), activity: p.activityFor(i, n), activityToken: i.isActivityToken(n), deaf: i.unreported >= maxUnreported,
	}
}

func (p *Phone) entryFor(i *installation, n notice) Notification {
	p.arrivals++
	category, _ := i.build.category(n.category)
	return Notification{
		ID: fmt.Sprintf("n%d", p.arrivals), APNsID: n.APNsID, MessageID: n.messageID, CollapseID: n.CollapseID,
		BundleID: i.app.BundleID, AppName: i.app.Name, Title: n.title, Subtitle: n.subtitle, Body: n.body,
		Thread: n.thread, Level: n.level, Category: n.category, Actions: append([]Action{}, category.Actions...), At: time.Now(), Payload: n.Payload,
	}
}

// carryOut shows, sounds and tells the app, as decided.
func (p *Phone) carryOut(i *installation, n notice, d decision) {
	entry := p.entryFor(i, n)
	if d.sound {
		entry.Sound = n.sound
	}
	if d.card != "" {
		p.changeCard(i, n, d.card)
	}
	p.present(i, n, d, entry)
	if d.because != "" {
		p.note("phone", "%s", d.because)
	}
	if d.call {
		i.receiveCall(n, entry)
		return
	}
	if d.delegate == ViaForeground {
		i.didReceive(entry, response{via: ViaForeground})
		return
	}
	p.wakeWith(i, entry, d)
}

// present makes the notification visible and audible.
func (p *Phone) present(i *installation, n notice, d decision, entry Notification) {
	effects := ""
	if d.sound {
		p.sounds++
		p.lastSound = n.sound
		effects += ", sound " + n.sound
	}
	if d.badge {
		i.badge = *n.badge
		effects += fmt.Sprintf(", badge %d", *n.badge)
	}
	if d.lights {
		p.lit++
		effects += ", the screen lights up"
	}
	switch d.show {
	case nowhere:
		if effects != "" {
			p.note("screen", "nothing to read%s", effects)
		}
		return
	case onCard:
		p.note("screen", "live activity: %s%s", d.card, effects)
		return
	}
	if p.replace(entry) {
		p.note("screen", "an earlier entry with collapse id %q goes away", entry.CollapseID)
	}
	if d.show == held {
		p.held = append(p.held, entry)
		if len(p.held) > maxEntries {
			p.held = p.held[1:]
		}
		p.note("screen", "held back by the Focus%s: %s", effects, n.short())
		return
	}
	entry.locked = d.show == lockScreen
	p.list(entry)
	switch d.show {
	case onBanner:
		p.showBanner(entry.ID)
	case inAlert:
		p.alerts = append(p.alerts, entry.ID)
	}
	p.note("screen", "%s shown%s: %s", map[place]string{
		onBanner: "banner", inAlert: "alert with Close and View", lockScreen: "lock screen entry", listOnly: "quiet entry in the notification center",
	}[d.show], effects, n.short())
}

// list puts an entry on top of the notification center, which is bounded.
func (p *Phone) list(entry Notification) {
	p.center = slices.Insert(p.center, 0, entry)
	for len(p.center) > maxEntries {
		p.remove(p.center[len(p.center)-1].ID)
	}
}

// replace removes the entry that has the same collapse id (spec apns.md §8.7).
func (p *Phone) replace(entry Notification) bool {
	if entry.CollapseID == "" {
		return false
	}
	for _, old := range slices.Concat(p.center, p.held) {
		if old.BundleID == entry.BundleID && old.CollapseID == entry.CollapseID {
			p.remove(old.ID)
			return true
		}
	}
	return false
}

// remove takes an entry off the phone, wherever it shows or waits.
func (p *Phone) remove(id string) {
	same := func(n Notification) bool { return n.ID == id }
	p.center = slices.DeleteFunc(p.center, same)
	p.held = slices.DeleteFunc(p.held, same)
	p.alerts = slices.DeleteFunc(p.alerts, func(alert string) bool { return alert == id })
	if p.banner == id {
		p.stopBanner()
	}
}

// showBanner slides a banner in, in place of the one that may be there, and takes it away after its time.
func (p *Phone) showBanner(id string) {
	p.stopBanner()
	p.banner = id
	p.bannerTimer = time.AfterFunc(p.config.BannerTime, func() {
		p.update(func() {
			if p.banner == id {
				p.banner = ""
				p.note("screen", "the banner slides away")
			}
		})
	})
}

func (p *Phone) stopBanner() {
	p.banner = ""
	if p.bannerTimer != nil {
		p.bannerTimer.Stop()
		p.bannerTimer = nil
	}
}
