package console

import (
	"context"
	"time"

	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// DeviceFigures counts devices over time.
type DeviceFigures interface {
	Users(ctx context.Context, appID int64, unit registry.Unit, start time.Time, count int) ([]registry.PeriodUsers, error)
	Retention(ctx context.Context, appID int64, days int) ([]registry.Cohort, error)
	// Breakdown returns how many devices have each value of a property.
	Breakdown(ctx context.Context, appID int64, field audience.Field) (map[string]uint64, error)
}

// PushFigures sums up what became of messages.
type PushFigures interface {
	Sums(ctx context.Context, appID int64, starts []time.Time) (ledger.Sums, error)
}
