package apns

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// readBuffer holds one frame of the largest size and more.
	readBuffer = 2 * (frameHeaderSize + maxFrameSize)
	// maxHeaderBlock bounds a header block over all its frames.
	maxHeaderBlock = 64 << 10
)

// answerReader is the reader's own state.
type answerReader struct {
	c        *connection
	decoder  *decoder
	head     responseHead
	ready    []answer           // complete, not yet delivered
	open     map[uint32]*answer // headers seen, body expected
	spare    []*answer
	result   Result
	credit   int // bytes of DATA received since the last WINDOW_UPDATE
	block    []byte
	blockOf  uint32 // stream of an unfinished header block; 0: none
	blockEnd bool   // that block ends its stream
}

func (c *connection) readLoop() {
	defer c.client.running.Done()
	r := &answerReader{c: c, decoder: newDecoder(), open: map[uint32]*answer{}}
	buffer := make([]byte, 0, readBuffer)
	for {
		n, err := c.transport.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if n > 0 {
			c.lastRead.Store(time.Now().UnixNano())
			used, frameErr := r.frames(buffer)
			r.settle()
			if frameErr != nil {
				c.fail(c.client.transportFailure(frameErr))
				return
			}
			buffer = buffer[:copy(buffer, buffer[used:])]
		}
		if err != nil {
			c.fail(c.client.transportFailure(err))
			return
		}
	}
}

func (r *answerReader) frames(data []byte) (used int, err error) {
	for {
		f, size, err := nextFrame(data[used:])
		if err != nil || size == 0 {
			return used, err
		}
		if err := r.frame(f); err != nil {
			return used, err
		}
		used += size
	}
}

func (r *answerReader) frame(f frame) error {
	if r.blockOf != 0 && (f.kind != frameContinuation || f.stream != r.blockOf) {
		return violation(codeProtocolError, "a header block was interrupted")
	}
	switch f.kind {
	case frameHeaders:
		return r.headers(f)
	case frameContinuation:
		return r.continuation(f)
	case frameData:
		return r.data(f)
	case frameRSTStream:
		return r.reset(f)
	case frameSettings:
		return r.settings(f)
	case framePing:
		return r.ping(f)
	case frameGoAway:
		return r.goAway(f)
	case frameWindowUpdate:
		return r.windowUpdate(f)
	case framePushPromise:
		return violation(codeProtocolError, "PUSH_PROMISE although push is off")
	}
	return nil // unknown kinds are to be ignored (RFC 9113, section 5.5)
}

func (r *answerReader) headers(f frame) error {
	if f.stream == 0 {
		return violation(codeProtocolError, "HEADERS on stream 0")
	}
	if err := f.unpad(); err != nil {
		return err
	}
	end := f.flags&flagEndStream != 0
	if f.flags&flagEndHeaders != 0 {
		return r.answerHead(f.stream, f.payload, end)
	}
	r.settle() // answers may point into the block that is overwritten now
	r.block = append(r.block[:0], f.payload...)
	r.blockOf, r.blockEnd = f.stream, end
	return nil
}

func (r *answerReader) continuation(f frame) error {
	if r.blockOf == 0 {
		return violation(codeProtocolError, "CONTINUATION without HEADERS")
	}
	if len(r.block)+len(f.payload) > maxHeaderBlock {
		return violation(codeEnhanceYourCalm, "headers of more than %d bytes", maxHeaderBlock)
	}
	r.block = append(r.block, f.payload...)
	if f.flags&flagEndHeaders == 0 {
		return nil
	}
	stream := r.blockOf
	r.blockOf = 0
	return r.answerHead(stream, r.block, r.blockEnd)
}

func (r *answerReader) data(f frame) error {
	if f.stream == 0 {
		return violation(codeProtocolError, "DATA on stream 0")
	}
	r.credit += len(f.payload)
	if r.credit >= receiveWindow/2 {
		r.send(appendWindowUpdate(nil, 0, uint32(r.credit)))
		r.credit = 0
	}
	if err := f.unpad(); err != nil {
		return err
	}
	a := r.open[f.stream]
	if a == nil {
		return nil // an answer that nobody waits for any more
	}
	a.received += len(f.payload)
	if room := maxErrorBody - len(a.body); room > 0 {
		a.body = append(a.body, f.payload[:min(room, len(f.payload))]...)
	}
	if f.flags&flagEndStream != 0 {
		r.complete(a)
		return nil
	}
	if a.received > maxBodyBytes {
		r.send(appendReset(nil, f.stream, codeCancel))
		r.complete(a)
	}
	return nil
}

// reset handles RST_STREAM. An answer whose status has arrived counts; REFUSED_STREAM means that nothing was processed
// (RFC 9113, section 8.7); anything else leaves the outcome unknown. A stream that is gone already is ignored, which covers
// the second reset that follows a refusal (spec 1.4, S5).
func (r *answerReader) reset(f frame) error {
	if len(f.payload) != 4 || f.stream == 0 {
		return violation(codeFrameSizeError, "a malformed RST_STREAM")
	}
	r.c.mu.Lock()
	r.c.dropBody(f.stream)
	r.c.mu.Unlock()
	if a := r.open[f.stream]; a != nil {
		r.complete(a)
		return nil
	}
	r.settle()
	code := errorCode(binary.BigEndian.Uint32(f.payload))
	c := r.c
	c.mu.Lock()
	slot, ok := c.pending.take(f.stream)
	if ok && code == codeRefusedStream {
		c.pause = min(max(2*c.pause, 10*time.Millisecond), time.Second)
		c.pausedUntil = time.Now().Add(c.pause).UnixNano()
	}
	c.mu.Unlock()
	if !ok {
		return nil
	}
	c.poke()
	if code == codeRefusedStream {
		c.client.resend([]request{slot.request})
		return nil
	}
	c.client.unanswered([]pendingSlot{slot}, &Failure{Cause: CauseNetwork, Err: fmt.Errorf("the gateway reset the request: %v", code)})
	return nil
}

