package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/store/storetest"
)

// A power cut loses what was not yet on the disk: the end of the log, from any
// byte on, or with rubbish in its place. Whatever was answered before is there
// when the database is opened again, in order and without a gap, and it works on.
func TestPowerCut(t *testing.T) {
	storetest.SQLiteOnly(t, "its log")
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, DatabaseFile+"-wal")
	const pushes = 40
	answered := make([]int64, pushes+1) // the log's size when so many were answered
	for i := range pushes {
		targets := roaring.BitmapOf(uint32(i))
		if i%10 == 0 {
			targets.AddRange(0, 5000)
		}
		a := dispatch.Accepted{Message: aurora.Message{ID: aurora.MessageID(i + 1), AppID: 1}, Targets: targets, Holder: "me", Until: time.Now().Add(time.Hour)}
		_, j, err := s.AcceptMessage(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		j.Targets = roaring.New()
		if err := s.Settle(t.Context(), dispatch.Settlement{Job: *j, Done: true, Marks: map[aurora.Mark]*roaring.Bitmap{aurora.Accepted: targets}}); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		if answered[i+1] = info.Size(); info.Size() > 900*4120 { // at 1,000 pages SQLite moves it into the database
			t.Fatal("the log is too long: make the test shorter")
		}
	}
	names := []string{DatabaseFile, DatabaseFile + "-wal"}
	whole := map[string][]byte{}
	for _, name := range names { // as the disk is, without the page of shared memory
		if whole[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	draw := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for round := range 40 {
		cut := draw.Int64N(int64(len(whole[names[1]])) + 1)
		data := append([]byte(nil), whole[names[1]]...)
		kind := []string{"missing", "rubbish", "torn pages"}[round%3]
		switch kind {
		case "missing":
			data = data[:cut]
		case "rubbish":
			for i := cut; i < int64(len(data)); i++ {
				data[i] = byte(draw.Uint32())
			}
		case "torn pages": // of what came after, sectors of 512 bytes are there or not
			for at := (cut + 511) / 512 * 512; at < int64(len(data)); at += 512 {
				if draw.IntN(2) == 0 {
					clear(data[at:min(at+512, int64(len(data)))])
				}
			}
		}
		sure := 0
		for sure < pushes && answered[sure+1] <= cut {
			sure++
		}
		torn := t.TempDir()
		for name, content := range map[string][]byte{names[0]: whole[names[0]], names[1]: data} {
			if err := os.WriteFile(filepath.Join(torn, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := inOrder(t, torn, sure); err != nil {
			t.Errorf("%s from byte %d of %d on, %d pushes were answered: %v", kind, cut, len(data), sure, err)
		}
	}
}

// inOrder opens what a power cut left and looks for the first pushes.
func inOrder(t *testing.T, dir string, sure int) error {
	s, err := Open(t.Context(), dir)
	if err != nil {
		return err
	}
	defer s.Close()
	var state string
	if err := s.row(t.Context(), "PRAGMA integrity_check").Scan(&state); err != nil || state != "ok" {
		return fmt.Errorf("integrity: %s, %w", state, err)
	}
	var n, last int
	if err := s.row(t.Context(), "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM message").Scan(&n, &last); err != nil {
		return err
	}
	if n != last || n < sure {
		return fmt.Errorf("there are %d messages, the last is number %d; want %d at least, and no gap", n, last, sure)
	}
	for id := 1; id <= sure; id++ {
		tally, err := s.Tally(t.Context(), aurora.MessageID(id))
		if err != nil || tally.Jobs != 0 || tally.Marks[aurora.Accepted] != tally.Marks[aurora.Targeted] || tally.Marks[aurora.Accepted] == 0 {
			return fmt.Errorf("message %d was settled and has %v, %w", id, tally, err)
		}
	}
	audit, err := s.AuditOutcomes(t.Context())
	if err != nil || len(audit.Problems) > 0 {
		return fmt.Errorf("the audit finds %v, %w", audit.Problems, err)
	}
	_, _, err = s.AcceptMessage(t.Context(), dispatch.Accepted{Message: aurora.Message{ID: 1 << 40, AppID: 1}, Targets: roaring.BitmapOf(1)})
	return err
}
