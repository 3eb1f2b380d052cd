package dispatch

import (
	"context"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// Plan is a name that pushes are counted under: JPush's push plan. A push names
// it in options.business_operation_code.
type Plan struct {
	Name        string
	Description string
	Pushes      int64
	CreatedAt   time.Time
	LastUsedAt  time.Time // zero if no push has named it
}

// Image is a picture for the notifications of platforms without a channel yet:
// its addresses by JPush's names, such as "xiaomi_image_url".
type Image struct {
	ID        string
	AppID     int64
	Kind      int // 1 big picture, 2 large icon, 3 small icon
	URLs      map[string]string
	CreatedAt time.Time
}

// Limits of plans and images (spec/rest-api.md §8.6, §8.7).
const (
	MaxPlans       = 1000
	MaxPlanText    = 255 // bytes of a plan's name or description
	ImageLife      = 30 * 24 * time.Hour
	MaxImageURL    = 2048 // bytes
	maxImagesOfApp = 10_000
)

// AssetStore keeps what pushes refer to.
type AssetStore interface {
	// CreatePlan refuses a name that is taken with aurora.Conflict, and a plan
	// too many with aurora.Full.
	CreatePlan(ctx context.Context, appID int64, p Plan, max int) error
	// DescribePlan is aurora.NotFound for a plan that is not there.
	DescribePlan(ctx context.Context, appID int64, name, description string) error
	// Plans returns a page of the plans whose name or description has the text,
	// newest first, and how many there are.
	Plans(ctx context.Context, appID int64, text string, offset, limit int) (page []Plan, total int, err error)
	// UsePlan counts a push; nothing happens if there is no such plan.
	UsePlan(ctx context.Context, appID int64, name string) error
	// CreateImage drops the app's images that were created before the time, and
	// refuses one too many with aurora.Full.
	CreateImage(ctx context.Context, m Image, before time.Time, max int) error
	// ChangeImage adds addresses to an image of the app that was created after
	// the time, and returns all; aurora.NotFound.
	ChangeImage(ctx context.Context, m Image, after time.Time) (Image, error)
}

// Assets answers for plans and images.
type Assets struct{ store AssetStore }

// NewAssets returns a service.
func NewAssets(store AssetStore) *Assets { return &Assets{store} }

// CreatePlan makes a plan of an app; its name is unique there.
func (s *Assets) CreatePlan(ctx context.Context, appID int64, name, description string) error {
	if err := validatePlan(name, description); err != nil {
		return err
	}
	return s.store.CreatePlan(ctx, appID, Plan{Name: name, Description: description, CreatedAt: time.Now()}, MaxPlans)
}

// DescribePlan changes a plan's description.
func (s *Assets) DescribePlan(ctx context.Context, appID int64, name, description string) error {
	if err := validatePlan(name, description); err != nil {
		return err
	}
	return s.store.DescribePlan(ctx, appID, name, description)
}

func validatePlan(name, description string) error {
	if name == "" {
		return aurora.Errorf(aurora.Missing, "name is missing.")
	}
	for _, text := range []string{name, description} {
		if len(text) > MaxPlanText || !utf8.ValidString(text) {
			return aurora.Errorf(aurora.Invalid, "name and description may have %d bytes each.", MaxPlanText)
		}
		for _, r := range text {
			if unicode.IsControl(r) {
				return aurora.Errorf(aurora.Invalid, "name and description must not contain control characters.")
			}
		}
	}
	return nil
}

// Plans returns a page of an app's plans, newest first.
func (s *Assets) Plans(ctx context.Context, appID int64, text string, page, size int) ([]Plan, int, error) {
	return s.store.Plans(ctx, appID, text, (page-1)*size, size)
}

// CreateImage stores an image's addresses for 30 days.
func (s *Assets) CreateImage(ctx context.Context, m Image) error {
	m.CreatedAt = time.Now()
	return s.store.CreateImage(ctx, m, m.CreatedAt.Add(-ImageLife), maxImagesOfApp)
}

// ChangeImage adds or replaces addresses of an image and returns all.
func (s *Assets) ChangeImage(ctx context.Context, m Image) (Image, error) {
	return s.store.ChangeImage(ctx, m, time.Now().Add(-ImageLife))
}
