package apns

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
)

// identifiers makes ids, tokens and the dice of fault scripts. With a seed the
// sequence is the same in every run.
type identifiers struct {
	mu     sync.Mutex
	source *mathrand.ChaCha8
}

func newIdentifiers(seed uint64) *identifiers {
	var key [32]byte
	if seed == 0 {
		rand.Read(key[:])
	} else {
		binary.LittleEndian.PutUint64(key[:], seed)
	}
	return &identifiers{source: mathrand.NewChaCha8(key)}
}

func (i *identifiers) fill(b []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.source.Read(b)
}

// uuid returns an id in upper case without a version, like those that the real
// gateway makes (spec §2.2).
func (i *identifiers) uuid() string {
	var b [16]byte
	i.fill(b[:])
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// fraction returns a number in [0, 1).
func (i *identifiers) fraction() float64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return float64(i.source.Uint64()>>11) / (1 << 53)
}
