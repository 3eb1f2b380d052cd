package dispatch_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/store/storetest"
)

// A job, a message or a schedule whose row is damaged stops nobody else's.
func TestDamagedRowsStopNoOthers(t *testing.T) {
	dir := newDatabase(t)
	damage := func(statement string, args ...any) {
		t.Helper()
		db := storetest.Beside(t, dir)
		if r, err := db.Exec(statement, args...); err != nil {
			t.Fatal(err)
		} else if n, _ := r.RowsAffected(); n == 0 {
			t.Fatalf("%s damages nothing", statement)
		}
	}
	var damagedJob, stoppedJob, damagedMessage, sound aurora.MessageID
	synctest.Test(t, func(t *testing.T) { // pushes wait, because the vendor is away
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
		w.open(dir)
		for i := range 3 {
			w.device(i+1, aurora.Development)
		}
		w.vendor.answer = func(aurora.Delivery, int) aurora.Outcome {
			return aurora.Outcome{Fault: aurora.VendorFault, Reason: "ServiceUnavailable", Retry: time.Minute}
		}
		minutes := alert("one")
		minutes.Options.TimeToLive = new(int64(600))
		damagedJob, stoppedJob = w.push(dispatch.Request{Message: minutes}), w.push(dispatch.Request{Message: alert("stopped")})
		damagedMessage, sound = w.push(dispatch.Request{Message: alert("two")}), w.push(dispatch.Request{Message: alert("three")})
		w.expect(sound, "waiting targeted 3 accepted 0 pending 3 failed []")
		w.stop()
	})
	damage("UPDATE job SET targets = $1 WHERE message_id IN ($2, $3)", []byte{0}, int64(damagedJob), int64(stoppedJob))
	damage("UPDATE message SET content = '{' WHERE id = $1", int64(damagedMessage))
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
		w.app.ID = 1
		var log strings.Builder
		w.config = func(c *dispatch.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
		w.open(dir)
		time.Sleep(2 * time.Minute)
		w.expect(sound, "done targeted 3 accepted 3 pending 0 failed []")
		for _, id := range []aurora.MessageID{damagedJob, stoppedJob} {
			w.expect(id, "waiting targeted 3 accepted 0 pending 3 failed []")
		}
		if n := strings.Count(log.String(), "a job is damaged"); n != 2 {
			t.Errorf("the two damaged jobs are in the log %d times:\n%s", n, log.String())
		}
		parked, err := w.db.ParkedJobs(t.Context(), 10)
		if err != nil || len(parked) != 2 || min(parked[0].MessageID, parked[1].MessageID) != damagedJob || parked[0].Problem == "" || parked[1].Problem == "" {
			t.Errorf("parked are %+v, %v; want both with the reason", parked, err)
		}
		if err := w.dispatch.Stop(t.Context(), w.app.ID, stoppedJob); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.expect(stoppedJob, "done targeted 3 accepted 0 pending 0 failed [{Stopped 3}]")
		time.Sleep(10 * time.Minute)
		w.expect(damagedJob, "done targeted 3 accepted 0 pending 0 failed [{Damaged 3}]")
		if list, err := w.ledger.Messages(t.Context(), w.app.ID, 0, 10); err != nil || len(list) != 4 {
			t.Errorf("%d messages are listed, %v; want 4", len(list), err)
		}
		marks, err := w.db.Tally(t.Context(), damagedMessage)
		if err != nil || marks.Marks[aurora.Failed(aurora.ReasonDamaged)] != 3 || marks.Jobs != 0 {
			t.Errorf("the damaged message has %v, %v; want three devices failed with the reason", marks, err)
		}
		w.stop()
	})
}

// The same for schedules: the damaged one is finished and says so.
func TestDamagedScheduleStopsNoOthers(t *testing.T) {
	dir := newDatabase(t)
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}
		w.open(dir)
		w.device(1, aurora.Development)
		schedules := dispatch.NewSchedules(dispatch.ScheduleConfig{Service: w.dispatch, Store: w.db})
		var ids []string
		for _, id := range []string{"00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"} {
			n := dispatch.Schedule{ID: id, Name: "soon", Enabled: true, Trigger: dispatch.Trigger{Kind: dispatch.Single, At: time.Now().Add(time.Minute)}, Push: dispatch.Request{Message: alert("hi"), Audience: audience.All()}, TriggerBody: []byte("{}"), PushBody: []byte("{}")}
			stored, err := schedules.Create(t.Context(), w.app, n, "")
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, stored.ID)
		}
		db := storetest.Beside(t, dir)
		if _, err := db.Exec("UPDATE schedule SET rule = '{', push_body = 'x' WHERE id = $1", ids[0]); err != nil {
			t.Fatal(err)
		}
		if list, total, err := schedules.Schedules(t.Context(), w.app.ID, 1); err != nil || total != 2 || len(list) != 2 {
			t.Errorf("%d of %d schedules are listed, %v; want both", len(list), total, err)
		}
		if _, err := schedules.Change(t.Context(), w.app.ID, ids[0], dispatch.ScheduleChange{}); aurora.KindOf(err) != aurora.Conflict {
			t.Errorf("the damaged one is changed: %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); schedules.Run(ctx) }()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		cancel()
		<-done
		for i, sent := range []bool{false, true} {
			fired, err := schedules.Firings(t.Context(), w.app.ID, ids[i])
			if err != nil || len(fired) != 1 || (fired[0].MessageID != 0) != sent || (fired[0].Problem == "") != sent {
				t.Errorf("schedule %d: %+v, %v; want it sent: %v", i, fired, err, sent)
			}
		}
		w.stop()
	})
}
