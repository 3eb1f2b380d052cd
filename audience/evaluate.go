package audience

import (
	"iter"
	"math"

	"github.com/RoaringBitmap/roaring/v2"
)

// BlockSize is how many device numbers one block spans. Sets of devices are
// stored and evaluated block by block, so memory stays constant however large
// an app is (DESIGN §3.2).
const BlockSize = 1 << 16

// BlockOf returns the block a device number lies in.
func BlockOf(number uint32) uint32 { return number / BlockSize }

// ByBlock splits a set of devices at block boundaries, in ascending order.
func ByBlock(numbers *roaring.Bitmap) iter.Seq2[uint32, *roaring.Bitmap] {
	return func(yield func(uint32, *roaring.Bitmap) bool) {
		for it := numbers.Iterator(); it.HasNext(); {
			block := BlockOf(it.PeekNext())
			first := uint64(block) * BlockSize
			part := roaring.New()
			part.AddRange(first, first+BlockSize)
			part.And(numbers)
			if !yield(block, part) || first+BlockSize > math.MaxUint32 {
				return
			}
			it.AdvanceIfNeeded(uint32(first + BlockSize))
		}
	}
}

// Source gives the bitmaps an expression is evaluated on, usually those of one
// block. Evaluate does not modify what it is given.
type Source interface {
	// Everyone returns all devices of the block.
	Everyone() (*roaring.Bitmap, error)
	// With returns the devices of the block that have the property.
	With(Term) (*roaring.Bitmap, error)
}

// Evaluate returns the devices of the source that the expression selects. For
// every device it agrees with Match. The caller must not modify the result
// unless it clones it: it may be the source's own bitmap.
func (e Expr) Evaluate(src Source) (*roaring.Bitmap, error) {
	b, _, err := e.evaluate(src)
	return b, err
}

// evaluate tells also whether the result is nobody else's, so that it can be
// worked on.
func (e Expr) evaluate(src Source) (b *roaring.Bitmap, own bool, err error) {
	switch e.Op {
	case OpAll:
		b, err = src.Everyone()
		return b, false, err
	case OpTerm:
		b, err = src.With(e.Term)
		return b, false, err
	case OpNot:
		inner, _, err := e.Args[0].evaluate(src)
		if err != nil {
			return nil, false, err
		}
		everyone, err := src.Everyone()
		if err != nil {
			return nil, false, err
		}
		return roaring.AndNot(everyone, inner), true, nil
	case OpOr:
		parts := make([]*roaring.Bitmap, len(e.Args))
		for i, a := range e.Args {
			if parts[i], err = a.Evaluate(src); err != nil {
				return nil, false, err
			}
		}
		return roaring.FastOr(parts...), true, nil
	default: // OpAnd
		return e.evaluateAnd(src)
	}
}

// evaluateAnd subtracts negated arguments instead of complementing them, and
// stops at the first empty intersection.
func (e Expr) evaluateAnd(src Source) (result *roaring.Bitmap, own bool, err error) {
	for _, a := range e.Args {
		if a.Op == OpNot {
			continue
		}
		part, partOwn, err := a.evaluate(src)
		switch {
		case err != nil:
			return nil, false, err
		case result == nil:
			result, own = part, partOwn
		case own:
			result.And(part)
		case partOwn:
			part.And(result)
			result, own = part, true
		default:
			result, own = roaring.And(result, part), true
		}
		if result.IsEmpty() {
			return result, own, nil
		}
	}
	if result == nil {
		if result, err = src.Everyone(); err != nil {
			return nil, false, err
		}
	}
	for _, a := range e.Args {
		if a.Op != OpNot {
			continue
		}
		part, _, err := a.Args[0].evaluate(src)
		if err != nil {
			return nil, false, err
		}
		if own {
			result.AndNot(part)
		} else {
			result, own = roaring.AndNot(result, part), true
		}
	}
	return result, own, nil
}
