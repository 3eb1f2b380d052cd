package apns

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"
)

// answer is what goes back for one request.
type answer struct {
	status  int
	headers []hpack.HeaderField
	body    string

	chunk        int  // DATA frames of at most so many bytes; 0 = as large as allowed
	padding      int  // bytes of padding in each DATA frame, up to 255
	continuation bool // the header block is split into HEADERS and CONTINUATION
	interim      int  // status of an interim answer that comes first; 0 = none
	unknown      bool // frames of unknown kinds come before and after each of the answer's
	more         bool // another header block follows: this one is interim
	delay        time.Duration
}

// appendUnknownFrames adds what a peer must ignore (RFC 9113 §5.5, §6.3): a
// frame of a kind that does not exist, on the stream and on the connection, and
// the obsolete PRIORITY.
func appendUnknownFrames(b []byte, stream uint32) []byte {
	const unknownKind frameType = 0xfa
	b = append(appendFrameHeader(b, 7, unknownKind, 0xff, stream), "unknown"...)
	b = appendFrameHeader(b, 0, unknownKind, 0, 0)
	return append(appendFrameHeader(b, 5, framePriority, 0, stream), 0, 0, 0, 0, 15)
}

// requestComplete takes a request whose last frame has come.
func (c *connection) requestComplete(st *stream) {
	st.ended = true
	r := st.request
	if strings.HasPrefix(r.path, devicePath) || !strings.HasPrefix(r.path, "/1/") && !strings.HasPrefix(r.path, "/4/") {
		c.push(st)
		return
	}
	c.serveChannels(st)
}

// push handles a device push.
func (c *connection) push(st *stream) {
	r, registry := st.request, c.server.registry
	n := c.newNotification(r)
	now := c.server.clock.Now()
	registry.begin(n, now)
	refused := c.judge(r, n) // from here on the notification changes under the registry's lock only
	script := c.server.faults.match(n, r)
	if script != nil && script.acts() && c.perform(script, st, n) {
		return
	}
	inject := func() *refusal { return nil }
	if script != nil && script.refuses() {
		inject = func() *refusal { return &refusal{script.Status, script.Reason, script.timestamp(now)} }
	}
	if refused == nil {
		refused = registry.accept(n, inject)
		c.dirty = true
	}
	if refused != nil {
		registry.settle(n, refused.status, refused.reason)
	}
	a := c.pushAnswer(n, refused)
	if script != nil {
		script.dress(&a)
	}
	c.respond(st, a, refused)
}

func (c *connection) newNotification(r *request) *Notification {
	n := &Notification{Environment: c.environment, Connection: c.id, Topic: r.topic, PushType: r.pushType, APNsID: r.id}
	if r.has&hasID == 0 || !validUUID(r.id) {
		n.APNsID = c.server.ids.uuid()
	}
	if c.environment == Development {
		n.UniqueID = c.server.ids.uuid()
	}
	n.Payload = r.body
	if token, ok := strings.CutPrefix(r.path, devicePath); ok && len(token) <= 4*maxTokenBytes {
		n.Token = strings.ToLower(token)
	}
	return n
}

// pushAnswer has the shape of spec §3.1.
func (c *connection) pushAnswer(n *Notification, refused *refusal) answer {
	a := answer{status: 200, headers: []hpack.HeaderField{{Name: "apns-id", Value: n.APNsID}}}
	if n.UniqueID != "" {
		a.headers = append(a.headers, hpack.HeaderField{Name: "apns-unique-id", Value: n.UniqueID})
	}
	if refused != nil {
		a.status = refused.status
		a.headers = append(a.headers, hpack.HeaderField{Name: "content-type", Value: "application/json"})
		a.body = reasonJSON(refused.reason, refused.timestamp)
	}
	return a
}

// respond sends an answer, after the latency of the policy, and then lets the
// connection feel the consequences.
func (c *connection) respond(st *stream, a answer, refused *refusal) {
	p := c.server.policy.Load()
	delay := a.delay + time.Duration(p.ResponseLatency)
	if p.ResponseJitter > 0 {
		delay += time.Duration(c.server.ids.fraction() * float64(p.ResponseJitter))
	}
	if delay <= 0 {
		c.conclude(st, a, refused)
		return
	}
	c.after(delay, func() {
		if c.streams[st.id] == st {
			c.conclude(st, a, refused)
		}
	})
}

func (c *connection) conclude(st *stream, a answer, refused *refusal) {
	c.write(st, a)
	c.consequences(a.status, refused)
}

