package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Push is a message and who gets it. Its limits stand in docs/rest.md, "Push";
// the server checks them all, before anything is sent.
type Push struct {
	Platforms    []Platform // nil means all
	Audience     Audience
	Notification *Notification // what is shown
	Message      *Message      // what the app gets in itself; alone, or beside a notification
	LiveActivity *LiveActivity // stands alone
	Options      Options
	Callback     *Callback // where JPush's form of its events goes
	// CID makes repeating the push harmless for a day. Empty means a fresh one,
	// so that the client's own repeats send once.
	CID string
}

// Platform is a kind of device. Aurora has a channel for iOS so far; devices of
// other platforms get in-app messages.
type Platform string

// The platforms.
const (
	IOSPlatform      Platform = "ios"
	AndroidPlatform  Platform = "android"
	HMOSPlatform     Platform = "hmos"
	QuickAppPlatform Platform = "quickapp"
)

// Audience selects devices; what is given is combined by "and". The zero value
// selects nobody and is refused (1003). The lists' limits are JPush's.
type Audience struct {
	All            bool     `json:"-"`                         // every device; what else is given is left out
	Tag            []string `json:"tag,omitempty"`             // with any of these, up to 20
	TagAnd         []string `json:"tag_and,omitempty"`         // with all of these, up to 20
	TagNot         []string `json:"tag_not,omitempty"`         // with none of these, up to 20
	Alias          []string `json:"alias,omitempty"`           // any of these, up to 1,000
	RegistrationID []string `json:"registration_id,omitempty"` // any of these, up to 1,000
	Segment        []string `json:"segment,omitempty"`         // the name of one; see CreateSegment
	// Expression is an audience expression, such as
	// "vip && (beijing || shanghai) && !seen>30d": docs/audience.md.
	Expression string `json:"expression,omitempty"`
	// LiveActivityID names a running live activity, by the name that the app
	// gave it. It stands alone, with a [LiveActivity] to update or end.
	LiveActivityID string `json:"live_activity_id,omitempty"`
}

// MarshalJSON writes JPush's form.
func (a Audience) MarshalJSON() ([]byte, error) {
	if a.All {
		return []byte(`"all"`), nil
	}
	type plain Audience
	return json.Marshal(plain(a))
}

// Environment is one of APNs's two: which one an app belongs to is decided by
// how its build was signed.
type Environment string

// The environments. None means production, as with JPush.
const (
	Production  Environment = "production"  // the App Store, TestFlight, ad hoc
	Development Environment = "development" // builds that Xcode puts on a phone
)

// Options are a push's options; the zero value is good.
type Options struct {
	// SendNo is your number for the push, 1 to 4294967295, which the receipt
	// repeats. 0 lets the server choose.
	SendNo uint32
	// TimeToLive is how long the push is worth delivering, in whole seconds up to
	// ten days. Nil means a day; 0 means one attempt, to devices that are there.
	TimeToLive *time.Duration
	// Environment selects the devices by that of their token; none means
	// [Production].
	Environment Environment
	// CollapseID, up to 64 bytes: on the phone a push takes the place of an
	// earlier one with the same. By default each push has its own.
	CollapseID string
	// Override is an earlier push of the last day, whose in-app message this one
	// takes the place of wherever it still waits.
	Override string
	// Spread sends the notifications evenly over whole minutes, up to 1,440. An
	// app may have 20 such pushes at a time.
	Spread time.Duration
	// TestDevices sends to those of the audience that are registered as test
	// devices, and to nobody else.
	TestDevices bool
	// Plan is the name of a push plan under which the push is counted.
	Plan string
	// More are other members of JPush's options, by their names, such as
	// third_party_channel. Aurora checks and records them.
	More map[string]any
}

// MarshalJSON writes JPush's form.
func (o Options) MarshalJSON() ([]byte, error) {
	m := map[string]any{}
	maps.Copy(m, o.More)
	set := func(name string, is bool, value any) {
		if is {
			m[name] = value
		}
	}
	set("sendno", o.SendNo != 0, o.SendNo)
	set("apns_production", o.Environment != "", o.Environment != Development)
	set("apns_collapse_id", o.CollapseID != "", o.CollapseID)
	set("override_msg_id", o.Override != "", o.Override)
	set("test_model", o.TestDevices, true)
	set("business_operation_code", o.Plan != "", o.Plan)
	if o.Environment != "" && o.Environment != Production && o.Environment != Development {
		return nil, fmt.Errorf("Options.Environment is %q: %w", o.Environment, ErrInvalid)
	}
	if o.TimeToLive != nil {
		seconds, err := whole("Options.TimeToLive", *o.TimeToLive, time.Second)
		if err != nil {
			return nil, err
		}
		m["time_to_live"] = seconds
	}
	if o.Spread != 0 {
		minutes, err := whole("Options.Spread", o.Spread, time.Minute)
		if err != nil {
			return nil, err
		}
		m["big_push_duration"] = minutes
	}
	return json.Marshal(m)
}

