package inbox

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

const (
	topic = "inbox"
	// maxNamed is how many devices a hint names; beyond that it is for all of
	// the app.
	maxNamed = 64
	// maxArrivals is how many missed arrivals are looked through; with more,
	// everyone looks.
	maxArrivals = 1000
)

// Arrived tells the nodes that a message may wait for these devices of an app;
// nil means any. It is a hint.
func (s *Service) Arrived(appID int64, numbers *roaring.Bitmap) {
	var hint strings.Builder
	hint.WriteString(strconv.FormatInt(appID, 10))
	if numbers != nil && numbers.GetCardinality() <= maxNamed {
		for it := numbers.Iterator(); it.HasNext(); {
			hint.WriteString(" " + strconv.FormatUint(uint64(it.Next()), 10))
		}
	}
	s.c.Bus.Publish(topic, hint.String())
}

// Run wakes waiting devices, gives up what nobody fetched in time, and writes
// what was handed out, until the context ends. Then every open question is
// answered.
func (s *Service) Run(ctx context.Context) {
	hints, unsubscribe := s.c.Bus.Subscribe(topic)
	defer unsubscribe()
	look, write := time.NewTicker(lookPause), time.NewTicker(sentPause)
	defer look.Stop()
	defer write.Stop()
	_, last, err := s.c.Queue.Arrivals(ctx, 0, 0)
	s.report(ctx, err)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case h := <-hints:
			s.heed(h)
		case <-write.C:
			s.writeHanded(ctx)
		case <-look.C:
			last = s.lookAround(ctx, last)
		}
	}
	close(s.quit)
	s.writeHanded(context.WithoutCancel(ctx))
}

func (s *Service) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.c.Logger.ErrorContext(ctx, "waiting in-app messages could not be read or written; trying again", "error", err)
	}
}

// lookAround does what needs no hint and returns the latest arrival it knows.
func (s *Service) lookAround(ctx context.Context, last int64) int64 {
	more, err := s.c.Queue.ExpireInbox(ctx, aurora.ReasonNotConnected)
	for more && err == nil && ctx.Err() == nil {
		more, err = s.c.Queue.ExpireInbox(ctx, aurora.ReasonNotConnected)
	}
	s.report(ctx, err)
	s.forget()
	arrivals, latest, err := s.c.Queue.Arrivals(ctx, last, maxArrivals)
	if s.report(ctx, err); err != nil {
		return last
	}
	if len(arrivals) == maxArrivals { // a broadcast, or many at once
		s.wake(func(device) bool { return true })
		return latest
	}
	for _, a := range arrivals {
		if !a.Shared {
			s.wakeOne(device{a.AppID, a.Number})
			continue
		}
		s.wake(func(d device) bool { return d.app == a.AppID && audience.BlockOf(d.number) == a.Block })
	}
	return latest
}

// heed follows a hint: an app and the numbers of devices, or an app alone.
func (s *Service) heed(hint string) {
	fields := strings.Fields(hint)
	if len(fields) == 0 {
		return
	}
	app, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return
	}
	if len(fields) == 1 {
		s.wake(func(d device) bool { return d.app == app })
		return
	}
	for _, f := range fields[1:] {
		if n, err := strconv.ParseUint(f, 10, 32); err == nil {
			s.wakeOne(device{app, uint32(n)})
		}
	}
}

func (s *Service) wake(which func(device) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, c := range s.connections {
		if c.open != nil && which(d) {
			c.open.rouse()
		}
	}
}

func (s *Service) wakeOne(d device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.connections[d]; c != nil && c.open != nil {
		c.open.rouse()
	}
}

func (q *question) rouse() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// forget drops devices that left.
func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for d, c := range s.connections {
		if c.open == nil && now.Sub(c.left) > reconnectTime {
			delete(s.connections, d)
		}
	}
}

// writeHanded writes what was handed out since the last time.
func (s *Service) writeHanded(ctx context.Context) {
	s.mu.Lock()
	handed, apps := s.handed, s.apps
	if len(handed) == 0 {
		s.mu.Unlock()
		return
	}
	s.handed, s.apps = map[Handed]*roaring.Bitmap{}, map[aurora.MessageID]int64{}
	s.mu.Unlock()
	if err := s.c.Queue.MarkHanded(ctx, handed); err != nil {
		s.report(ctx, err)
		s.putBack(handed, apps)
		return
	}
	for id, app := range apps {
		s.moved(app, id)
	}
}

func (s *Service) putBack(handed map[Handed]*roaring.Bitmap, apps map[aurora.MessageID]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, numbers := range handed {
		if s.handed[h] != nil {
			numbers.Or(s.handed[h])
		}
		s.handed[h], s.apps[h.MessageID] = numbers, apps[h.MessageID]
	}
}
