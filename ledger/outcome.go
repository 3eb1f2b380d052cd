package ledger

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// Selection asks for the devices of a message that have one mark and not
// another.
type Selection struct {
	With    aurora.Mark
	Without aurora.Mark // "" leaves nobody out
	After   int64       // the number after which to continue; -1 begins
	Limit   int         // 1 to 1000
}

// MarkedDevices returns the registration ids of the devices that a selection
// names, in the order of their numbers, and the number of the last of them if
// there are more, else -1. It is aurora.NotFound for another app's message.
func (s *Service) MarkedDevices(ctx context.Context, appID int64, id aurora.MessageID, q Selection) (ids []string, next int64, err error) {
	if _, err := s.message(ctx, appID, id); err != nil {
		return nil, -1, err
	}
	blocks, err := s.devices.Blocks(ctx, appID)
	if err != nil {
		return nil, -1, err
	}
	limit := min(max(q.Limit, 1), 1000)
	var numbers []uint32
	for block := (q.After + 1) / audience.BlockSize; block < int64(blocks) && len(numbers) <= limit; block++ {
		found, err := s.records.WithoutMark(ctx, id, uint32(block), q.With, q.Without)
		if err != nil {
			return nil, -1, err
		}
		for it := found.Iterator(); it.HasNext() && len(numbers) <= limit; {
			if n := it.Next(); int64(n) > q.After {
				numbers = append(numbers, n)
			}
		}
	}
	next = -1
	if len(numbers) > limit { // one more than asked for says that there are more
		numbers = numbers[:limit]
		next = int64(numbers[limit-1])
	}
	ids, err = s.devices.RegistrationIDs(ctx, appID, roaring.BitmapOf(numbers...))
	return ids, next, err
}
