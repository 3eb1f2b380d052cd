package store

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
	"golang.org/x/sync/errgroup"
)

// TermSets calls yield with the devices that have each value of a field.
func (s *Store) TermSets(ctx context.Context, appID int64, field audience.Field, yield func(block uint32, value string, numbers *roaring.Bitmap)) error {
	prefix := string(field) + ":"
	return s.rows(ctx, func(row scanner) error {
		var block uint32
		var term string
		var blob []byte
		if err := row.Scan(&block, &term, &blob); err != nil {
			return err
		}
		numbers := roaring.New()
		if err := numbers.UnmarshalBinary(blob); err != nil {
			return err
		}
		yield(block, strings.TrimPrefix(term, prefix), numbers)
		return nil
	}, "SELECT block, term, bitmap FROM index_block WHERE app_id = $1 AND term >= $2 AND term < $3", appID, prefix, string(field)+";")
}

// splitting is one report by a property under way.
type splitting struct {
	q      ledger.SplitQuery
	names  []string
	sets   map[uint32][]*roaring.Bitmap // by block, in the places of names
	period map[int64]int                // message id → period, of messages with bitmaps
	lowest int64
	most   int64 // the highest id
	few    map[uint32][]fewMarks

	mu     sync.Mutex
	counts [][]ledger.Figures // by name, the others last; by period
}

// fewMarks are devices of one block that got a mark of a message with notes.
type fewMarks struct {
	period  int
	mark    aurora.Mark
	numbers *roaring.Bitmap
}

