package store

import (
	"context"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
)

// ParkJob sets a damaged job aside.
func (s *Store) ParkJob(ctx context.Context, j dispatch.Job, problem string, until time.Time) error {
	return s.write(ctx, func(t *tx) error {
		stopped, err := t.stopped(j.MessageID)
		if err != nil {
			return err
		}
		if stopped {
			until = t.now
		}
		changed, err := t.exec("UPDATE job SET holder = '', due_at = $3, problem = $4 WHERE id = $1 AND fence = $2", j.ID, j.Fence, millis(until), problem)
		if err == nil && changed == 0 {
			return dispatch.ErrLost
		}
		return err
	})
}

// AbandonJob ends a damaged job with an outcome for every device that nobody
// else will send to.
func (s *Store) AbandonJob(ctx context.Context, j dispatch.Job, reason string) (devices uint64, err error) {
	err = s.write(ctx, func(t *tx) error {
		changed, err := t.exec("DELETE FROM job WHERE id = $1 AND fence = $2", j.ID, j.Fence)
		if err != nil {
			return err
		}
		if changed == 0 {
			return dispatch.ErrLost
		}
		rest, err := t.forsaken(j)
		if err != nil {
			return err
		}
		devices = rest.GetCardinality()
		marks := map[aurora.Mark]*roaring.Bitmap{named(j, aurora.Failed(reason)): rest}
		if err := addMarks(t, j.MessageID, marks); err != nil {
			return err
		}
		return s.tellSettlement(t, dispatch.Settlement{Job: j, Done: true, Marks: marks}, nil)
	})
	return devices, err
}

// named is the name of a mark of a job's part.
func named(j dispatch.Job, m aurora.Mark) aurora.Mark {
	if j.Part == aurora.VoIPPart {
		return aurora.VoIP(m)
	}
	return m
}

// forsaken returns the devices of a job's block, or of its whole message, that
// were targeted, have no outcome and are in none of the jobs that are left.
func (t *tx) forsaken(j dispatch.Job) (*roaring.Bitmap, error) {
	marks, err := t.allMarks(j.MessageID)
	if err != nil {
		return nil, err
	}
	rest := roaring.New()
	if targeted := marks[named(j, aurora.Targeted)]; targeted != nil {
		rest = targeted.Clone()
	}
	for mark, numbers := range marks {
		if mark == named(j, aurora.Accepted) || strings.HasPrefix(string(mark), string(named(j, aurora.Failed("")))) {
			rest.AndNot(numbers)
		}
	}
	if j.Block >= 0 {
		block := roaring.New()
		block.AddRange(uint64(j.Block)*audience.BlockSize, uint64(j.Block+1)*audience.BlockSize)
		rest.And(block)
	}
	return rest, t.rows(func(row scanner) error {
		other, err := scanJob(row)
		if err == nil && other.Damaged == nil && other.Targets != nil {
			rest.AndNot(other.Targets)
		}
		return err
	}, "SELECT "+jobColumns+" FROM job WHERE message_id = $1 AND part = $2", int64(j.MessageID), string(j.Part))
}

// allMarks returns what is on record of a message, in all blocks.
func (t *tx) allMarks(id aurora.MessageID) (map[aurora.Mark]*roaring.Bitmap, error) {
	marks := map[aurora.Mark]*roaring.Bitmap{}
	add := func(mark aurora.Mark, numbers *roaring.Bitmap) {
		if marks[mark] == nil {
			marks[mark] = roaring.New()
		}
		marks[mark].Or(numbers)
	}
	var text string
	if err := t.row("SELECT notes FROM message WHERE id = $1", int64(id)).Scan(&text); none(err, nil) != nil {
		return nil, err
	}
	notes, err := parseNotes(text)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		add(n.mark, n.numbers)
	}
	return marks, t.rows(func(row scanner) error {
		var mark string
		var blob []byte
		if err := row.Scan(&mark, &blob); err != nil {
			return err
		}
		b := roaring.New()
		err := b.UnmarshalBinary(blob)
		add(aurora.Mark(mark), b)
		return err
	}, "SELECT mark, bitmap FROM mark WHERE message_id = $1", int64(id))
}

// ParkedJob is a damaged job that waits for somebody to mend it.
type ParkedJob struct {
	MessageID aurora.MessageID
	Problem   string
	Until     time.Time // when its devices fail
}

// CountParked returns how many damaged jobs were set aside.
func (s *Store) CountParked(ctx context.Context) (n int, err error) {
	err = s.row(ctx, "SELECT COUNT(*) FROM job WHERE problem <> ''").Scan(&n)
	return n, err
}

// ParkedJobs returns damaged jobs that were set aside, at most so many.
func (s *Store) ParkedJobs(ctx context.Context, max int) (list []ParkedJob, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var p ParkedJob
		var due int64
		err := row.Scan(&p.MessageID, &p.Problem, &due)
		p.Until = fromMillis(due)
		list = append(list, p)
		return err
	}, "SELECT message_id, problem, due_at FROM job WHERE problem <> '' AND holder = '' ORDER BY due_at LIMIT $1", max)
	return list, err
}
