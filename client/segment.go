package client

import (
	"context"
	"time"
)

// Segment is an audience expression, saved by name. An audience refers to it by
// Audience.Segment, an expression by segment:NAME (docs/audience.md).
type Segment struct {
	Name       string    `json:"name"`
	Expression string    `json:"expression"` // as it was written
	CreatedAt  time.Time `json:"created_at"`
	ChangedAt  time.Time `json:"changed_at"`
}

// CreateSegment saves an expression. [ErrInvalid] if it cannot be read, or the
// name is taken; the sentence says which.
func (c *Client) CreateSegment(ctx context.Context, name, expression string) (Segment, error) {
	var s Segment
	return s, c.call(ctx, once(post("/v1/segments", map[string]string{"name": name, "expression": expression})), &s)
}

// Segments returns the app's segments.
func (c *Client) Segments(ctx context.Context) ([]Segment, error) {
	var a struct {
		Segments []Segment `json:"segments"`
	}
	err := c.call(ctx, get("/v1/segments", nil), &a)
	return a.Segments, err
}

// Segment returns a segment. [ErrNotFound] if the app has no such one.
func (c *Client) Segment(ctx context.Context, name string) (Segment, error) {
	var s Segment
	return s, c.call(ctx, get("/v1/segments/{}", nil).to(name), &s)
}

// ReplaceSegment replaces a segment's expression. Pushes that were accepted keep
// the meaning they had.
func (c *Client) ReplaceSegment(ctx context.Context, name, expression string) (Segment, error) {
	var s Segment
	return s, c.call(ctx, put("/v1/segments/{}", map[string]string{"expression": expression}).to(name), &s)
}

// DeleteSegment deletes a segment. It is refused while another segment refers to
// it; a schedule that does fails when it is due.
func (c *Client) DeleteSegment(ctx context.Context, name string) error {
	return c.call(ctx, remove("/v1/segments/{}", nil).to(name), nil)
}
