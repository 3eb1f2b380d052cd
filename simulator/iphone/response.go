package iphone

import (
	"fmt"
	"slices"
	"strings"
)

// response is how the app's delegate hears of a notification, and what the user did with it.
type response struct {
	via          Via
	action, text string
}

// lookup finds an entry by its ID, its APNs id or Aurora's message id; the newest match counts.
func (p *Phone) lookup(id string) (Notification, error) {
	i := slices.IndexFunc(p.center, func(n Notification) bool {
		return id != "" && (n.ID == id || n.APNsID == id || n.MessageID == id)
	})
	if i < 0 {
		return Notification{}, fmt.Errorf("%w: %.100q", ErrNoNotification, id)
	}
	return p.center[i], nil
}

func (n Notification) label() string {
	read := notice{title: n.Title, body: n.Body}
	return "the notification " + read.short()
}

// Tap opens the app of a notification, from the banner, the lock screen (which unlocks the phone) or the notification
// center, and hands it the payload. The id may be the notification's ID, its APNs id or Aurora's message id; the newest
// match counts.
func (p *Phone) Tap(id string) error {
	return p.try(func() error {
		n, err := p.lookup(id)
		if err != nil {
			return err
		}
		p.note("user", "taps %s", n.label())
		return p.open(n, response{via: ViaOpened})
	})
}

// open enters the notification's app with the payload.
func (p *Phone) open(n Notification, r response) error {
	i, err := p.find(n.BundleID)
	if err != nil {
		return err
	}
	p.remove(n.ID)
	p.unlock()
	p.enter(i)
	i.didReceive(n, r)
	return nil
}

// Act presses a button of a notification (see Tap for its id). Text goes with an action that asks for one. The app hears of
// it in the background, or opens if the action says so; an action that needs authentication unlocks a locked phone.
func (p *Phone) Act(id, action, text string) error {
	return p.try(func() error {
		n, err := p.lookup(id)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(n.Actions, func(a Action) bool { return a.ID == action })
		if at < 0 {
			return fmt.Errorf("iphone: %s has no action %.40q; it has %q", n.label(), action, actionIDs(n.Actions))
		}
		a := n.Actions[at]
		switch {
		case a.TextInput && strings.TrimSpace(text) == "":
			return fmt.Errorf("iphone: the action %s asks for a text; give one", a.ID)
		case !a.TextInput && text != "":
			return fmt.Errorf("iphone: the action %s takes no text", a.ID)
		}
		p.note("user", "presses “%s” of %s", a.Title, n.label())
		r := response{via: ViaAction, action: a.ID, text: text}
		if a.Foreground {
			return p.open(n, r)
		}
		if a.Authentication && p.locked {
			p.note("user", "unlocks the phone")
			p.unlock()
			p.resume()
		}
		return p.answerInBackground(n, r)
	})
}

// answerInBackground hands a response to an app that stays where it is; one that does not run is started, even after the
// user has force-quit it, for this is the user's wish.
func (p *Phone) answerInBackground(n Notification, r response) error {
	i, err := p.find(n.BundleID)
	if err != nil {
		return err
	}
	p.remove(n.ID)
	if i.client == nil {
		i.launch(Background)
	}
	i.didReceive(n, r)
	return nil
}

func actionIDs(actions []Action) []string {
	ids := []string{}
	for _, a := range actions {
		ids = append(ids, a.ID)
	}
	return ids
}

// Dismiss clears one notification (see Tap for its id). The app hears of it only if the category asks for that.
func (p *Phone) Dismiss(id string) error {
	return p.try(func() error {
		n, err := p.lookup(id)
		if err != nil {
			return err
		}
		p.note("user", "clears %s", n.label())
		return p.dismiss(n)
	})
}

func (p *Phone) dismiss(n Notification) error {
	i, err := p.find(n.BundleID)
	if err != nil {
		return err
	}
	if category, ok := i.build.category(n.Category); ok && category.Dismiss {
		return p.answerInBackground(n, response{via: ViaDismissed})
	}
	p.remove(n.ID)
	return nil
}

// CloseAlert presses Close in the dialog: it goes away, and the app never hears of it unless its category asks for that.
func (p *Phone) CloseAlert() error {
	return p.try(func() error {
		n, err := p.topAlert()
		if err != nil {
			return err
		}
		p.note("user", "presses Close")
		return p.dismiss(n)
	})
}

// ViewAlert presses View in the dialog: the app opens with the payload.
func (p *Phone) ViewAlert() error {
	return p.try(func() error {
		n, err := p.topAlert()
		if err != nil {
			return err
		}
		p.note("user", "presses View")
		return p.open(n, response{via: ViaOpened})
	})
}

func (p *Phone) topAlert() (Notification, error) {
	if len(p.alerts) == 0 {
		return Notification{}, fmt.Errorf("%w: no alert is showing", ErrNoNotification)
	}
	return *p.entry(p.alerts[len(p.alerts)-1]), nil
}

// ClearNotifications empties lock screen and notification center; the apps hear nothing, badges stay.
func (p *Phone) ClearNotifications() {
	p.update(func() {
		p.note("user", "clears all notifications")
		p.center, p.alerts = nil, nil
		p.stopBanner()
	})
}
