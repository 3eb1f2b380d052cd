package apns

import (
	"time"
)

// batchBytes is how much is encoded before it is written: four TLS records, so that a system call carries some 200 requests.
const batchBytes = 64 << 10

// writeLoop takes work from the client's queue as far as the gateway's limits allow, and writes many requests at once. It
// flushes when the queue is empty, a limit is reached or the buffer is full, and uses no timer to wait for more, so that a
// lone notification is never delayed.
func (c *connection) writeLoop() {
	defer c.client.running.Done()
	encoder := newEncoder(c.client.authority, c.credential.topic())
	timer := time.NewTimer(tickInterval)
	defer timer.Stop()
	var nextTick time.Time
	var batch []request
	var buffer []byte
	for {
		now := time.Now()
		if !now.Before(nextTick) {
			nextTick = now.Add(c.tick(now))
		}
		c.mu.Lock()
		if c.state == connectionDead {
			c.mu.Unlock()
			return
		}
		if c.tableSize >= 0 {
			encoder.setTableSize(uint32(c.tableSize))
			c.tableSize = -1
		}
		buffer = append(buffer[:0], c.control...)
		c.control = c.control[:0]
		buffer = c.appendBodies(buffer)
		streams, credit := c.room(now.UnixNano())
		over := c.state == connectionLeaving && c.pending.count == 0
		full := c.blocked
		c.mu.Unlock()
		if over {
			_ = c.write(appendGoAway(buffer, codeNoError))
			c.fail(&Failure{Cause: CauseNetwork, Safe: true})
			return
		}
		batch = batch[:0]
		if streams > 0 {
			batch = c.client.take(c, batch, streams, credit, now)
		}
		if len(batch) > 0 {
			buffer = c.appendRequests(buffer, encoder, batch, now)
			clear(batch)
			nextTick = earlier(nextTick, now.Add(tickInterval))
		}
		if len(buffer) > 0 {
			if err := c.write(buffer); err != nil {
				c.fail(c.client.transportFailure(err))
				return
			}
			if cap(buffer) > 4*batchBytes {
				buffer = nil
			}
			continue
		}
		if streams == 0 || full {
			nextTick = earlier(nextTick, now.Add(c.nextLook(now)))
			c.client.passOn()
		}
		if full {
			c.blockedFrom.Store(now.UnixNano())
		}
		timer.Reset(time.Until(nextTick))
		select {
		case <-c.wake:
		case <-timer.C:
		}
		if full {
			c.blockedFrom.Store(0)
			c.blockedNanos.Add(int64(time.Since(now)))
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// nextLook is when a writer without room must look again although nobody wakes it.
func (c *connection) nextLook(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pause := c.pausedUntil - now.UnixNano(); pause > 0 {
		return min(time.Duration(pause), tickInterval)
	}
	return tickInterval
}

// appendRequests opens a stream for each request and encodes it. Requests that may not be opened any more go back.
func (c *connection) appendRequests(buffer []byte, encoder *encoder, batch []request, now time.Time) []byte {
	if c.credential.key != nil {
		token, err := c.credential.key.Token(now)
		if err != nil {
			c.client.giveUp(batch, &Failure{Cause: CauseCredential, Safe: true, Err: err})
			return buffer
		}
		encoder.setAuthorization(token)
	}
	c.mu.Lock()
	if c.state != connectionLive {
		c.mu.Unlock()
		c.client.resend(batch)
		return buffer
	}
	first := c.nextStream
	c.authorization = encoder.authorization
	initialWindow := c.initialWindow
	var cancelled []request
	kept := batch[:0]
	for _, r := range batch {
		if r.waiter != nil && r.waiter.cancelled.Load() {
			cancelled = append(cancelled, r)
			continue
		}
		c.pending.put(pendingSlot{stream: c.nextStream, sentAt: now.UnixNano(), request: r})
		c.window -= int64(len(r.notification.Payload))
		if body := r.notification.Payload; int64(len(body)) > initialWindow {
			sent := max(initialWindow, 0)
			c.bodies = append(c.bodies, unsentBody{stream: c.nextStream, rest: body[sent:], credit: initialWindow - sent})
		}
		c.nextStream += 2
		kept = append(kept, r)
	}
	exhausted := c.nextStream > lastStreamID-2*maxStreams
	c.mu.Unlock()
	for i, r := range kept {
		stream := first + 2*uint32(i)
		body := r.notification.Payload
		buffer = encoder.appendHeaders(buffer, stream, r.notification)
		if int64(len(body)) <= initialWindow {
			buffer = appendFrameHeader(buffer, len(body), frameData, flagEndStream, stream)
			buffer = append(buffer, body...)
		} else if initialWindow > 0 {
			buffer = appendFrameHeader(buffer, int(initialWindow), frameData, 0, stream)
			buffer = append(buffer, body[:initialWindow]...)
		}
	}
	if len(cancelled) > 0 {
		c.client.giveUp(cancelled, &Failure{Cause: CauseCancelled, Safe: true})
	}
	if exhausted {
		c.leave(&Failure{Cause: CauseNetwork, Safe: true, Reason: "stream ids exhausted"})
	}
	return buffer
}

// appendBodies continues payloads whose streams have got credit. mu must be held.
func (c *connection) appendBodies(buffer []byte) []byte {
	kept := c.bodies[:0]
	for _, body := range c.bodies {
		if !c.pending.has(body.stream) {
			// Answered, reset or cancelled before its end: the stream must be closed from our side, and its credit is free.
			c.window += int64(len(body.rest))
			buffer = appendReset(buffer, body.stream, codeCancel)
			continue
		}
		if body.credit > 0 {
			part := body.rest[:min(int64(len(body.rest)), body.credit)]
			body.rest = body.rest[len(part):]
			body.credit -= int64(len(part))
			flags := uint8(0)
			if len(body.rest) == 0 {
				flags = flagEndStream
			}
			buffer = append(appendFrameHeader(buffer, len(part), frameData, flags, body.stream), part...)
		}
		if len(body.rest) > 0 {
			kept = append(kept, body)
		}
	}
	clear(c.bodies[len(kept):])
	c.bodies = kept
	return buffer
}

func (c *connection) write(data []byte) error {
	if err := c.transport.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if c.corked == nil {
		_, err := c.transport.Write(data)
		return err
	}
	c.corked.cork()
	_, err := c.transport.Write(data)
	if flushErr := c.corked.uncork(); err == nil {
		err = flushErr
	}
	return err
}
