package apns

import (
	"context"
	"slices"
	"time"
)

// Submit hands a notification over and returns; done is called exactly once with its result, unless Submit returns an error.
// Submit blocks while the queue is full, until ctx ends. A deadline of ctx also bounds the delivery: later, the notification is
// not sent, or its outcome is unknown. To take back a single notification use [Client.Push].
//
// done runs on one of the client's goroutines. It must be quick, must not block, and must not keep the Result, which is valid
// only during the call. In particular it must not call Submit, Push, Close or Shutdown of the same client.
//
// The error is a [*Failure]: a local refusal, a credential that APNs does not accept, the end of ctx, or a closed client.
func (c *Client) Submit(ctx context.Context, n *Notification, done func(*Result)) error {
	r := request{notification: n, done: done}
	if deadline, ok := ctx.Deadline(); ok {
		r.deadline = deadline.UnixNano()
	}
	if failure := c.submit(ctx, r); failure != nil {
		return failure
	}
	return nil
}

func (c *Client) submit(ctx context.Context, r request) *Failure {
	if reason := r.notification.refuse(c.credential.Load().topics); reason != "" {
		return refusedLocally(reason)
	}
	if err := ctx.Err(); err != nil {
		return &Failure{Cause: CauseCancelled, Safe: true, Err: err}
	}
	queue := c.queueFor(&r)
	c.mu.Lock()
	for {
		if c.closing.Load() {
			c.mu.Unlock()
			return &Failure{Cause: CauseClosed, Safe: true}
		}
		if c.broken != nil && !c.mayTryAgain() {
			failure := c.broken
			c.mu.Unlock()
			return failure
		}
		if queue.count < c.config.QueueSize {
			break
		}
		room := queue.await()
		c.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return &Failure{Cause: CauseCancelled, Safe: true, Err: ctx.Err()}
		}
		c.mu.Lock()
	}
	queue.push(r)
	c.submitted++
	idle := c.popIdle()
	lookAgain := idle == nil && c.resting
	c.resting = c.resting && !lookAgain
	c.ensureKeeper()
	c.mu.Unlock()
	if idle != nil {
		idle.poke()
	} else if lookAgain {
		c.wakeKeeperUp()
	}
	return nil
}

// popIdle takes a connection that waits for work. mu must be held.
func (c *Client) popIdle() *connection {
	if len(c.idle) == 0 {
		return nil
	}
	connection := c.idle[len(c.idle)-1]
	c.idle = c.idle[:len(c.idle)-1]
	return connection
}

// take gives a connection up to streams requests whose bodies fit into credit. Without work the connection is noted as idle and
// will be woken by the next Submit.
func (c *Client) take(connection *connection, batch []request, streams int, credit int64, now time.Time) []request {
	var expired []request
	size := 0
	at := now.UnixNano()
	c.mu.Lock()
	for len(batch) < streams && size < batchBytes {
		from := c.next()
		if from.count == 0 {
			break
		}
		next := from.peek()
		body := len(next.notification.Payload)
		if int64(body) > credit {
			break
		}
		r := from.pop()
		c.turn(from)
		if r.deadline != 0 && at >= r.deadline {
			expired = append(expired, r)
			continue
		}
		credit -= int64(body)
		size += body + 128
		batch = append(batch, r)
	}
	if len(batch) > 0 {
		connection.lastTaken = now
	}
	if c.waiting() == 0 && !slices.Contains(c.idle, connection) {
		c.idle = append(c.idle, connection)
	}
	helper := c.helper()
	c.admit()
	c.mu.Unlock()
	if helper != nil && helper != connection {
		helper.poke()
	}
	if len(expired) > 0 {
		c.giveUp(expired, expiredInQueue())
	}
	return batch
}

func expiredInQueue() *Failure {
	return &Failure{Cause: CauseCancelled, Safe: true, Err: context.DeadlineExceeded}
}

// passOn wakes another connection if there is work that the caller cannot take.
func (c *Client) passOn() {
	c.mu.Lock()
	helper := c.helper()
	c.mu.Unlock()
	if helper != nil {
		helper.poke()
	}
}

func (c *Client) hasWork() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting() > 0
}