func (r *answerReader) settings(f frame) error {
	if f.flags&flagAck != 0 {
		return nil
	}
	if len(f.payload)%6 != 0 || f.stream != 0 {
		return violation(codeFrameSizeError, "a malformed SETTINGS")
	}
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := f.payload; len(p) > 0; p = p[6:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingMaxStreams:
			c.setLimit(value)
			c.stalledSince = 0
		case settingInitialWindowSize:
			if value > maxWindow {
				return violation(codeFlowControlError, "a window of %d bytes", value)
			}
			for i := range c.bodies {
				c.bodies[i].credit += int64(value) - c.initialWindow
			}
			c.initialWindow = int64(value)
		case settingHeaderTableSize:
			c.tableSize = int64(value)
		case settingMaxFrameSize:
			if value < maxFrameSize {
				return violation(codeProtocolError, "a frame size limit of %d bytes", value)
			}
		}
	}
	c.control = appendFrameHeader(c.control, 0, frameSettings, flagAck, 0)
	select {
	case <-c.opened:
	default:
		close(c.opened)
	}
	c.poke()
	return nil
}

func (r *answerReader) ping(f frame) error {
	if len(f.payload) != 8 {
		return violation(codeFrameSizeError, "a PING of %d bytes", len(f.payload))
	}
	if f.flags&flagAck == 0 {
		r.send(append(appendFrameHeader(nil, 8, framePing, flagAck, 0), f.payload...))
	}
	return nil
}

// send queues a control frame. A peer that makes us answer without reading the answers is cut off.
func (r *answerReader) send(control []byte) {
	c := r.c
	c.mu.Lock()
	if len(c.control) < 1<<20 {
		c.control = append(c.control, control...)
	}
	c.mu.Unlock()
	c.poke()
}

func (r *answerReader) windowUpdate(f frame) error {
	if len(f.payload) != 4 {
		return violation(codeFrameSizeError, "a malformed WINDOW_UPDATE")
	}
	increment := int64(binary.BigEndian.Uint32(f.payload) & maxWindow)
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.stream == 0 {
		if increment == 0 || c.window+increment > maxWindow {
			return violation(codeFlowControlError, "a credit of %d bytes", increment)
		}
		c.window += increment
		c.stalledSince = 0
	} else {
		for i := range c.bodies {
			if c.bodies[i].stream == f.stream {
				c.bodies[i].credit += increment
			}
		}
	}
	if c.blocked || len(c.bodies) > 0 {
		c.poke()
	}
	return nil
}

// goAway handles the end that the gateway announces (spec 1.7): streams above the last one named were not processed and go to
// another connection, the others may still be answered.
func (r *answerReader) goAway(f frame) error {
	if len(f.payload) < 8 {
		return violation(codeFrameSizeError, "a malformed GOAWAY")
	}
	r.settle()
	last := binary.BigEndian.Uint32(f.payload) & lastStreamID
	why := goAwayFailure(errorCode(binary.BigEndian.Uint32(f.payload[4:])), f.payload[8:])
	c := r.c
	c.mu.Lock()
	if c.state == connectionLeaving && reasonOf(c.failure) == "" {
		c.failure = why // the first GOAWAY said nothing, or we were leaving for our own reasons
	}
	c.leaveLocked(why, drainTimeout)
	skipped := c.pending.takeIf(nil, func(p *pendingSlot) bool { return p.stream > last })
	c.mu.Unlock()
	c.client.goingAway(c, why)
	c.client.resend(requestsOf(skipped))
	c.poke()
	return nil
}

func requestsOf(slots []pendingSlot) []request {
	sortByStream(slots)
	requests := make([]request, len(slots))
	for i := range slots {
		requests[i] = slots[i].request
	}
	return requests
}

func goAwayFailure(code errorCode, debug []byte) *Failure {
	var content struct{ Reason string }
	if len(debug) > maxErrorBody {
		debug = debug[:maxErrorBody]
	}
	why := &Failure{Cause: CauseNetwork, Safe: true, Err: fmt.Errorf("the gateway closed the connection (%v)", code)}
	if json.Unmarshal(debug, &content) == nil {
		why.Reason = content.Reason
	} else if len(debug) > 0 {
		why.Err = fmt.Errorf("the gateway closed the connection (%v): %.200q", code, debug)
	}
	if credentialFatal(why.Reason) {
		why.Cause, why.Err = CauseCredential, credentialHint(why.Reason)
	}
	return why
}

var errNotHTTP2 = errors.New("the server answers in HTTP/1; an APNs gateway speaks HTTP/2 only: check the URL and any proxy")

// isEndOfStream tells the end of a connection from a mistake on it.
func isEndOfStream(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
