package device

import "encoding/hex"

// RegisterVoIPToken passes on the token that PushKit gave the app; empty means that there is none any more.
func (c *Client) RegisterVoIPToken(token []byte) {
	text := hex.EncodeToString(token)
	c.set(changes{VoIPToken: &text, Environment: c.environment()})
}

// RegisterActivityStartToken passes on the push-to-start token for live activities of one attributes' type (1 to 64 bytes);
// empty means that there is none any more.
func (c *Client) RegisterActivityStartToken(attributesType string, token []byte) {
	c.set(changes{StartTokens: tokens{attributesType: hex.EncodeToString(token)}, Environment: c.environment()})
}

// RegisterActivityToken passes on the token of a running live activity under a name of the app's choice (1 to 64 bytes), by
// which a server updates and ends it. Empty when it has ended.
func (c *Client) RegisterActivityToken(activityID string, token []byte) {
	c.set(changes{ActivityTokens: tokens{activityID: hex.EncodeToString(token)}, Environment: c.environment()})
}

func (c *Client) environment() *string {
	environment := "development"
	if c.options.Config.Production {
		environment = "production"
	}
	return &environment
}
