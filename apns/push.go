package apns

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// A waiter is the place where Push waits for its result. The cancelled flag closes the gap in which a request is in no table.
type waiter struct {
	result    chan Result // capacity 1
	deliver   func(*Result)
	cancelled atomic.Bool
}

func newWaiter() any {
	w := &waiter{result: make(chan Result, 1)}
	w.deliver = func(r *Result) { w.result <- *r }
	return w
}

// Push sends one notification and waits for its result. If ctx ends first the request is taken back: the result has a
// [Failure] with [CauseCancelled], whose Safe field says whether the notification had not been written yet.
func (c *Client) Push(ctx context.Context, n *Notification) Result {
	w := c.waiters.Get().(*waiter)
	if failure := c.submit(ctx, request{notification: n, done: w.deliver, waiter: w}); failure != nil {
		c.waiters.Put(w)
		return Result{Notification: n, ID: n.ID, Reason: failure.Reason, Err: failure}
	}
	select {
	case result := <-w.result:
		c.waiters.Put(w)
		return result
	case <-ctx.Done():
	}
	safe := c.cancel(w)
	select {
	case result := <-w.result: // it came at the last moment
		return result
	default:
	}
	return Result{Notification: n, ID: n.ID, Err: &Failure{Cause: CauseCancelled, Safe: safe, Err: ctx.Err()}}
}

// cancel takes a request back wherever it is, and reports whether it was certainly never written.
func (c *Client) cancel(w *waiter) (safe bool) {
	w.cancelled.Store(true)
	c.mu.Lock()
	mine := func(r *request) bool { return r.waiter == w }
	found := c.removeIf(mine)
	c.admit()
	connections := append(append([]*connection(nil), c.live...), c.leaving...)
	c.mu.Unlock()
	if len(found) > 0 {
		c.finished(len(found))
		return true
	}
	for _, connection := range connections {
		if connection.cancel(w) {
			return false
		}
	}
	// Between queue and connection; the writer sees the flag. It may also have been answered just now.
	return false
}

// probeToken is a well-formed device token that belongs to no device.
var probeToken = strings.Repeat("0", 64)

// probeTimeout bounds a probe whose context has no deadline.
const probeTimeout = 30 * time.Second

// Probe checks the credential against the gateway, on a connection of its own: name, TCP, TLS, settings, and one push to a
// device token that cannot exist. That APNs complains about the token, and about nothing else, means that it accepts the
// credential for the topic, and Probe returns nil. Otherwise the error is a [*Failure].
// An empty topic means the certificate's own; for a key the topic is required.
func (c *Client) Probe(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	probe, err := c.twin()
	if err != nil {
		return &Failure{Cause: CauseCredential, Safe: true, Err: err}
	}
	defer probe.Close()
	if certificate := c.credential.Load().certificate; topic == "" && certificate != nil {
		topic = certificate.Topic
	}
	n := &Notification{Token: probeToken, Topic: topic, PushType: typeOf(topic), Priority: 5, Expiration: DeliverOnce(), Payload: []byte(`{"aps":{"content-available":1}}`)}
	if n.PushType == PushAlert {
		n.PushType = PushBackground
	}
	result := probe.Push(ctx, n)
	if result.Err != nil {
		return result.Err
	}
	switch result.Class() {
	case ClassAccepted, ClassToken: // a local APNs may accept any token
		return nil
	case ClassRequest, ClassCredential:
		return &Failure{Cause: CauseCredential, Safe: true, Reason: result.Reason, Err: errors.New("the credential may not be used for the topic " + topic)}
	}
	return &Failure{Cause: CauseNetwork, Safe: true, Reason: result.Reason, Err: errors.New("the gateway could not judge the credential; try again later")}
}

// twin is a client with the same credential and connections of its own, which reports its first failure to connect.
func (c *Client) twin() (*Client, error) {
	config := c.config
	config.MaxConnections = 1
	credential := c.credential.Load()
	config.Certificate, config.Key = credential.certificate, credential.key
	twin, err := NewClient(config)
	if err != nil {
		return nil, err
	}
	twin.plain, twin.failFast = c.plain, true
	return twin, nil
}
