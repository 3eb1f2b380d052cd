package apns

import (
	"fmt"
	"time"
)

// The keeper: the goroutine that opens and closes connections and ends waits that are too long.

// shrinkAfter is how long a connection beyond the first may have nothing to do. Apple wants connections kept (spec 1.6), so that
// the daily rise and fall of traffic is followed, and not its every pause.
const shrinkAfter = 10 * time.Minute

// ensureKeeper starts the goroutine that opens connections, at the first notification. mu must be held.
func (c *Client) ensureKeeper() {
	if c.started {
		return
	}
	c.started = true
	c.running.Add(1)
	go c.keep()
}

func (c *Client) wakeKeeperUp() {
	select {
	case c.wakeKeeper <- struct{}{}:
	default:
	}
}

func (c *Client) keep() {
	defer c.running.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		c.mu.Lock()
		next := c.plan(time.Now())
		c.mu.Unlock()
		c.giveUp(next.expired, expiredInQueue())
		c.giveUp(next.abandoned, next.why)
		for _, connection := range next.surplus {
			connection.leave(&Failure{Cause: CauseNetwork, Safe: true})
		}
		timer.Reset(next.wait)
		select {
		case <-c.ctx.Done():
			return
		case <-c.wakeKeeper:
		case <-timer.C:
		}
	}
}

// A plan is what the keeper has to do now, and when it looks again.
type plan struct {
	wait      time.Duration
	expired   []request // past the caller's deadline
	abandoned []request // waited too long for a connection
	why       *Failure  // for these
	surplus   []*connection
}

// plan opens a connection if one is wanted and allowed. mu must be held.
func (c *Client) plan(now time.Time) (next plan) {
	next.surplus, next.wait = c.surplus(now)
	c.resting = c.waiting() == 0
	if c.resting {
		c.waitingSince = time.Time{}
		return next
	}
	if !now.Before(c.nextExpiry) {
		c.nextExpiry = now.Add(time.Second)
		late := func(r *request) bool { return r.deadline != 0 && now.UnixNano() >= r.deadline }
		next.expired = c.removeIf(late)
		c.admit()
	}
	next.wait = time.Second
	if left := c.patience(now); left <= 0 {
		next.abandoned, next.why = c.abandon(now), c.unreachable()
		return next
	} else if left < next.wait {
		next.wait = left
	}
	if c.dialing || c.ctx.Err() != nil {
		return next
	}
	if len(c.live) > 0 && !c.pathIsFull(now) {
		if len(c.live) < c.config.MaxConnections {
			next.wait = min(next.wait, growthInterval)
		}
		return next
	}
	if now.Before(c.nextDial) {
		next.wait = min(next.wait, c.nextDial.Sub(now))
		return next
	}
	c.dialing = true
	c.running.Add(1)
	go c.connect(c.credential.Load())
	return next
}

// patience is how much longer what waits may wait for a connection: GiveUpAfter from the moment at which the first of it began
// to, whatever the attempts do meanwhile. mu must be held.
func (c *Client) patience(now time.Time) time.Duration {
	if len(c.live) > 0 {
		c.waitingSince = time.Time{}
		return c.config.GiveUpAfter
	}
	if c.waitingSince.IsZero() {
		c.waitingSince = now
	}
	return c.config.GiveUpAfter - now.Sub(c.waitingSince)
}

// abandon empties the queues. mu must be held.
func (c *Client) abandon(now time.Time) []request {
	c.waitingSince = time.Time{}
	if c.downSince.IsZero() {
		c.downSince = now
	}
	waiting := c.drain()
	c.admit()
	return waiting
}

// unreachable says why there is no connection. mu must be held.
func (c *Client) unreachable() *Failure {
	if c.lastFailure != nil {
		return c.lastFailure
	}
	return &Failure{Cause: CauseNetwork, Safe: true, Err: fmt.Errorf("no connection to %s within %v", c.authority, c.config.GiveUpAfter)}
}

// surplus finds the connections beyond one that have had nothing to do for long, and says when to look for more of them. mu must
// be held.
func (c *Client) surplus(now time.Time) (list []*connection, wait time.Duration) {
	wait = time.Hour
	for _, connection := range c.live {
		if len(c.live)-len(list) == 1 {
			break
		}
		if left := shrinkAfter - now.Sub(connection.lastTaken); left > 0 {
			wait = min(wait, left)
			continue
		}
		list = append(list, connection)
	}
	return list, wait
}
