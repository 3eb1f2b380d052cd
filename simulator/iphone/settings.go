package iphone

import (
	"fmt"
	"slices"
	"strings"
)

// Permission says whether an app may show notifications.
type Permission string

// The states of the permission.
const (
	NotDetermined Permission = "not-determined" // the app has not asked
	Provisional   Permission = "provisional"    // granted without a question: straight to the list, no banner, no sound
	Allowed       Permission = "allowed"
	Denied        Permission = "denied"
)

func (p Permission) shows() bool { return p == Allowed || p == Provisional }

// AlertStyle is how notifications appear on the unlocked phone.
type AlertStyle string

// The alert styles.
const (
	Banner  AlertStyle = "banner" // slides in at the top and goes by itself
	Alert   AlertStyle = "alert"  // a dialog with Close and View
	NoAlert AlertStyle = "none"   // in the list only
)

// Settings are the switches of an app in the Settings app.
type Settings struct {
	Alerts        bool       `json:"alerts"` // banner, lock screen and notification center
	Sounds        bool       `json:"sounds"`
	Badges        bool       `json:"badges"`
	TimeSensitive bool       `json:"time_sensitive"` // the user lets the app use that level
	Style         AlertStyle `json:"style"`
}

func defaultSettings(style AlertStyle) Settings {
	return Settings{Alerts: true, Sounds: true, Badges: true, TimeSensitive: true, Style: style}
}

func (s AlertStyle) check() error {
	if s != Banner && s != Alert && s != NoAlert {
		return fmt.Errorf("iphone: the alert style is %.20q; use banner, alert or none", string(s))
	}
	return nil
}

// Focus is the mode that keeps notifications away (Apple calls the oldest one Do Not Disturb).
type Focus struct {
	On            bool     `json:"on"`
	Allowed       []string `json:"allowed"`        // bundle ids of the apps that get through
	TimeSensitive bool     `json:"time_sensitive"` // time-sensitive notifications of all apps get through
}

// SetFocus switches the Focus. When it ends, or an app comes onto its list, what was held appears in the notification
// center, without banner or sound.
func (p *Phone) SetFocus(f Focus) {
	p.update(func() {
		f.Allowed = slices.Clone(f.Allowed)
		p.focus = f
		switch {
		case !f.On:
			p.note("user", "switches the Focus off")
		case len(f.Allowed) > 0:
			p.note("user", "switches a Focus on; %s may get through", strings.Join(f.Allowed, ", "))
		default:
			p.note("user", "switches a Focus on")
		}
		p.releaseHeld()
	})
}

// focused says whether the Focus keeps an app away.
func (f Focus) focused(bundleID string) bool { return f.On && !slices.Contains(f.Allowed, bundleID) }

// releaseHeld puts into the list what the Focus does not hold any longer.
func (p *Phone) releaseHeld() {
	still := p.held[:0]
	released := 0
	for _, n := range p.held { // oldest first, so that the newest comes out on top
		if p.focus.focused(n.BundleID) {
			still = append(still, n)
			continue
		}
		p.list(n)
		released++
	}
	p.held = still
	if released > 0 {
		p.note("screen", "%d held notifications appear in the notification center", released)
	}
}

// SetMuted moves the mute switch: nothing sounds but critical alerts.
func (p *Phone) SetMuted(on bool) {
	p.update(func() {
		p.muted = on
		p.note("user", "mute switch: %s", onOff(on))
	})
}

// SetLowPower switches low-power mode and tells APNs, which then holds back notifications of priority 5 and 1.
func (p *Phone) SetLowPower(on bool) {
	p.update(func() {
		p.lowPower = on
		p.note("user", "low-power mode: %s", onOff(on))
		p.tellPower()
	})
}

func (p *Phone) tellPower() {
	state := "normal"
	if p.lowPower {
		state = "low"
	}
	p.send(map[string]any{"op": "power", "state": state})
}

// SetAlertStyle chooses how later notifications of all apps appear on the unlocked phone; see SetSettings for one app.
func (p *Phone) SetAlertStyle(style AlertStyle) error {
	return p.try(func() error {
		if err := style.check(); err != nil {
			return err
		}
		p.style = style
		for _, i := range p.installed {
			i.settings.Style = style
			i.container.save(i)
		}
		p.note("user", "alert style: %s", style)
		return nil
	})
}

// SetSettings changes the switches of one app.
func (p *Phone) SetSettings(bundleID string, s Settings) error {
	return p.try(func() error {
		if err := s.Style.check(); err != nil {
			return err
		}
		i, err := p.find(bundleID)
		if err != nil {
			return err
		}
		i.settings = s
		i.container.save(i)
		p.note("user", "settings of %s: alerts %s as %s, sounds %s, badges %s, time-sensitive %s", i.app.Name,
			onOff(s.Alerts), s.Style, onOff(s.Sounds), onOff(s.Badges), onOff(s.TimeSensitive))
		return nil
	})
}

// SetPermission sets what the user allows an app, as in the Settings app. An app that has not asked yet is not listed there.
func (p *Phone) SetPermission(bundleID string, permission Permission) error {
	return p.try(func() error {
		i, err := p.find(bundleID)
		switch {
		case err != nil:
			return err
		case permission != Allowed && permission != Denied && permission != Provisional:
			return fmt.Errorf("iphone: the permission is %.20q; use allowed, denied or provisional", string(permission))
		case i.permission == NotDetermined:
			return fmt.Errorf("iphone: %s has not asked for permission yet; open it first", i.app.Name)
		}
		i.grant(permission)
		return nil
	})
}

// AnswerPermission answers the question on the screen. Without one it changes the setting of all apps that have asked
// before, as in the Settings app.
func (p *Phone) AnswerPermission(allow bool) {
	permission := Denied
	if allow {
		permission = Allowed
	}
	p.update(func() {
		if i := p.asking; i != nil {
			p.asking = nil
			i.grant(permission)
			return
		}
		for _, i := range p.installed {
			if i.permission != NotDetermined {
				i.grant(permission)
			}
		}
	})
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
