package apns

import (
	"slices"
	"time"
)

// A Notification is one request to one device. It must not change between its submission and its result.
type Notification struct {
	// Token is the device token in hexadecimal, 1 to 100 bytes (2 to 200 digits), either case.
	Token string
	// Topic is the value of apns-topic: the bundle id and, for some push types, a suffix (see [PushType.Topic]). It may be
	// empty only for a certificate with a single topic.
	Topic string
	// PushType is the value of apns-push-type. Empty: derived from the topic's suffix, otherwise alert.
	PushType PushType
	// Priority is 10 (at once), 5 (considering the device's power) or 1; 0 sends none, which APNs takes as 10. For background
	// pushes, which APNs refuses at 10, 0 means 5.
	Priority int
	// Expiration says how long APNs keeps the notification for a device that is offline.
	Expiration Expiration
	// CollapseID lets a later notification replace an earlier one on the device; at most 64 bytes.
	CollapseID string
	// ID is the value of apns-id, a UUID; zero lets the gateway choose one.
	ID [16]byte
	// Payload is the body, a JSON object of at most 4,096 bytes (5,120 for VoIP).
	Payload []byte
	// Urgent lets it pass those that are not and wait in the same client. APNs is not told.
	Urgent bool
	// Tag is for the caller, who finds it again in Result.Notification.
	Tag uint64
}

// An Expiration is the value of apns-expiration. The zero value sends none, and APNs applies its own policy (up to 30 days).
type Expiration struct {
	set  bool
	unix int64
}

// DeliverOnce makes a single attempt; a device that is offline never sees the notification.
func DeliverOnce() Expiration { return Expiration{set: true} }

// ExpireAt keeps the notification until t (second precision). APNs treats a time in the past like [DeliverOnce].
func ExpireAt(t time.Time) Expiration { return Expiration{set: true, unix: t.Unix()} }

const (
	maxTokenDigits = 200
	maxTopic       = 255
	maxCollapseID  = 64
)

// refuse checks a notification locally and gives Apple's name for what is wrong with it, or "". A local refusal costs nothing;
// one by the gateway counts against the connection (spec 1.4, S6 and S7). It also keeps anything that could forge a path or a
// header out of the request.
func (n *Notification) refuse(topics []string) string {
	if n.Token == "" {
		return "MissingDeviceToken"
	}
	if len(n.Token) > maxTokenDigits || len(n.Token)%2 != 0 || !isHex(n.Token) {
		return "BadDeviceToken"
	}
	if n.Topic == "" && len(topics) != 1 {
		return "MissingTopic"
	}
	if !isPlainName(n.Topic) {
		return "BadTopic"
	}
	if !isPlainName(string(n.PushType)) {
		return "InvalidPushType"
	}
	if n.Priority != 10 && n.Priority != 5 && n.Priority != 1 && n.Priority != 0 {
		return "BadPriority"
	}
	if n.PushType == PushBackground && n.Priority == 10 {
		return "BadPriority"
	}
	if n.Expiration.unix < 0 {
		return "BadExpirationDate"
	}
	if n.CollapseID != "" && !isCollapseID(n.CollapseID) {
		return "BadCollapseId"
	}
	if len(n.Payload) == 0 {
		return "PayloadEmpty"
	}
	if len(n.Payload) > 4096 {
		// Only now is it worth looking at the type, which may be left to the topic.
		pushType := n.PushType
		if pushType == "" {
			pushType = typeOf(n.Topic)
		}
		if len(n.Payload) > pushType.maxPayload() {
			return "PayloadTooLarge"
		}
	}
	return ""
}

// hexValid maps the hexadecimal digits to 0 and every other byte to 1, so that a loop over a token needs no branch.
var hexValid = func() (table [256]byte) {
	for i := range table {
		table[i] = 1
	}
	for _, c := range []byte("0123456789abcdefABCDEF") {
		table[c] = 0
	}
	return table
}()

func isHex(s string) bool {
	var bad byte
	for i := range len(s) {
		bad |= hexValid[s[i]]
	}
	return bad == 0
}

// plainName marks the bytes that topics, bundle ids and push types are made of.
var plainName = func() (table [256]byte) {
	for i := range table {
		table[i] = 1
	}
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:") {
		table[c] = 0
	}
	return table
}()

func isPlainName(s string) bool {
	if len(s) > maxTopic {
		return false
	}
	var bad byte
	for i := range len(s) {
		bad |= plainName[s[i]]
	}
	return bad == 0
}

// isCollapseID accepts what may stand in a header (RFC 9113, section 8.2.1): no control characters, no blank at an end.
func isCollapseID(id string) bool {
	if len(id) > maxCollapseID || id[0] == ' ' || id[len(id)-1] == ' ' {
		return false
	}
	return !slices.ContainsFunc([]byte(id), func(c byte) bool { return c < ' ' || c == 0x7f })
}
