package device

import (
	"context"
	"slices"
	"time"
)

// Status is what the SDK knows locally.
type Status struct {
	RegistrationID string
	Token          string   // hex; what the app passed on last
	Alias          string   // what the app set last
	Tags           []string // what the app set or added, sorted; tags given by a server are seen with Device only
	Pending        bool     // some desired value is not confirmed yet
	Receipts       int      // receipts that wait to be delivered
	Failure        error    // of the latest attempt, or the final refusal; nil when all is well
}

// Status returns the present state and a channel that is closed when it may have changed.
func (c *Client) Status() (Status, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load() // an error shows itself as Failure once the background work meets it
	s := Status{
		RegistrationID: c.record.RegistrationID,
		Pending:        !c.record.Pending.empty(),
		Receipts:       len(c.record.Receipts),
		Failure:        c.failure,
	}
	if c.refused != nil {
		s.Failure = c.refused
	}
	if token := c.record.Wanted.Token; token != nil {
		s.Token = *token
	}
	if alias := c.record.Wanted.Alias; alias != nil {
		s.Alias = *alias
	}
	if tags := c.record.Wanted.Tags; tags != nil {
		s.Tags = slices.Clone(tags.Add)
		if tags.Set != nil {
			s.Tags = slices.Clone(*tags.Set)
		}
	}
	return s, c.changed
}

// Device is the installation as Aurora knows it.
type Device struct {
	RegistrationID string   `json:"registration_id"`
	Alias          string   `json:"alias"`
	Tags           []string `json:"tags"`
	Token          string   `json:"token"`
	Environment    string   `json:"environment"`
	Badge          int      `json:"badge"`
}

// Device asks Aurora, once and without retrying, what it knows about this installation. It waits for the registration.
func (c *Client) Device(ctx context.Context) (Device, error) {
	id, err := c.RegistrationID(ctx)
	if err != nil {
		return Device{}, err
	}
	c.mu.Lock()
	secret := c.record.Secret
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return c.transport.read(ctx, id, secret)
}
