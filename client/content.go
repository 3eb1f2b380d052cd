package client

import (
	"encoding/json"
	"strconv"
	"time"
)

// Notification is what a phone shows.
type Notification struct {
	Alert Alert // shared by the platforms
	IOS   *IOS  // what only iPhones get
	// VoIP are members of the payload of a push to PushKit, up to 5,120 bytes; it
	// needs a credential that covers VoIP.
	VoIP map[string]any
	// Others are the blocks of platforms that Aurora has no channel for yet, in
	// JPush's form. They are checked and kept.
	Others map[Platform]any
}

// MarshalJSON writes JPush's form.
func (n Notification) MarshalJSON() ([]byte, error) {
	m := map[string]any{}
	for p, block := range n.Others {
		m[string(p)] = block
	}
	if !n.Alert.isZero() {
		m["alert"] = n.Alert
	}
	if n.IOS != nil {
		m["ios"] = n.IOS
	}
	if n.VoIP != nil {
		m["voip"] = n.VoIP
	}
	return json.Marshal(m)
}

// IOS is what only iPhones get: Apple's "aps" dictionary and members beside it
// (Apple: Generating a remote notification). Its JSON has at most 2,000 bytes.
type IOS struct {
	Alert Alert `json:"alert,omitzero"` // instead of the shared one
	Sound Sound `json:"sound,omitzero"`
	// Badge is for the app's icon: [SetBadge], [AddBadge]; "" leaves it alone.
	Badge Badge `json:"badge,omitempty"`
	// ContentAvailable wakes the app in the background; without an alert nothing
	// is shown.
	ContentAvailable bool `json:"content-available,omitempty"`
	// MutableContent hands the notification to the app's service extension, which
	// also reports it as received.
	MutableContent    bool              `json:"mutable-content,omitempty"`
	Category          string            `json:"category,omitempty"` // of its action buttons
	ThreadID          string            `json:"thread-id,omitempty"`
	InterruptionLevel InterruptionLevel `json:"interruption-level,omitempty"`
	// Extras become members of the payload beside aps; "aps" and "_j_msgid" are
	// reserved.
	Extras map[string]any `json:"extras,omitempty"`
}

// InterruptionLevel is how far a notification may disturb (Apple:
// UNNotificationInterruptionLevel).
type InterruptionLevel string

// The levels; none means active.
const (
	Passive       InterruptionLevel = "passive"
	Active        InterruptionLevel = "active"
	TimeSensitive InterruptionLevel = "time-sensitive"
	Critical      InterruptionLevel = "critical" // needs Apple's permission
)

// Alert is the text of a notification; [Text] makes one of a line. The keys of
// localised texts are looked up in the app.
type Alert struct {
	Title           string   `json:"title,omitempty"`
	Subtitle        string   `json:"subtitle,omitempty"`
	Body            string   `json:"body,omitempty"`
	TitleLocKey     string   `json:"title-loc-key,omitempty"`
	TitleLocArgs    []string `json:"title-loc-args,omitempty"`
	SubtitleLocKey  string   `json:"subtitle-loc-key,omitempty"`
	SubtitleLocArgs []string `json:"subtitle-loc-args,omitempty"`
	LocKey          string   `json:"loc-key,omitempty"` // of the body
	LocArgs         []string `json:"loc-args,omitempty"`
	LaunchImage     string   `json:"launch-image,omitempty"`
}

// Text is an alert that has a body only.
func Text(body string) Alert { return Alert{Body: body} }

func (a *Alert) isZero() bool { return a.text() && a.Body == "" }

// text reports whether nothing but the body is given.
func (a *Alert) text() bool {
	return a.Title+a.Subtitle+a.TitleLocKey+a.SubtitleLocKey+a.LocKey+a.LaunchImage == "" && len(a.TitleLocArgs)+len(a.SubtitleLocArgs)+len(a.LocArgs) == 0
}

