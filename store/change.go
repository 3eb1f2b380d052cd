package store

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// late is what a transaction writes once at its end for all its parts: the
// statements that every registration would otherwise make for itself, such as
// the next device number of the app and the record of what changed in a block.
type late struct {
	numbers map[int64]numbers // by app: those that its next devices get
	gains   map[place]map[string]*gain
	notices map[noticeKey]*roaring.Bitmap
}

// place is one block of an app.
type place struct {
	app     int64
	block   uint32
	message aurora.MessageID // whose marks in the block, or 0: the index
}

// gain are the devices that gained and lost one term. No device is in both.
type gain struct{ gained, lost roaring.Bitmap }

// noticeKey is a registry.Notice of one block without its devices.
type noticeKey struct {
	app      int64
	period   registry.Period
	kind     registry.Sighting
	platform aurora.Platform
	block    uint32
}

func newLate() *late {
	return &late{map[int64]numbers{}, map[place]map[string]*gain{}, map[noticeKey]*roaring.Bitmap{}}
}

// number returns the next free device number of an app.
func (t *tx) number(appID int64) (uint32, error) {
	n := t.late.numbers[appID]
	if n.next == n.last {
		var err error
		if n, err = t.moreNumbers(appID, n); err != nil {
			return 0, err
		}
	}
	if n.next >= 1<<32 {
		return 0, fmt.Errorf("store: app %d has used all its device numbers", appID)
	}
	t.late.numbers[appID] = numbers{n.next + 1, n.last}
	return uint32(n.next), nil
}

// moreNumbers returns numbers of an app after those that the transaction has
// used up.
func (t *tx) moreNumbers(appID int64, used numbers) (n numbers, err error) {
	if !t.w.dialect.shared {
		n.last = 1 << 32
		err = t.row("SELECT next_number FROM app WHERE id = $1", appID).Scan(&n.next)
		return n, err
	}
	if used.last > 0 {
		if err := t.putNumbers(appID, used); err != nil {
			return n, err
		}
	}
	return t.lease(appID)
}

// putNumbers stores which numbers are left.
func (t *tx) putNumbers(appID int64, n numbers) (err error) {
	if t.w.dialect.shared {
		_, err = t.exec("UPDATE number_range SET next = $3 WHERE app_id = $1 AND last = $2", appID, n.last, n.next)
	} else {
		_, err = t.exec("UPDATE app SET next_number = $2 WHERE id = $1", appID, n.next)
	}
	return err
}

// unused takes back the number that was given out last.
func (t *tx) unused(appID int64) {
	n := t.late.numbers[appID]
	n.next--
	t.late.numbers[appID] = n
}

// reindex notes the change between two sets of terms of a device.
func (t *tx) reindex(appID int64, number uint32, before, after []string) {
	gained, lost := missing(before, after), missing(after, before)
	if len(gained)+len(lost) == 0 {
		return
	}
	at := place{app: appID, block: audience.BlockOf(number)}
	terms := t.late.gains[at]
	if terms == nil {
		terms = map[string]*gain{}
		t.late.gains[at] = terms
	}
	of := func(term string) *gain {
		g := terms[term]
		if g == nil {
			g = &gain{}
			terms[term] = g
		}
		return g
	}
	for _, term := range gained {
		g := of(term)
		g.gained.Add(number)
		if !g.lost.IsEmpty() { // mostly it is, and removing takes as long as adding
			g.lost.Remove(number)
		}
	}
	for _, term := range lost {
		g := of(term)
		g.lost.Add(number)
		if !g.gained.IsEmpty() {
			g.gained.Remove(number)
		}
	}
}

// missing returns the terms of list that from lacks.
func missing(from, list []string) (terms []string) {
	if len(from) == 0 {
		return list
	}
	has := make(map[string]bool, len(from)) // a device may have a thousand tags
	for _, term := range from {
		has[term] = true
	}
	for _, term := range list {
		if !has[term] {
			terms = append(terms, term)
		}
	}
	return terms
}

// flush writes what was put off.
func (t *tx) flush() error {
	l := t.late
	for app, n := range l.numbers {
		if err := t.putNumbers(app, n); err != nil {
			return err
		}
	}
	for at, terms := range l.gains {
		if err := t.flushGains(at, terms); err != nil {
			return err
		}
	}
	for key, numbers := range l.notices {
		n := registry.Notice{AppID: key.app, Period: key.period, Kind: key.kind, Platform: key.platform}
		if err := notice(t, n, key.block, numbers); err != nil {
			return err
		}
	}
	t.late = newLate()
	return nil
}

