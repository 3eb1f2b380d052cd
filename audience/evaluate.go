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
	switch e.Op {
	case OpAll:
		return src.Everyone()
	case OpTerm:
		return src.With(e.Term)
	case OpNot:
		inner, err := e.Args[0].Evaluate(src)
		if err != nil {
			return nil, err
		}
		everyone, err := src.Everyone()
		if err != nil {
			return nil, err
		}
		return roaring.AndNot(everyone, inner), nil
	case OpOr:
		parts := make([]*roaring.Bitmap, len(e.Args))
		for i, a := range e.Args {
			var err error
			if parts[i], err = a.Evaluate(src); err != nil {
				return nil, err
			}
		}
		return roaring.FastOr(parts...), nil
	default: // OpAnd
		return e.evaluateAnd(src)
	}
}

// evaluateAnd subtracts negated arguments instead of complementing them, and
// stops at the first empty intersection.
func (e Expr) evaluateAnd(src Source) (*roaring.Bitmap, error) {
	var result *roaring.Bitmap
	for _, a := range e.Args {
		if a.Op == OpNot {
			continue
		}
		part, err := a.Evaluate(src)
		if err != nil {
			return nil, err
		}
		if result == nil {
			result = part
		} else {
			result = roaring.And(result, part)
		}
		if result.IsEmpty() {
			return result, nil
		}
	}
	if result == nil {
		var err error
		if result, err = src.Everyone(); err != nil {
			return nil, err
		}
	}
	for _, a := range e.Args {
		if a.Op != OpNot {
			continue
		}
		part, err := a.Args[0].Evaluate(src)
		if err != nil {
			return nil, err
		}
		result = roaring.AndNot(result, part)
	}
	return result, nil
}
