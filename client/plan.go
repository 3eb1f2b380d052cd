package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
)

// Plan is a push plan: a name under which pushes are counted (Options.Plan).
type Plan struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Pushes      int64  `json:"push_count"`     // accepted under it
	CreatedAt   string `json:"create_time"`    // such as 2030-01-31 09:30:00, in UTC+8
	LastUsedAt  string `json:"last_used_time"` // "" for never
}

type planBody struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// CreatePlan makes a push plan. An app may have 1,000.
func (c *Client) CreatePlan(ctx context.Context, name, description string) error {
	return c.call(ctx, once(post("/v3/push_plan/create", planBody{name, description})), nil)
}

// DescribePlan replaces a plan's description.
func (c *Client) DescribePlan(ctx context.Context, name, description string) error {
	return c.call(ctx, put("/v3/push_plan/update", planBody{name, description}), nil)
}

// planPage is how many plans are asked for at once: the most allowed.
const planPage = 50

// Plans yields the app's plans; if info is not "", those with it in their name or
// description. An error is yielded and ends it.
func (c *Client) Plans(ctx context.Context, info string) iter.Seq2[Plan, error] {
	return func(yield func(Plan, error) bool) {
		query := url.Values{"page_size": {strconv.Itoa(planPage)}}
		if info != "" {
			query.Set("info", info)
		}
		for page := 1; ; page++ {
			query.Set("page", strconv.Itoa(page))
			var a struct {
				Data struct {
					Plans []Plan `json:"detail"`
				} `json:"data"`
			}
			if err := c.call(ctx, get("/v3/push_plan/list", query), &a); err != nil {
				yield(Plan{}, err)
				return
			}
			for _, p := range a.Data.Plans {
				if !yield(p, nil) {
					return
				}
			}
			if len(a.Data.Plans) < planPage {
				return
			}
		}
	}
}

// TestDevice is a device that pushes with Options.TestDevices reach.
type TestDevice struct {
	RegistrationID string `json:"registration_id"`
	Name           string `json:"device_name"`
}

// AddTestDevice makes a device a test device. An app may have 100.
func (c *Client) AddTestDevice(ctx context.Context, d TestDevice) error {
	return c.call(ctx, once(post("/v3/test/model/add", d)), nil)
}

// RenameTestDevice changes a test device's name.
func (c *Client) RenameTestDevice(ctx context.Context, d TestDevice) error {
	return c.call(ctx, put("/v3/test/model/update", d), nil)
}

// RemoveTestDevice makes a test device an ordinary one.
func (c *Client) RemoveTestDevice(ctx context.Context, registrationID string) error {
	return c.call(ctx, remove("/v3/test/model/delete/{}", nil).to(registrationID), nil)
}

// TestDevices returns the app's test devices.
func (c *Client) TestDevices(ctx context.Context) ([]TestDevice, error) {
	var a struct {
		Data struct {
			Devices []TestDevice `json:"detail"`
		} `json:"data"`
	}
	err := c.call(ctx, get("/v3/test/model/list", nil), &a)
	return a.Data.Devices, err
}
