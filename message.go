package aurora

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MessageID identifies an accepted push. It stays below 2^53 so that clients
// that read JSON numbers as doubles keep it exact (spec/rest-api.md §4), and
// is written as a string of decimal digits.
type MessageID int64

// String returns the decimal digits.
func (id MessageID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParseMessageID reads decimal digits.
func ParseMessageID(s string) (MessageID, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n >= 1<<53 {
		return 0, Errorf(Invalid, "%q is not a msg_id: it has decimal digits only.", clip(s))
	}
	return MessageID(n), nil
}

// Message is one push: what to show, to whom, and how long it is worth showing.
type Message struct {
	ID         MessageID
	AppID      int64
	SendNo     int64 // the caller's number for it, echoed; 1 to 4294967295
	Source     string
	Platforms  []Platform // nil means every platform
	Audience   string     // in the text form of package audience
	Content    Content
	Options    Options
	AcceptedAt time.Time
	StoppedAt  time.Time // when its owner stopped it; zero if nobody did
	Trace      string    // its place in a trace (W3C Trace Context, traceparent); "" if it is in none
}

// Content is what a message carries. The JSON form is how it is stored.
type Content struct {
	Alert json.RawMessage  `json:"alert,omitempty"` // shared by the platforms: a string, or an object for iOS
	IOS   *IOSNotification `json:"ios,omitempty"`
	// Others are the blocks of platforms without a channel, kept as they came.
	Others map[Platform]json.RawMessage `json:"others,omitempty"`
	InApp  *InAppMessage                `json:"in_app,omitempty"`
	// VoIP are members of the payload of a push to PushKit, beside the notification.
	VoIP map[string]json.RawMessage `json:"voip,omitempty"`
	// LiveActivity stands alone.
	LiveActivity *LiveActivity `json:"live_activity,omitempty"`
}

// Notifies reports whether the content has a notification at all.
func (c *Content) Notifies() bool {
	return c.Alert != nil || c.IOS != nil || len(c.Others) > 0 || c.LiveActivity != nil
}

// NotifiesOn reports whether the content has a notification for a platform.
func (c *Content) NotifiesOn(p Platform) bool {
	_, other := c.Others[p]
	return c.Alert != nil || other || p == IOS && (c.IOS != nil || c.LiveActivity != nil)
}

// Options are JPush's push options as far as Aurora acts on them.
type Options struct {
	TimeToLive *int64 `json:"time_to_live,omitempty"` // seconds, 0 to 864000; nil means one day
	Production bool   `json:"apns_production"`        // which APNs environment
	CollapseID string `json:"apns_collapse_id,omitempty"`
	// OverrideID is an earlier push whose in-app message this one takes the
	// place of, wherever it still waits; 0 for none.
	OverrideID MessageID `json:"override_msg_id,omitempty"`
	// Pace spreads the notifications evenly over so many minutes; 0 for none.
	Pace int `json:"big_push_duration,omitempty"`
	// Recorded is what the caller said beside that, checked and not acted on.
	Recorded map[string]json.RawMessage `json:"recorded,omitempty"`
	// Callback stands beside the options on the wire; it is kept with them.
	Callback *Callback `json:"callback,omitempty"`
}

// Limits of a push (spec/rest-api.md §7.11, §7.13; spec/apns.md §2).
const (
	DefaultTimeToLive = 24 * time.Hour
	MaxTimeToLive     = 864000 // seconds
	MaxCollapseID     = 64     // bytes
	MaxIOSBlock       = 2000   // bytes of the ios block as compact JSON
	MaxOtherBlock     = 4000   // bytes of the block of a platform without a channel
	MaxWinPhoneBlock  = 1000   // bytes
	MaxRecorded       = 4000   // bytes of each member that is recorded and not acted on
	MaxAPNSPayload    = 4096   // bytes of the whole payload
	MaxSendNo         = 1<<32 - 1
	MaxPace           = 1440 // minutes
	MaxPaced          = 20   // paced pushes of one app at a time
)

// Environment returns the APNs environment the message is for.
func (m *Message) Environment() Environment {
	if m.Options.Production {
		return Production
	}
	return Development
}

// ExpiresAt is when the message is no longer worth sending. The last device of
// one that is spread over time has as long as the first.
func (m *Message) ExpiresAt() time.Time {
	if m.Options.TimeToLive == nil {
		return m.PacedUntil().Add(DefaultTimeToLive)
	}
	return m.PacedUntil().Add(time.Duration(*m.Options.TimeToLive) * time.Second)
}

// PacedUntil is when the last notification is to be sent: at once unless the
// message is spread over time.
func (m *Message) PacedUntil() time.Time {
	return m.AcceptedAt.Add(time.Duration(m.Options.Pace) * time.Minute)
}

// For reports whether the message addresses a platform.
func (m *Message) For(p Platform) bool {
	return m.Platforms == nil || slices.Contains(m.Platforms, p)
}

// ValidatePlatforms refuses names of platforms that nobody knows.
func ValidatePlatforms(list []Platform) error {
	for _, p := range list {
		if !slices.Contains(Platforms, p) {
			return Errorf(Invalid, "platform %q is unknown. Use \"all\" or a list of android, ios, quickapp, hmos, winphone.", clip(string(p)))
		}
	}
	return nil
}

// HasBadge reports whether the message sets or changes the icon's number.
func (m *Message) HasBadge() bool { return m.Content.IOS != nil && m.Content.IOS.Badge != nil }

// Validate checks everything about a push that does not need the database:
// values, ranges and sizes.
func (m *Message) Validate() error {
	if err := ValidatePlatforms(m.Platforms); err != nil {
		return err
	}
	if m.SendNo < 0 || m.SendNo > MaxSendNo {
		return Errorf(Invalid, "sendno must be a whole number from 1 to %d.", MaxSendNo)
	}
	if ttl := m.Options.TimeToLive; ttl != nil && (*ttl < 0 || *ttl > MaxTimeToLive) {
		return Errorf(Invalid, "time_to_live must be 0 to %d seconds (10 days).", MaxTimeToLive)
	}
	if len(m.Options.CollapseID) > MaxCollapseID {
		return Errorf(Invalid, "apns_collapse_id is %d bytes long; APNs allows at most %d.", len(m.Options.CollapseID), MaxCollapseID)
	}
	if id := m.Options.CollapseID; strings.Trim(id, " ") != id || strings.ContainsFunc(id, unicode.IsControl) || !utf8.ValidString(id) {
		// It travels in a header field, which could not hold it (RFC 9113 §8.2.1).
		return Errorf(Invalid, "apns_collapse_id must not begin or end with a blank or contain control characters.")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Options.Recorded)) {
		if n := len(m.Options.Recorded[name]); n > MaxRecorded {
			return Errorf(TooLarge, "%s is %d bytes of JSON; at most %d are allowed.", name, n, MaxRecorded)
		}
	}
	if c := m.Options.Callback; c != nil && len(c.Params) > MaxRecorded {
		return Errorf(TooLarge, "callback.params is %d bytes of JSON; at most %d are allowed.", len(c.Params), MaxRecorded)
	}
	return m.Content.validate(m)
}

