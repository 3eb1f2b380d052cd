package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// Audit is what an examination of the outcomes on record found.
type Audit struct {
	Messages int
	Problems []string // sentences; at most maxProblems
}

const maxProblems = 20

func (a *Audit) problem(format string, args ...any) {
	if len(a.Problems) < maxProblems {
		a.Problems = append(a.Problems, fmt.Sprintf(format, args...))
	}
}

// AuditOutcomes reads every outcome on record and compares what is counted with
// the sets: each counter is the size of its bitmap, no device has two outcomes
// or one without having been targeted, and where no job is left every targeted
// device has one.
func (s *Store) AuditOutcomes(ctx context.Context) (a Audit, err error) {
	// A message that comes while this reads is not judged: its jobs are not known.
	var newest int64
	if err := s.row(ctx, "SELECT COALESCE(MAX(id), 0) FROM message").Scan(&newest); err != nil {
		return a, err
	}
	open := map[int64]bool{}
	err = s.rows(ctx, func(row scanner) error {
		var id int64
		err := row.Scan(&id)
		open[id] = true
		return err
	}, "SELECT DISTINCT message_id FROM job")
	if err != nil {
		return a, err
	}
	sets := outcomeSets{audit: &a}
	err = s.rows(ctx, func(row scanner) error {
		var id, block, devices int64
		var mark string
		var blob []byte
		if err := row.Scan(&id, &block, &mark, &blob, &devices); err != nil {
			return err
		}
		sets.begin(id, block, open[id] || id > newest)
		b := roaring.New()
		if err := b.UnmarshalBinary(blob); err != nil {
			a.problem("Message %d, block %d, %s: the bitmap is damaged: %v.", id, block, mark, err)
			return nil
		}
		if b.GetCardinality() != uint64(devices) {
			a.problem("Message %d, block %d: %d devices are counted as %s and %d are in the bitmap.", id, block, devices, mark, b.GetCardinality())
		}
		sets.add(aurora.Mark(mark), b)
		return nil
	}, "SELECT message_id, block, mark, bitmap, devices FROM mark ORDER BY message_id, block")
	if err != nil {
		return a, err
	}
	err = s.rows(ctx, func(row scanner) error {
		var id int64
		var text string
		if err := row.Scan(&id, &text); err != nil {
			return err
		}
		a.Messages++
		if text == "" {
			return nil
		}
		sets.begin(id, 0, open[id] || id > newest)
		notes, err := parseNotes(text)
		if err != nil {
			a.problem("Message %d: %v.", id, err)
			return nil
		}
		for _, n := range notes {
			sets.add(n.mark, n.numbers)
		}
		return nil
	}, "SELECT id, notes FROM message ORDER BY id")
	sets.end()
	return a, err
}

// outcomeSets gathers what one message and block has.
type outcomeSets struct {
	audit                      *Audit
	id, block                  int64
	open, begun                bool
	targeted, settled, reports *roaring.Bitmap
}

func (o *outcomeSets) begin(id, block int64, open bool) {
	if o.begun && o.id == id && o.block == block {
		return
	}
	o.end()
	o.id, o.block, o.open, o.begun = id, block, open, true
	o.targeted, o.settled, o.reports = roaring.New(), roaring.New(), roaring.New()
}

func (o *outcomeSets) add(mark aurora.Mark, b *roaring.Bitmap) {
	_, failed := mark.FailedReason()
	switch {
	case mark == aurora.Targeted:
		o.targeted.Or(b)
	case mark == aurora.Accepted || failed:
		if twice := roaring.And(o.settled, b); !twice.IsEmpty() {
			o.audit.problem("Message %d, block %d: device %d has two outcomes.", o.id, o.block, twice.Minimum())
		}
		o.settled.Or(b)
	case strings.HasPrefix(string(mark), "inapp:"): // of an in-app message, which waits and is fetched apart
	default:
		o.reports.Or(b)
	}
}

func (o *outcomeSets) end() {
	if !o.begun {
		return
	}
	if stray := roaring.AndNot(roaring.Or(o.settled, o.reports), o.targeted); !stray.IsEmpty() {
		o.audit.problem("Message %d, block %d: device %d was not targeted and has an outcome or a receipt.", o.id, o.block, stray.Minimum())
	}
	if rest := roaring.AndNot(o.targeted, o.settled); !o.open && !rest.IsEmpty() {
		o.audit.problem("Message %d, block %d: %d devices have no outcome and no job is left, such as device %d.", o.id, o.block, rest.GetCardinality(), rest.Minimum())
	}
	o.begun = false
}
