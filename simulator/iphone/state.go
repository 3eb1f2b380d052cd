package iphone

import (
	"encoding/json"
	"slices"
	"time"
)

// State is a snapshot of everything that can be seen and heard. Its JSON names are stable: scripts and the page read them.
type State struct {
	Revision           uint64         `json:"revision"` // grows with every change
	ID                 string         `json:"id"`
	Name               string         `json:"name"`
	Screen             string         `json:"screen"` // "lock", "home" or "app"
	Locked             bool           `json:"locked"`
	Foreground         string         `json:"foreground"` // bundle id of the app on the screen; "" when there is none
	Airplane           bool           `json:"airplane"`
	LowPower           bool           `json:"low_power"`
	Muted              bool           `json:"muted"`
	Focus              Focus          `json:"focus"`
	Session            Session        `json:"session"` // to APNs
	AlertStyle         AlertStyle     `json:"alert_style"`
	Prompt             *Prompt        `json:"prompt"`              // the question whether notifications are allowed
	Banner             *Notification  `json:"banner"`              // showing now
	Alert              *Notification  `json:"alert"`               // the dialog with Close and View showing now
	AlertsBehind       int            `json:"alerts_behind"`       // further dialogs behind it
	LockScreen         []Notification `json:"lock_screen"`         // newest first; empty unless locked
	NotificationCenter []Notification `json:"notification_center"` // all that were neither tapped nor cleared, newest first
	LockScreenStacks   []Stack        `json:"lock_screen_stacks"`  // the same entries as they are grouped
	CenterStacks       []Stack        `json:"center_stacks"`
	Held               []Notification `json:"held"`       // by the Focus, oldest first
	Activities         []Activity     `json:"activities"` // live activities on the lock screen, newest first
	Calls              []Call         `json:"calls"`      // that ring or go on, newest first
	Apps               []AppState     `json:"apps"`       // in the order of installation
	ScreenLit          int            `json:"screen_lit"` // times a notification lit the dark screen
	SoundsPlayed       int            `json:"sounds_played"`
	LastSound          string         `json:"last_sound"`
	Log                []Event        `json:"log"` // oldest first; the latest 500
	changed            <-chan struct{}
}

// Session is the state of the courier session.
type Session string

// The states of the courier session.
const (
	Offline    Session = "offline"
	Connecting Session = "connecting"
	Connected  Session = "connected"
)

// Prompt is the system's question on behalf of an app.
type Prompt struct {
	BundleID string `json:"bundle_id"`
	Text     string `json:"text"`
}

// Notification is an entry on the screen.
type Notification struct {
	ID         string          `json:"id"` // "n1", "n2", …: what Tap takes
	APNsID     string          `json:"apns_id"`
	MessageID  string          `json:"msg_id"` // Aurora's; "" for other senders
	CollapseID string          `json:"collapse_id"`
	BundleID   string          `json:"bundle_id"`
	AppName    string          `json:"app_name"`
	Title      string          `json:"title"`
	Subtitle   string          `json:"subtitle"`
	Body       string          `json:"body"`
	Thread     string          `json:"thread"`
	Level      string          `json:"level"`    // interruption level of the payload; "active" by default
	Category   string          `json:"category"` // of the payload
	Actions    []Action        `json:"actions"`  // buttons of that category, if the app has registered it
	Sound      string          `json:"sound"`    // played on arrival; "" = none
	At         time.Time       `json:"at"`
	Payload    json.RawMessage `json:"payload"`
	locked     bool            // belongs on the lock screen
}

// AppState is an installed app.
type AppState struct {
	BundleID        string     `json:"bundle_id"`
	Name            string     `json:"name"`
	Version         string     `json:"version"`
	Environment     string     `json:"environment"` // "development" or "production"
	Process         Process    `json:"process"`
	Permission      Permission `json:"permission"`
	Badge           int        `json:"badge"`            // 0 = none
	Token           string     `json:"token"`            // hex, from APNs; "" before step B
	RegistrationID  string     `json:"registration_id"`  // from Aurora; "" before step C
	Alias           string     `json:"alias"`            // as set in the app
	Tags            []string   `json:"tags"`             // as set in the app, sorted
	Messages        []Message  `json:"messages"`         // what the delegate received, oldest first; the latest 100
	Launches        int        `json:"launches"`         // of the process, in foreground or background
	BackgroundWakes int        `json:"background_wakes"` // by content-available
	Synced          bool       `json:"synced"`           // Aurora has confirmed everything, receipts too
	ReceiptsWaiting int        `json:"receipts_waiting"`
	Failure         string     `json:"failure"` // of the SDK's latest attempt; "" when all is well
	Settings        Settings   `json:"settings"`
	Build           Build      `json:"build"`
	BackgroundHeld  bool       `json:"background_held"` // a background notification waits: too many in this hour
	ActivityToken   string     `json:"activity_token"`  // starts live activities (push-to-start); "" unless the app has asked for one
	VoIPToken       string     `json:"voip_token"`      // of PushKit; "" unless the app has asked for one
}

