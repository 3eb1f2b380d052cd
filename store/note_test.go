package store

import (
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// What is appended is read again, whatever the vendor's reason is made of.
func TestNotesAreReadAsWritten(t *testing.T) {
	at := time.UnixMilli(1764093600123).UTC()
	want := []note{
		{at, roaring.BitmapOf(0, 7, 1<<32-1), aurora.Targeted},
		{at.Add(time.Second), roaring.BitmapOf(7), aurora.Failed("Bad Token, very")},
		{at.Add(time.Minute), roaring.BitmapOf(0), aurora.Accepted},
	}
	var text []byte
	for _, n := range want {
		text = appendNote(text, n.at, n.mark, n.numbers)
	}
	text = appendNote(text, at, aurora.Opened, roaring.New()) // nobody: no line
	got, err := parseNotes(string(text))
	if err != nil || len(got) != len(want) {
		t.Fatalf("read %d notes, %v; want %d", len(got), err, len(want))
	}
	for i, w := range want {
		if g := got[i]; !g.at.Equal(w.at) || g.mark != w.mark || !g.numbers.Equals(w.numbers) {
			t.Errorf("note %d is %v %v %q, want %v %v %q", i, g.at, g.numbers, g.mark, w.at, w.numbers, w.mark)
		}
	}
	hostile := appendNote(nil, at, aurora.Failed("x\n1 2 opened"), roaring.BitmapOf(1))
	if got, err := parseNotes(string(hostile)); err != nil || len(got) != 1 {
		t.Errorf("a reason with a line break makes %d notes, %v; want 1", len(got), err)
	}
}

func FuzzNotes(f *testing.F) {
	for _, seed := range []string{"", "1 2 targeted\n", "1764093600123 1,2,3 failed:Bad Token\n1764093600124 1 accepted\n", "1 2\n", "x 2 y\n", "1 99999999999 y\n", "1  y\n", "1 2 \n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		notes, err := parseNotes(text)
		if err != nil {
			return
		}
		var again []byte
		for _, n := range notes {
			if n.at.IsZero() {
				return // not written by us
			}
			again = appendNote(again, n.at, n.mark, n.numbers)
		}
		if back, err := parseNotes(string(again)); err != nil || len(back) != len(notes) {
			t.Fatalf("%q became %q, which reads as %d notes, %v", text, again, len(back), err)
		}
		if strings.Count(string(again), "\n") != len(notes) {
			t.Fatalf("%q: not one line a note", again)
		}
	})
}
