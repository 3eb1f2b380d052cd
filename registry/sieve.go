package registry

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora/audience"
)

// Sieve sorts out the devices that an expression selects. It returns how many
// of them each part takes, the first of all, the next of what those before it
// left, and at last how many are left of all.
func (s *Service) Sieve(ctx context.Context, appID int64, e audience.Expr, parts []audience.Expr) ([]uint64, error) {
	if _, ok := e.Points(); ok {
		numbers, err := s.SelectPoints(ctx, appID, e)
		if err != nil {
			return nil, err
		}
		return s.SieveSet(ctx, appID, numbers, parts)
	}
	blocks, err := s.store.Blocks(ctx, appID)
	if err != nil {
		return nil, err
	}
	return s.sieve(ctx, appID, parts, listOf(blocks), e.Terms(), func(_ uint32, b Block) (*roaring.Bitmap, error) { return e.Evaluate(b) })
}

// SieveSet is Sieve for devices that are given by their numbers.
func (s *Service) SieveSet(ctx context.Context, appID int64, numbers *roaring.Bitmap, parts []audience.Expr) ([]uint64, error) {
	given := map[uint32]*roaring.Bitmap{}
	var blocks []uint32
	for block, part := range audience.ByBlock(numbers) {
		given[block] = part
		blocks = append(blocks, block)
	}
	return s.sieve(ctx, appID, parts, blocks, nil, func(block uint32, _ Block) (*roaring.Bitmap, error) { return given[block], nil })
}

// sieve sorts out what is selected in each block.
func (s *Service) sieve(ctx context.Context, appID int64, parts []audience.Expr, blocks []uint32, terms []audience.Term, selected func(uint32, Block) (*roaring.Bitmap, error)) ([]uint64, error) {
	for _, p := range parts {
		terms = append(terms, p.Terms()...)
	}
	counts := make([]uint64, len(parts)+1)
	var mu sync.Mutex
	err := atOnce(ctx, len(blocks), func(i int) error {
		b, err := s.store.LoadBlock(ctx, appID, blocks[i], terms)
		if err != nil {
			return err
		}
		rest, err := selected(blocks[i], b)
		if err != nil {
			return err
		}
		here := make([]uint64, len(counts))
		for i, p := range parts {
			if rest.IsEmpty() {
				break
			}
			taken, err := p.Evaluate(b)
			if err != nil {
				return err
			}
			if here[i] = rest.AndCardinality(taken); here[i] > 0 {
				rest = roaring.AndNot(rest, taken)
			}
		}
		here[len(parts)] = rest.GetCardinality()
		mu.Lock()
		defer mu.Unlock()
		for i, n := range here {
			counts[i] += n
		}
		return nil
	})
	return counts, err
}

func listOf(blocks uint32) []uint32 {
	list := make([]uint32, blocks)
	for i := range list {
		list[i] = uint32(i)
	}
	return list
}

// atOnce does n things, as many at once as there are processors, and returns
// the first error, after which it begins no more.
func atOnce(ctx context.Context, n int, do func(i int) error) error {
	var (
		next   atomic.Int64
		failed atomic.Pointer[error]
		wg     sync.WaitGroup
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := ctx.Err()
				if err == nil {
					err = do(i)
				}
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
