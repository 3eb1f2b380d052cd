package device

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// Event is what became of a notification on the device.
type Event string

// The events that are reported.
const (
	Received Event = "received" // it reached the device (service extension, app in foreground, background wake, or a tap)
	Opened   Event = "opened"   // the user tapped it
)

// Receipt says that an event happened to a message. Aurora counts a receipt once however often it arrives.
type Receipt struct {
	MessageID string    `json:"msg_id"` // decimal digits
	Event     Event     `json:"event"`
	At        time.Time `json:"at"`
	// Part is "notification", or "message" for an in-app message: a push can have both under one id, and they count apart.
	Part string `json:"part,omitempty"`
}

const (
	partNotification = "notification"
	partMessage      = "message"
)

// same reports whether two receipts say the same.
func (r Receipt) same(other Receipt) bool {
	return r.MessageID == other.MessageID && r.Event == other.Event && r.Part == other.Part
}

var digits = regexp.MustCompile(`^[0-9]{1,20}$`)

// MessageID returns Aurora's message id in a notification payload (the top-level key "_j_msgid", a whole number or a string
// of 1 to 20 digits), and whether there is one. Payloads of other senders have none and are not reported.
func MessageID(payload []byte) (string, bool) {
	// A map, because struct fields also match keys in other letter case. Raw, because as a float64 a number above 2^53
	// would change.
	var envelope map[string]json.RawMessage
	if json.Unmarshal(payload, &envelope) != nil {
		return "", false
	}
	id := string(envelope["_j_msgid"])
	if strings.HasPrefix(id, `"`) {
		if json.Unmarshal(envelope["_j_msgid"], &id) != nil {
			return "", false
		}
	}
	if !digits.MatchString(id) {
		return "", false
	}
	return id, true
}

// receiptsFor lists the receipts an event stands for: whoever opened a notification has received it.
func receiptsFor(event Event, payload []byte, at time.Time) []Receipt {
	id, ok := MessageID(payload)
	if !ok {
		return nil
	}
	receipts := []Receipt{{id, Received, at, partNotification}}
	if event == Opened {
		receipts = append(receipts, Receipt{id, Opened, at, partNotification})
	}
	return receipts
}
