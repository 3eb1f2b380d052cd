package console

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// DeviceEditor changes devices and keeps segments.
type DeviceEditor interface {
	Apply(ctx context.Context, appID int64, number uint32, c registry.Change) error
	Segments(ctx context.Context, appID int64) ([]registry.Segment, error)
	CreateSegment(ctx context.Context, appID int64, name, expression string) (registry.Segment, error)
	ReplaceSegment(ctx context.Context, appID int64, name, expression string) (registry.Segment, error)
	// Bind puts saved expressions in the place of their names.
	Bind(ctx context.Context, appID int64, e audience.Expr, now time.Time) (audience.Expr, error)
	DeleteSegment(ctx context.Context, appID int64, name string) error
}

// Quarantine keeps devices whose token the vendor calls dead, and what tokens
// devices had before.
type Quarantine interface {
	// Quarantined returns up to limit devices after a place, the newest first.
	Quarantined(ctx context.Context, appID int64, f registry.QuarantineFilter, after registry.QuarantinePlace, limit int) ([]registry.Quarantined, error)
	CountQuarantined(ctx context.Context, appID int64) (uint64, error)
	Restore(ctx context.Context, app aurora.App, registrationIDs []string) (restored int, err error)
	// RestoreAll restores what a filter selects; more tells that some may be left.
	RestoreAll(ctx context.Context, app aurora.App, f registry.QuarantineFilter) (restored int, more bool, err error)
	// PastTokens returns a device's former tokens, the newest first.
	PastTokens(ctx context.Context, d aurora.Device) ([]registry.PastToken, error)
}
