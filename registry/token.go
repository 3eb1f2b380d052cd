package registry

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// Tokens stores the tokens of devices beside that of notifications.
type Tokens interface {
	// ChangeDeviceTokens is ChangeDevice with tokens beside that of
	// notifications, which are taken from any other device that had them. It
	// reports false, and does nothing, if the device would have more than max.
	ChangeDeviceTokens(ctx context.Context, appID int64, number uint32, env aurora.Environment, tokens []aurora.NamedToken, max int, change func(*aurora.Device) error) (bool, error)
	// Tokens returns a device's tokens beside that of notifications.
	Tokens(ctx context.Context, appID int64, number uint32) ([]aurora.NamedToken, error)
}

// Tokens returns a device's tokens beside that of notifications.
func (s *Service) Tokens(ctx context.Context, d aurora.Device) ([]aurora.NamedToken, error) {
	return s.store.Tokens(ctx, d.AppID, d.Number)
}

// validateTokens brings tokens into their form and reports whether any is set.
func (c *Change) validateTokens() (set bool, err error) {
	for i, t := range c.Tokens {
		switch t.Kind {
		case aurora.ActivityStartToken:
			err = aurora.ValidateActivityName("type of attributes", t.Name)
		case aurora.ActivityToken:
			err = aurora.ValidateActivityName("live activity's id", t.Name)
		}
		if err == nil && t.Token != "" {
			set = true
			c.Tokens[i].Token, err = aurora.NormalizeToken(t.Token)
		}
		if err != nil {
			return set, err
		}
	}
	return set, nil
}

// putChange writes a device and the tokens of a change, all or nothing.
func (s *Service) putChange(ctx context.Context, appID int64, number uint32, c Change) error {
	apply := func(d *aurora.Device) error { return c.apply(d, time.Now()) }
	if len(c.Tokens) == 0 {
		return s.store.ChangeDevice(ctx, appID, number, apply)
	}
	env := aurora.NoEnvironment
	if c.Environment != nil {
		env = *c.Environment
	}
	ok, err := s.store.ChangeDeviceTokens(ctx, appID, number, env, c.Tokens, aurora.MaxActivityTokens, apply)
	if err == nil && !ok {
		return aurora.Errorf(aurora.Invalid, "A device can have at most %d tokens of live activities. Remove those that ended.", aurora.MaxActivityTokens)
	}
	return err
}
