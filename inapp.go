package aurora

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// InAppMessage is JPush's custom message (spec/rest-api.md §7.7): content for
// the app itself. It never goes through a vendor; the app fetches it from
// Aurora when it is connected, and decides what to do with it.
type InAppMessage struct {
	Content     string                     `json:"content"`
	Title       string                     `json:"title,omitempty"`
	ContentType string                     `json:"content_type,omitempty"`
	Extras      map[string]json.RawMessage `json:"extras,omitempty"`
}

// MaxInApp is the size of a message block as compact JSON, in bytes
// (spec/rest-api.md §7.13).
const MaxInApp = 4000

// OnlineGrace is how long an in-app message with a time to live of 0, which is
// for the devices connected now, waits for them to fetch it.
const OnlineGrace = 10 * time.Second

func (m *InAppMessage) validate() error {
	if m.Content == "" {
		return Errorf(Missing, "message.msg_content is empty: there is nothing to hand to the app.")
	}
	if n := sizeOf(m); n > MaxInApp {
		return Errorf(TooLarge, "message is %d bytes of JSON; at most %d are allowed. Shorten msg_content or the extras.", n, MaxInApp)
	}
	return nil
}

// InAppExpiresAt is when the message is no longer worth handing to an app.
func (m *Message) InAppExpiresAt() time.Time {
	if m.ForConnected() {
		return m.AcceptedAt.Add(OnlineGrace)
	}
	return m.ExpiresAt()
}

// ForConnected reports whether the message is for the devices that are
// connected when it is accepted, and for no others.
func (m *Message) ForConnected() bool {
	return m.Options.TimeToLive != nil && *m.Options.TimeToLive == 0
}

// The marks of in-app messages are apart from those of notifications, which the
// same push may carry too, and each stands for one platform, since reports
// count them so.

const inAppPrefix = "inapp:"

// InAppWaiting are the devices of a block that have not fetched an in-app
// message yet.
const InAppWaiting Mark = inAppPrefix + "waiting"

// InApp returns the mark of devices of one platform with which an in-app
// message got so far: Targeted, Accepted (handed to the device), Received
// (acknowledged by it) or Opened.
func InApp(p Platform, m Mark) Mark { return Mark(inAppPrefix + string(p) + ":" + string(m)) }

// InAppFailed returns the mark of devices that will not get an in-app message.
func InAppFailed(reason string) Mark { return inAppPrefix + Failed(reason) }

// InApp reports whether the mark is one of in-app messages, and splits it; the
// platform is "" for failures.
func (m Mark) InApp() (p Platform, mark Mark, ok bool) {
	rest, ok := strings.CutPrefix(string(m), inAppPrefix)
	if !ok {
		return "", "", false
	}
	if strings.HasPrefix(rest, failedPrefix) {
		return "", Mark(rest), true
	}
	name, mark2, _ := strings.Cut(rest, ":")
	return Platform(name), Mark(mark2), slices.Contains(Platforms, Platform(name))
}

// Part says which of the two deliveries of a push a receipt is about.
type Part string

// The parts of a push.
const (
	UnsaidPart       Part = ""
	NotificationPart Part = "notification"
	MessagePart      Part = "message" // the in-app message
	VoIPPart         Part = "voip"    // what goes to PushKit; devices report it as the notification
)
