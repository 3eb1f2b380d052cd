package apns

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// The pool: when to open connections. Connections take work themselves, so nothing here touches a request that succeeds.

const (
	// dialSpacing is the least time between two attempts: rapid opening is treated as an attack (spec 1.8).
	dialSpacing = 100 * time.Millisecond
	// dialTimeout bounds an attempt with everything in it: name, TCP, TLS, first SETTINGS.
	dialTimeout = 15 * time.Second
	// Back-off after failures in a row, before jitter.
	minBackoff = time.Second
	maxBackoff = time.Minute
	// shortLife is the age below which a connection's end counts towards longer pauses between attempts, and the longest pause.
	shortLife = 10 * time.Second
	// afterErrors is the number of short lives that a connection closed for too many errors counts for: 1.6 seconds of pause.
	afterErrors = 4
	// growthInterval is how long the connections are watched before one more is opened.
	growthInterval = 100 * time.Millisecond
)

// growthSample remembers how long each connection had waited for room when it was last looked at.
type growthSample struct {
	at     time.Time
	waited map[*connection]int64
}

// pathIsFull tells whether one more connection would help: all have spent most of the last interval waiting for room, while
// answers take hardly longer than the shortest ever did. Bytes in flight over round trip are then the limit; if answers take
// much longer than that, it is a processor, and more connections would only make it worse. Connections on which the gateway
// allows a single stream do not count: it is checking the credential or punishing us (spec 1.4). Nor do those that never answered. mu must be held.
func (c *Client) pathIsFull(now time.Time) bool {
	if len(c.live) >= c.config.MaxConnections || now.Sub(c.growth.at) < growthInterval {
		return false
	}
	full := true
	elapsed := int64(now.Sub(c.growth.at))
	waited := make(map[*connection]int64, len(c.live))
	for _, connection := range c.live {
		if connection.streamLimit.Load() <= 1 {
			full = false
			continue // not sampled either: the next interval would begin with a wait that says nothing about the path
		}
		waited[connection] = connection.blockedTime(now)
		before, seen := c.growth.waited[connection]
		if !seen || elapsed > int64(2*growthInterval) || waited[connection]-before < elapsed/2 {
			full = false
		}
		rtt := connection.rtt.Load()
		if rtt == 0 || rtt > 3*connection.bestRTT.Load() {
			full = false
		}
	}
	c.growth = growthSample{now, waited}
	return full
}

// connect makes one attempt.
func (c *Client) connect(credential *credential) {
	defer c.running.Done()
	ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
	defer cancel()
	connection, err := c.open(ctx, credential)
	if err != nil {
		c.attemptFailed(credential, c.transportFailure(err))
		return
	}
	c.mu.Lock()
	c.dialing = false
	c.nextDial = time.Now().Add(dialSpacing)
	c.downSince, c.lastFailure = time.Time{}, nil
	stale := credential != c.credential.Load()
	count := len(c.live)
	c.mu.Unlock()
	c.log.Info("connected to APNs", "gateway", c.authority, "connections", count)
	if stale {
		connection.leave(&Failure{Cause: CauseNetwork, Safe: true})
	}
	c.wakeKeeperUp()
}

func (c *Client) attemptFailed(which *credential, why *Failure) {
	why = why.marked(true) // no request was sent
	if c.ctx.Err() != nil {
		return
	}
	now := time.Now()
	c.mu.Lock()
	c.dialing = false
	c.backOff(now)
	c.lastFailure = why
	if c.downSince.IsZero() {
		c.downSince = now
	}
	var waiting []request
	if len(c.live) == 0 && c.failFast {
		waiting = c.abandon(now)
	}
	wait := c.nextDial.Sub(now)
	c.mu.Unlock()
	if why.Cause == CauseCredential {
		c.credentialRefused(which, why)
	} else {
		c.log.Warn("cannot connect to APNs", "gateway", c.authority, "error", why, "retry_in", wait.Round(time.Millisecond))
	}
	c.giveUp(waiting, why)
	c.wakeKeeperUp()
}

// backOff postpones the next attempt: 1 to 60 seconds, doubling, with a quarter of jitter, so that many senders do not come
// back together. mu must be held.
func (c *Client) backOff(now time.Time) {
	c.failures++
	delay := maxBackoff
	if c.failures < 7 {
		delay = minBackoff << (c.failures - 1)
	}
	delay = time.Duration(float64(delay) * (0.75 + rand.Float64()/2))
	c.nextDial = now.Add(min(max(delay, minBackoff), maxBackoff))
}