// Via is how the app's delegate came to know of a notification.
type Via string

// The ways a notification reaches the delegate.
const (
	ViaForeground Via = "foreground" // it arrived while the app was on the screen
	ViaBackground Via = "background" // content-available woke the app
	ViaOpened     Via = "opened"     // the user tapped it, or chose View
	ViaAction     Via = "action"     // the user pressed a button of its category
	ViaDismissed  Via = "dismissed"  // the user cleared it, and the category asks to hear of that
	ViaVoIP       Via = "voip"       // PushKit brought it: a call
	ViaAnswered   Via = "answered"   // the user took the call
	ViaInApp      Via = "in-app"     // the app fetched it from Aurora while it was open: never shown by the system
)

// Message is a payload that the app's delegate received.
type Message struct {
	ID        string          `json:"id"`
	MessageID string          `json:"msg_id"`
	Via       Via             `json:"via"`
	Action    string          `json:"action"` // id of the button; "" otherwise
	Text      string          `json:"text"`   // what the user wrote
	Title     string          `json:"title"`
	Body      string          `json:"body"`
	At        time.Time       `json:"at"`
	Payload   json.RawMessage `json:"payload"`
}

// Event is a line of the event log.
type Event struct {
	Seq  uint64    `json:"seq"`
	At   time.Time `json:"at"`
	Who  string    `json:"who"` // "apns", "screen", "app", "sdk", "user" or "phone"
	Text string    `json:"text"`
}

// App returns the state of an app and whether it is installed.
func (s State) App(bundleID string) (AppState, bool) {
	i := slices.IndexFunc(s.Apps, func(a AppState) bool { return a.BundleID == bundleID })
	if i < 0 {
		return AppState{}, false
	}
	return s.Apps[i], true
}

// State returns a snapshot.
func (p *Phone) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := State{
		Revision: p.revision, ID: p.config.ID, Name: p.config.Name,
		Screen: "home", Locked: p.locked,
		Airplane: p.airplane.Load(), Session: p.sessionState, AlertStyle: p.style,
		LowPower: p.lowPower, Muted: p.muted, Focus: p.focus, ScreenLit: p.lit,
		LockScreen: []Notification{}, NotificationCenter: append([]Notification{}, p.center...), Held: append([]Notification{}, p.held...),
		Activities: []Activity{}, Calls: []Call{}, Apps: []AppState{},
		SoundsPlayed: p.sounds, LastSound: p.lastSound,
		Log: slices.Clone(p.events), changed: p.changed,
	}
	s.Focus.Allowed = append([]string{}, s.Focus.Allowed...)
	if front := p.front; front != nil && !p.locked {
		s.Screen, s.Foreground = "app", front.app.BundleID
	}
	if p.locked {
		s.Screen = "lock"
		for _, n := range p.center {
			if n.locked {
				s.LockScreen = append(s.LockScreen, n)
			}
		}
	}
	s.LockScreenStacks, s.CenterStacks = stack(s.LockScreen), stack(s.NotificationCenter)
	for _, a := range p.activities {
		s.Activities = append(s.Activities, *a)
	}
	for _, c := range p.calls {
		s.Calls = append(s.Calls, *c)
	}
	if p.asking != nil {
		s.Prompt = &Prompt{BundleID: p.asking.app.BundleID, Text: "“" + p.asking.app.Name + "” Would Like to Send You Notifications"}
	}
	s.Banner = p.entry(p.banner)
	if count := len(p.alerts); count > 0 {
		s.Alert, s.AlertsBehind = p.entry(p.alerts[count-1]), count-1
	}
	for _, i := range p.installed {
		s.Apps = append(s.Apps, i.state())
	}
	return s
}

// entry returns a copy of a notification by its id, nil when it is gone.
func (p *Phone) entry(id string) *Notification {
	for _, n := range p.center {
		if id != "" && n.ID == id {
			return &n
		}
	}
	return nil
}
