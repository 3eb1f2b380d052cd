package client

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Labels are what servers say of a device.
type Labels struct {
	Tags   []string `json:"tags"`
	Alias  string   `json:"alias"`  // "" for none
	Mobile string   `json:"mobile"` // a phone number, "" for none
}

// Labels returns a device's tags, alias and mobile number. [ErrInvalid] if the
// app has no such device.
func (c *Client) Labels(ctx context.Context, registrationID string) (Labels, error) {
	var l Labels
	return l, c.call(ctx, get("/v3/devices/{}", nil).to(registrationID), &l)
}

// LabelChange is what to change of a device. Tags are removed first, then added.
type LabelChange struct {
	AddTags    []string // up to 100, with up to 1,000 bytes together, each up to 40
	RemoveTags []string // the same
	ClearTags  bool     // instead of the two
	Alias      *string  // "" takes it away; an alias has at most ten devices ([ErrFull])
	Mobile     *string  // "" takes it away
}

// ChangeLabels changes what servers say of a device.
func (c *Client) ChangeLabels(ctx context.Context, registrationID string, change LabelChange) error {
	b := map[string]any{}
	if change.ClearTags {
		b["tags"] = ""
	} else if lists := addRemove(change.AddTags, change.RemoveTags); len(lists) > 0 {
		b["tags"] = lists
	}
	if change.Alias != nil {
		b["alias"] = *change.Alias
	}
	if change.Mobile != nil {
		b["mobile"] = *change.Mobile
	}
	return c.call(ctx, post("/v3/devices/{}", b).to(registrationID), nil)
}

func addRemove(add, remove []string) map[string][]string {
	lists := map[string][]string{}
	if len(add) > 0 {
		lists["add"] = add
	}
	if len(remove) > 0 {
		lists["remove"] = remove
	}
	return lists
}

// Presence is when a device was last in contact.
type Presence struct {
	Known  bool // it is this app's
	Online bool // in contact within the last ten minutes
	// LastSeen is set for devices that are not online and were in contact within
	// the last 48 hours; the zone is UTC+8.
	LastSeen time.Time
}

// maxIDs is how many registration ids one call may name.
const maxIDs = 1000

// Presence tells for devices whether they are online, by registration id. More
// than 1,000 are asked for in several calls.
func (c *Client) Presence(ctx context.Context, registrationIDs ...string) (map[string]Presence, error) {
	all := make(map[string]Presence, len(registrationIDs))
	for ids := range slices.Chunk(registrationIDs, maxIDs) {
		var a map[string]struct {
			Online   *bool  `json:"online"`
			LastSeen string `json:"last_online_time"`
		}
		if err := c.call(ctx, post("/v3/devices/status", map[string]any{"registration_ids": ids}), &a); err != nil {
			return all, err
		}
		for id, item := range a {
			p := Presence{Known: item.Online != nil, Online: item.Online != nil && *item.Online}
			if at, err := time.ParseInLocation(time.DateTime, item.LastSeen, chinaTime); err == nil {
				p.LastSeen = at
			}
			all[id] = p
		}
	}
	return all, nil
}

// AliasDevice is a device that has an alias.
type AliasDevice struct {
	RegistrationID string   `json:"registration_id"`
	Platform       Platform `json:"platform"`
	LastSeen       string   `json:"last_online_date"` // such as 2030-01-31, in UTC+8
}

// AliasDevices returns the devices of an alias, ten at most; none if nobody has
// it. Platforms narrow the list.
func (c *Client) AliasDevices(ctx context.Context, alias string, platforms ...Platform) ([]AliasDevice, error) {
	var a struct {
		Data []AliasDevice `json:"data"`
	}
	query := onPlatforms(platforms)
	query.Set("new_format", "true")
	err := c.call(ctx, get("/v3/aliases/{}", query).to(alias), &a)
	return a.Data, err
}

// DeleteAlias takes an alias from all its devices, or from those of some
// platforms. An alias that nobody has is no error.
func (c *Client) DeleteAlias(ctx context.Context, alias string, platforms ...Platform) error {
	return c.call(ctx, remove("/v3/aliases/{}", onPlatforms(platforms)).to(alias), nil)
}

// RemoveFromAlias takes an alias from some devices, up to 1,000.
func (c *Client) RemoveFromAlias(ctx context.Context, alias string, registrationIDs ...string) error {
	return c.call(ctx, post("/v3/aliases/{}", map[string]any{"registration_ids": addRemove(nil, registrationIDs)}).to(alias), nil)
}

// Tags returns up to 100 of the app's tags.
func (c *Client) Tags(ctx context.Context) ([]string, error) {
	var a struct {
		Tags []string `json:"tags"`
	}
	err := c.call(ctx, get("/v3/tags", nil), &a)
	return a.Tags, err
}

// HasTag tells whether a device has a tag.
func (c *Client) HasTag(ctx context.Context, tag, registrationID string) (bool, error) {
	var a struct {
		Result bool `json:"result"`
	}
	err := c.call(ctx, get("/v3/tags/{}/registration_ids/{}", nil).to(tag, registrationID), &a)
	return a.Result, err
}

// ChangeTag puts a tag on devices and takes it from others, up to 1,000 each. If
// an id is not the app's nothing is changed, and Error.IllegalIDs names it.
func (c *Client) ChangeTag(ctx context.Context, tag string, add, remove []string) error {
	return c.call(ctx, post("/v3/tags/{}", map[string]any{"registration_ids": addRemove(add, remove)}).to(tag), nil)
}

// DeleteTag takes a tag from all devices, or from those of some platforms. A tag
// that nobody has is no error.
func (c *Client) DeleteTag(ctx context.Context, tag string, platforms ...Platform) error {
	return c.call(ctx, remove("/v3/tags/{}", onPlatforms(platforms)).to(tag), nil)
}

func onPlatforms(list []Platform) url.Values {
	query := url.Values{}
	if len(list) > 0 {
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = string(p)
		}
		query.Set("platform", strings.Join(names, ","))
	}
	return query
}
