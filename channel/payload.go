package channel

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/aurora-push/aurora"
)

// payload is a message's APNs body. Only a relative badge differs between
// devices, so the rest is encoded once: a device's body is head, its number,
// tail.
type payload struct {
	head, tail []byte
	badgeKey   []byte // stands before a device's number
	perDevice  bool   // a device's badge stands between head and tail
	background bool   // nothing to see or hear: content-available alone
}

// buildPayload maps JPush's notification.ios to APNs (spec/rest-api.md §7.5).
// The server invents nothing: what is absent stays absent.
func buildPayload(m *aurora.Message) payload {
	n := m.Content.IOS
	if n == nil {
		n = &aurora.IOSNotification{}
	}
	alert := n.Alert
	if alert == nil {
		alert = m.Content.Alert
	}
	var aps object
	aps.raw("alert", alert)
	aps.raw("sound", sound(n.Sound))
	if n.ContentAvailable {
		aps.raw("content-available", json.RawMessage("1"))
	}
	if n.MutableContent {
		aps.raw("mutable-content", json.RawMessage("1"))
	}
	aps.text("category", n.Category)
	aps.text("thread-id", n.ThreadID)
	aps.text("interruption-level", n.InterruptionLevel)

	p := payload{background: n.ContentAvailable && alert == nil && sound(n.Sound) == nil && n.Badge == nil}
	p.perDevice = n.Badge != nil && n.Badge.Relative
	if n.Badge != nil && !p.perDevice {
		aps.raw("badge", strconv.AppendInt(nil, int64(n.Badge.N), 10))
	}
	p.head = append([]byte(`{"aps":{`), aps.bytes...)
	if aps.key("badge"); p.perDevice { // it comes last so that the rest is a prefix
		p.badgeKey = aps.bytes[len(p.head)-len(`{"aps":{`):]
	}

	rest := object{bytes: []byte("}")}
	for _, key := range slices.Sorted(maps.Keys(n.Extras)) {
		if key != "aps" && key != "_j_msgid" { // reserved (spec/rest-api.md §7.5.2)
			rest.raw(key, n.Extras[key])
		}
	}
	rest.raw("_j_msgid", json.RawMessage(m.ID.String()))
	p.tail = append(rest.bytes, '}')
	return p
}

// IOSPayload returns what APNs would get of a message for a device whose icon
// will show the badge.
func IOSPayload(m *aurora.Message, badge int) []byte {
	p := buildPayload(m)
	return p.body(badge)
}

// sound omits the empty sound, which JPush's clients send for "none".
func sound(s json.RawMessage) json.RawMessage {
	if string(s) == `""` {
		return nil
	}
	return s
}

// body returns the payload for one device in a slice of its own.
func (p *payload) body(badge int) []byte {
	b := make([]byte, 0, len(p.head)+len(p.badgeKey)+len(p.tail)+8)
	b = append(b, p.head...)
	if p.perDevice && badge != aurora.NoBadge { // a device that could not be reached when it was planned has none
		b = strconv.AppendInt(append(b, p.badgeKey...), int64(badge), 10)
	}
	return append(b, p.tail...)
}

// object appends members to a JSON object whose brace is already open.
type object struct{ bytes []byte }

func (o *object) key(name string) {
	if len(o.bytes) > 0 {
		o.bytes = append(o.bytes, ',')
	}
	o.bytes = append(append(o.bytes, quote(name)...), ':')
}

func (o *object) raw(name string, value json.RawMessage) {
	if value == nil {
		return
	}
	o.key(name)
	o.bytes = append(o.bytes, value...)
}

func (o *object) text(name, value string) {
	if value == "" {
		return
	}
	o.raw(name, quote(value))
}

// quote writes a string as JSON without the escapes for HTML, which would cost
// six bytes of the payload for one.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s) // a string into a buffer does not fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
