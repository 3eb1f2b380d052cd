package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// A message for few devices keeps its marks in its own row, as notes: one line
// for each write, "milliseconds numbers mark", which only grows. So accepting a
// login code is one row and a job, settling it one update, and its times are
// those of the device itself. Larger audiences have bitmaps (table mark).

// fewDevices is how many devices a message with notes may have.
const fewDevices = 64

// note is one write: these devices got this mark then.
type note struct {
	at      time.Time
	numbers *roaring.Bitmap
	mark    aurora.Mark
}

// appendNote adds a line. No devices are no line.
func appendNote(notes []byte, at time.Time, mark aurora.Mark, numbers *roaring.Bitmap) []byte {
	if numbers.IsEmpty() {
		return notes
	}
	notes = strconv.AppendInt(notes, millis(at), 10)
	sep := byte(' ')
	for it := numbers.Iterator(); it.HasNext(); sep = ',' {
		notes = strconv.AppendUint(append(notes, sep), uint64(it.Next()), 10)
	}
	notes = append(notes, ' ')
	// A vendor's reason is the vendor's text: it must not begin a line.
	notes = append(notes, strings.ReplaceAll(string(mark), "\n", " ")...)
	return append(notes, '\n')
}

var errNotes = errors.New("store: a message's notes are damaged")

// parseNotes reads lines in the order of their writing.
func parseNotes(text string) ([]note, error) {
	var all []note
	for line := range strings.Lines(text) {
		at, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		numbers, mark, ok2 := strings.Cut(rest, " ")
		ms, err := strconv.ParseInt(at, 10, 64)
		if !ok || !ok2 || err != nil || mark == "" {
			return nil, fmt.Errorf("%w: %.60q", errNotes, line)
		}
		n := note{fromMillis(ms), roaring.New(), aurora.Mark(mark)}
		for one := range strings.SplitSeq(numbers, ",") {
			number, err := strconv.ParseUint(one, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("%w: %.60q", errNotes, line)
			}
			n.numbers.Add(uint32(number))
		}
		all = append(all, n)
	}
	return all, nil
}

// noted returns the devices that have a mark.
func noted(notes []note, mark aurora.Mark) *roaring.Bitmap {
	all := roaring.New()
	for _, n := range notes {
		if n.mark == mark {
			all.Or(n.numbers)
		}
	}
	return all
}

// addNotes appends marks to a message's notes. It reports false, and does
// nothing, if the message has bitmaps instead.
func addNotes(t *tx, id aurora.MessageID, marks map[aurora.Mark]*roaring.Bitmap) (bool, error) {
	devices := uint64(0)
	for _, numbers := range marks {
		devices += numbers.GetCardinality()
	}
	if devices == 0 || devices > fewDevices*3 { // more than a message with notes can get
		return devices == 0, nil
	}
	var lines []byte
	for mark, numbers := range marks {
		lines = appendNote(lines, t.now, mark, numbers)
	}
	t.changesMarks(id)
	changed, err := t.exec("UPDATE message SET notes = notes || $2 WHERE id = $1 AND notes <> ''", int64(id), string(lines))
	return changed == 1, err
}
