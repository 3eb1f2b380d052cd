package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// GroupConfig is what a [Group] needs. `aurora group create` prints the key and
// the secret.
type GroupConfig struct {
	Server      string // base URL, such as https://push.example.com
	GroupKey    string // 24 letters and digits, without "group-"
	GroupSecret string
	Settings
}

// Group acts for several apps of one account at once.
type Group struct {
	caller
	users
	key string
}

// NewGroup returns a client for a group of apps. It does no I/O.
func NewGroup(c GroupConfig) (*Group, error) {
	if c.GroupKey == "" || c.GroupSecret == "" {
		return nil, errors.New("client: GroupKey and GroupSecret are required; `aurora group list` and `aurora group create` print them")
	}
	to, err := newCaller(c.Server, "group-"+c.GroupKey, c.GroupSecret, c.Settings)
	if err != nil {
		return nil, err
	}
	g := &Group{caller: to, key: c.GroupKey}
	g.users = users{&g.caller, "/v3/group/users"}
	return g, nil
}

// GroupReceipt is the answer to a push to a group.
type GroupReceipt struct {
	MessageID string // of the push to the group, for [Group.MessageDetails]
	CID       string // with which it was sent
	// Apps tells by AppKey what each app made of it.
	Apps map[string]AppReceipt
}

// AppReceipt is one app's answer to a push to its group.
type AppReceipt struct {
	Receipt
	Err error // an *[Error] without status if the app refused the push; nil otherwise
}

// Push sends to every app of the group, each with its own audience. It returns
// once it is safe for all that took it; look at Apps for those that did not.
// Options.Override is not possible.
func (g *Group) Push(ctx context.Context, p Push) (GroupReceipt, error) {
	return g.accept(ctx, "/v3/grouppush", p, p.Audience)
}

// PushFile sends to the lines of a file that [Developer] uploaded: each app looks
// them up among its own devices.
func (g *Group) PushFile(ctx context.Context, fileID string, p Push) (GroupReceipt, error) {
	return g.accept(ctx, "/v3/grouppush/file", p, fileAudience(fileID))
}

func (g *Group) accept(ctx context.Context, path string, p Push, audience any) (GroupReceipt, error) {
	r := GroupReceipt{CID: p.CID, Apps: map[string]AppReceipt{}}
	if r.CID == "" {
		r.CID = newCID(g.key)
	}
	b := p.body(r.CID)
	b.Audience = audience
	var answer map[string]json.RawMessage
	if err := g.call(ctx, post(path, b), &answer); err != nil {
		return r, err
	}
	for key, text := range answer {
		if key == "group_msgid" {
			if err := json.Unmarshal(text, &r.MessageID); err != nil {
				return r, fmt.Errorf("client: the answer to a push to a group cannot be read: %w", err)
			}
			continue
		}
		var one struct {
			Receipt
			Error *itemRefusal `json:"error"`
		}
		if err := json.Unmarshal(text, &one); err != nil {
			return r, fmt.Errorf("client: the answer to a push to a group cannot be read: %w", err)
		}
		a := AppReceipt{Receipt: one.Receipt}
		a.CID = r.CID
		if one.Error != nil {
			a.Err = (&Error{}).from(g.base, one.Error)
		}
		r.Apps[key] = a
	}
	return r, nil
}

// MessageDetails returns the numbers of pushes to the group, up to 10, summed up
// over its apps: one item for each id, in order.
func (g *Group) MessageDetails(ctx context.Context, messageIDs ...string) ([]MessageDetail, error) {
	return listOf[MessageDetail](ctx, &g.caller, "/v3/group/messages/detail", "group_msgids", messageIDs)
}
