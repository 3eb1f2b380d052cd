package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aurora-push/aurora/dispatch"
)

// errDoubt is in the error of a write of which nobody knows whether it was
// stored: the connection was lost at its end.
var errDoubt = errors.New("store: stored or not")

// doubts are leases that may be stored without the worker having been told. Its
// server lives, so nobody buries it, and does not know that it has work: a login
// code would wait until the lease runs out.
type doubts struct {
	mu   sync.Mutex
	list []doubt
}

// doubt is one such lease: of the jobs that a holder took until a moment.
type doubt struct {
	holder string
	until  int64
	job    int64 // 0 means all that it took in the lane
	lane   dispatch.Lane
}

// maxDoubts bounds what is remembered; of what is not, the lease runs out.
const maxDoubts = 10_000

// of notes what a write that ended with an error may have leased.
func (d *doubts) of(err error, holder string, until time.Time, job int64, lane dispatch.Lane) {
	if holder == "" || !errors.Is(err, errDoubt) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) < maxDoubts {
		d.list = append(d.list, doubt{holder, millis(until), job, lane})
	}
}

// endDoubts gives back what may have been leased. Should another lease of the
// holder in this lane end in the same millisecond, its job is done again.
func (s *Store) endDoubts(ctx context.Context) error {
	s.doubts.mu.Lock()
	list := s.doubts.list
	s.doubts.list = nil
	s.doubts.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	err := s.write(ctx, func(t *tx) error {
		for _, d := range list {
			// Of a push that was taken in from somebody the job has the message's id.
			_, err := t.exec(`UPDATE job SET holder = '', due_at = $4, fence = fence + 1
				WHERE holder = $1 AND due_at = $2 AND (id = $3 OR $3 = 0 AND lane = $5)`, d.holder, d.until, d.job, millis(t.now), int(d.lane))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.doubts.mu.Lock()
		s.doubts.list = append(list, s.doubts.list...)
		s.doubts.mu.Unlock()
	}
	return err
}
