package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// Quarantined is a device whose token APNs called dead: nothing is sent to it.
type Quarantined struct {
	RegistrationID string    `json:"registration_id"`
	Token          string    `json:"token"` // shortened; "" once another device has it
	Environment    string    `json:"environment"`
	Reason         string    `json:"reason"`      // APNs' word, such as "Unregistered"
	Explanation    string    `json:"explanation"` // what it means and what to do
	RetiredAt      time.Time `json:"retired_at"`
	MessageID      string    `json:"msg_id"` // the push that found it dead; "" if that is not known
	SeenAt         time.Time `json:"seen_at"`
}

// QuarantineFilter selects devices in quarantine. The zero value selects all.
type QuarantineFilter struct {
	Reason       string
	Since, Until time.Time // when they came into it; Until is excluded
}

// Quarantine yields the app's devices in quarantine, those that came last
// first. An error is yielded and ends it.
func (c *Client) Quarantine(ctx context.Context, f QuarantineFilter) iter.Seq2[Quarantined, error] {
	return func(yield func(Quarantined, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(devicePage)}}
		for name, value := range f.members() {
			query.Set(name, value)
		}
		for {
			var page struct {
				Devices []Quarantined `json:"devices"`
				Next    string        `json:"next"`
			}
			if err := c.call(ctx, get("/v1/quarantine", query), &page); err != nil {
				yield(Quarantined{}, err)
				return
			}
			for _, d := range page.Devices {
				if !yield(d, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			if page.Next == query.Get("after") {
				yield(Quarantined{}, fmt.Errorf("client: the server's list of devices does not go on after %s", page.Next))
				return
			}
			query.Set("after", page.Next)
		}
	}
}

// members are the filter's, as they are written in a query and in a body.
func (f QuarantineFilter) members() map[string]string {
	m := map[string]string{}
	if f.Reason != "" {
		m["reason"] = f.Reason
	}
	if !f.Since.IsZero() {
		m["since"] = f.Since.UTC().Format(time.RFC3339Nano)
	}
	if !f.Until.IsZero() {
		m["until"] = f.Until.UTC().Format(time.RFC3339Nano)
	}
	return m
}

// Restore takes up to 1,000 devices out of quarantine, so that pushes are sent
// to their tokens again, and tells how many were in it. If an id is not the
// app's nothing is changed, and Error.IllegalIDs names it.
func (c *Client) Restore(ctx context.Context, registrationIDs ...string) (restored int, err error) {
	var a struct {
		Restored int `json:"restored"`
	}
	err = c.call(ctx, post("/v1/quarantine/restore", map[string]any{"registration_ids": registrationIDs}), &a)
	return a.Restored, err
}

// RestoreAll takes all devices that a filter selects out of quarantine, in as
// many calls as that takes. It returns how many it has restored, also beside an
// error.
func (c *Client) RestoreAll(ctx context.Context, f QuarantineFilter) (restored int, err error) {
	body := map[string]any{"all": true}
	for name, value := range f.members() {
		body[name] = value
	}
	for {
		var a struct {
			Restored int  `json:"restored"`
			More     bool `json:"more"`
		}
		err := c.call(ctx, post("/v1/quarantine/restore", body), &a)
		restored += a.Restored
		if err != nil || !a.More {
			return restored, err
		}
	}
}

// DeviceToken is a token that a device has or had.
type DeviceToken struct {
	Token       string    `json:"token"` // shortened
	Environment string    `json:"environment"`
	Since       time.Time `json:"since"`  // when the app last reported it
	Until       time.Time `json:"until"`  // zero of the one that the device has
	Reason      string    `json:"reason"` // APNs' word, or Replaced, Removed, Moved (to another installation)
	MessageID   string    `json:"msg_id"` // the push that found it dead; "" if none did
}

// Tokens returns the token that a device has and up to ten that it had, the
// newest first. [ErrInvalid] if the app has no such device.
func (c *Client) Tokens(ctx context.Context, registrationID string) ([]DeviceToken, error) {
	var a struct {
		Tokens []DeviceToken `json:"tokens"`
	}
	err := c.call(ctx, get("/v3/devices/{}", url.Values{"tokens": {"true"}}).to(registrationID), &a)
	return a.Tokens, err
}
