package iphone

import (
	"fmt"
	"slices"
	"time"
)

// Build is what the developer has put into the sample app: capabilities, categories, and what its delegate does. Change it
// with [Phone.Update], as a new version from the store would.
type Build struct {
	Provisional    bool         `json:"provisional"`     // asks for provisional authorization: no question to the user
	BackgroundMode bool         `json:"background_mode"` // “remote notifications”: content-available may wake it
	TimeSensitive  bool         `json:"time_sensitive"`  // capability
	Critical       bool         `json:"critical"`        // entitlement for critical alerts
	LiveActivities bool         `json:"live_activities"` // asks for a push-to-start token at launch
	VoIP           bool         `json:"voip"`            // registers with PushKit at launch, and makes a call of each VoIP push
	SilentVoIP     bool         `json:"silent_voip"`     // breaks the rule: it makes no call of them
	Extension      *Extension   `json:"extension"`       // notification service extension; nil = none
	Present        Presentation `json:"present"`         // the delegate's answer to willPresentNotification
	Categories     []Category   `json:"categories"`      // registered at launch
}

// Extension is the notification service extension of the sample app: it reports the arrival to Aurora, and then may change
// what is shown.
type Extension struct {
	Prefix string        `json:"prefix"` // put before the title, or before the body where there is no title
	Work   time.Duration `json:"work"`   // in nanoseconds; after 30 seconds the system shows the original
}

// Presentation is what a delegate may ask for when a notification arrives while its app is on the screen.
type Presentation struct {
	Banner bool `json:"banner"`
	List   bool `json:"list"`
	Sound  bool `json:"sound"`
	Badge  bool `json:"badge"`
}

// Category is a kind of notification with buttons of its own; a payload names it in aps.category.
type Category struct {
	ID      string   `json:"id"`
	Actions []Action `json:"actions"`
	Dismiss bool     `json:"dismiss"` // the app wants to hear when the user clears such a notification
}

// Action is a button of a category.
type Action struct {
	ID             string `json:"id"`
	Title          string `json:"title"`
	Foreground     bool   `json:"foreground"`     // opens the app; otherwise the app handles it in the background
	Destructive    bool   `json:"destructive"`    // shown in red
	Authentication bool   `json:"authentication"` // unlocks a locked phone first
	TextInput      bool   `json:"text_input"`     // asks for a text
}

// DefaultBuild is a sample app with everything that does not change what notifications do by themselves: all rights, a
// service extension that only reports, no presentation in the foreground, and two categories to try buttons with.
func DefaultBuild() Build {
	return Build{
		BackgroundMode: true, TimeSensitive: true, Critical: true, Extension: &Extension{},
		Categories: []Category{
			{ID: "MESSAGE", Dismiss: true, Actions: []Action{
				{ID: "REPLY", Title: "Reply", TextInput: true},
				{ID: "READ", Title: "Mark as read"},
				{ID: "DELETE", Title: "Delete", Destructive: true, Authentication: true},
			}},
			{ID: "INVITATION", Actions: []Action{
				{ID: "ACCEPT", Title: "Accept", Foreground: true},
				{ID: "DECLINE", Title: "Decline", Destructive: true},
			}},
		},
	}
}

// check finds what the system would reject, or what would make a button unreachable.
func (b Build) check() error {
	seen := map[string]bool{}
	for _, c := range b.Categories {
		if c.ID == "" || seen[c.ID] {
			return fmt.Errorf("the category id %q is empty or registered twice", c.ID)
		}
		seen[c.ID] = true
		ids := map[string]bool{}
		for _, a := range c.Actions {
			if a.ID == "" || a.Title == "" || ids[a.ID] {
				return fmt.Errorf("category %s: every action needs an id of its own and a title", c.ID)
			}
			ids[a.ID] = true
		}
	}
	if b.Extension != nil && b.Extension.Work < 0 {
		return fmt.Errorf("the extension works for %v; that cannot be negative", b.Extension.Work)
	}
	return nil
}

func (b Build) category(id string) (Category, bool) {
	i := slices.IndexFunc(b.Categories, func(c Category) bool { return id != "" && c.ID == id })
	if i < 0 {
		return Category{}, false
	}
	return b.Categories[i], true
}

// Update replaces the app by another build of the same version. Its data, settings and token stay (spec apns.md §8.3).
func (p *Phone) Update(bundleID string, b Build) error {
	return p.try(func() error {
		i, err := p.find(bundleID)
		if err != nil {
			return err
		}
		if err := b.check(); err != nil {
			return fmt.Errorf("iphone: update %s: %w", bundleID, err)
		}
		i.build = b
		p.note("user", "updates %s", i.app.Name)
		if b.LiveActivities && i.client != nil {
			i.want(startToken, &i.activityWanted)
		}
		if b.VoIP && i.client != nil {
			i.want(callToken, &i.voipWanted)
		}
		return nil
	})
}
