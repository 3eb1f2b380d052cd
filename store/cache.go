package store

import (
	"container/list"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// DefaultBitmapCache is how many bytes of decoded bitmaps are kept, unless
// LimitBitmaps says otherwise: those of some hundred terms of an app of ten
// million devices.
const DefaultBitmapCache = 64 << 20

// LimitBitmaps bounds the memory for decoded bitmaps, in bytes; 0 keeps none.
func (s *Store) LimitBitmaps(bytes int64) { s.bitmaps.limit(bytes) }

// bitmapCache keeps decoded bitmaps of the folded index, the least recently
// used of them going first. A block's are of one generation: folding begins the
// next one, in the transaction that writes the bitmaps, so that whoever reads
// the generation knows which bitmaps are still true, whatever process folded.
type bitmapCache struct {
	mu      sync.Mutex
	set     bool
	max     int64
	size    int64
	recent  list.List // of *cachedBitmap, the most recent first
	byPlace map[place]*cachedBlock
}

type cachedBlock struct {
	generation int64
	terms      map[string]*list.Element
}

// cachedBitmap is never changed: several read it at the same time.
type cachedBitmap struct {
	at     place
	want   wanted
	key    string
	bitmap *roaring.Bitmap
	size   int64
}

// move is what folding changes in one block.
type move struct {
	at         place
	generation int64 // the new one
	terms      map[string]*roaring.Bitmap
}

func (c *bitmapCache) limit(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.max, c.set = bytes, true
	c.shrink()
}

// get adds the bitmaps of a generation that are known, and reports whether all
// that are wanted are there.
func (c *bitmapCache) get(at place, generation int64, want map[string]wanted, into map[string]*roaring.Bitmap) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.byPlace[at]
	if b == nil || b.generation != generation {
		return len(want) == 0
	}
	for key := range want {
		if e := b.terms[key]; e != nil {
			c.recent.MoveToFront(e)
			into[key] = e.Value.(*cachedBitmap).bitmap
		}
	}
	return len(into) == len(want)
}

// put keeps bitmaps of a generation, unless a later one is known.
func (c *bitmapCache) put(at place, generation int64, want map[string]wanted, bitmaps map[string]*roaring.Bitmap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byPlace == nil {
		c.byPlace = map[place]*cachedBlock{}
	}
	b := c.byPlace[at]
	if b != nil && b.generation > generation {
		return
	}
	if b != nil && b.generation < generation {
		for _, e := range b.terms {
			c.drop(e)
		}
		b = nil
	}
	if b == nil {
		b = &cachedBlock{generation, map[string]*list.Element{}}
		c.byPlace[at] = b
	}
	for key, bitmap := range bitmaps {
		if b.terms[key] != nil {
			continue
		}
		one := &cachedBitmap{at, want[key], key, bitmap, int64(bitmap.GetSizeInBytes()) + int64(len(key)) + 400} // what Go needs beside the bits
		b.terms[key] = c.recent.PushFront(one)
		c.size += one.size
	}
	c.shrink()
}

// moved follows a fold of this process: bitmaps that it did not write are those
// of the new generation, too.
func (c *bitmapCache) moved(m move) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.byPlace[m.at]
	if b == nil || b.generation != m.generation-1 {
		return // another process has folded as well: they are dropped when they are asked for
	}
	b.generation = m.generation
	for _, e := range b.terms {
		if e.Value.(*cachedBitmap).want.touched(m.terms) {
			c.drop(e)
		}
	}
}

// touched reports whether a fold wrote one of the bitmaps that a term joins.
func (w wanted) touched(written map[string]*roaring.Bitmap) bool {
	if w.hi == "" {
		return written[w.lo] != nil
	}
	for key := range written {
		if w.covers(key) {
			return true
		}
	}
	return false
}

func (c *bitmapCache) shrink() {
	most := c.max
	if !c.set {
		most = DefaultBitmapCache
	}
	for c.size > most {
		c.drop(c.recent.Back())
	}
}

// drop forgets a bitmap.
func (c *bitmapCache) drop(e *list.Element) {
	one := e.Value.(*cachedBitmap)
	c.recent.Remove(e)
	c.size -= one.size
	b := c.byPlace[one.at]
	delete(b.terms, one.key)
	if len(b.terms) == 0 {
		delete(c.byPlace, one.at)
	}
}