func (c *Content) validate(m *Message) error {
	if c.InApp != nil {
		if err := c.InApp.validate(); err != nil {
			return err
		}
	}
	if c.LiveActivity != nil {
		return c.LiveActivity.validate()
	}
	if n := sizeOf(c.VoIP); n > MaxVoIPPayload-len(`,"aps":{},"_j_msgid":9007199254740991`) {
		return Errorf(TooLarge, "notification.voip makes a payload of over %d bytes, the most that APNs takes.", MaxVoIPPayload)
	}
	if !c.Notifies() && c.InApp == nil && c.VoIP == nil {
		return Errorf(Missing, "The notification is empty. Give it an alert, or a block for a platform.")
	}
	if c.IOS != nil && m.For(IOS) {
		if err := c.IOS.validate(c.Alert); err != nil {
			return err
		}
	}
	for _, p := range Platforms {
		most := MaxOtherBlock
		if p == WinPhone {
			most = MaxWinPhoneBlock
		}
		if n := len(c.Others[p]); n > most {
			return Errorf(TooLarge, "notification.%s is %d bytes of JSON; at most %d are allowed.", p, n, most)
		}
	}
	if n := len(c.Alert); n > MaxIOSBlock {
		return Errorf(TooLarge, "The alert is %d bytes of JSON; at most %d are allowed.", n, MaxIOSBlock)
	}
	return nil
}