// SplitPushes intersects the outcomes of messages with the devices that have
// each value of a field.
func (s *Store) SplitPushes(ctx context.Context, q ledger.SplitQuery) (split ledger.Split, err error) {
	p := splitting{q: q, sets: map[uint32][]*roaring.Bitmap{}, period: map[int64]int{}, few: map[uint32][]fewMarks{}}
	sizes, others, err := p.readValues(ctx, s)
	if err != nil {
		return split, err
	}
	if split.Partial, err = p.readMessages(ctx, s); err != nil {
		return split, err
	}
	for range len(p.names) + 1 {
		p.counts = append(p.counts, make([]ledger.Figures, len(q.Starts)))
	}
	blocks, err := s.Blocks(ctx, q.AppID)
	if err != nil {
		return split, err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	for block := range blocks {
		work.Go(func() error { return p.countBlock(ctx, s, block) })
	}
	if err := work.Wait(); err != nil {
		return split, err
	}
	for i, name := range append(p.names, "") {
		devices := others
		if name != "" {
			devices = sizes[name]
		}
		for at := range q.Starts {
			p.counts[i][at].Start = q.Starts[at]
		}
		split.Rows = append(split.Rows, ledger.SplitRow{Value: name, Devices: devices, Periods: p.counts[i]})
	}
	return split, nil
}

// readValues finds the values that most devices have, and their devices.
func (p *splitting) readValues(ctx context.Context, s *Store) (sizes map[string]uint64, others uint64, err error) {
	type placed struct {
		block   uint32
		numbers *roaring.Bitmap
	}
	all, sizes := map[string][]placed{}, map[string]uint64{}
	err = s.TermSets(ctx, p.q.AppID, p.q.Field, func(block uint32, value string, numbers *roaring.Bitmap) {
		if value != "" {
			all[value] = append(all[value], placed{block, numbers})
			sizes[value] += numbers.GetCardinality()
		}
	})
	for name := range sizes {
		p.names = append(p.names, name)
	}
	slices.SortFunc(p.names, func(a, b string) int { return cmp.Or(cmp.Compare(sizes[b], sizes[a]), audience.NewestFirst(a, b)) })
	for i := p.q.Values; i < len(p.names); i++ {
		others += sizes[p.names[i]]
	}
	p.names = p.names[:min(p.q.Values, len(p.names))]
	for i, name := range p.names {
		for _, one := range all[name] {
			if p.sets[one.block] == nil {
				p.sets[one.block] = make([]*roaring.Bitmap, len(p.names))
			}
			p.sets[one.block][i] = one.numbers
		}
	}
	return sizes, others, err
}

// readMessages finds the newest messages, and the marks of those with notes.
func (p *splitting) readMessages(ctx context.Context, s *Store) (partial bool, err error) {
	from, notes := millis(p.q.Starts[0]), 0
	err = s.rows(ctx, func(row scanner) error {
		var id, accepted int64
		var text string
		if err := row.Scan(&id, &accepted, &text); err != nil {
			return err
		}
		if accepted < from {
			return errEnough // ids rise with time, but for what servers did in the same moment
		}
		if len(p.period) == p.q.Messages && text == "" || notes == p.q.Notes {
			partial = true
			return errEnough
		}
		at := p.periodOf(fromMillis(accepted))
		if text == "" {
			p.period[id] = at
			p.lowest, p.most = id, max(p.most, id)
			return nil
		}
		notes++
		return p.addNotes(at, text)
	}, "SELECT id, accepted_at, notes FROM message WHERE app_id = $1 ORDER BY id DESC", p.q.AppID)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return partial, err
}

func (p *splitting) periodOf(t time.Time) (at int) {
	for at+1 < len(p.q.Starts) && !t.Before(p.q.Starts[at+1]) {
		at++
	}
	return at
}

func (p *splitting) addNotes(at int, text string) error {
	notes, err := parseNotes(text)
	if err != nil {
		return err
	}
	marks := map[aurora.Mark]*roaring.Bitmap{}
	for _, n := range notes {
		marks[n.mark] = orInto(marks[n.mark], n.numbers)
	}
	for mark, numbers := range marks {
		for block, part := range audience.ByBlock(numbers) {
			p.few[block] = append(p.few[block], fewMarks{at, mark, part})
		}
	}
	return nil
}

// dense is from how many devices on a set is intersected with each value's; of
// smaller ones each device is looked up.
const dense = 2048

// countBlock counts the marks of one block of devices.
func (p *splitting) countBlock(ctx context.Context, s *Store, block uint32) error {
	sets := p.sets[block]
	var value []uint8 // of each device of the block: its place in names and 1; made when it is needed
	counts := make([][]ledger.Figures, len(p.names)+1)
	for i := range counts {
		counts[i] = make([]ledger.Figures, len(p.q.Starts))
	}
	add := func(at int, mark aurora.Mark, numbers *roaring.Bitmap) {
		rest := numbers.GetCardinality()
		if rest >= dense {
			for i, set := range sets {
				if set == nil {
					continue
				}
				n := set.AndCardinality(numbers)
				counts[i][at].Count(mark, n)
				rest -= min(n, rest)
			}
			counts[len(p.names)][at].Count(mark, rest)
			return
		}
		if value == nil {
			value = placesOf(sets)
		}
		for it := numbers.Iterator(); it.HasNext(); {
			i := int(value[it.Next()%audience.BlockSize])
			if i == 0 {
				i = len(counts)
			}
			counts[i-1][at].Count(mark, 1)
		}
	}
	for _, f := range p.few[block] {
		add(f.period, f.mark, f.numbers)
	}
	if len(p.period) > 0 {
		err := s.rows(ctx, func(row scanner) error {
			var id int64
			var mark string
			var blob []byte
			if err := row.Scan(&id, &mark, &blob); err != nil {
				return err
			}
			at, ok := p.period[id]
			if !ok {
				return nil
			}
			numbers := roaring.New()
			if _, err := numbers.FromBuffer(blob); err != nil {
				return err
			}
			add(at, aurora.Mark(mark), numbers)
			return nil
		}, "SELECT k.message_id, k.mark, k.bitmap FROM message m JOIN mark k ON k.message_id = m.id AND k.block = $4 WHERE m.app_id = $1 AND m.id BETWEEN $2 AND $3 AND m.notes = ''", p.q.AppID, p.lowest, p.most, block)
		if err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range counts {
		for at, f := range counts[i] {
			to := &p.counts[i][at]
			to.Targeted += f.Targeted
			to.Accepted += f.Accepted
			to.Failed += f.Failed
			to.Received += f.Received
			to.Opened += f.Opened
		}
	}
	return nil
}

// placesOf returns the place of each device's value, from 1; 0 is none. There
// are at most 255.
func placesOf(sets []*roaring.Bitmap) []uint8 {
	value := make([]uint8, audience.BlockSize)
	for i, set := range sets {
		if set == nil {
			continue
		}
		for it := set.Iterator(); it.HasNext(); {
			value[it.Next()%audience.BlockSize] = uint8(i + 1)
		}
	}
	return value
}
