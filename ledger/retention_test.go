package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/store/storetest"
)

// What is old goes, with everything that belongs to it, and the file becomes
// smaller; what is young or has work left stays.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	b := newBookIn(t, dir)
	draw := rand.New(rand.NewPCG(5, 6))
	old := time.Now().Add(-100 * 24 * time.Hour)
	group := aurora.MessageID(0) // the push to a group that the next message is part of
	store := func(accepted time.Time, devices int, done bool, cid string) aurora.MessageID {
		t.Helper()
		set := roaring.New()
		for range devices {
			set.Add(draw.Uint32N(60_000))
		}
		b.messages++
		m := aurora.Message{ID: b.messages, AppID: b.app, Audience: "all", AcceptedAt: accepted, Content: aurora.Content{Alert: json.RawMessage(`"hi"`)}}
		_, job, err := b.db.AcceptMessage(t.Context(), dispatch.Accepted{Message: m, CID: cid, Group: group, Targets: set.Clone(), Holder: "test", Until: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		if done {
			job.Targets = roaring.New()
			if err := b.db.Settle(t.Context(), dispatch.Settlement{Job: *job, Done: true, Marks: map[aurora.Mark]*roaring.Bitmap{aurora.Accepted: set}}); err != nil {
				t.Fatal(err)
			}
		}
		return m.ID
	}
	var gone []aurora.MessageID
	waiting := store(old, 10, false, "")
	for i := range 400 {
		gone = append(gone, store(old, 5000*(i%2)+1, true, fmt.Sprint("cid-", i)))
	}
	for i, name := range []string{"old", "waiting", "empty", "young"} {
		var err error
		if group, err = b.db.BeginGroupPush(t.Context(), 1, aurora.MessageID(1_000_000+i), ""); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "old":
			gone = append(gone, store(old, 5, true, ""))
		case "waiting":
			store(old, 5, false, "")
		case "young":
			store(time.Now(), 5, true, "")
		}
	}
	group = 0
	young := store(time.Now().Add(-80*24*time.Hour), 5000, true, "young")
	schedules := dispatch.NewSchedules(dispatch.ScheduleConfig{Service: dispatch.New(dispatch.Config{Messages: b.db, Registry: b.registry}), Store: b.db, Now: func() time.Time { return old.Add(-time.Hour) }})
	n := dispatch.Schedule{ID: "00000000-0000-4000-8000-000000000001", Name: "once", Enabled: true, Trigger: dispatch.Trigger{Kind: dispatch.Single, At: old}, Push: dispatch.Request{Message: aurora.Message{Content: aurora.Content{Alert: json.RawMessage(`"hi"`)}}, Audience: audience.All()}}
	n, err := schedules.Create(t.Context(), aurora.App{ID: b.app}, n, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.db.FireSchedule(t.Context(), dispatch.Firing{Schedule: n, Fired: dispatch.Fired{At: old, FiredAt: old, Problem: "none"}}); err != nil {
		t.Fatal(err)
	}
	damage(t, dir, "UPDATE cid SET created_at = $1 WHERE cid <> 'young'", old.UnixMilli())
	damage(t, dir, "UPDATE group_push SET created_at = $1 WHERE id <> 1000003", old.UnixMilli())
	before := sizeOf(t, dir)

	r := ledger.Retention{Archive: b.db, Logger: slog.New(slog.DiscardHandler)}
	if err := r.Sweep(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, id := range gone {
		if _, err := b.ledger.Report(t.Context(), b.app, id); aurora.KindOf(err) != aurora.NotFound {
			t.Fatalf("message %v is still there: %v", id, err)
		}
		if tally, err := b.db.Tally(t.Context(), id); err != nil || len(tally.Marks) > 0 {
			t.Fatalf("message %v left outcomes behind: %v, %v", id, tally.Marks, err)
		}
	}
	for _, id := range []aurora.MessageID{waiting, young} {
		if _, err := b.ledger.Report(t.Context(), b.app, id); err != nil {
			t.Errorf("message %v is gone: %v", id, err)
		}
	}
	db := storetest.Beside(t, dir)
	for query, want := range map[string]int{"SELECT COUNT(*) FROM cid": 1, "SELECT COUNT(*) FROM schedule": 0, "SELECT COUNT(*) FROM firing": 0,
		"SELECT COUNT(*) FROM group_push WHERE id IN (1000000, 1000002)": 0, "SELECT COUNT(*) FROM group_push": 2} {
		var got int
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", query, got, err, want)
		}
	}
	if after := sizeOf(t, dir); after > before*3/4 && !storetest.OnPostgres() {
		t.Errorf("the database has %d bytes and had %d before", after, before)
	}
	if audit, err := b.db.AuditOutcomes(context.Background()); err != nil || len(audit.Problems) > 0 {
		t.Errorf("the audit finds %v, %v", audit.Problems, err)
	}
}

// sizeOf returns how much of the disk a SQLite database takes once its log is
// in it; PostgreSQL keeps the room and uses it again.
func sizeOf(t *testing.T, dir string) int64 {
	t.Helper()
	if storetest.OnPostgres() {
		return 0
	}
	damage(t, dir, "PRAGMA wal_checkpoint(TRUNCATE)")
	info, err := os.Stat(filepath.Join(dir, "aurora.db"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
