package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/store/storetest"
)

// A database from before messages had notes keeps its messages, outcomes and
// jobs: what waited is sent.
func TestMessagesFromBeforeNotes(t *testing.T) {
	storetest.SQLiteOnly(t, "PostgreSQL came later")
	dir := t.TempDir()
	old, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "aurora.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	run := func(text string, args ...any) {
		t.Helper()
		if _, err := old.Exec(text, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"0001_start.sql", "0002_schedule.sql"} {
		text, err := migrations.ReadFile("migrations/" + file)
		if err != nil {
			t.Fatal(err)
		}
		run(sqlite.words.Replace(string(text)))
	}
	run("CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES (1), (2)")
	run(`INSERT INTO message (id, app_id, sendno, source, platforms, audience, content, options, accepted_at) VALUES (77, 1, 5, 'api', 'ios', 'all', '{"alert":"hi"}', '{}', 1000)`)
	run("INSERT INTO mark VALUES (77, 0, 'targeted', ?, 3, 2000)", blobOf(roaring.BitmapOf(1, 2, 3)))
	run("INSERT INTO mark VALUES (77, 0, 'accepted', ?, 1, 3000)", blobOf(roaring.BitmapOf(1)))
	run("INSERT INTO job (id, message_id, app_id, lane, block, attempt, due_at, targets) VALUES (9, 77, 1, 0, -1, 1, 4000, ?)", blobOf(roaring.BitmapOf(2, 3)))
	old.Close()

	s, err := openTest(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	jobs, err := s.LeaseJobs(t.Context(), dispatch.Direct, "me", time.Now().Add(time.Minute), 10)
	if err != nil || len(jobs) != 1 || jobs[0].ID != 9 || jobs[0].Targets.GetCardinality() != 2 {
		t.Fatalf("leased %+v, %v; want job 9 with two devices", jobs, err)
	}
	st := dispatch.Settlement{Job: jobs[0], Done: true, Marks: map[aurora.Mark]*roaring.Bitmap{aurora.Accepted: roaring.BitmapOf(2, 3)}}
	if err := s.Settle(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	tally, err := s.Tally(t.Context(), 77)
	if got := fmt.Sprint(tally.Marks, tally.Jobs, err); got != "map[accepted:3 targeted:3] 0 <nil>" {
		t.Errorf("the tally is %s", got)
	}
	if at, err := s.MarksOf(t.Context(), 77, 1); err != nil || !at[aurora.Targeted].Equal(time.UnixMilli(2000)) {
		t.Errorf("the marks of device 1 are %v, %v", at, err)
	}
}

// A message for few devices has notes, one for more has bitmaps, and both
// answer the same.
func TestNotesAndBitmapsAnswerTheSame(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, devices := range []uint64{1, fewDevices, fewDevices + 1} {
		targets := roaring.New()
		targets.AddRange(65500, 65500+devices) // over the edge of a block
		id := aurora.MessageID(1000 + devices)
		_, j, err := s.AcceptMessage(t.Context(), dispatch.Accepted{Message: aurora.Message{ID: id, AppID: 1}, Targets: targets, Holder: "me", Until: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		notes, err := s.notes(t.Context(), id)
		if err != nil || (notes != nil) != (devices <= fewDevices) {
			t.Fatalf("%d devices: notes %v, %v", devices, notes, err)
		}
		j.Targets = roaring.New()
		st := dispatch.Settlement{Job: *j, Done: true, Marks: map[aurora.Mark]*roaring.Bitmap{aurora.Accepted: targets}}
		if err := s.Settle(t.Context(), st); err != nil {
			t.Fatal(err)
		}
		if err := s.Settle(t.Context(), st); err != dispatch.ErrLost {
			t.Errorf("settled twice: %v, want ErrLost", err)
		}
		tally, err := s.Tally(t.Context(), id)
		if got, want := fmt.Sprint(tally.Marks, tally.Jobs, err), fmt.Sprintf("map[accepted:%d targeted:%d] 0 <nil>", devices, devices); got != want {
			t.Errorf("%d devices: the tally is %s, want %s", devices, got, want)
		}
		left, err := s.WithoutMark(t.Context(), id, 0, aurora.Targeted, aurora.Received)
		if want := min(devices, 36); err != nil || left.GetCardinality() != want || left.Maximum() != uint32(65500+want-1) {
			t.Errorf("%d devices: %v of block 0 have not received it, %v; want %d", devices, left, err, want)
		}
		if left, err = s.WithoutMark(t.Context(), id, 0, aurora.Targeted, aurora.Accepted); err != nil || !left.IsEmpty() {
			t.Errorf("%d devices: %v were not accepted, %v", devices, left, err)
		}
	}
}
