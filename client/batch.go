package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"time"
)

// Single is a push to one device or one alias, for [Client.Batch]. One of
// RegistrationID and Alias is given.
type Single struct {
	RegistrationID string
	Alias          string
	Platforms      []Platform // nil means all
	Notification   *Notification
	Message        *Message
	Options        Options
	Callback       *Callback
	CID            string // empty means a fresh one
}

// BatchOptions are how a batch is sent; the zero value is good.
type BatchOptions struct {
	// Size is how many pushes go into one call: 1 to 1,000, default 200.
	Size int
	// Calls is how many calls are under way at the same moment; default 4.
	Calls int
	// Linger is how long the first push of a call waits for others to share it;
	// default 10 milliseconds.
	Linger time.Duration
}

const (
	maxBatchSize = 1000 // pushes in one call (docs/rest.md, "Push")
	batchSize    = 200
	batchCalls   = 4
	batchLinger  = 10 * time.Millisecond
)

func (o BatchOptions) withDefaults() BatchOptions {
	if o.Size <= 0 {
		o.Size = batchSize
	}
	if o.Calls <= 0 {
		o.Calls = batchCalls
	}
	if o.Linger <= 0 {
		o.Linger = batchLinger
	}
	o.Size = min(o.Size, maxBatchSize)
	return o
}

// BatchResult is what became of one push of a batch.
type BatchResult struct {
	Index     int // of the push in the batch, from 0
	Single    Single
	CID       string // with which it was sent
	MessageID string // "" if there is an error
	// Err is an *[Error] without status if the server refused this push, and what
	// the whole call came to otherwise.
	Err error
}

