package apns

import (
	"encoding/json"
	"maps"
	"strconv"
)

// record is the memory of what happened: the last notifications with their
// traces, counters, and the live feed. It is guarded by registry.mu.
type record struct {
	ring     []*Notification
	next     int
	counters map[string]uint64
	feeds    map[chan []byte]struct{}
}

func newRecord(keep int) *record {
	return &record{
		ring:     make([]*Notification, keep),
		counters: map[string]uint64{},
		feeds:    map[chan []byte]struct{}{},
	}
}

func (r *record) add(n *Notification) {
	r.ring[r.next] = n
	r.next = (r.next + 1) % len(r.ring)
}

// newest yields notifications, the latest first.
func (r *record) newest(yield func(*Notification) bool) {
	for i := range r.ring {
		n := r.ring[(r.next-1-i+2*len(r.ring))%len(r.ring)]
		if n == nil || !yield(n) {
			return
		}
	}
}

func (r *record) count(name string) { r.counters[name]++ }

func (r *record) countAnswer(status int, reason string) {
	if status == 200 {
		r.counters["accepted"]++
		return
	}
	r.counters["rejected"]++
	if reason == "" {
		reason = strconv.Itoa(status)
	}
	r.counters["rejected."+reason]++
}

func (r *record) snapshot() map[string]uint64 { return maps.Clone(r.counters) }

// publish sends the notification in its present state to every live feed. A
// feed that does not keep up misses steps: the page asks again when it notices.
func (r *record) publish(n *Notification) {
	if len(r.feeds) == 0 {
		return
	}
	data, err := json.Marshal(n)
	if err != nil {
		return
	}
	for feed := range r.feeds {
		select {
		case feed <- data:
		default:
		}
	}
}
