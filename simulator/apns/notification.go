package apns

import (
	"encoding/json"
	"time"
)

// longestStorage is how long a notification is kept for a phone that stays
// away (Apple: Viewing the status of push notifications; spec §7.2).
const longestStorage = 30 * 24 * time.Hour

// Notification is one push as the gateway saw it, with everything that
// happened to it since.
type Notification struct {
	Sequence    uint64      `json:"sequence"` // rises by one per notification, also the delivery id
	Environment Environment `json:"environment"`
	Connection  uint64      `json:"connection,omitempty"`
	Token       string      `json:"token,omitempty"`
	ChannelID   string      `json:"channel_id,omitempty"` // of a broadcast
	Phone       string      `json:"phone,omitempty"`
	BundleID    string      `json:"bundle_id,omitempty"`
	Topic       string      `json:"topic,omitempty"`
	PushType    string      `json:"push_type,omitempty"`
	Priority    int         `json:"priority,omitempty"`
	Expiration  *int64      `json:"expiration,omitempty"` // seconds since the epoch as sent; absent = header absent
	CollapseID  string      `json:"collapse_id,omitempty"`
	APNsID      string      `json:"apns_id"`
	UniqueID    string      `json:"apns_unique_id,omitempty"`
	Payload     Payload     `json:"payload,omitzero"`
	Status      int         `json:"status"` // the answer; 0 while none was given
	Reason      string      `json:"reason,omitempty"`
	Trace       []Event     `json:"trace,omitempty"`

	keepUntil time.Time // end of storage; not after now = one attempt only
	stored    bool      // a journal record stands for it
	logged    bool      // in the log
	sent      bool      // handed to a phone at least once
}

// Event is one step in the life of a notification.
type Event struct {
	At     time.Time `json:"at"`
	What   What      `json:"what"`
	Detail string    `json:"detail,omitempty"`
}

// What names a step.
type What string

// The steps, in the order in which they can happen.
const (
	Received     What = "received"     // the request is complete
	Verdict      What = "verdict"      // answered; the detail is status and reason
	Stored       What = "stored"       // kept, because the phone cannot take it now
	Delivered    What = "delivered"    // written to the phone's session
	Acknowledged What = "acknowledged" // by the phone
	Expired      What = "expired"      // kept until its time was over
	Replaced     What = "replaced"     // a newer one took its place in storage
	Discarded    What = "discarded"    // given up for the reason in the detail
	Injected     What = "fault"        // a fault script acted
)

// Payload is a body that should be JSON but need not be.
type Payload []byte

// MarshalJSON writes JSON as it is and anything else as a string of its bytes.
func (p Payload) MarshalJSON() ([]byte, error) {
	if json.Valid(p) {
		return p, nil
	}
	return json.Marshal(string(p))
}

// UnmarshalJSON keeps the JSON text.
func (p *Payload) UnmarshalJSON(data []byte) error {
	*p = append((*p)[:0], data...)
	return nil
}

// storable reports whether the notification may wait for its phone.
func (n *Notification) storable(now time.Time) bool { return n.keepUntil.After(now) }

// slot is where a notification is stored: one per app on a phone (spec §7.2).
func (n *Notification) slot() slot { return slot{n.BundleID, n.Environment} }

type slot struct {
	bundle      string
	environment Environment
}
