package apns

import (
	"context"
	"slices"
)

// outstanding is the number of requests without a result. mu must be held.
func (c *Client) outstanding() int64 { return c.submitted - c.done.Load() }

// finished counts results; the last one during a shutdown ends the wait.
func (c *Client) finished(n int) {
	c.done.Add(int64(n))
	if c.closing.Load() {
		select {
		case c.quiet <- struct{}{}:
		default:
		}
	}
}

// Close ends the client at once: what was not answered gets a [Failure] with [CauseClosed]. It returns when all goroutines have
// ended and every done function has been called.
func (c *Client) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Shutdown(ctx)
	return nil
}

// Shutdown accepts no more notifications and waits until all have got their results. If ctx ends first, the rest get a
// [Failure] with [CauseClosed] and Shutdown returns the error of ctx; those that were never written are marked as safe.
func (c *Client) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	c.closing.Store(true)
	c.urgent.admit()
	c.queue.admit()
	c.mu.Unlock()
	var err error
	for err == nil {
		c.mu.Lock()
		rest := c.outstanding()
		c.mu.Unlock()
		if rest == 0 {
			break
		}
		select {
		case <-c.quiet:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	c.end()
	return err
}

func (c *Client) end() {
	c.stop()
	c.mu.Lock()
	rest := c.drain()
	connections := slices.Concat(c.live, c.leaving)
	c.mu.Unlock()
	c.giveUp(rest, &Failure{Cause: CauseClosed, Safe: true})
	for _, connection := range connections {
		connection.fail(&Failure{Cause: CauseClosed})
	}
	c.running.Wait()
	c.mu.Lock()
	rest = c.drain()
	c.mu.Unlock()
	c.giveUp(rest, &Failure{Cause: CauseClosed, Safe: true})
}
