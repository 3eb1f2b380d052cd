package device

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// InAppMessage is content that a server sent to the app itself: it does not go through the system, and nobody shows it but
// the app.
type InAppMessage struct {
	MessageID   string                     `json:"msg_id"`
	Content     string                     `json:"content"`
	Title       string                     `json:"title"`
	ContentType string                     `json:"content_type"`
	Extras      map[string]json.RawMessage `json:"extras"`
}

const (
	pollWait        = 50 * time.Second // how long the server may keep a question open
	maxInbox        = 50               // messages kept for an app that does not take them; the oldest are given up
	maxKnownInApp   = 512              // ids remembered so that a message is handed to the app once
	acknowledgePace = 10 * time.Second // how long to wait for receipts before asking again
)

// SetConnected asks Aurora for in-app messages for as long as it is true, which is usually while the app is in the
// foreground. At first it is false. Take the messages with [Client.Receive].
func (c *Client) SetConnected(connected bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.connected == connected || c.closed {
		return
	}
	c.connected = connected
	if !connected && c.hangUp != nil {
		c.hangUp()
	}
	c.broadcast()
}

// Receive takes the next in-app message, waiting for it until ctx ends. Each message is returned once, also across restarts
// with the same Store: one that arrived and was not taken is there at the next start.
func (c *Client) Receive(ctx context.Context) (InAppMessage, error) {
	var m InAppMessage
	err := c.await(ctx, func() (bool, error) {
		if len(c.record.Inbox) == 0 {
			return false, nil
		}
		m = c.record.Inbox[0]
		c.record.Inbox = slices.Delete(c.record.Inbox, 0, 1)
		c.store()
		return true, nil
	})
	return m, err
}

// listen asks for in-app messages while the app wants to be connected.
func (c *Client) listen(ctx context.Context) {
	failures := 0
	for {
		ask, id, secret := c.awaitConnected(ctx)
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		found, err := c.transport.messages(ask, id, secret)
		if err == nil && len(found) == 0 && time.Since(began) < time.Second {
			// A server that is stopping, or something between, does not wait.
			err = &retryError{err: errors.New("device: the question for in-app messages was answered at once, with none")}
		}
		hungUp := ask.Err() != nil && ctx.Err() == nil
		c.hung()
		switch {
		case ctx.Err() != nil:
			return
		case hungUp:
			continue
		case err == nil:
			failures = 0
			c.arrive(found)
			c.awaitAcknowledged(ctx)
			continue
		}
		var refusal *RefusedError
		if errors.As(err, &refusal) && refusal.unknownRegistration() {
			c.mu.Lock()
			c.forgetIfUnknown(err)
			c.mu.Unlock()
		}
		failures++
		var retry *retryError
		after := time.Duration(0)
		if errors.As(err, &retry) {
			after = retry.after
		}
		c.log.Info("in-app messages cannot be asked for; will try again", "error", err, "failures", failures)
		select {
		case <-time.After(pause(failures, after)):
		case <-ctx.Done():
		}
	}
}

// awaitConnected waits until the app wants to be connected and is registered. The context it returns ends when the app no
// longer wants to be.
func (c *Client) awaitConnected(ctx context.Context) (ask context.Context, id, secret string) {
	for {
		c.mu.Lock()
		changed := c.changed
		if c.connected && c.loaded && c.refused == nil && c.record.RegistrationID != "" {
			ask, c.hangUp = context.WithCancel(ctx)
			id, secret = c.record.RegistrationID, c.record.Secret
			c.mu.Unlock()
			return ask, id, secret
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx, "", ""
		}
	}
}

func (c *Client) hung() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hangUp()
	c.hangUp = nil
}

// arrive keeps messages that are new and acknowledges all: one that comes again was not acknowledged as far as Aurora knows.
func (c *Client) arrive(found []InAppMessage) {
	if len(found) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now().UTC().Truncate(time.Millisecond)
	for _, m := range found {
		if !digits.MatchString(m.MessageID) {
			continue
		}
		receipt := Receipt{m.MessageID, Received, at, partMessage}
		if !slices.ContainsFunc(c.record.Receipts, receipt.same) {
			c.record.Receipts = append(c.record.Receipts, receipt)
		}
		if slices.Contains(c.record.KnownInApp, m.MessageID) {
			continue
		}
		c.record.KnownInApp = append(c.record.KnownInApp, m.MessageID)
		c.record.Inbox = append(c.record.Inbox, m)
	}
	c.record.KnownInApp = c.record.KnownInApp[max(0, len(c.record.KnownInApp)-maxKnownInApp):]
	if over := len(c.record.Inbox) - maxInbox; over > 0 {
		c.log.Warn("too many in-app messages were not taken; the oldest were given up", "count", over)
		c.record.Inbox = c.record.Inbox[over:]
	}
	c.store()
}

// awaitAcknowledged waits a while until the receipts are delivered: before that the same messages would come again.
func (c *Client) awaitAcknowledged(ctx context.Context) {
	end := time.NewTimer(acknowledgePace)
	defer end.Stop()
	for {
		c.mu.Lock()
		changed := c.changed
		owed := slices.ContainsFunc(c.record.Receipts, func(r Receipt) bool { return r.Part == partMessage })
		c.mu.Unlock()
		if !owed {
			return
		}
		select {
		case <-changed:
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// messages asks once, and waits for messages if there are none.
func (t *transport) messages(ctx context.Context, id, secret string) ([]InAppMessage, error) {
	var answer struct {
		Messages []InAppMessage `json:"messages"`
	}
	path := "/v1/devices/" + url.PathEscape(id) + "/messages?wait=" + strconv.Itoa(int(pollWait/time.Second))
	err := t.callWithin(ctx, pollWait+requestTimeout, http.MethodGet, path, id, secret, nil, &answer)
	return answer.Messages, err
}