// Batch sends many pushes, each to one device or alias: login codes, changes of
// an order. It takes them from the iterator as it goes and yields a result for
// each, in the order in which they come: any number of pushes in constant
// memory. If results are taken slowly, pushes are sent slowly.
//
// What the iterator gives is checked one by one; a refused push touches no
// other. Calls are repeated as [Client.Push] is, and so are single pushes that
// the server had no time for. Every push that was taken from the iterator has
// one result, unless the caller stops taking results: then what was under way is
// given up, and may have been sent. After the end of ctx no more is taken.
//
// The iterator runs on another goroutine. One that waits for something must
// itself end with ctx.
func (c *Client) Batch(ctx context.Context, pushes iter.Seq[Single], o BatchOptions) iter.Seq[BatchResult] {
	return func(yield func(BatchResult) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		b := &batch{client: c, options: o.withDefaults(), in: make(chan *single), out: make(chan []BatchResult), left: make(chan struct{})}
		b.free = make(chan struct{}, b.options.Calls)
		defer b.senders.Wait()
		defer close(b.left)
		defer cancel() // first of all
		go b.feed(ctx, pushes)
		b.senders.Add(1)
		go b.gather(ctx)
		for results := range b.out {
			for _, r := range results {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// batch is one batch being sent.
type batch struct {
	client  *Client
	options BatchOptions
	in      chan *single       // from the iterator; closed at its end
	out     chan []BatchResult // closed when all is done
	left    chan struct{}      // closed when nobody takes results any more
	free    chan struct{}      // has room for a token for each call under way
	senders sync.WaitGroup
}

// single is a push on its way.
type single struct {
	index int
	push  Single
	cid   string
}

func (s *single) result() BatchResult {
	return BatchResult{Index: s.index, Single: s.push, CID: s.cid}
}

// feed takes pushes from the iterator until it or the context ends.
func (b *batch) feed(ctx context.Context, pushes iter.Seq[Single]) {
	defer close(b.in)
	index := 0
	for p := range pushes {
		select {
		case b.in <- &single{index, p, p.CID}:
		case <-b.left:
			return
		}
		if index++; ctx.Err() != nil {
			return
		}
	}
}

// group is pushes that share a call, by their cids.
type group map[string]*single

// gather puts pushes into calls and starts these.
func (b *batch) gather(ctx context.Context) {
	defer b.senders.Done()
	defer func() {
		go func() { // when the last call is done
			for range cap(b.free) {
				b.free <- struct{}{}
			}
			close(b.out)
		}()
	}()
	waiting := map[string]group{}
	var linger <-chan time.Time
	flush := func(path string) {
		if g := waiting[path]; len(g) > 0 {
			delete(waiting, path)
			b.start(ctx, path, g)
		}
	}
	for {
		select {
		case s, ok := <-b.in:
			if !ok {
				flush(byRegistration)
				flush(byAlias)
				return
			}
			path, err := b.prepare(ctx, s)
			if err != nil {
				r := s.result()
				r.Err = err
				b.tell([]BatchResult{r})
				continue
			}
			if _, taken := waiting[path][s.cid]; taken { // a repeat, which the server answers as the first
				flush(path)
			}
			if waiting[path] == nil {
				waiting[path] = group{}
			}
			waiting[path][s.cid] = s
			if len(waiting[path]) >= b.options.Size {
				flush(path)
			} else if linger == nil {
				linger = time.After(b.options.Linger)
			}
		case <-linger:
			linger = nil
			flush(byRegistration)
			flush(byAlias)
		case <-b.left:
			return
		}
	}
}

// The two calls of a batch.
const (
	byRegistration = "/v3/push/batch/regid/single"
	byAlias        = "/v3/push/batch/alias/single"
)

// prepare gives a push its cid and says which call it belongs to.
func (b *batch) prepare(ctx context.Context, s *single) (path string, err error) {
	switch p := s.push; {
	case (p.RegistrationID == "") == (p.Alias == ""):
		return "", fmt.Errorf("client: a push of a batch goes to a RegistrationID or to an Alias: %w", ErrInvalid)
	case p.Alias != "":
		path = byAlias
	default:
		path = byRegistration
	}
	s.cid, err = b.client.cid(ctx, s.cid)
	return path, err
}

// tell hands results to the caller, if it still wants them.
func (b *batch) tell(results []BatchResult) {
	select {
	case b.out <- results:
	case <-b.left:
	}
}

// start begins a call as soon as one may begin; until then no push is taken.
func (b *batch) start(ctx context.Context, path string, g group) {
	select {
	case b.free <- struct{}{}:
	case <-b.left:
		return
	}
	b.senders.Go(func() {
		defer func() { <-b.free }()
		b.send(ctx, path, g)
	})
}

// send makes a call, and again for the pushes that the server had no time for.
func (b *batch) send(ctx context.Context, path string, g group) {
	for tries := b.client.tries(); len(g) > 0; {
		tries.number++
		done, busy := b.once(ctx, path, g)
		if len(busy) > 0 {
			wait, again := tries.next(ctx, busy[0].Err, true)
			if !again || sleep(ctx, wait) != nil {
				done, busy = append(done, busy...), nil
			}
		}
		for _, r := range done {
			delete(g, r.CID)
		}
		if len(done) > 0 {
			b.tell(done)
		}
	}
}

// once makes one call. busy are the results of pushes that may be accepted
// later.
func (b *batch) once(ctx context.Context, path string, g group) (done, busy []BatchResult) {
	list := make(map[string]pushBody, len(g))
	for cid, s := range g {
		list[cid] = s.body()
	}
	var answer map[string]struct {
		MessageID string       `json:"msg_id"`
		Error     *itemRefusal `json:"error"`
	}
	err := b.client.call(ctx, post(path, map[string]any{"pushlist": list}), &answer)
	for cid, s := range g {
		r := s.result()
		switch item, ok := answer[cid]; {
		case err != nil:
			r.Err = err
		case !ok || item.Error == nil && item.MessageID == "":
			r.Err = &UnansweredError{Method: http.MethodPost, URL: b.client.base + path, Attempts: 1, Sent: true, Err: fmt.Errorf("the answer has nothing for the cid %s", cid)}
		case item.Error != nil:
			refused := (&Error{}).from(b.client.base, item.Error)
			r.Err = refused
			if refused.Kind() == ErrUnavailable {
				busy = append(busy, r)
				continue
			}
		default:
			r.MessageID = item.MessageID
		}
		done = append(done, r)
	}
	return done, busy
}

func (s *single) body() pushBody {
	p := Push{Platforms: s.push.Platforms, Notification: s.push.Notification, Message: s.push.Message, Options: s.push.Options, Callback: s.push.Callback}
	b := p.body("")
	b.Audience, b.Target = nil, s.push.RegistrationID+s.push.Alias // one of them is ""
	return b
}
