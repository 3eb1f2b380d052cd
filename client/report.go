package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// State is how far a message has come.
type State string

// The states of a message.
const (
	Sending State = "sending"
	Waiting State = "waiting" // for another attempt, or for a credential that APNs takes
	Done    State = "done"    // every device has an outcome
)

// Report is where a message stands. Its numbers are devices.
type Report struct {
	MessageID string         `json:"msg_id"`
	State     State          `json:"state"`
	Targeted  uint64         `json:"targeted"` // selected by the audience
	Accepted  uint64         `json:"accepted"` // taken by APNs
	Failed    uint64         `json:"failed"`
	Pending   uint64         `json:"pending"`  // not attempted, or to be attempted again
	Received  uint64         `json:"received"` // reported by the app; without a service extension most never are
	Opened    uint64         `json:"opened"`
	FailedBy  []FailedReason `json:"failed_by"`
	InApp     *InAppReport   `json:"in_app,omitempty"`  // nil without an in-app message
	VoIP      *VoIPReport    `json:"voip,omitempty"`    // nil without a push to PushKit
	Stopped   *Stopped       `json:"stopped,omitempty"` // nil unless the push was stopped
}

// FailedReason is how many devices failed for one reason.
type FailedReason struct {
	Reason  string `json:"reason"` // APNs's word or Aurora's (docs/errors.md, "Reasons in reports")
	Devices uint64 `json:"devices"`
	Text    string `json:"text"` // what it means and what to do
}

// InAppReport is where an in-app message stands.
type InAppReport struct {
	Targeted uint64         `json:"targeted"`
	Handed   uint64         `json:"handed"`   // given to the device
	Received uint64         `json:"received"` // acknowledged by it
	Opened   uint64         `json:"opened"`
	Waiting  uint64         `json:"waiting"` // for the device to connect
	Failed   uint64         `json:"failed"`
	FailedBy []FailedReason `json:"failed_by"`
}

// VoIPReport is where the part of a push stands that goes to PushKit.
type VoIPReport struct {
	Targeted uint64         `json:"targeted"`
	Accepted uint64         `json:"accepted"`
	Failed   uint64         `json:"failed"`
	Pending  uint64         `json:"pending"`
	FailedBy []FailedReason `json:"failed_by"`
}

// Stopped says how far a stopped push had come, in devices.
type Stopped struct {
	At     time.Time `json:"at"`
	Left   uint64    `json:"left"`   // that it had been sent to
	Spared uint64    `json:"spared"` // that it was not sent to any more
}

// Report asks where a message stands. [ErrNotFound] if the app has no such
// message, or has it no longer: a server keeps messages for a set time.
func (c *Client) Report(ctx context.Context, messageID string) (Report, error) {
	var r Report
	return r, c.call(ctx, get("/v1/messages/{}", nil).to(messageID), &r)
}

// watchPace is how often Watch asks by default.
const watchPace = 250 * time.Millisecond

// Watch yields a message's report again and again, at the given pace (0 means
// four times a second), until it is done. Each error is yielded and ends it; so
// does the context.
func (c *Client) Watch(ctx context.Context, messageID string, pace time.Duration) iter.Seq2[Report, error] {
	if pace <= 0 {
		pace = watchPace
	}
	return func(yield func(Report, error) bool) {
		for {
			r, err := c.Report(ctx, messageID)
			if !yield(r, err) || err != nil || r.State == Done {
				return
			}
			if err := sleep(ctx, pace); err != nil {
				yield(r, err)
				return
			}
		}
	}
}

// Wait returns a message's report once it is done, or the latest with the
// context's error. Give the context an end: a push to a credential that APNs
// refuses waits until it expires.
func (c *Client) Wait(ctx context.Context, messageID string) (last Report, err error) {
	for r, err := range c.Watch(ctx, messageID, 0) {
		if err != nil {
			return last, err
		}
		last = r
	}
	return last, nil
}

// Outcome names a set of a message's devices: those with one of its numbers.
type Outcome string

// The outcomes. Those of in-app messages begin with "inapp:" (docs/rest.md,
// "Reports").
const (
	Targeted Outcome = "targeted"
	Accepted Outcome = "accepted"
	Received Outcome = "received"
	Opened   Outcome = "opened"
)

// FailedFor is the outcome of devices that failed for a reason, such as
// "Unregistered".
func FailedFor(reason string) Outcome { return Outcome("failed:" + reason) }

// devicePage is how many devices are asked for at once: the most allowed.
const devicePage = 1000

// MessageDevices yields the registration ids behind one of a message's numbers,
// in the order of their registration. If without is not "", devices with that
// outcome too are left out: Received without Opened is who saw it and did not
// come. An error is yielded and ends it.
func (c *Client) MessageDevices(ctx context.Context, messageID string, outcome, without Outcome) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		query := url.Values{"outcome": {string(outcome)}, "limit": {strconv.Itoa(devicePage)}}
		if without != "" {
			query.Set("without", string(without))
		}
		for {
			var page struct {
				IDs  []string `json:"registration_ids"`
				Next *int64   `json:"next"`
			}
			if err := c.call(ctx, get("/v1/messages/{}/devices", query).to(messageID), &page); err != nil {
				yield("", err)
				return
			}
			for _, id := range page.IDs {
				if !yield(id, nil) {
					return
				}
			}
			if page.Next == nil {
				return
			}
			next := strconv.FormatInt(*page.Next, 10)
			if next == query.Get("after") {
				yield("", fmt.Errorf("client: the server's list of devices does not go on after %s", next))
				return
			}
			query.Set("after", next)
		}
	}
}

// Step is one link of the chain from a push to the user of one device.
type Step struct {
	Name   string    `json:"name"`
	State  StepState `json:"state"`
	Text   string    `json:"text"`   // what happened
	Remedy string    `json:"remedy"` // what to do; "" unless the step is broken
	At     time.Time `json:"at"`     // zero if it is not known
}

// StepState is how a step stands.
type StepState string

// The states of a step.
const (
	StepDone    StepState = "done"
	StepBroken  StepState = "broken" // the chain ends here
	StepWaiting StepState = "waiting"
	StepUnknown StepState = "unknown" // nobody reported it; it may have happened
)

// Timeline tells what happened to a message for one device, step by step, up to
// the first broken link. [ErrNotFound] if the app has no such message or device.
func (c *Client) Timeline(ctx context.Context, messageID, registrationID string) ([]Step, error) {
	var a struct {
		Steps []Step `json:"steps"`
	}
	err := c.call(ctx, get("/v1/messages/{}/devices/{}", nil).to(messageID, registrationID), &a)
	return a.Steps, err
}
