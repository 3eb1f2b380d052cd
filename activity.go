package aurora

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LiveActivity is JPush's live_activity.ios block (spec/rest-api.md §7.8): it
// starts a live activity on iPhones, or changes or ends those that run.
type LiveActivity struct {
	// ID names the running activities to change or end; "" starts new ones.
	ID             string          `json:"live_activity_id,omitempty"`
	Event          string          `json:"event"` // start, update or end
	ContentState   json.RawMessage `json:"content-state"`
	AttributesType string          `json:"attributes-type,omitempty"`
	Attributes     json.RawMessage `json:"attributes,omitempty"`
	Alert          json.RawMessage `json:"alert,omitempty"`
	StaleDate      *int64          `json:"stale-date,omitempty"` // seconds since 1970
	DismissalDate  *int64          `json:"dismissal-date,omitempty"`
	RelevanceScore *int64          `json:"relevance-score,omitempty"` // 1 to 100
	Priority       int             `json:"apns-priority,omitempty"`   // 5 or 10; 0 means 10
}

// Limits of live activities and calls (spec/rest-api.md §7.13).
const (
	MaxLiveActivity = 3584 // bytes of live_activity.ios as compact JSON
	MaxVoIPPayload  = 5120 // bytes of the payload of a VoIP push
	MaxActivityID   = 64   // bytes of the name of an activity or of its attributes' type
	// MaxActivityTokens is how many tokens of live activities a device may have.
	MaxActivityTokens = 64
)

func (a *LiveActivity) validate() error {
	if a.Event == "" {
		return Errorf(Missing, "live_activity.ios.event is missing: start, update or end.")
	}
	if !slices.Contains([]string{"start", "update", "end"}, a.Event) {
		return Errorf(Invalid, "live_activity.ios.event must be start, update or end.")
	}
	if a.ContentState == nil {
		return Errorf(Missing, "live_activity.ios.content-state is missing.")
	}
	if a.Event == "start" && (a.AttributesType == "" || a.Attributes == nil) {
		return Errorf(Missing, "live_activity.ios needs attributes-type and attributes to start an activity.")
	}
	if a.Event == "start" && a.ID != "" {
		return Errorf(Invalid, "audience.live_activity_id names an activity that runs; it can be updated and ended. Start one for an audience of devices.")
	}
	if a.Event != "start" && a.ID == "" {
		return Errorf(Invalid, "An activity is updated and ended by its audience.live_activity_id, which the app reported with its token.")
	}
	if n := sizeOf(a); n > MaxLiveActivity {
		return Errorf(TooLarge, "live_activity.ios is %d bytes of JSON; at most %d are allowed.", n, MaxLiveActivity)
	}
	return nil
}

// VoIP returns the mark of devices for the part of a push that goes to PushKit.
func VoIP(m Mark) Mark { return Mark("voip:" + string(m)) }

// TokenKind is what a device token is for, besides notifications.
type TokenKind string

// The kinds of tokens.
const (
	NotificationToken  TokenKind = ""
	VoIPToken          TokenKind = "voip"     // of PushKit
	ActivityStartToken TokenKind = "start"    // starts live activities; named by the attributes' type
	ActivityToken      TokenKind = "activity" // of one live activity; named by its id
)

// NamedToken is a token that a device reports beside that of notifications.
type NamedToken struct {
	Kind  TokenKind
	Name  string // "" for VoIPToken
	Token string // lower-case hex; "" removes it
}

// Of returns the content of one part of a push; in-app messages are no such part.
func (c Content) Of(p Part) Content {
	if p == VoIPPart {
		return Content{VoIP: c.VoIP}
	}
	c.VoIP = nil
	return c
}

// Needs returns the kind and the name of the tokens that the content, which is
// that of one part, is sent to.
func (c *Content) Needs() (TokenKind, string) {
	switch a := c.LiveActivity; {
	case c.VoIP != nil:
		return VoIPToken, ""
	case a == nil:
		return NotificationToken, ""
	case a.ID == "":
		return ActivityStartToken, a.AttributesType
	default:
		return ActivityToken, a.ID
	}
}

// ValidateActivityName checks the name of a live activity, or of the type of
// its attributes.
func ValidateActivityName(what, s string) error {
	if s == "" || len(s) > MaxActivityID || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return Errorf(Invalid, "A %s must have 1 to %d bytes of printable UTF-8.", what, MaxActivityID)
	}
	return nil
}

// Timestamp is the time, in seconds since 1970, by which devices tell newer
// content of a live activity from older: when the message was accepted, so that
// a late attempt does not overtake a newer message.
func (m *Message) Timestamp() int64 { return m.AcceptedAt.Unix() }
