package console

import (
	"context"
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
	answers map[string]*shelved
}

type shelved struct {
	turn  chan struct{} // holds one thing while somebody works the answer out
	value any
	until time.Time // guarded by the shelf's mu, as value is
}

// keep returns what work returns, or returned a moment ago under the same key;
// who asks while somebody works it out waits for that, until ctx ends. The answer
// is shared: it must not be changed.
func keep[T any](ctx context.Context, k *shelf, key string, work func() (T, error)) (value T, err error) {
	a := k.answer(key)
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return value, ctx.Err()
	}
	defer k.tidy()
	defer func() { <-a.turn }()
	begin := time.Now()
	k.mu.Lock()
	old, until := a.value, a.until
	k.mu.Unlock()
	if begin.Before(until) {
		return old.(T), nil
	}
	value, err = work()
	now := time.Now()
	took := now.Sub(begin)
	if err != nil || took < shelfSlow {
		return value, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	a.value, a.until = value, now.Add(min(shelfTimes*took, shelfMost))
	return value, nil
}

func (k *shelf) answer(key string) *shelved {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.answers[key]
	if a == nil {
		if k.answers == nil {
			k.answers = map[string]*shelved{}
		}
		a = &shelved{turn: make(chan struct{}, 1)}
		k.answers[key] = a
	}
	return a
}

// tidy throws away what is out of date and not being worked out.
func (k *shelf) tidy() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for key, a := range k.answers {
		if len(a.turn) == 0 && !now.Before(a.until) {
			delete(k.answers, key)
		}
	}
}
