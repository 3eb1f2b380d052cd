package console

import (
	"context"
	"time"

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
