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
