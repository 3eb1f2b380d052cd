package registry

import (
	"context"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// Cohort is what became of the devices that registered on one day.
type Cohort struct {
	Day  time.Time // its beginning, in Zone
	New  uint64
	Kept []uint64 // of them, how many were online n days later: Kept[0] is the day after
}

// maxRetention is how many days a cohort is followed: the sets of that many
// days are kept.
const maxRetention = 31

// Statistics answers what reports ask about devices beside Users.
type Statistics interface {
	// SeenSets calls yield with the devices seen in each block of one period.
	SeenSets(ctx context.Context, appID int64, period Period, kind Sighting, yield func(block uint32, numbers *roaring.Bitmap)) error
	// TermSizes returns how many devices have each value of a field, the unfolded
	// changes of the last seconds apart.
	TermSizes(ctx context.Context, appID int64, field audience.Field) (map[string]uint64, error)
	// TermSets calls yield with the devices that have each value of a field, block
	// by block, the unfolded changes of the last seconds apart.
	TermSets(ctx context.Context, appID int64, field audience.Field, yield func(block uint32, value string, numbers *roaring.Bitmap)) error
}

// Retention follows the devices that registered on each of the last days, the
// newest first: a device is kept on a day if it was online then
// (spec/console.md §8.1). days is 1 to 31.
func (s *Service) Retention(ctx context.Context, appID int64, days int) ([]Cohort, error) {
	days = min(max(days, 1), maxRetention)
	today := time.Now()
	cohorts := make([]Cohort, days)
	fresh := make([]map[uint32]*roaring.Bitmap, days) // few: only the new ones
	for i := range cohorts {
		cohorts[i].Day, fresh[i] = Day.Start(today, -i), map[uint32]*roaring.Bitmap{}
		err := s.store.SeenSets(ctx, appID, Day.Period(cohorts[i].Day), Registered, func(block uint32, numbers *roaring.Bitmap) {
			fresh[i][block] = union(fresh[i][block], numbers)
			cohorts[i].New = sum(fresh[i])
		})
		if err != nil {
			return nil, err
		}
		cohorts[i].Kept = make([]uint64, i)
	}
	for later := range days - 1 { // each day is read once, for all cohorts before it
		online := map[uint32]*roaring.Bitmap{}
		err := s.store.SeenSets(ctx, appID, Day.Period(cohorts[later].Day), Online, func(block uint32, numbers *roaring.Bitmap) {
			online[block] = union(online[block], numbers)
		})
		if err != nil {
			return nil, err
		}
		for i := later + 1; i < days; i++ {
			for block, numbers := range fresh[i] {
				if seen := online[block]; seen != nil {
					cohorts[i].Kept[i-later-1] += seen.AndCardinality(numbers)
				}
			}
		}
	}
	return cohorts, nil
}

// union adds a set to one that may be nil. The platforms' sets are apart.
func union(to, numbers *roaring.Bitmap) *roaring.Bitmap {
	if to == nil {
		return numbers
	}
	to.Or(numbers)
	return to
}

func sum(sets map[uint32]*roaring.Bitmap) (n uint64) {
	for _, s := range sets {
		n += s.GetCardinality()
	}
	return n
}

// Breakdown returns how many devices have each value of a property, such as a
// version of the app.
func (s *Service) Breakdown(ctx context.Context, appID int64, field audience.Field) (map[string]uint64, error) {
	if field == audience.Alias || field == audience.Registration {
		return nil, aurora.Errorf(aurora.Invalid, "Devices cannot be grouped by %s.", field)
	}
	return s.store.TermSizes(ctx, appID, field)
}
