package aurora

import (
	"slices"
	"strings"
)

// EventKind names what a webhook or the event stream tells of.
type EventKind string

// The kinds of event.
const (
	EventAccepted            EventKind = "message.accepted" // devices whose notification the vendor took
	EventFailed              EventKind = "message.failed"   // devices that could not be reached, with the reason
	EventReceived            EventKind = "message.received" // devices that reported it as received
	EventOpened              EventKind = "message.opened"   // devices whose user opened it
	EventSettled             EventKind = "message.settled"  // every device of a message has an outcome
	EventRetired             EventKind = "device.retired"   // devices whose token is dead
	EventCredentialParked    EventKind = "credential.parked"
	EventCredentialRecovered EventKind = "credential.recovered"
	EventCredentialExpiring  EventKind = "credential.expiring" // 30, 7 and 1 days before
	EventWebhookDisabled     EventKind = "webhook.disabled"    // told to the app's other listeners
	EventTest                EventKind = "webhook.test"        // asked for by its owner
)

// EventKinds lists the kinds that can be listened to.
var EventKinds = []EventKind{EventAccepted, EventFailed, EventReceived, EventOpened, EventSettled, EventRetired,
	EventCredentialParked, EventCredentialRecovered, EventCredentialExpiring, EventWebhookDisabled}

// EventOf returns the kind of event that a mark makes, with the reason of a
// failure; ok is false for a mark that makes none.
func EventOf(m Mark) (kind EventKind, reason string, ok bool) {
	switch m {
	case Accepted:
		return EventAccepted, "", true
	case Received:
		return EventReceived, "", true
	case Opened:
		return EventOpened, "", true
	}
	reason, ok = m.FailedReason()
	return EventFailed, reason, ok
}

// EventSet is a set of kinds that can be listened to.
type EventSet uint32

// NewEventSet returns the set of some kinds.
func NewEventSet(kinds ...EventKind) EventSet {
	var s EventSet
	for _, k := range kinds {
		if i := slices.Index(EventKinds, k); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

// AllEvents is every kind but message.accepted, which has an entry for every
// device of every push and is seldom wanted.
func AllEvents() EventSet { return NewEventSet(EventKinds...) &^ NewEventSet(EventAccepted) }

// Has reports whether a kind is in the set.
func (s EventSet) Has(k EventKind) bool {
	i := slices.Index(EventKinds, k)
	return i >= 0 && s&(1<<i) != 0
}

// Kinds returns the kinds in the set.
func (s EventSet) Kinds() []EventKind {
	kinds := []EventKind{}
	for i, k := range EventKinds {
		if s&(1<<i) != 0 {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// String writes the kinds, joined by commas.
func (s EventSet) String() string {
	var names []string
	for _, k := range s.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ",")
}

// ParseEventSet reads names of kinds.
func ParseEventSet(names []string) (EventSet, error) {
	var s EventSet
	for _, name := range names {
		one := NewEventSet(EventKind(name))
		if one == 0 {
			return 0, Errorf(Invalid, "There is no event %.40q. The events are %s.", name, strings.ReplaceAll(NewEventSet(EventKinds...).String(), ",", ", "))
		}
		s |= one
	}
	return s, nil
}
