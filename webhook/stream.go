package webhook

import (
	"context"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
)

const (
	// MaxStreams is how many readers one app may have on one server.
	MaxStreams = 10
	// streamMemory is how long after its last reader an app's events are still
	// written, for one who comes back.
	streamMemory = time.Hour
	listenPace   = 10 * time.Minute // at which a reader says that it is still there
	streamPace   = 500 * time.Millisecond
	streamPage   = 50              // events read at once
	maxLag       = 5 * time.Minute // that a reader may fall behind, beyond where it began
)

// Item is what a reader of the event stream gets.
type Item struct {
	ID   string // to resume after; "" for a remark that is no event
	Kind string
	Data []byte // a JSON object
}

// The kinds of remark.
const (
	GapRemark  = "stream.gap"     // events before this one are missing
	SlowRemark = "stream.dropped" // the reader was too slow; the stream ends
)

// Stream is one reader's place in an app's events. It is used by one goroutine.
type Stream struct {
	s        *Service
	app      aurora.App
	kinds    aurora.EventSet
	seq      int64 // the last event that was handed out whole
	skip     int   // parts of the next one that were
	began    time.Duration
	listened time.Time
	waiting  []Item
	slow     bool
	close    func()
}

// Stream begins to read an app's events of some kinds: from now on, or after
// the event with an id. Close it. aurora.TooMany for one reader too many.
func (s *Service) Stream(ctx context.Context, app aurora.App, kinds aurora.EventSet, after string) (*Stream, error) {
	if !s.enter(app.ID) {
		return nil, aurora.Errorf(aurora.TooMany, "The app has %d readers of its event stream on this server. Close one, or let one reader serve several.", MaxStreams)
	}
	st := &Stream{s: s, app: app, kinds: kinds, close: sync.OnceFunc(func() { s.leave(app.ID) })}
	if err := st.begin(ctx, after); err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

func (s *Service) enter(appID int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[appID] >= MaxStreams {
		return false
	}
	s.streams[appID]++
	return true
}

func (s *Service) leave(appID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[appID]--; s.streams[appID] <= 0 {
		delete(s.streams, appID)
	}
}

// Close ends the reading.
func (st *Stream) Close() { st.close() }

func (st *Stream) begin(ctx context.Context, after string) error {
	now := time.Now()
	seq, part, ok := parseEventID(after)
	if after != "" && !ok {
		return aurora.Errorf(aurora.Invalid, "Last-Event-ID %.40q is none of this stream's.", after)
	}
	since, err := st.s.c.Reader.Listen(ctx, st.app.ID, now.Add(streamMemory))
	if err != nil {
		return err
	}
	st.listened = now
	oldest, newest, at, err := st.s.c.Reader.EventBounds(ctx, st.app.ID, seq)
	if err != nil {
		return err
	}
	if after == "" {
		st.seq = newest
		return nil
	}
	if at.IsZero() || at.Before(since) {
		// What happened while nobody listened was not written down.
		st.waiting = append(st.waiting, Item{Kind: GapRemark, Data: []byte(detailOf(map[string]any{
			"text":   "Events after " + after + " may be missing: they are kept for a time only, and written only while somebody listens or did within the last hour.",
			"oldest": eventID(max(oldest, 0), 0, 1)}))})
	}
	if st.seq = min(seq, newest); part >= 0 && !at.IsZero() {
		st.seq, st.skip = seq-1, part+1
	}
	if !at.IsZero() {
		st.began = now.Sub(at)
	}
	return nil
}

// Next returns the next items, after waiting for some no longer than the time;
// none if there were none. After a SlowRemark there are no more.
func (st *Stream) Next(ctx context.Context, wait time.Duration) ([]Item, error) {
	for end := time.Now().Add(wait); ; {
		if items := st.waiting; len(items) > 0 {
			st.waiting = nil
			return items, nil
		}
		if st.slow {
			return nil, aurora.Errorf(aurora.Unavailable, "the stream has ended")
		}
		if err := st.read(ctx); err != nil {
			return nil, err
		}
		if len(st.waiting) > 0 {
			continue
		}
		left := time.Until(end)
		if left <= 0 {
			return nil, nil
		}
		select {
		case <-time.After(min(left, streamPace)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// read fills waiting from the next events.
func (st *Stream) read(ctx context.Context) error {
	now := time.Now()
	if now.Sub(st.listened) > listenPace {
		if _, err := st.s.c.Reader.Listen(ctx, st.app.ID, now.Add(streamMemory)); err != nil {
			return err
		}
		st.listened = now
	}
	for len(st.waiting) == 0 {
		events, err := st.s.c.Reader.EventsAfter(ctx, st.app.ID, st.seq, streamPage)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if lag := now.Sub(e.At); lag > st.began+maxLag {
				st.slow = true
				st.waiting = append(st.waiting, Item{Kind: SlowRemark, Data: []byte(detailOf(map[string]any{
					"text": "This reader is further behind than five minutes beyond where it began. Read faster, or ask for fewer kinds; connect again with Last-Event-ID to go on from here."}))})
				return nil
			}
			if err := st.add(ctx, e); err != nil {
				return err
			}
			st.seq, st.skip = e.Seq, 0
			if len(st.waiting) >= streamPage { // each part may be large
				break
			}
		}
		if len(events) < streamPage {
			return nil
		}
	}
	return nil
}

func (st *Stream) add(ctx context.Context, e Event) error {
	if !st.kinds.Has(e.Kind) {
		return nil
	}
	parts := e.Parts()
	for part := st.skip; part < parts; part++ {
		body, err := st.s.body(ctx, st.app.Key, e, part)
		if err != nil {
			return err
		}
		st.waiting = append(st.waiting, Item{eventID(e.Seq, part, parts), string(e.Kind), body})
	}
	return nil
}