// spaceOut follows the end of a connection that did work. The next may be opened almost at once, unless connections keep being
// short-lived: then the pauses double, up to ten seconds, from least doublings on. mu must be held.
func (c *Client) spaceOut(connection *connection, now time.Time, least int) {
	c.failures = 0
	if now.Sub(connection.since) >= shortLife {
		c.shortLived = 0
	}
	c.shortLived = max(c.shortLived, least)
	c.nextDial = now.Add(min(dialSpacing<<min(c.shortLived, 10), shortLife))
	c.shortLived++
}

// TryNow makes the next attempt to connect at once, if one is wanted, instead of after the back-off: for a caller who knows that
// the gateway can be reached again. Stats().Down is then zero until an attempt fails.
func (c *Client) TryNow() {
	c.mu.Lock()
	c.failures, c.nextDial, c.downSince, c.lastFailure = 0, time.Time{}, time.Time{}, nil
	c.mu.Unlock()
	c.wakeKeeperUp()
}

// open dials and waits for the first SETTINGS. The connection is registered before its writer starts.
func (c *Client) open(ctx context.Context, credential *credential) (*connection, error) {
	transport, corked, err := c.dial(ctx, credential)
	if err != nil {
		return nil, err
	}
	connection := newConnection(c, credential, transport, corked)
	c.mu.Lock()
	if c.ctx.Err() != nil {
		c.mu.Unlock()
		transport.Close()
		return nil, errors.New("closed")
	}
	c.leaving = append(c.leaving, connection) // so that Close finds it; it becomes live below
	c.mu.Unlock()
	if err := connection.start(ctx); err != nil {
		return nil, err
	}
	return connection, nil
}

// joins makes a connection that has its settings available for work.
func (c *Client) joins(connection *connection) {
	c.mu.Lock()
	if slices.Contains(c.leaving, connection) {
		c.leaving = remove(c.leaving, connection)
		c.live = append(c.live, connection)
	}
	c.mu.Unlock()
}

// connectionLeaves moves a connection out of those that take work.
func (c *Client) connectionLeaves(connection *connection) {
	c.mu.Lock()
	if slices.Contains(c.live, connection) {
		c.live = remove(c.live, connection)
		c.leaving = append(c.leaving, connection)
	}
	c.forget(connection)
	helper := c.helper()
	c.mu.Unlock()
	if helper != nil {
		helper.poke()
	}
	c.wakeKeeperUp()
}

// goingAway reacts to a GOAWAY. A gateway that closes for no reason of ours, or before it answered anything, is not called again
// at once.
func (c *Client) goingAway(connection *connection, why *Failure) {
	connection.mu.Lock()
	answered := connection.answered
	connection.mu.Unlock()
	c.log.Info("APNs ends a connection", "gateway", c.authority, "reason", why.Reason, "error", why.Err)
	if why.Cause == CauseCredential {
		c.credentialRefused(connection.credential, why)
	}
	c.mu.Lock()
	if slices.Contains(c.live, connection) {
		if answered {
			least := 0
			if class, known := reasons[why.Reason]; known && class != ClassConnection {
				least = afterErrors // too many errors, whatever the connection's age
			}
			c.spaceOut(connection, time.Now(), least)
		} else {
			c.backOff(time.Now())
		}
	}
	c.mu.Unlock()
	c.connectionLeaves(connection)
}

// connectionEnds forgets a connection. One that answered nothing counts as a failed attempt, so that a gateway which accepts
// and hangs up is not called again and again.
func (c *Client) connectionEnds(connection *connection, why *Failure, answered bool) {
	c.mu.Lock()
	wasLive := slices.Contains(c.live, connection)
	c.live = remove(c.live, connection)
	c.leaving = remove(c.leaving, connection)
	c.forget(connection)
	now := time.Now()
	if wasLive && answered {
		c.spaceOut(connection, now, 0)
	} else if wasLive {
		c.backOff(now)
	}
	helper := c.helper()
	c.mu.Unlock()
	if helper != nil {
		helper.poke()
	}
	if c.ctx.Err() == nil {
		c.log.Info("a connection to APNs ended", "gateway", c.authority, "error", why)
	}
	if why.Cause == CauseCredential {
		c.credentialRefused(connection.credential, why)
	}
	c.wakeKeeperUp()
}

func remove(list []*connection, connection *connection) []*connection {
	if i := slices.Index(list, connection); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// forget drops a connection from the idle ones and from the growth sample. mu must be held.
func (c *Client) forget(connection *connection) {
	c.idle = remove(c.idle, connection)
	delete(c.growth.waited, connection)
}

// helper takes an idle connection if there is work for it. mu must be held.
func (c *Client) helper() *connection {
	if c.waiting() == 0 {
		return nil
	}
	return c.popIdle()
}
