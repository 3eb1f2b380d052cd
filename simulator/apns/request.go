package apns

import (
	"slices"
	"strings"
)

// request is one request as it came in, headers not judged yet. An absent
// header and an empty one differ only where has says so.
type request struct {
	method, path, authority, scheme string

	authorization, id, topic, pushType string
	priority, expiration, collapseID   string
	channelID, requestID               string

	has       headerSet
	others    []string // names of headers that mean nothing here, to find repeats
	duplicate bool
	malformed bool // violates HTTP/2 itself (RFC 9113 §8.2, §8.3)
	regular   bool // a regular header was seen: no pseudo header may follow
	listSize  int  // as SETTINGS_MAX_HEADER_LIST_SIZE counts it

	body   []byte // at most bodyKept bytes
	length int    // of the whole body
}

type headerSet uint32

const (
	hasMethod headerSet = 1 << iota
	hasPath
	hasScheme
	hasAuthority
	hasAuthorization
	hasID
	hasTopic
	hasPushType
	hasPriority
	hasExpiration
	hasCollapseID
	hasChannelID
	hasRequestID
)

// bodyKept is how much of a body is kept: enough to know that it is too large.
const bodyKept = maxPayloadVoIPOrBroadcast + 1

// maxHeaderList is announced as SETTINGS_MAX_HEADER_LIST_SIZE (spec §1.3).
const maxHeaderList = 8000

// take notes one header field.
func (r *request) take(name, value string) {
	r.listSize += len(name) + len(value) + 32
	if name == "" {
		r.malformed = true
		return
	}
	if name[0] == ':' {
		r.takePseudo(name, value)
		return
	}
	r.regular = true
	switch name {
	case "authorization":
		r.put(hasAuthorization, &r.authorization, value)
	case "apns-id":
		r.put(hasID, &r.id, value)
	case "apns-topic":
		r.put(hasTopic, &r.topic, value)
	case "apns-push-type":
		r.put(hasPushType, &r.pushType, value)
	case "apns-priority":
		r.put(hasPriority, &r.priority, value)
	case "apns-expiration":
		r.put(hasExpiration, &r.expiration, value)
	case "apns-collapse-id":
		r.put(hasCollapseID, &r.collapseID, value)
	case "apns-channel-id":
		r.put(hasChannelID, &r.channelID, value)
	case "apns-request-id":
		r.put(hasRequestID, &r.requestID, value)
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		r.malformed = true
	default:
		r.takeOther(name)
	}
}

func (r *request) takePseudo(name, value string) {
	if r.regular {
		r.malformed = true
	}
	before := r.duplicate
	switch name {
	case ":method":
		r.put(hasMethod, &r.method, value)
	case ":path":
		r.put(hasPath, &r.path, value)
	case ":scheme":
		r.put(hasScheme, &r.scheme, value)
	case ":authority":
		r.put(hasAuthority, &r.authority, value)
	default:
		r.malformed = true
	}
	if r.duplicate != before { // a repeated pseudo header is no matter of APNs but of HTTP/2
		r.duplicate, r.malformed = before, true
	}
}

func (r *request) takeOther(name string) {
	if strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || 'A' <= c && c <= 'Z' }) {
		r.malformed = true
		return
	}
	if slices.Contains(r.others, name) {
		r.duplicate = true
		return
	}
	if len(r.others) < 64 {
		r.others = append(r.others, name)
	}
}

func (r *request) put(bit headerSet, field *string, value string) {
	if r.has&bit != 0 {
		r.duplicate = true
		return
	}
	r.has |= bit
	*field = value
}

// complete reports whether the pseudo headers that every request needs are there.
func (r *request) complete() bool {
	return !r.malformed && r.has&hasMethod != 0 && r.has&hasPath != 0
}

// takeBody notes a piece of the body. Bytes beyond what any rule needs are
// counted and dropped.
func (r *request) takeBody(data []byte) {
	r.length += len(data)
	if room := bodyKept - len(r.body); len(data) > room {
		data = data[:room]
	}
	r.body = append(r.body, data...)
}
