package client

import "context"

// Validation is what a push would be.
type Validation struct {
	SendNo string `json:"sendno"`
}

// Validate makes every check of a push and sends nothing.
func (c *Client) Validate(ctx context.Context, p Push) (Validation, error) {
	var v Validation
	return v, c.call(ctx, post("/v3/push/validate", p.body(p.CID)), &v)
}
