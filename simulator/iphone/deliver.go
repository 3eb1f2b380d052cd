package iphone

import (
	"fmt"
	"slices"
	"strings"
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
	i, err := p.find(n.BundleID)
	if err != nil || n.Token != "" && i.token != "" && !strings.EqualFold(n.Token, i.token) {
		p.note("phone", "phone → APNs: the app is not on this phone, or this token is of an earlier installation")
		return statusAppMissing
	}
	d := decide(situation{locked: p.locked, process: i.process, permission: i.permission, style: p.style}, n)
	if d.extension {
		i.runExtension(n)
	}
	p.arrivals++
	entry := Notification{
		ID: fmt.Sprintf("n%d", p.arrivals), APNsID: n.APNsID, MessageID: n.messageID, CollapseID: n.CollapseID, BundleID: n.BundleID, AppName: i.app.Name,
		Title: n.title, Subtitle: n.subtitle, Body: n.body, Thread: n.thread, At: time.Now(), Payload: n.Payload,
	}
	if d.sound {
		entry.Sound = n.sound
	}
	p.present(i, n, d, entry)
	if d.because != "" {
		p.note("phone", "%s", d.because)
	}
	if d.delegate == "" {
		return d.status
	}
	if d.delegate == ViaBackground {
		i.wakes++
		if d.launch {
			i.launch(Background)
		}
	}
	if i.client != nil {
		i.didReceive(d.delegate, entry)
	}
	return d.status
}

// present makes the notification visible and audible.
func (p *Phone) present(i *installation, n notice, d decision, entry Notification) {
	if d.badge {
		i.badge = *n.badge
	}
	if d.sound {
		p.sounds++
		p.lastSound = n.sound
	}
	effects := ""
	if d.sound {
		effects += ", sound " + n.sound
	}
	if d.badge {
		effects += fmt.Sprintf(", badge %d", *n.badge)
	}
	if d.show == nowhere {
		if effects != "" {
			p.note("screen", "nothing to read%s", effects)
		}
		return
	}
	if p.replace(entry) {
		p.note("screen", "an earlier entry with collapse id %q goes away", entry.CollapseID)
	}
	entry.locked = d.show == lockScreen
	p.center = slices.Insert(p.center, 0, entry)
	for len(p.center) > maxEntries {
		p.remove(p.center[len(p.center)-1].ID)
	}
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

// replace removes the entry that has the same collapse id (spec apns.md §8.7).
func (p *Phone) replace(entry Notification) bool {
	if entry.CollapseID == "" {
		return false
	}
	for _, old := range p.center {
		if old.BundleID == entry.BundleID && old.CollapseID == entry.CollapseID {
			p.remove(old.ID)
			return true
		}
	}
	return false
}

// remove takes an entry off the phone, wherever it shows.
func (p *Phone) remove(id string) {
	p.center = slices.DeleteFunc(p.center, func(n Notification) bool { return n.ID == id })
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
