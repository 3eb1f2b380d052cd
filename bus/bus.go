// Package bus carries hints between the parts of Aurora: "there is work",
// "numbers moved". A hint may be lost or come twice; whoever gets one looks at
// the database, which decides.
package bus

import "sync"

// Bus is what every way of carrying hints offers. Topics and hints are short
// texts without tabs and line breaks.
type Bus interface {
	// Publish hands a hint to the subscribers of a topic, here and on the other
	// servers. It never blocks and may lose the hint.
	Publish(topic, hint string)
	// Subscribe returns the hints of a topic until the returned function is
	// called, which closes the channel.
	Subscribe(topic string) (<-chan string, func())
	// Trouble says why hints do not reach the other servers at the moment; nil if
	// they do.
	Trouble() error
	// Close ends what carries hints to other servers.
	Close()
}

// Local delivers hints within one process. The zero value is ready.
type Local struct {
	mu   sync.Mutex
	subs map[string]map[*subscription]struct{}
}

type subscription struct{ hints chan string }

// depth is how many hints wait for a slow subscriber before more are lost.
const depth = 64

// Publish hands a hint to the subscribers of a topic and never blocks.
func (b *Local) Publish(topic, hint string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs[topic] {
		select {
		case s.hints <- hint:
		default: // the subscriber looks at everything anyway once it catches up
		}
	}
}

// Subscribe returns the hints of a topic until the returned function is
// called, which closes the channel.
func (b *Local) Subscribe(topic string) (<-chan string, func()) {
	s := &subscription{make(chan string, depth)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[string]map[*subscription]struct{}{}
	}
	if b.subs[topic] == nil {
		b.subs[topic] = map[*subscription]struct{}{}
	}
	b.subs[topic][s] = struct{}{}
	return s.hints, sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs[topic], s)
		if len(b.subs[topic]) == 0 {
			delete(b.subs, topic)
		}
		close(s.hints)
	})
}

// Trouble is nil: there are no other servers.
func (b *Local) Trouble() error { return nil }

// Close does nothing.
func (b *Local) Close() {}
