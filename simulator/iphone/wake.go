package iphone

import "time"

// Apple's guidance is two or three background pushes an hour; the system keeps the newest of those beyond (spec apns.md
// §7.3). The exact rule is Apple's secret: three in any sixty minutes is assumed.
const (
	wakesPerHour = 3
	wakeWindow   = time.Hour
)

// wakesSpent says whether the app has been woken as often as it may be in this hour.
func (i *installation) wakesSpent() bool {
	for len(i.wakeTimes) > 0 && time.Since(i.wakeTimes[0]) >= wakeWindow {
		i.wakeTimes = i.wakeTimes[1:]
	}
	return len(i.wakeTimes) >= wakesPerHour && !i.phone.config.Unthrottled
}

// wake lets content-available reach an app that is not on the screen, as decided.
func (p *Phone) wake(i *installation, n notice, d decision) {
	if d.delegate == ViaBackground || d.later {
		p.wakeWith(i, p.entryFor(i, n), d)
	}
}

func (p *Phone) wakeWith(i *installation, entry Notification, d decision) {
	switch {
	case d.later:
		i.holdWake(entry)
	case d.delegate == ViaBackground:
		i.wakeNow(entry)
	}
}

func (i *installation) wakeNow(entry Notification) {
	i.wakes++
	i.wakeTimes = append(i.wakeTimes, time.Now())
	if i.client == nil {
		i.launch(Background)
	}
	i.didReceive(entry, response{via: ViaBackground})
}

// holdWake keeps the newest background notification until the hour is over or the user opens the app.
func (i *installation) holdWake(entry Notification) {
	if i.heldWake != nil {
		i.phone.note("phone", "the background notification held until now is dropped for this newer one")
		i.heldWake = &entry
		return
	}
	i.heldWake = &entry
	i.phone.later(time.Until(i.wakeTimes[0].Add(wakeWindow)), i.releaseWake)
}

// releaseWake delivers what was held, unless that has happened or the app cannot be woken any longer.
func (i *installation) releaseWake() {
	if found, err := i.phone.find(i.app.BundleID); err != nil || found != i || i.heldWake == nil {
		return
	}
	if i.wakesSpent() {
		i.phone.later(time.Until(i.wakeTimes[0].Add(wakeWindow)), i.releaseWake)
		return
	}
	entry := *i.heldWake
	i.heldWake = nil
	i.phone.note("phone", "the held background notification is delivered")
	i.wakeNow(entry)
}

// launchedWithHeld hands the held notification over to the app that the user has opened.
func (i *installation) launchedWithHeld() {
	if i.heldWake == nil || i.client == nil {
		return
	}
	entry := *i.heldWake
	i.heldWake = nil
	i.phone.note("phone", "the held background notification is delivered: the user opened the app")
	i.didReceive(entry, response{via: ViaForeground})
}

// dropHeld discards it: the user has force-quit the app.
func (i *installation) dropHeld() {
	if i.heldWake != nil {
		i.heldWake = nil
		i.phone.note("phone", "the held background notification is dropped: the user has force-quit the app")
	}
}
