package registry

import (
	"context"

	"github.com/aurora-push/aurora"
)

// Tokens stores the tokens of devices beside that of notifications.
type Tokens interface {
	// PutTokens stores tokens of a device, and takes them from any other that
	// had them. It reports false, and does nothing, if the device would have more
	// than max.
	PutTokens(ctx context.Context, appID int64, number uint32, env aurora.Environment, tokens []aurora.NamedToken, max int) (bool, error)
	// Tokens returns what PutTokens stored for a device.
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

// putTokens stores the tokens of a change.
func (s *Service) putTokens(ctx context.Context, appID int64, number uint32, c Change) error {
	if len(c.Tokens) == 0 {
		return nil
	}
	env := aurora.NoEnvironment
	if c.Environment != nil {
		env = *c.Environment
	}
	ok, err := s.store.PutTokens(ctx, appID, number, env, c.Tokens, aurora.MaxActivityTokens)
	if err == nil && !ok {
		return aurora.Errorf(aurora.Invalid, "A device can have at most %d tokens of live activities. Remove those that ended.", aurora.MaxActivityTokens)
	}
	return err
}
