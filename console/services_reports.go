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
	// SeenBy splits who was seen on the last days by a property that devices have.
	SeenBy(ctx context.Context, appID int64, field audience.Field, days, values int) ([]registry.SeenBy, error)
	// Breakdown returns how many devices have each value of a property.
	Breakdown(ctx context.Context, appID int64, field audience.Field) (map[string]uint64, error)
}

// PushFigures sums up what became of messages.
type PushFigures interface {
	Sums(ctx context.Context, appID int64, starts []time.Time) (ledger.Sums, error)
	// By is Sums for each value of a property that devices have.
	By(ctx context.Context, appID int64, field audience.Field, starts []time.Time) (ledger.Split, error)
}
