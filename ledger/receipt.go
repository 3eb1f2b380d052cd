package ledger

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// Reported are the devices that report one message of an app.
type Reported struct {
	AppID     int64
	MessageID aurora.MessageID
	// Part is which delivery of the message they report. Unsaid, it is the only
	// one; of two it is the in-app message for a device that was handed it and
	// has not acknowledged it yet.
	Part aurora.Part
	// Received and Opened are device numbers. Who opened a message is in both:
	// what was opened had arrived.
	Received, Opened *roaring.Bitmap
}

// MaxReceipts is how many receipts one call may bring.
const MaxReceipts = 100

// maxGathered bounds the receipts that are written together, and so how long
// that keeps the database from others.
const maxGathered = 16384

// gathering are the receipts of many devices, which share one write: a million
// phones report the same message, and it has one bitmap for each 65,536 of them.
type gathering struct {
	reports map[place]*Reported
	count   int
	done    chan struct{} // closed when failed is known
	failed  map[place]error
}

type place struct {
	app     int64
	message aurora.MessageID
	part    aurora.Part
}

// AddReceipts takes what a device reports. Receipts for messages that did not
// target the device are ignored; repeated ones change nothing. When it returns
// without an error they are durable.
func (s *Service) AddReceipts(ctx context.Context, d aurora.Device, receipts []aurora.Receipt) error {
	if len(receipts) > MaxReceipts {
		return aurora.Errorf(aurora.Invalid, "At most %d receipts can be reported by one call.", MaxReceipts)
	}
	if len(receipts) == 0 {
		return nil
	}
	g, first := s.gather(d, receipts)
	if first { // of this gathering: writes for all that join
		s.writing <- struct{}{}
		s.mu.Lock()
		if s.gathering == g {
			s.gathering = nil
		}
		s.mu.Unlock()
		s.writeReceipts(context.WithoutCancel(ctx), g) // which is not this caller's alone
		<-s.writing
	}
	select {
	case <-g.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, r := range receipts {
		if err := g.failed[place{d.AppID, r.MessageID, r.Part}]; err != nil {
			return err
		}
	}
	return nil
}

// gather adds receipts to those that are written next.
func (s *Service) gather(d aurora.Device, receipts []aurora.Receipt) (g *gathering, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gathering == nil || s.gathering.count >= maxGathered {
		s.gathering = &gathering{reports: map[place]*Reported{}, done: make(chan struct{})}
		first = true
	}
	g = s.gathering
	g.count += len(receipts)
	for _, r := range receipts {
		at := place{d.AppID, r.MessageID, r.Part}
		if g.reports[at] == nil {
			g.reports[at] = &Reported{d.AppID, r.MessageID, r.Part, roaring.New(), roaring.New()}
		}
		g.reports[at].Received.Add(d.Number)
		if r.Event == aurora.OpenedEvent {
			g.reports[at].Opened.Add(d.Number)
		}
	}
	return g, first
}

// writeReceipts writes a gathering and tells everyone who waits for it. If that
// fails each message is written by itself: one that is damaged keeps no other's
// receipts back.
func (s *Service) writeReceipts(ctx context.Context, g *gathering) {
	defer close(g.done)
	reports := make([]Reported, 0, len(g.reports))
	for _, r := range g.reports {
		reports = append(reports, *r)
	}
	slices.SortFunc(reports, func(a, b Reported) int { return int(a.MessageID - b.MessageID) }) // the same order everywhere: two nodes then never wait for each other
	if err := s.addReported(ctx, reports); err == nil {
		return
	}
	g.failed = map[place]error{}
	for i, r := range reports {
		if err := s.addReported(ctx, reports[i:i+1]); err != nil {
			g.failed[place{r.AppID, r.MessageID, r.Part}] = err
		}
	}
}

func (s *Service) addReported(ctx context.Context, reports []Reported) error {
	fresh, err := s.records.AddReceipts(ctx, reports)
	for _, r := range fresh {
		s.Hint(r.AppID, r.MessageID)
	}
	return err
}
