package apns

import (
	"time"
)

// Answers: from header blocks to results.

const (
	// maxErrorBody is how much of a refusal's body is kept; real ones have 70 bytes.
	maxErrorBody = 4096
	// maxBodyBytes is how much body is read before the stream is reset. It stays below the credit of a stream, which is never
	// renewed.
	maxBodyBytes = 32 << 10
)

// An answer is what the reader knows about one stream.
type answer struct {
	slot       pendingSlot
	stream     uint32
	status     int
	rawID      rawText // only until the read buffer is reused
	id         [16]byte
	uniqueID   string
	retryAfter time.Duration
	date       string
	body       []byte
	received   int
	reason     string
	timestamp  time.Time
}

// answerHead takes a whole header block: the head of an answer, an interim one, or trailers.
func (r *answerReader) answerHead(stream uint32, block []byte, end bool) error {
	head := &r.head
	if err := r.decoder.decode(block, head); err != nil {
		return violation(codeCompressionError, "%v", err)
	}
	if len(r.open) > 0 {
		if a := r.open[stream]; a != nil { // trailers
			if end {
				r.complete(a)
			}
			return nil
		}
	}
	if head.status >= 100 && head.status < 200 && !end {
		return nil
	}
	if end && head.status == 200 && len(head.uniqueID.bytes) == 0 {
		r.ready = append(r.ready, answer{stream: stream, status: 200, rawID: head.id})
		return nil
	}
	if !r.expected(stream) {
		return nil // an answer that nobody waits for any more; its body will be ignored as well
	}
	a := r.newAnswer()
	a.stream, a.status = stream, head.status
	var scratch [64]byte
	a.id, _ = parseUUID(head.id.append(r.decoder, scratch[:0]))
	a.uniqueID = string(head.uniqueID.append(r.decoder, scratch[:0]))
	a.retryAfter = parseRetryAfter(head.retryAfter.append(r.decoder, scratch[:0]))
	if head.status == 403 {
		a.date = string(head.date.append(r.decoder, scratch[:0]))
	}
	if end {
		r.complete(a)
		return nil
	}
	if len(r.open) >= maxStreams {
		r.sweep()
	}
	r.open[stream] = a
	return nil
}

// expected tells whether a request waits for an answer on this stream.
func (r *answerReader) expected(stream uint32) bool {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.c.pending.has(stream)
}

// sweep drops the answers whose requests were taken back before their bodies came. At most maxStreams can remain.
func (r *answerReader) sweep() {
	for stream := range r.open {
		if !r.expected(stream) {
			delete(r.open, stream)
		}
	}
}

func (r *answerReader) newAnswer() *answer {
	if n := len(r.spare); n > 0 {
		a := r.spare[n-1]
		r.spare = r.spare[:n-1]
		return a
	}
	return &answer{}
}

// complete moves an answer to those that are ready.
func (r *answerReader) complete(a *answer) {
	delete(r.open, a.stream)
	if a.status != 200 {
		a.reason, a.timestamp = readErrorBody(a.body)
	}
	r.ready = append(r.ready, *a)
	*a = answer{} // the body now belongs to the copy
	if len(r.spare) < 64 {
		r.spare = append(r.spare, a)
	}
}

// settle delivers the answers that are ready. The requests are taken out of the table under one lock.
func (r *answerReader) settle() {
	if len(r.ready) == 0 {
		return
	}
	c := r.c
	now := c.lastRead.Load()
	c.mu.Lock()
	delivered := 0
	for i := range r.ready {
		a := &r.ready[i]
		slot, ok := c.pending.take(a.stream)
		if !ok {
			a.stream = 0
			continue
		}
		a.slot = slot
		delivered++
		if a.status == 403 && condemns(a.reason) {
			// Before the writer can use the stream that has just become free.
			c.leaveLocked(&Failure{Cause: CauseNetwork, Safe: true, Reason: a.reason}, c.client.config.ResponseTimeout)
		}
	}
	if delivered > 0 {
		c.answered = true
		c.pause = 0
	}
	if c.blocked || c.state == connectionLeaving {
		c.poke()
	}
	c.mu.Unlock()
	for i := range r.ready {
		if r.ready[i].stream != 0 {
			r.deliver(&r.ready[i])
		}
	}
	if delivered > 0 {
		c.noteRTT(now - r.ready[len(r.ready)-1].slot.sentAt)
	}
	clear(r.ready)
	r.ready = r.ready[:0]
}

func (c *connection) noteRTT(sample int64) {
	if sample <= 0 || sample > int64(time.Hour) {
		return
	}
	if best := c.bestRTT.Load(); best == 0 || sample < best {
		c.bestRTT.Store(sample)
	}
	smoothed := c.rtt.Load()
	if smoothed == 0 {
		smoothed = sample
	}
	c.rtt.Store(smoothed + (sample-smoothed)/8)
}

func (r *answerReader) deliver(a *answer) {
	result := &r.result
	*result = Result{Notification: a.slot.notification, Status: a.status, ID: a.slot.notification.ID, UniqueID: a.uniqueID, RetryAfter: a.retryAfter}
	if result.ID == [16]byte{} {
		result.ID = a.id
		if len(a.rawID.bytes) > 0 {
			var scratch [64]byte
			result.ID, _ = parseUUID(a.rawID.append(r.decoder, scratch[:0]))
		}
	}
	if a.status != 200 {
		result.Reason = a.reason
		if a.status == 410 {
			result.Timestamp = a.timestamp
		}
		r.c.client.refused(r.c, a, result)
		return
	}
	r.c.client.accepted(&a.slot.request, result)
}
