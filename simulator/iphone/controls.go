package iphone

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// bump announces a change. The caller holds mu.
func (p *Phone) bump() {
	p.revision++
	close(p.changed)
	p.changed = make(chan struct{})
}

// Lock locks the phone. The app on the screen goes to the background; dialogs become entries of the lock screen.
func (p *Phone) Lock() {
	p.update(func() {
		if p.locked {
			return
		}
		p.note("user", "locks the phone")
		p.locked = true
		p.stopBanner()
		for n := range p.center {
			for _, id := range p.alerts {
				p.center[n].locked = p.center[n].locked || p.center[n].ID == id
			}
		}
		p.alerts = nil
		p.suspend()
	})
}

// Unlock unlocks the phone and shows what was on the screen before. The entries of the lock screen move to the notification
// center. To enter an app through its entry, Tap it.
func (p *Phone) Unlock() {
	p.update(func() {
		if p.locked {
			p.note("user", "unlocks the phone")
			p.unlock()
			p.resume()
		}
	})
}

func (p *Phone) unlock() {
	p.locked = false
	for n := range p.center {
		p.center[n].locked = false
	}
}

// suspend sends the app on the screen to the background, without forgetting that it was there.
func (p *Phone) suspend() {
	if p.front != nil && p.front.process == Foreground {
		p.front.process = Background
		p.note("app", "delegate: applicationDidEnterBackground")
		p.front.connect()
	}
}

func (p *Phone) resume() {
	if p.front != nil {
		p.front.process = Foreground
		p.front.becomeActive()
		p.front.launchedWithHeld()
	}
}

// Home shows the home screen; dialogs go away, their apps never hear of them. A locked phone stays locked.
func (p *Phone) Home() {
	p.update(func() {
		if p.locked {
			return
		}
		p.note("user", "goes to the home screen")
		p.dismissAlerts()
		p.suspend()
		p.front = nil
	})
}

func (p *Phone) dismissAlerts() {
	for _, id := range append([]string(nil), p.alerts...) {
		p.remove(id)
	}
}

// ErrLocked is returned where the phone must be unlocked first.
var ErrLocked = errors.New("iphone: the phone is locked; unlock it first")

// Open opens an app from the home screen. Dialogs go away.
func (p *Phone) Open(bundleID string) error {
	return p.try(func() error {
		i, err := p.find(bundleID)
		if err != nil {
			return err
		}
		if p.locked {
			return ErrLocked
		}
		p.note("user", "opens %s", i.app.Name)
		p.dismissAlerts()
		p.enter(i)
		return nil
	})
}

// enter brings an app to the screen.
func (p *Phone) enter(i *installation) {
	if p.front == i && i.process == Foreground {
		return
	}
	p.suspend()
	if banner := p.entry(p.banner); banner != nil && banner.BundleID == i.app.BundleID {
		p.stopBanner()
	}
	p.front = i
	i.unreported = 0
	i.launch(Foreground)
	if i.client != nil {
		i.becomeActive()
		i.launchedWithHeld()
	}
}

// Kill force-quits an app, as by swiping it away: content-available does not start it until it is opened again.
func (p *Phone) Kill(bundleID string) error {
	return p.end(bundleID, Killed, "force-quits")
}

// Terminate ends an app as the system does when it needs the memory: content-available may start it again.
func (p *Phone) Terminate(bundleID string) error {
	return p.end(bundleID, NotRunning, "the system ends")
}

func (p *Phone) end(bundleID string, how Process, verb string) error {
	return p.try(func() error {
		i, err := p.find(bundleID)
		if err != nil {
			return err
		}
		p.note("user", "%s %s", verb, i.app.Name)
		i.endProcess(how)
		return nil
	})
}

// SetAirplane switches airplane mode: no session to APNs, no way to Aurora.
func (p *Phone) SetAirplane(on bool) {
	p.update(func() {
		if p.airplane.Swap(on) == on {
			return
		}
		if on {
			p.note("user", "switches airplane mode on")
			if p.session != nil {
				p.session.end()
			}
			for _, i := range p.installed {
				i.connect()
			}
			return
		}
		p.note("user", "switches airplane mode off")
		for _, i := range p.installed {
			if i.client != nil {
				i.client.Retry()
			}
			i.connect()
		}
		p.wakeSession()
	})
}

// SetAlias and SetTags are the form on the sample app's screen. They need the app to be running.
func (p *Phone) SetAlias(bundleID, alias string) error {
	return p.inApp(bundleID, func(i *installation) error {
		p.note("user", "sets the alias to “%s” in %s", alias, i.app.Name)
		return i.client.SetAlias(alias)
	})
}

// SetTags replaces the tags; see SetAlias.
func (p *Phone) SetTags(bundleID string, tags []string) error {
	return p.inApp(bundleID, func(i *installation) error {
		p.note("user", "sets the tags to “%s” in %s", strings.Join(tags, ", "), i.app.Name)
		return i.client.SetTags(tags)
	})
}

func (p *Phone) inApp(bundleID string, use func(*installation) error) error {
	return p.try(func() error {
		i, err := p.find(bundleID)
		if err != nil {
			return err
		}
		if i.client == nil {
			return fmt.Errorf("iphone: %s is not running; open it first", i.app.Name)
		}
		if err := use(i); err != nil {
			return err
		}
		i.status, _ = i.client.Status()
		return nil
	})
}

// try is update for actions that can fail.
func (p *Phone) try(action func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.bump()
	return action()
}

// later runs change after a while, with mu held, unless the phone is switched off before. The caller holds mu.
func (p *Phone) later(after time.Duration, change func()) {
	if p.ctx.Err() != nil {
		return
	}
	p.work.Go(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			p.update(change)
		case <-p.ctx.Done():
		}
	})
}
