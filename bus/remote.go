package bus

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"
)

// remote is what the ways to other servers have in common: hints for here are
// delivered at once, hints for there leave in bundles.
type remote struct {
	Local
	node string
	out  chan string

	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	trouble error
}

// Bundles: a hint waits for others at most as long as bundlePause, and a bundle
// stays within what PostgreSQL's NOTIFY takes, 8,000 bytes.
const (
	bundlePause = 5 * time.Millisecond
	bundleSize  = 7000
	outDepth    = 1024
)

func newRemote() (*remote, context.Context) {
	ctx, cancel := context.WithCancel(context.Background())
	return &remote{node: rand.Text(), out: make(chan string, outDepth), cancel: cancel}, ctx
}

// Publish delivers a hint here and lets it leave.
func (r *remote) Publish(topic, hint string) {
	r.Local.Publish(topic, hint)
	line := topic + "\t" + hint
	if len(line) > bundleSize/2 || strings.ContainsAny(line, "\n") {
		return // nobody of ours makes one
	}
	select {
	case r.out <- line:
	default: // lost, which a hint may be
	}
}

// bundle waits for hints and returns them in one text that begins with this
// server's name; the same hint is in it once. It returns "" when the context ends.
func (r *remote) bundle(ctx context.Context) string {
	var b strings.Builder
	b.WriteString(r.node)
	seen := map[string]bool{}
	add := func(line string) {
		if !seen[line] {
			seen[line] = true
			b.WriteString("\n" + line)
		}
	}
	select {
	case line := <-r.out:
		add(line)
	case <-ctx.Done():
		return ""
	}
	end := time.NewTimer(bundlePause)
	defer end.Stop()
	for b.Len() < bundleSize/2 {
		select {
		case line := <-r.out:
			add(line)
			continue
		case <-end.C:
		case <-ctx.Done():
		}
		break
	}
	return b.String()
}

// deliver hands a bundle of another server to the subscribers here.
func (r *remote) deliver(bundle string) {
	node, rest, _ := strings.Cut(bundle, "\n")
	if node == r.node { // it was delivered when it was published
		return
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if topic, hint, ok := strings.Cut(line, "\t"); ok {
			r.Local.Publish(topic, hint)
		}
	}
}

// Trouble says why hints do not reach the other servers.
func (r *remote) Trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

func (r *remote) setTrouble(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = err
}

// again calls do until the context ends, waiting longer after each failure in
// a row.
func (r *remote) again(ctx context.Context, do func(context.Context) error) {
	const first, last = 50 * time.Millisecond, 5 * time.Second
	for wait := first; ctx.Err() == nil; wait = min(2*wait, last) {
		began := time.Now()
		err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		r.setTrouble(err)
		if time.Since(began) > last {
			wait = first
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// Close ends what carries hints to other servers.
func (r *remote) Close() {
	r.cancel()
	r.ended.Wait()
}
