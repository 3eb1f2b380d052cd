package device

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// receiptBatch is the most receipts a request may carry.
const receiptBatch = 100

// run delivers until ctx ends: one request at a time, so that the order of writes is the order of calls.
func (c *Client) run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		task, proof := c.nextTask()
		if task == nil {
			failures = 0
			select {
			case <-c.wake:
			case <-c.now:
			case <-ctx.Done():
			}
			continue
		}
		err := task(ctx)
		if ctx.Err() != nil {
			return
		}
		c.noteFailure(err)
		if err == nil {
			if proof {
				failures = 0
			}
			continue
		}
		failures++
		var retry *retryError
		after := time.Duration(0)
		if errors.As(err, &retry) {
			after = retry.after
		}
		wait := pause(failures, after)
		c.log.Info("will try again", "error", err, "failures", failures, "pause", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.now:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (c *Client) noteFailure(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = err
	c.broadcast()
}

// nextTask chooses what to do next; nil means that there is nothing to do. Success of a task with proof shows that the
// server is well. A registration does not: a server that registers but then does not know its own device would otherwise be
// asked in a tight circle.
func (c *Client) nextTask() (task func(context.Context) error, proof bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.loaded || c.record.InstallID == "" && !c.options.ReceiptsOnly:
		return c.prepare, false
	case c.options.ReceiptsOnly && c.quiet():
		return nil, false
	case c.options.ReceiptsOnly:
		return c.report, true
	case c.refused != nil:
		return nil, false
	case c.record.RegistrationID == "":
		return c.register, false
	case !c.record.Pending.empty():
		return c.update, true
	case len(c.record.Receipts) > 0:
		return c.report, true
	}
	return nil, false
}

// prepare loads the record and makes the identity; it is stored before anything is sent.
func (c *Client) prepare(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		return err
	}
	if c.record.InstallID != "" || c.options.ReceiptsOnly {
		return c.store()
	}
	c.record.newIdentity()
	if err := c.store(); err != nil {
		c.record.InstallID, c.record.Secret = "", ""
		return err
	}
	return nil
}

func (c *Client) register(ctx context.Context) error {
	c.mu.Lock()
	attributes := c.attributes()
	request := registration{
		AppKey:    c.options.Config.AppKey,
		InstallID: c.record.InstallID,
		Secret:    c.record.Secret,
		BundleID:  c.options.BundleID,
		Platform:  "ios",
		changes:   attributes,
	}
	c.mu.Unlock()

	id, err := c.transport.register(ctx, request)

	c.mu.Lock()
	defer c.mu.Unlock()
	var refusal *RefusedError
	switch {
	case err == nil:
		c.record.RegistrationID = id
		c.record.confirm(attributes)
		c.log.Info("registered with Aurora", "registration_id", id)
		return c.store()
	case !errors.As(err, &refusal):
		return err
	case refusal.Status == http.StatusForbidden && refusal.Code == codeWrongSecret:
		// Somebody else owns this installation id, for instance after a backup was restored to a second device. A fresh
		// identity is certain to be free; the pause before the next attempt bounds the traffic if the server is confused.
		c.log.Warn("the installation id is taken; making a new one")
		c.record.InstallID, c.record.Secret = "", ""
		c.store()
		return &retryError{err: err}
	}
	c.log.Error("Aurora refuses the registration", "error", err)
	c.refused = err
	return nil
}

func (c *Client) update(ctx context.Context) error {
	c.mu.Lock()
	id, secret, sent := c.record.RegistrationID, c.record.Secret, c.record.Pending.clone()
	c.mu.Unlock()
	err := c.transport.update(ctx, id, secret, sent)
	parts := sent.parts()
	if !final(err) || len(parts) == 1 {
		return c.updated(sent, err)
	}
	// One value spoils the rest: send them one by one, so that only that one is lost.
	for _, part := range parts {
		err := c.updated(part, c.transport.update(ctx, id, secret, part))
		if err != nil {
			return err
		}
	}
	return nil
}

// final reports a refusal that is about the content of the request.
func final(err error) bool {
	var refusal *RefusedError
	return errors.As(err, &refusal) && !refusal.unknownRegistration()
}

// updated takes the answer to an update into the record. Its error asks for a retry.
func (c *Client) updated(sent changes, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && !final(err) {
		return c.forgetIfUnknown(err)
	}
	if err != nil {
		c.refuse(err)
	}
	c.record.confirm(sent)
	return c.store()
}

func (c *Client) report(ctx context.Context) error {
	c.mu.Lock()
	id, secret := c.record.RegistrationID, c.record.Secret
	batch := append([]Receipt(nil), c.record.Receipts[:min(len(c.record.Receipts), receiptBatch)]...)
	c.mu.Unlock()
	return c.reportBatch(ctx, id, secret, batch)
}

// reportBatch halves a batch that is refused until the one that is to blame stands alone.
func (c *Client) reportBatch(ctx context.Context, id, secret string, batch []Receipt) error {
	err := c.transport.report(ctx, id, secret, batch)
	if final(err) && len(batch) > 1 {
		half := len(batch) / 2
		if err := c.reportBatch(ctx, id, secret, batch[:half]); err != nil {
			return err
		}
		return c.reportBatch(ctx, id, secret, batch[half:])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && !final(err) {
		return c.forgetIfUnknown(err)
	}
	if err != nil {
		c.refuse(err)
	}
	c.record.settle(batch)
	return c.store()
}

// forgetIfUnknown prepares a new registration if Aurora does not know this one. The caller holds mu. The error is returned
// for the pause that follows.
func (c *Client) forgetIfUnknown(err error) error {
	var refusal *RefusedError
	if errors.As(err, &refusal) {
		c.log.Warn("Aurora does not know this registration; registering anew", "error", err)
		c.record.forget()
		c.store()
	}
	return err
}

// refuse remembers a final refusal for Sync; the memory is bounded. The caller holds mu.
func (c *Client) refuse(err error) {
	c.log.Error("Aurora refused a value; it is given up", "error", err)
	if len(c.refusals) < 20 {
		c.refusals = append(c.refusals, err)
	}
}
