package dispatch

import (
	"context"
	"encoding/json"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// Drop says why a device that an audience selects cannot be sent to.
type Drop string

// The reasons, in the order in which they are looked for: a device counts for
// the first that it meets.
const (
	OtherPlatform    Drop = "other_platform"    // Aurora has no channel for its platform
	OptedOut         Drop = "opted_out"         // its user switched pushes off in the app
	Quarantined      Drop = "quarantined"       // the vendor said that its token is dead, and it has reported none since
	NoToken          Drop = "no_token"          // it has not reported a token of the kind that the push needs
	WrongEnvironment Drop = "wrong_environment" // its token belongs to the other environment
)

// obstacles say for each reason how a worker sees it on a device and how the
// index knows it, side by side: a count before sending must be what sending
// does. An obstacle may take for granted that the device met none before it.
var obstacles = []struct {
	drop   Drop
	reason func(m *aurora.Message, t Target) string // the outcome's, or ""
	expr   func(m *aurora.Message) audience.Expr
}{
	{
		OtherPlatform,
		func(_ *aurora.Message, t Target) string {
			return when(t.Platform != aurora.IOS, aurora.ReasonNoChannel)
		},
		func(*aurora.Message) audience.Expr {
			return audience.Not(audience.Is(audience.Platform, string(aurora.IOS)))
		},
	},
	{
		OptedOut,
		func(_ *aurora.Message, t Target) string { return when(t.PushDisabled, aurora.ReasonPushDisabled) },
		func(*aurora.Message) audience.Expr { return audience.Is(audience.State, audience.OptedOut) },
	},
	{
		Quarantined,
		func(_ *aurora.Message, t Target) string { return t.RetiredReason },
		func(m *aurora.Message) audience.Expr {
			if kind, _ := m.Content.Needs(); kind != aurora.NotificationToken { // a dead one is forgotten
				return audience.Not(audience.All())
			}
			return audience.Is(audience.State, audience.Quarantined)
		},
	},
	{
		NoToken,
		func(m *aurora.Message, t Target) string { return when(t.Token == "", withoutToken(m)) },
		func(m *aurora.Message) audience.Expr {
			return audience.Not(audience.Or(withToken(m, aurora.Development), withToken(m, aurora.Production)))
		},
	},
	{
		WrongEnvironment,
		func(m *aurora.Message, t Target) string {
			return when(t.Environment != m.Environment(), aurora.ReasonOtherEnvironment)
		},
		func(m *aurora.Message) audience.Expr { return audience.Not(withToken(m, m.Environment())) },
	},
}

func when(met bool, reason string) string {
	if met {
		return reason
	}
	return ""
}

// unreachable returns why a device cannot be sent one part of a message, or "".
func unreachable(m *aurora.Message, t Target) string {
	for i := range obstacles {
		if reason := obstacles[i].reason(m, t); reason != "" {
			return reason
		}
	}
	return ""
}

// withoutToken says which token a device has not reported.
func withoutToken(m *aurora.Message) string {
	switch kind, _ := m.Content.Needs(); kind {
	case aurora.NotificationToken:
		return aurora.ReasonNoToken
	case aurora.VoIPToken:
		return aurora.ReasonNoVoIPToken
	}
	return aurora.ReasonNoActivityToken
}

// withToken selects the devices with a token that a message needs.
func withToken(m *aurora.Message, env aurora.Environment) audience.Expr {
	kind, name := m.Content.Needs()
	if kind == aurora.NotificationToken {
		return audience.Is(audience.Token, env.String())
	}
	return audience.Is(audience.Special, audience.SpecialToken(string(kind), env.String(), name))
}

// Reach is whom a push would be sent to if it were sent now.
type Reach struct {
	Targeted  uint64          // selected by the audience
	Reachable uint64          // of those, the ones it would be sent to
	Dropped   map[Drop]uint64 // of those, the others; every reason is there
	InApp     uint64          // devices that an in-app message beside it is for
}

// Counter sorts out the devices of an audience.
type Counter interface {
	// Sieve returns how many of the devices that an expression selects each part
	// takes, the first of all, the next of what those before it left; and at
	// last how many are left of all.
	Sieve(ctx context.Context, appID int64, e audience.Expr, parts []audience.Expr) ([]uint64, error)
	// SieveSet is Sieve for devices that are given by their numbers.
	SieveSet(ctx context.Context, appID int64, numbers *roaring.Bitmap, parts []audience.Expr) ([]uint64, error)
}

// Count tells whom a push would reach, and why it would not reach the others:
// for its notification if it has one, else for its call, else for its in-app
// message, which needs no token. A request without content is counted as a
// notification for every platform. It makes every check of Accept.
func (s *Service) Count(ctx context.Context, app aurora.App, r Request) (Reach, error) {
	if c := &r.Message.Content; !c.Notifies() && c.InApp == nil && c.VoIP == nil {
		c.Alert = json.RawMessage(`"count"`)
	}
	a, err := s.prepare(ctx, app, r)
	if err != nil {
		return Reach{}, err
	}
	return s.reach(ctx, a)
}

// reach counts an audience that was resolved.
func (s *Service) reach(ctx context.Context, a Accepted) (Reach, error) {
	m := a.Message
	part := m
	if part.Content = m.Content.Of(""); !m.Content.Notifies() && m.Content.VoIP != nil {
		part.Content = m.Content.Of(aurora.VoIPPart)
	}
	inAppOnly := !m.Content.Notifies() && m.Content.VoIP == nil
	parts := []audience.Expr{besideNotification(&m)}
	for _, o := range obstacles {
		if !inAppOnly {
			parts = append(parts, o.expr(&part))
		}
	}
	counts, err := s.sieve(ctx, a, parts)
	if err != nil {
		return Reach{}, err
	}
	r := Reach{Reachable: counts[len(parts)], Dropped: map[Drop]uint64{}}
	r.Targeted = r.Reachable
	for i, o := range obstacles {
		r.Dropped[o.drop] = 0
		if !inAppOnly {
			r.Dropped[o.drop] = counts[i+1]
			r.Targeted += counts[i+1]
		}
	}
	if m.Content.InApp != nil {
		r.InApp = r.Targeted + counts[0]
	}
	return r, nil
}

// besideNotification selects the devices that get a push's in-app message and
// no notification, for their platform has none in it.
func besideNotification(m *aurora.Message) audience.Expr {
	nobody := audience.Not(audience.All())
	if m.Content.InApp == nil || !m.Content.Notifies() {
		return nobody
	}
	var notified []string
	for _, p := range aurora.Platforms {
		if m.Content.NotifiesOn(p) {
			notified = append(notified, string(p))
		}
	}
	return audience.Not(audience.AnyOf(audience.Platform, notified))
}

func (s *Service) sieve(ctx context.Context, a Accepted, parts []audience.Expr) ([]uint64, error) {
	switch {
	case a.Targets != nil:
		return s.c.Registry.SieveSet(ctx, a.Message.AppID, a.Targets, parts)
	case a.Selection != nil:
		return s.c.Registry.SieveSet(ctx, a.Message.AppID, a.Selection, parts)
	}
	e, err := audience.Parse(a.Message.Audience)
	if err != nil {
		return nil, err
	}
	return s.c.Registry.Sieve(ctx, a.Message.AppID, e, parts)
}