// consequences are S2, S6 and S7 of spec §1.4, and the limits of a connection's life.
func (c *connection) consequences(status int, refused *refusal) {
	p := c.server.policy.Load()
	c.answers[status]++
	if c.raise {
		c.raise = false
		c.setLimit(p.Streams)
	}
	switch {
	case status < 400:
		c.successes++
		if p.StreamsAfterError > 0 && c.limit < p.Streams && c.authenticated() && c.successes >= p.RecoverAfter {
			c.setLimit(p.Streams)
		}
	case status < 500:
		c.successes = 0
		if p.StreamsAfterError > 0 && c.authenticated() && p.StreamsAfterError < c.limit {
			c.setLimit(p.StreamsAfterError)
		}
		c.spend(p, status, refused)
	}
	if p.MaxRequests > 0 && c.requests >= uint64(p.MaxRequests) && !c.goingAway {
		c.goAway(codeNoError, c.inbound.lastStream, reasonJSON(reasonShutdown, 0))
	}
}

// spend takes a 4xx answer out of the connection's error budget.
func (c *connection) spend(p *Policy, status int, refused *refusal) {
	if p.ErrorBudget <= 0 || status == 410 || c.goingAway {
		return
	}
	weight, reason := p.ErrorWeight, ""
	if refused != nil {
		reason = refused.reason
	}
	if reason == reasonBadDeviceToken {
		weight = p.BadTokenWeight
	}
	c.budget += weight
	if c.budget >= p.ErrorBudget {
		c.goAway(codeNoError, c.inbound.lastStream, reasonJSON(reason, 0))
	}
}

// write puts HEADERS, and as much of the body as the windows allow, into the output.
func (c *connection) write(st *stream, a answer) {
	if st.answered {
		return
	}
	st.answered = true
	if st.request.method == "HEAD" {
		a.body = "" // RFC 9110 §9.3.2
	}
	st.unknown = a.unknown
	if a.interim != 0 {
		c.writeHeaders(st.id, answer{status: a.interim, headers: []hpack.HeaderField{{Name: "link", Value: "</>"}}, unknown: a.unknown, more: true})
	}
	c.writeHeaders(st.id, a)
	if a.body == "" {
		c.done(st)
		return
	}
	st.body, st.chunk, st.padding = []byte(a.body), a.chunk, min(a.padding, 255)
	if !c.writeBody(st) {
		c.blocked = append(c.blocked, st)
	}
}

func (c *connection) writeHeaders(id uint32, a answer) {
	c.encoded.Reset()
	c.encoder.WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(a.status)})
	for _, h := range a.headers {
		c.encoder.WriteField(h)
	}
	block := c.encoded.Bytes()
	var flags uint8
	if a.body == "" && !a.more {
		flags = flagEndStream
	}
	if a.unknown {
		c.out = appendUnknownFrames(c.out, id)
	}
	first := min(len(block), maxFrameSize)
	if a.continuation {
		first = len(block) / 2
	}
	rest := block[first:]
	if len(rest) == 0 {
		flags |= flagEndHeaders
	}
	c.out = append(appendFrameHeader(c.out, first, frameHeaders, flags, id), block[:first]...)
	for len(rest) > 0 {
		piece := rest[:min(len(rest), maxFrameSize)]
		rest = rest[len(piece):]
		var last uint8
		if len(rest) == 0 {
			last = flagEndHeaders
		}
		c.out = append(appendFrameHeader(c.out, len(piece), frameContinuation, last, id), piece...)
	}
}

// writeBody reports whether the whole body is in the output.
func (c *connection) writeBody(st *stream) bool {
	for len(st.body) > 0 {
		overhead := 0
		if st.padding > 0 {
			overhead = 1 + st.padding
		}
		room := min(c.sendWindow, st.window, int64(c.peerFrame)) - int64(overhead)
		if room <= 0 {
			return false
		}
		piece := st.body[:min(int64(len(st.body)), room)]
		if st.chunk > 0 && len(piece) > st.chunk {
			piece = piece[:st.chunk]
		}
		st.body = st.body[len(piece):]
		var flags uint8
		if len(st.body) == 0 {
			flags = flagEndStream
		}
		if st.unknown {
			c.out = appendUnknownFrames(c.out, st.id)
		}
		size := len(piece) + overhead
		if overhead > 0 {
			c.out = append(appendFrameHeader(c.out, size, frameData, flags|flagPadded, st.id), byte(st.padding))
		} else {
			c.out = appendFrameHeader(c.out, size, frameData, flags, st.id)
		}
		c.out = append(c.out, piece...)
		c.out = append(c.out, make([]byte, size-len(piece)-min(overhead, 1))...)
		c.sendWindow -= int64(size)
		st.window -= int64(size)
	}
	c.done(st)
	return true
}

func (c *connection) done(st *stream) {
	if st.cut {
		c.out = appendRST(c.out, st.id, codeNoError)
	}
	c.forget(st)
}

// unblock goes on with answers that waited for window.
func (c *connection) unblock() {
	c.blocked = slices.DeleteFunc(c.blocked, func(st *stream) bool {
		return c.streams[st.id] != st || c.writeBody(st)
	})
}