// rowTerms is how many terms one record holds: folding goes record by record,
// in transactions of bounded length.
const rowTerms = 1024

func (t *tx) flushGains(at place, terms map[string]*gain) error {
	for names := range slices.Chunk(slices.Sorted(maps.Keys(terms)), rowTerms) {
		base := ^uint32(0)
		for _, name := range names {
			for _, numbers := range []*roaring.Bitmap{&terms[name].gained, &terms[name].lost} {
				if !numbers.IsEmpty() {
					base = min(base, numbers.Minimum())
				}
			}
		}
		var gained, lost strings.Builder
		for _, name := range names {
			writeTerm(&gained, base, name, &terms[name].gained)
			writeTerm(&lost, base, name, &terms[name].lost)
		}
		if gained.Len()+lost.Len() == 0 {
			continue
		}
		if _, err := t.exec("INSERT INTO index_change (app_id, block, number, gained, lost) VALUES ($1, $2, $3, $4, $5)",
			at.app, at.block, base, gained.String(), lost.String()); err != nil {
			return err
		}
	}
	return nil
}

// between separates a term from the devices that a line is about; no term has it.
const between = "\x1f"

// writeTerm appends a line: a term, and the devices unless it is the base
// alone, as ranges of distances from the base, such as "0-511,600".
func writeTerm(b *strings.Builder, base uint32, term string, numbers *roaring.Bitmap) {
	if numbers.IsEmpty() {
		return
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(term)
	if numbers.GetCardinality() == 1 && numbers.Minimum() == base {
		return
	}
	b.WriteString(between)
	first := true
	for lo, hi := range ranges(numbers) {
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString(strconv.FormatUint(uint64(lo-base), 36))
		if hi > lo {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(uint64(hi-base), 36))
		}
	}
}

// ranges yields the runs of consecutive numbers, both ends included.
func ranges(numbers *roaring.Bitmap) func(yield func(lo, hi uint32) bool) {
	return func(yield func(lo, hi uint32) bool) {
		it := numbers.Iterator()
		if !it.HasNext() {
			return
		}
		lo := it.Next()
		hi := lo
		for it.HasNext() {
			n := it.Next()
			if n == hi+1 {
				hi = n
				continue
			}
			if !yield(lo, hi) {
				return
			}
			lo, hi = n, n
		}
		yield(lo, hi)
	}
}

// change is an index-change record: the terms that devices of one block gained
// and lost, one a line. A line without devices is about the record's number.
type change struct {
	seq          int64
	number       uint32
	gained, lost string
}

// each calls set for every run of devices that gained or lost a term, what was
// lost first: of a field that has one value the new one comes last.
func (c change) each(set func(term string, lo, hi uint32, present bool) error) error {
	for _, part := range []struct {
		terms   string
		present bool
	}{{c.lost, false}, {c.gained, true}} {
		if part.terms == "" {
			continue
		}
		for line := range strings.SplitSeq(part.terms, "\n") {
			term, devices, many := strings.Cut(line, between)
			if !many {
				devices = "0"
			}
			for devices := range strings.SplitSeq(devices, ",") {
				lo, hi, err := c.run(devices)
				if err != nil {
					return err
				}
				if err := set(term, lo, hi, part.present); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c change) run(text string) (lo, hi uint32, err error) {
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	a, err := strconv.ParseUint(from, 36, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("store: a record of index changes is damaged: %w", err)
	}
	z, err := strconv.ParseUint(to, 36, 32)
	if err != nil || z < a || z >= audience.BlockSize {
		return 0, 0, fmt.Errorf("store: a record of index changes is damaged at %.40q", text)
	}
	return c.number + uint32(a), c.number + uint32(z), nil
}

func setRange(b *roaring.Bitmap, lo, hi uint32, present bool) {
	switch {
	case present && lo == hi:
		b.Add(lo)
	case present:
		b.AddRange(uint64(lo), uint64(hi)+1)
	default:
		b.RemoveRange(uint64(lo), uint64(hi)+1)
	}
}
