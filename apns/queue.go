package apns

// A request is a notification on its way through the client. It is a value: the hot path allocates nothing for it.
type request struct {
	notification *Notification
	done         func(*Result)
	waiter       *waiter // set by Push, to find the request again when its caller gives up
	deadline     int64   // Unix nanoseconds after which the caller is not interested; 0: none
	renewals     uint8   // resent after ExpiredProviderToken
	moves        uint8   // resent on another connection at the gateway's wish
	repeats      uint8   // resent although the outcome of the first attempt is unknown
}

// A requestQueue is a first-in-first-out ring that grows as needed. It is not safe for concurrent use.
type requestQueue struct {
	ring  []request // length is a power of two
	first int
	count int
	room  chan struct{} // closed when the queue, being full, has room again; nil if nobody waits
}

func (q *requestQueue) push(r request) {
	if q.count == len(q.ring) {
		q.grow()
	}
	q.ring[(q.first+q.count)&(len(q.ring)-1)] = r
	q.count++
}

func (q *requestQueue) grow() {
	larger := make([]request, max(64, 2*len(q.ring)))
	n := copy(larger, q.ring[q.first:])
	copy(larger[n:], q.ring[:q.first])
	q.ring, q.first = larger, 0
}

// peek gives the oldest request; the queue must not be empty.
func (q *requestQueue) peek() *request { return &q.ring[q.first] }

func (q *requestQueue) pop() request {
	slot := &q.ring[q.first]
	r := *slot
	*slot = request{}
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.count--
	return r
}

// await returns what is closed when a full queue has room again.
func (q *requestQueue) await() chan struct{} {
	if q.room == nil {
		q.room = make(chan struct{})
	}
	return q.room
}

// admit lets those who wait for room continue.
func (q *requestQueue) admit() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// drain empties the queue into dst.
func (q *requestQueue) drain(dst []request) []request {
	for q.count > 0 {
		dst = append(dst, q.pop())
	}
	return dst
}

// removeIf takes out the requests for which remove returns true and keeps the order of the others.
func (q *requestQueue) removeIf(dst []request, remove func(*request) bool) []request {
	for range q.count {
		r := q.pop()
		if remove(&r) {
			dst = append(dst, r)
			continue
		}
		q.push(r)
	}
	return dst
}

// urgentTurns is how many urgent requests go before one that is not, while both wait: those that are not must not wait for ever.
const urgentTurns = 7

// queueFor is where a submitted request waits.
func (c *Client) queueFor(r *request) *requestQueue {
	if r.notification.Urgent {
		return &c.urgent
	}
	return &c.queue
}

// waiting counts what waits for a connection. mu must be held.
func (c *Client) waiting() int { return c.again.count + c.urgent.count + c.queue.count }

// next is the queue whose turn it is; it is empty only if all are. mu must be held.
func (c *Client) next() *requestQueue {
	switch {
	case c.again.count > 0:
		return &c.again
	case c.urgent.count == 0:
		return &c.queue
	case c.queue.count > 0 && c.passed >= urgentTurns:
		return &c.queue
	}
	return &c.urgent
}

// turn notes what was taken from a queue. mu must be held.
func (c *Client) turn(from *requestQueue) {
	switch from {
	case &c.urgent:
		c.passed = min(c.passed+1, urgentTurns)
	case &c.queue:
		c.passed = 0
	}
}

// removeIf takes requests out of all queues. mu must be held.
func (c *Client) removeIf(remove func(*request) bool) []request {
	return c.queue.removeIf(c.urgent.removeIf(c.again.removeIf(nil, remove), remove), remove)
}

// drain empties all queues. mu must be held.
func (c *Client) drain() []request { return c.queue.drain(c.urgent.drain(c.again.drain(nil))) }

// admit lets the blocked Submits continue once half of their queue is free: waking them for every single place would cost a change
// of goroutines for each notification. mu must be held.
func (c *Client) admit() {
	for _, q := range []*requestQueue{&c.urgent, &c.queue} {
		if q.count <= c.config.QueueSize/2 {
			q.admit()
		}
	}
}
