package registry

import (
	"context"
	"iter"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
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
	// Fold merges pending changes into the bitmaps of some blocks and returns
	// how many changes it consumed.
	Fold(ctx context.Context) (int, error)
}

// Point is a device that was looked up singly.
type Point struct {
	Number  uint32
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

// Selection is the part of an audience that lies in one block.
type Selection struct {
	Block   uint32
	Numbers *roaring.Bitmap // device numbers, not empty
}

// Select yields the devices an expression selects, block by block. An error
// ends the sequence.
func (s *Service) Select(ctx context.Context, appID int64, e audience.Expr) iter.Seq2[Selection, error] {
	return func(yield func(Selection, error) bool) {
		if points, ok := e.Points(); ok {
			s.selectPoints(ctx, appID, e, points, yield)
			return
		}
		blocks, err := s.index.Blocks(ctx, appID)
		if err != nil {
			yield(Selection{}, err)
			return
		}
		for block := range blocks {
			numbers, err := s.SelectBlock(ctx, appID, e, block)
			if err != nil {
				yield(Selection{}, err)
				return
			}
			if !numbers.IsEmpty() && !yield(Selection{block, numbers}, nil) {
				return
			}
		}
	}
}

// SelectBlock returns the devices of one block that an expression selects.
func (s *Service) SelectBlock(ctx context.Context, appID int64, e audience.Expr, block uint32) (*roaring.Bitmap, error) {
	b, err := s.index.LoadBlock(ctx, appID, block, e.Terms())
	if err != nil {
		return nil, err
	}
	return e.Evaluate(b)
}

func (s *Service) selectPoints(ctx context.Context, appID int64, e audience.Expr, points []audience.Term, yield func(Selection, error) bool) {
	found, err := s.index.Lookup(ctx, appID, points)
	if err != nil {
		yield(Selection{}, err)
		return
	}
	all := roaring.New()
	for _, p := range found {
		if e.Match(p.Subject) {
			all.Add(p.Number)
		}
	}
	for !all.IsEmpty() {
		block := audience.BlockOf(all.Minimum())
		lo, hi := uint64(block)*audience.BlockSize, (uint64(block)+1)*audience.BlockSize
		numbers := all.Clone()
		numbers.RemoveRange(hi, 1<<32)
		all.RemoveRange(lo, hi)
		if !yield(Selection{block, numbers}, nil) {
			return
		}
	}
}

// Count returns how many devices an expression selects now.
func (s *Service) Count(ctx context.Context, appID int64, e audience.Expr) (uint64, error) {
	var n uint64
	for sel, err := range s.Select(ctx, appID, e) {
		if err != nil {
			return 0, err
		}
		n += sel.Numbers.GetCardinality()
	}
	return n, nil
}

const (
	foldPause = 500 * time.Millisecond
	foldFull  = 1000 // changes: with this many there are likely more
)

// Run folds index changes until the context ends. Answers do not depend on
// it: it only keeps the unfolded tail short.
func (s *Service) Run(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.index.Fold(ctx)
		if err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "index changes could not be folded; audiences stay right but slow down", "error", err)
		}
		if n >= foldFull {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(foldPause):
		}
	}
}
