package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// Index stores which devices have which property: one bitmap for each (app,
// term, block), and the changes that are not yet folded into them.
type Index interface {
	// Blocks returns how many blocks the app's device numbers span.
	Blocks(ctx context.Context, appID int64) (uint32, error)
	// LoadBlock returns the bitmaps of the terms and of everyone in one block,
	// as of one moment and with the unfolded changes applied.
	LoadBlock(ctx context.Context, appID int64, block uint32, terms []audience.Term) (Block, error)
	// Lookup returns the devices that have any of the alias or registration terms.
	Lookup(ctx context.Context, appID int64, points []audience.Term) ([]Point, error)
	// LookupValues adds the devices with any of the aliases or registration ids.
	LookupValues(ctx context.Context, appID int64, f audience.Field, values []string, into *roaring.Bitmap) error
	// Fold merges pending changes into the bitmaps of some blocks and returns
	// how many changes it consumed, and whether it left some of theirs.
	Fold(ctx context.Context) (folded int, more bool, err error)
	// Unfolded returns about how many records of changes wait to be folded.
	Unfolded(ctx context.Context) (int64, error)
}

// Point is a device that was looked up singly.
type Point struct {
	Device  aurora.Device
	Subject audience.Subject
}

// Block holds the bitmaps of one block that an evaluation needs.
type Block struct {
	All   *roaring.Bitmap
	Terms map[audience.Term]*roaring.Bitmap
}

// Everyone returns all devices of the block.
func (b Block) Everyone() (*roaring.Bitmap, error) { return b.All, nil }

// With returns the devices of the block that have the property.
func (b Block) With(t audience.Term) (*roaring.Bitmap, error) {
	if m, ok := b.Terms[t]; ok {
		return m, nil
	}
	return roaring.New(), nil
}

// Blocks returns how many blocks the app's devices span.
func (s *Service) Blocks(ctx context.Context, appID int64) (uint32, error) {
	return s.store.Blocks(ctx, appID)
}

// SelectBlock returns the devices of one block that an expression selects. The
// caller may change the result.
func (s *Service) SelectBlock(ctx context.Context, appID int64, e audience.Expr, block uint32) (*roaring.Bitmap, error) {
	b, err := s.store.LoadBlock(ctx, appID, block, e.Terms())
	if err != nil {
		return nil, err
	}
	numbers, err := e.Evaluate(b)
	if err == nil && b.has(numbers) {
		numbers = numbers.Clone()
	}
	return numbers, err
}

// has reports whether a bitmap is one of the block's own, which others may read.
func (b Block) has(numbers *roaring.Bitmap) bool {
	if numbers == b.All {
		return true
	}
	for _, m := range b.Terms {
		if m == numbers {
			return true
		}
	}
	return false
}

// SelectPoints returns the devices that an expression with Points selects,
// without touching any other device.
func (s *Service) SelectPoints(ctx context.Context, appID int64, e audience.Expr) (*roaring.Bitmap, error) {
	numbers, _, err := s.FindPoints(ctx, appID, e)
	return numbers, err
}

// FindPoints is SelectPoints with the devices as they were found. These may be
// more than are selected, and in any order.
func (s *Service) FindPoints(ctx context.Context, appID int64, e audience.Expr) (numbers *roaring.Bitmap, devices []aurora.Device, err error) {
	points, ok := e.Points()
	if !ok {
		return nil, nil, fmt.Errorf("registry: the audience %.100q cannot be looked up by points", e)
	}
	found, err := s.store.Lookup(ctx, appID, points)
	if err != nil {
		return nil, nil, err
	}
	numbers = roaring.New()
	elsewhere := slices.ContainsFunc(e.Terms(), func(t audience.Term) bool { return !t.Field.OfDevice() })
	for _, p := range found {
		if elsewhere || e.Match(p.Subject) {
			numbers.Add(p.Device.Number)
			devices = append(devices, p.Device)
		}
	}
	if !elsewhere {
		return numbers, devices, nil
	}
	selected := roaring.New() // what is not written in a device's row is asked of its block
	for block, part := range audience.ByBlock(numbers) {
		here, err := s.SelectBlock(ctx, appID, e, block)
		if err != nil {
			return nil, nil, err
		}
		here.And(part)
		selected.Or(here)
	}
	return selected, devices, nil
}

// SelectValues adds the devices with any of the aliases or registration ids:
// of a long list, of which only the numbers are wanted.
func (s *Service) SelectValues(ctx context.Context, appID int64, f audience.Field, values []string, into *roaring.Bitmap) error {
	return s.store.LookupValues(ctx, appID, f, values, into)
}

// Count returns how many devices an expression selects now.
func (s *Service) Count(ctx context.Context, appID int64, e audience.Expr) (uint64, error) {
	if _, ok := e.Points(); ok {
		numbers, err := s.SelectPoints(ctx, appID, e)
		if err != nil {
			return 0, err
		}
		return numbers.GetCardinality(), nil
	}
	counts, err := s.Sieve(ctx, appID, e, nil)
	if err != nil {
		return 0, err
	}
	return counts[0], nil
}

// Pending returns about how many records of changes wait to be folded.
func (s *Service) Pending(ctx context.Context) (int64, error) { return s.store.Unfolded(ctx) }

// foldPause is how long changes gather: the more of them are folded together,
// the less often a bitmap is written.
const foldPause = 500 * time.Millisecond

// Run folds index changes, and writes who was seen, until the context ends.
func (s *Service) Run(ctx context.Context) {
	var seen sync.WaitGroup
	seen.Go(func() { s.runPresence(ctx) })
	s.fold(ctx)
	seen.Wait()
}

// fold keeps the unfolded tail short. Answers do not depend on it.
func (s *Service) fold(ctx context.Context) {
	for ctx.Err() == nil {
		folded, more, err := s.store.Fold(ctx)
		if err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "index changes could not be folded; audiences stay right but slow down", "error", err)
		}
		if more && folded > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(foldPause):
		}
	}
}
