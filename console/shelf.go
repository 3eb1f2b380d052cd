package console

import (
	"sync"
	"time"
)

const (
	shelfSlow  = 50 * time.Millisecond // what took less is worked out anew each time
	shelfTimes = 50                    // as long as it took, an answer is kept
	shelfMost  = 30 * time.Second
)

// shelf holds figures that took long to work out, so that reloading a report, or
// several people with one, cost a server little: at most a fiftieth of a core
// for each. The zero value holds none.
type shelf struct {
	mu      sync.Mutex
	answers map[string]shelved
}

type shelved struct {
	value any
	until time.Time
}

// keep returns what work returns, or returned a moment ago under the same key.
// The answer is shared: it must not be changed.
func keep[T any](k *shelf, key string, work func() (T, error)) (T, error) {
	begin := time.Now()
	k.mu.Lock()
	old, ok := k.answers[key]
	k.mu.Unlock()
	if ok && begin.Before(old.until) {
		return old.value.(T), nil
	}
	value, err := work()
	now := time.Now()
	took := now.Sub(begin)
	if err != nil || took < shelfSlow {
		return value, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.answers == nil {
		k.answers = map[string]shelved{}
	}
	for key, a := range k.answers {
		if !now.Before(a.until) {
			delete(k.answers, key)
		}
	}
	k.answers[key] = shelved{value, now.Add(min(shelfTimes*took, shelfMost))}
	return value, nil
}
