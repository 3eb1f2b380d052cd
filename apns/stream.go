package apns

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// streamWindow bounds the notifications of one Stream that are on their way or whose results were not consumed yet.
const streamWindow = 16384

// A mailbox takes results from the readers and gives them to the consumer in batches.
type mailbox struct {
	mu       sync.Mutex
	changed  sync.Cond
	results  []Result
	open     int // submitted, result not consumed
	finished bool
	stopped  bool
}

func (m *mailbox) deliver(r *Result) {
	m.mu.Lock()
	m.results = append(m.results, *r)
	if len(m.results) == 1 {
		m.changed.Broadcast()
	}
	m.mu.Unlock()
}

// admit waits for room for one more; it reports false when the consumer has gone.
func (m *mailbox) admit() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.open >= streamWindow && !m.stopped {
		m.changed.Wait()
	}
	m.open++
	return !m.stopped
}

// collect takes back the results that have been consumed and waits for others. No results means the end.
func (m *mailbox) collect(consumed []Result) []Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open -= len(consumed)
	m.changed.Broadcast()
	for len(m.results) == 0 && (!m.finished || m.open > 0) {
		m.changed.Wait()
	}
	results := m.results
	clear(consumed)
	m.results = consumed[:0]
	return results
}

func (m *mailbox) set(flag *bool) {
	m.mu.Lock()
	*flag = true
	m.changed.Broadcast()
	m.mu.Unlock()
}

// Stream sends a sequence of notifications and yields their results in the order of completion. Memory is constant however long
// the sequence is; a slow consumer slows the sending down. Local refusals and other failures are results like any other.
//
// When ctx ends, the sequence is read no further, and Stream ends after the results of what was already submitted. The same
// happens when the credential is refused or the client closed. A consumer that stops early also stops the reading; what is on
// its way then is still sent. notifications is iterated on another goroutine.
func (c *Client) Stream(ctx context.Context, notifications iter.Seq[*Notification]) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		ctx, cancel := context.WithCancel(ctx)
		box := &mailbox{}
		box.changed.L = &box.mu
		deliver := box.deliver
		var reading sync.WaitGroup
		reading.Go(func() {
			defer box.set(&box.finished)
			for n := range notifications {
				if !box.admit() {
					return
				}
				err := c.Submit(ctx, n, deliver)
				if err == nil {
					continue
				}
				var failure *Failure
				errors.As(err, &failure)
				deliver(&Result{Notification: n, ID: n.ID, Reason: failure.Reason, Err: failure})
				if failure.Cause != CauseRefusedLocally {
					return
				}
			}
		})
		defer reading.Wait()
		defer cancel() // a reader that is blocked in Submit
		defer box.set(&box.stopped)
		for results := box.collect(nil); len(results) > 0; results = box.collect(results) {
			for i := range results {
				if !yield(results[i]) {
					return
				}
			}
		}
	}
}
