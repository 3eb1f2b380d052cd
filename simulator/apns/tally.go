package apns

import (
	"hash/maphash"
	"sync"
)

// tally counts the different paths that arrived in bench mode, that is the
// different device tokens: whoever sent n pushes to n devices has lost n minus
// distinct of them and repeated received minus distinct.
//
// A path is known by the bytes of its literal in the header block, which are
// the same on every connection of one client; nothing is decoded. Paths are
// kept as 64-bit hashes: among ten million, two are taken for one with a
// probability of about three in a million.
type tally struct {
	seed maphash.Seed

	mu           sync.Mutex
	slots        []uint64 // open addressing; 0 = free
	used         int
	unidentified uint64 // requests whose path was no literal
}

func newTally() *tally { return &tally{seed: maphash.MakeSeed(), slots: make([]uint64, 1<<16)} }

// hash returns the hash of a path in a complete header block; 0 = no literal path.
func (t *tally) hash(block []byte) uint64 {
	path, ok := literalPath(block)
	if !ok {
		return 0
	}
	return max(1, maphash.Bytes(t.seed, path))
}

// add notes the paths of complete requests.
func (t *tally) add(hashes []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range hashes {
		if h == 0 {
			t.unidentified++
			continue
		}
		if t.put(h) && 2*t.used > len(t.slots) {
			t.grow()
		}
	}
}

func (t *tally) put(h uint64) (added bool) {
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case h:
			return false
		case 0:
			t.slots[i] = h
			t.used++
			return true
		}
	}
}

func (t *tally) grow() {
	old := t.slots
	t.slots, t.used = make([]uint64, 2*len(old)), 0
	for _, h := range old {
		if h != 0 {
			t.put(h)
		}
	}
}

func (t *tally) counts() (distinct, unidentified uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return uint64(t.used), t.unidentified
}

func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.slots)
	t.used, t.unidentified = 0, 0
}

// literalPath finds the value of :path in a header block without decoding it:
// a literal whose name is entry 4 or 5 of the static table (RFC 7541 §6.2,
// appendix A). The value is returned as it stands there, Huffman-coded or not.
func literalPath(block []byte) (value []byte, ok bool) {
	for len(block) > 0 {
		first := block[0]
		var prefix byte
		switch {
		case first&0x80 != 0: // indexed
			if _, block, ok = hpackInteger(block, 0x7f); !ok {
				return nil, false
			}
			continue
		case first&0xe0 == 0x20: // table size
			if _, block, ok = hpackInteger(block, 0x1f); !ok {
				return nil, false
			}
			continue
		case first&0xc0 == 0x40: // literal that enters the table
			prefix = 0x3f
		default: // literal that does not
			prefix = 0x0f
		}
		var name uint64
		if name, block, ok = hpackInteger(block, prefix); !ok {
			return nil, false
		}
		if name == 0 {
			if _, block, ok = hpackString(block); !ok {
				return nil, false
			}
		}
		if value, block, ok = hpackString(block); !ok {
			return nil, false
		}
		if name == 4 || name == 5 {
			return value, true
		}
	}
	return nil, false
}

// hpackInteger reads an integer whose first bits are those of prefix (RFC 7541 §5.1).
func hpackInteger(b []byte, prefix byte) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	n = uint64(b[0] & prefix)
	b = b[1:]
	if n < uint64(prefix) {
		return n, b, true
	}
	for shift := 0; shift < 28 && len(b) > 0; shift += 7 {
		c := b[0]
		b = b[1:]
		n += uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			return n, b, true
		}
	}
	return 0, nil, false
}

func hpackString(b []byte) (s, rest []byte, ok bool) {
	n, b, ok := hpackInteger(b, 0x7f)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