// MarshalJSON writes a string if there is a body only, which all platforms
// understand, and Apple's object otherwise.
func (a Alert) MarshalJSON() ([]byte, error) {
	if a.text() {
		return json.Marshal(a.Body)
	}
	type plain Alert
	return json.Marshal(plain(a))
}

// Sound is what is played: a file of the app's by its name, or "default".
type Sound struct {
	Name     string  `json:"name,omitempty"`
	Critical bool    `json:"-"`                // also when the phone is silenced; needs Apple's permission
	Volume   float64 `json:"volume,omitempty"` // of a critical sound, up to 1; 0 leaves it to the phone
}

// DefaultSound is the phone's own.
var DefaultSound = Sound{Name: "default"}

// MarshalJSON writes a string, or the object of a critical alert.
func (s Sound) MarshalJSON() ([]byte, error) {
	if !s.Critical {
		return json.Marshal(s.Name)
	}
	type plain Sound
	return json.Marshal(struct {
		plain
		Critical int `json:"critical"`
	}{plain(s), 1})
}

// Badge is a number for an app's icon, or a change of it: "5", "+1", "-1". The
// server keeps each device's number for changes; it stays within 0 and 99999.
type Badge string

// SetBadge makes the number n; 0 removes it.
func SetBadge(n int) Badge { return Badge(strconv.Itoa(n)) }

// AddBadge adds n to each device's number; a negative n subtracts.
func AddBadge(n int) Badge {
	if n < 0 {
		return Badge(strconv.Itoa(n))
	}
	return Badge("+" + strconv.Itoa(n))
}

// Message is an in-app message: the app gets it when it is connected, and shows
// what it likes. It needs no push token and never goes through APNs. Its JSON
// has at most 4,000 bytes; a device keeps the five newest.
type Message struct {
	Content     any            `json:"msg_content"` // a string, or an object, which travels as its JSON text
	Title       string         `json:"title,omitempty"`
	ContentType string         `json:"content_type,omitempty"`
	Extras      map[string]any `json:"extras,omitempty"`
}

// ActivityEvent is what happens to a live activity.
type ActivityEvent string

// The events of a live activity.
const (
	StartActivity  ActivityEvent = "start"
	UpdateActivity ActivityEvent = "update"
	EndActivity    ActivityEvent = "end"
)

// LiveActivity starts a live activity for an audience of devices, or updates or
// ends the one that Audience.LiveActivityID names (Apple: Starting and updating
// Live Activities with ActivityKit push notifications). Its JSON has at most
// 3,584 bytes, and APNs takes it from apps with a .p8 key only.
type LiveActivity struct {
	Event          ActivityEvent
	ContentState   any    // what the app's ContentState decodes; required
	AttributesType string // to start: the name of the attributes' type
	Attributes     any    // to start
	Alert          Alert  // Apple shows no new activity without one
	StaleDate      time.Time
	DismissalDate  time.Time
	RelevanceScore int // 1 to 100; 0 means none
	Priority       int // 5 or 10; 0 means 10
}

// MarshalJSON writes JPush's form.
func (a LiveActivity) MarshalJSON() ([]byte, error) {
	m := map[string]any{"event": a.Event, "content-state": a.ContentState}
	if a.AttributesType != "" {
		m["attributes-type"] = a.AttributesType
	}
	if a.Attributes != nil {
		m["attributes"] = a.Attributes
	}
	if !a.Alert.isZero() {
		m["alert"] = a.Alert
	}
	for name, at := range map[string]time.Time{"stale-date": a.StaleDate, "dismissal-date": a.DismissalDate} {
		if !at.IsZero() {
			m[name] = at.Unix()
		}
	}
	for name, n := range map[string]int{"relevance-score": a.RelevanceScore, "apns-priority": a.Priority} {
		if n != 0 {
			m[name] = n
		}
	}
	return json.Marshal(m)
}
