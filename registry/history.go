package registry

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// PastToken is a token that a device had.
type PastToken struct {
	Token       string // shortened by ShortToken
	Environment aurora.Environment
	Since       time.Time // when the app last reported it
	Until       time.Time
	Reason      string // the vendor's, such as "Unregistered", or one of TokenReplaced …
	// MessageID is the message whose answer ended it; 0 if none did, or it is not
	// known.
	MessageID aurora.MessageID
}

// Why a token ended, where the vendor did not say so.
const (
	TokenReplaced = "Replaced" // the app reported another one
	TokenRemoved  = "Removed"  // the app took it back
	TokenMoved    = "Moved"    // another installation reported it
)

// MaxPastTokens is how many a device keeps.
const MaxPastTokens = 10

// ShortToken keeps of a token what people compare: its first and last eight
// digits.
func ShortToken(token string) string {
	if len(token) <= 20 {
		return token
	}
	return token[:8] + "…" + token[len(token)-8:]
}

// PastTokens returns the tokens that a device had before its present one, the
// newest first. One in quarantine is the newest, and Device still has it.
func (s *Service) PastTokens(ctx context.Context, d aurora.Device) ([]PastToken, error) {
	return s.store.PastTokens(ctx, d.AppID, d.Number)
}