// whole counts the units of a duration, which the wire cannot give parts of.
func whole(what string, d, unit time.Duration) (int64, error) {
	if d < 0 || d%unit != 0 {
		return 0, fmt.Errorf("%s is %v; it must be a multiple of %v: %w", what, d, unit, ErrInvalid)
	}
	return int64(d / unit), nil
}

// Callback is where JPush's form of a push's events goes (docs/rest.md,
// "Webhooks").
type Callback struct {
	URL    string         // "" means the app's oldest webhook
	Params map[string]any // come back with every event
	Events CallbackEvents // added up; at least one
}

// CallbackEvents is a set of events.
type CallbackEvents uint8

// The events of a callback.
const (
	CallbackReceived CallbackEvents = 1
	CallbackOpened   CallbackEvents = 2
	CallbackFailed   CallbackEvents = 4
	CallbackAccepted CallbackEvents = 8
)

// pushBody is a push in JPush's form.
type pushBody struct {
	Platform     any           `json:"platform"`
	Audience     any           `json:"audience,omitempty"`
	Target       string        `json:"target,omitempty"` // in a batch, instead of the audience
	Notification *Notification `json:"notification,omitempty"`
	Message      *Message      `json:"message,omitempty"`
	LiveActivity any           `json:"live_activity,omitempty"`
	Options      Options       `json:"options"`
	Callback     *callbackBody `json:"callback,omitempty"`
	CID          string        `json:"cid,omitempty"`
}

type callbackBody struct {
	URL    string         `json:"url,omitempty"`
	Params map[string]any `json:"params,omitempty"`
	Type   CallbackEvents `json:"type"`
}

func (p *Push) body(cid string) pushBody {
	b := pushBody{Platform: platforms(p.Platforms), Audience: p.Audience, Notification: p.Notification, Message: p.Message, Options: p.Options, CID: cid}
	if p.LiveActivity != nil {
		b.LiveActivity = map[string]any{"ios": p.LiveActivity}
	}
	if c := p.Callback; c != nil {
		b.Callback = &callbackBody{c.URL, c.Params, c.Events}
	}
	return b
}

func platforms(list []Platform) any {
	if list == nil {
		return "all"
	}
	return list
}

// Receipt is the answer to an accepted push: the message is on the server's disk.
type Receipt struct {
	SendNo    string `json:"sendno"` // of the push's options, or one that the server chose
	MessageID string `json:"msg_id"` // decimal digits; asks for reports, and stops the push
	CID       string `json:"-"`      // with which it was sent
}

// Push sends, and returns once the server has the message safe: from then on it
// is attempted for every selected device, also after a crash. [Client.Report]
// tells what became of it.
//
// Refusals: [ErrNoTarget] if the audience is empty, [ErrInvalid], [ErrTooLarge],
// [ErrForbidden] for an API key without the scope push.
func (c *Client) Push(ctx context.Context, p Push) (Receipt, error) {
	return c.accept(ctx, "/v3/push", p, p.Audience)
}

// PushFile sends to the lines of an uploaded file instead of p.Audience; see
// UploadAliases and UploadRegistrationIDs. The lines are looked up at that
// moment; those that are nobody's are passed over.
func (c *Client) PushFile(ctx context.Context, fileID string, p Push) (Receipt, error) {
	return c.accept(ctx, "/v3/push/file", p, fileAudience(fileID))
}

func (c *Client) accept(ctx context.Context, path string, p Push, audience any) (Receipt, error) {
	cid, err := c.cid(ctx, p.CID)
	if err != nil {
		return Receipt{}, err
	}
	b := p.body(cid)
	b.Audience = audience
	var r Receipt
	err = c.call(ctx, post(path, b), &r)
	r.CID = cid
	return r, err
}

// Stop stops a push within a second: devices whose turn has not come fail with
// the reason Stopped, and what waits as an in-app message is withdrawn. What a
// phone already shows stays there. The report says how many it had left for.
// [ErrInvalid] if the app has no such message.
func (c *Client) Stop(ctx context.Context, messageID string) error {
	return c.call(ctx, remove("/v3/push/{}", nil).to(messageID), nil)
}
