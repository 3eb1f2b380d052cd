package aurora

import "encoding/json"

// Callback is the member "callback" of a push: where JPush's form of its
// events goes (spec/rest-api.md §7.12).
type Callback struct {
	URL    string          `json:"url,omitempty"`    // "" means the app's oldest webhook
	Params json.RawMessage `json:"params,omitempty"` // an object, returned with each event
	Type   CallbackType    `json:"type"`
}

// CallbackType is a bitmask of what a callback is told of.
type CallbackType int

// The bits of a callback's type.
const (
	CallbackReceived CallbackType = 1 // a device reported the message as received
	CallbackOpened   CallbackType = 2 // its user opened it
	CallbackFailed   CallbackType = 4 // it could not be delivered
	CallbackAccepted CallbackType = 8 // the vendor took it
)

// Of returns the bit that a kind of event has, 0 for one that callbacks are not
// told of.
func (CallbackType) Of(k EventKind) CallbackType {
	switch k {
	case EventReceived:
		return CallbackReceived
	case EventOpened:
		return CallbackOpened
	case EventFailed:
		return CallbackFailed
	case EventAccepted:
		return CallbackAccepted
	}
	return 0
}

// Kinds returns the kinds of event that a type asks for.
func (t CallbackType) Kinds() EventSet {
	var s EventSet
	for _, k := range []EventKind{EventReceived, EventOpened, EventFailed, EventAccepted} {
		if t&t.Of(k) != 0 {
			s |= NewEventSet(k)
		}
	}
	return s
}
