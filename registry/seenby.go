package registry

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora/audience"
)

// SeenBy is who of the devices with one value now was seen on the last days.
type SeenBy struct {
	Value   string // "" is all the others, and devices that tell none
	Devices uint64
	// New, Online and Active are different devices in all the days.
	New, Online, Active uint64
	Days                []Users // the oldest first; the last one is today
}

// SeenBy splits who was new, online and active on the last days (1 to 31) by a
// property that devices have now, such as a version. Of the values those that
// most devices have are told apart, as many as asked for; the others come last.
func (s *Service) SeenBy(ctx context.Context, appID int64, field audience.Field, days, values int) ([]SeenBy, error) {
	days = min(max(days, 1), maxRetention)
	sizes, err := s.store.TermSizes(ctx, appID, field)
	if err != nil {
		return nil, err
	}
	rows := make([]SeenBy, 0, len(sizes))
	for value, n := range sizes {
		if n > 0 && value != "" {
			rows = append(rows, SeenBy{Value: value, Devices: n})
		}
	}
	slices.SortFunc(rows, func(a, b SeenBy) int {
		return cmp.Or(cmp.Compare(b.Devices, a.Devices), audience.NewestFirst(a.Value, b.Value))
	})
	others := SeenBy{Days: make([]Users, days)}
	for i := values; i < len(rows); i++ {
		others.Devices += rows[i].Devices
	}
	rows = rows[:min(values, len(rows))]
	place := map[string]int{}
	for i := range rows {
		rows[i].Days, place[rows[i].Value] = make([]Users, days), i
	}
	sets := map[uint32][]*roaring.Bitmap{} // by block, in the places of rows
	err = s.store.TermSets(ctx, appID, field, func(block uint32, value string, numbers *roaring.Bitmap) {
		if i, ok := place[value]; ok {
			if sets[block] == nil {
				sets[block] = make([]*roaring.Bitmap, len(rows))
			}
			sets[block][i] = numbers
		}
	})
	if err != nil {
		return nil, err
	}
	today := time.Now()
	for _, kind := range []Sighting{Registered, Online, Active} {
		ever := map[uint32]*roaring.Bitmap{}
		for day := range days {
			seen := map[uint32]*roaring.Bitmap{}
			err := s.store.SeenSets(ctx, appID, Day.Period(Day.Start(today, day-days+1)), kind, func(block uint32, numbers *roaring.Bitmap) {
				seen[block] = union(seen[block], numbers)
			})
			if err != nil {
				return nil, err
			}
			for block, numbers := range seen {
				split(rows, &others, sets[block], numbers, func(r *SeenBy) *uint64 { u := &r.Days[day]; return of(kind, &u.New, &u.Online, &u.Active) })
				ever[block] = union(ever[block], numbers)
			}
		}
		for block, numbers := range ever {
			split(rows, &others, sets[block], numbers, func(r *SeenBy) *uint64 { return of(kind, &r.New, &r.Online, &r.Active) })
		}
	}
	if others.Devices+others.New+others.Online+others.Active > 0 {
		rows = append(rows, others)
	}
	return rows, nil
}

// split counts the devices of a block by the rows' values; who has none of them
// is among the others.
func split(rows []SeenBy, others *SeenBy, sets []*roaring.Bitmap, numbers *roaring.Bitmap, counter func(*SeenBy) *uint64) {
	rest := numbers.GetCardinality()
	for i, set := range sets {
		if set == nil {
			continue
		}
		n := set.AndCardinality(numbers)
		*counter(&rows[i]) += n
		rest -= min(n, rest)
	}
	*counter(others) += rest
}

func of(kind Sighting, fresh, online, active *uint64) *uint64 {
	switch kind {
	case Registered:
		return fresh
	case Online:
		return online
	}
	return active
}
