package client

import (
	"context"
	"net/url"
)

// Reach is how many devices a push would reach now, and why not the others. A
// device counts for the first reason that it meets.
type Reach struct {
	Targeted  uint64  `json:"targeted"`  // selected by the audience: all the others together
	Reachable uint64  `json:"reachable"` // that it would be sent to
	Dropped   Dropped `json:"dropped"`
	// InApp is how many devices the push's in-app message is for, beside a
	// notification.
	InApp uint64 `json:"in_app"`
}

// Dropped are the devices of an audience that would not be sent to
// (docs/rest.md, "Push").
type Dropped struct {
	OtherPlatform    uint64 `json:"other_platform"`    // Aurora has no channel for it
	OptedOut         uint64 `json:"opted_out"`         // their users switched pushes off in the app
	Quarantined      uint64 `json:"quarantined"`       // APNs said that their token is dead
	NoToken          uint64 `json:"no_token"`          // they have not reported one of the kind that the push needs
	WrongEnvironment uint64 `json:"wrong_environment"` // their token belongs to the other one
}

// Validate makes every check of a push, sends nothing, and counts whom it would
// reach. It refuses what [Client.Push] would, with the same kinds.
func (c *Client) Validate(ctx context.Context, p Push) (Reach, error) {
	r := post("/v3/push/validate", p.body(p.CID))
	r.query = url.Values{"count": {"true"}}
	var a struct {
		Reach Reach `json:"audience"`
	}
	err := c.call(ctx, r, &a)
	return a.Reach, err
}

// Count counts whom a notification would reach if it were sent to an audience now;
// no platforms mean all, and no environment [Production]. An API key needs the
// scope push:read.
func (c *Client) Count(ctx context.Context, a Audience, e Environment, on ...Platform) (Reach, error) {
	b := map[string]any{"audience": a}
	if len(on) > 0 {
		b["platform"] = on
	}
	if e != "" {
		b["environment"] = e
	}
	var r Reach
	return r, c.call(ctx, post("/v1/audience/count", b), &r)
}
