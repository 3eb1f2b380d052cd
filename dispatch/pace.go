package dispatch

import (
	"context"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// ErrPaced is the answer to one paced push too many.
var ErrPaced = aurora.Errorf(aurora.Full, "%d pushes of this app with big_push_duration are running, the most that may. Wait for one to end, stop one, or send without it.", aurora.MaxPaced)

// Unpaced marks a job with explicit devices that are still to be spread over
// time.
const Unpaced = -2

const (
	sliceTime = 5 * time.Second // between two slices, at least
	maxSlices = 288             // of one job, at most
)

// spread ends a job by others that each send to a slice of its devices, evenly
// over the message's time: waiting is a row (DESIGN §3.5).
func (w *work) spread(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := w.s.c.Messages.Settle(ctx, Settlement{Job: w.job, Done: true, Slices: slicesOf(w.job, &w.message)})
	if err == nil {
		w.s.hint(w.job.AppID, w.job.MessageID)
		w.s.Wake()
	}
	return err
}

func slicesOf(j Job, m *aurora.Message) []Job {
	span := m.PacedUntil().Sub(m.AcceptedAt)
	devices := j.Targets.GetCardinality()
	n := min(uint64(span/sliceTime), maxSlices, devices)
	slices := make([]Job, n)
	for i := range slices {
		s := j
		s.Block, s.Targets, s.Badges, s.ByPlatform = Explicit, roaring.New(), nil, nil
		s.NotBefore = m.AcceptedAt.Add(span * time.Duration(i) / time.Duration(n))
		slices[i] = s
	}
	badges := j.Badges
	for i, it := uint64(0), j.Targets.Iterator(); it.HasNext(); i++ { // dealt out: neighbours are sent at different times
		number, s := it.Next(), &slices[i%n]
		s.Targets.Add(number)
		for len(badges) > 0 && badges[0].Number < number {
			badges = badges[1:]
		}
		if len(badges) > 0 && badges[0].Number == number {
			s.Badges = append(s.Badges, badges[0])
		}
	}
	return slices
}
