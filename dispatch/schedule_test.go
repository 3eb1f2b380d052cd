package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

func TestScheduleFiresOnTime(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		n := a.create(draft("later", in(10*time.Minute)))
		due := time.Now().Add(10 * time.Minute)
		a.device(1, aurora.Development) // after it was created: the audience is resolved when it fires
		time.Sleep(10*time.Minute - time.Millisecond)
		a.sent(0)
		time.Sleep(time.Second)
		a.sent(1)
		if late := a.vendor.at[0].Sub(due); late < 0 || late > 10*time.Millisecond {
			t.Errorf("it was sent %v after its time", late)
		}
		first := a.fired(n.ID, "sent 0s")[0]
		a.expect(first.MessageID, "done targeted 1 accepted 1 pending 0 failed []")
		if list, total, err := a.schedules.Schedules(a.Context(), a.app.ID, 1); err != nil || total != 0 || len(list) != 0 {
			t.Errorf("it is still listed: %v, %d, %v", list, total, err)
		}
		if got, err := a.schedules.Schedule(a.Context(), a.app.ID, n.ID); err != nil || !got.Finished(time.Now()) {
			t.Errorf("it is %+v, %v; want it finished", got, err)
		}
		for name, c := range map[string]dispatch.ScheduleChange{"name": {Name: new("x")}, "trigger": {Trigger: new(in(time.Hour))}, "enabled": {Enabled: new(true)}} {
			if _, err := a.schedules.Change(a.Context(), a.app.ID, n.ID, c); aurora.KindOf(err) != aurora.Conflict {
				t.Errorf("its %s can be changed although it is finished: %v", name, err)
			}
		}
		time.Sleep(time.Minute)
		a.sent(1)
	})
}

func TestIntelligentScheduleFiresAtOnce(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		n := a.create(draft("now", dispatch.Trigger{Kind: dispatch.Intelligent}))
		time.Sleep(10 * time.Millisecond)
		a.fired(n.ID, "sent 0s")
		time.Sleep(time.Minute)
		a.fired(n.ID, "sent 0s")
		a.sent(1)
	})
}

func TestScheduleForNobodyIsRecorded(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		d := draft("nobody", in(time.Minute))
		d.Push.Audience = audience.Is(audience.Tag, "nobody")
		n := a.create(d)
		time.Sleep(time.Minute + time.Second)
		f := a.fired(n.ID, "sent 0s")[0]
		a.expect(f.MessageID, "done targeted 0 accepted 0 pending 0 failed []")
	})
}

// Several servers on one database, one of them with connections of its own as
// another process would have, fire each of many schedules once.
func TestSchedulesFireOnceWithSeveralServers(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		a.rest() // so that nobody reads while the schedules are written
		var all []dispatch.Schedule
		for i := range 70 { // more than one page
			all = append(all, a.create(draft(fmt.Sprint(i), in(time.Minute))))
		}
		_, a.rest = a.another(a.db)
		for range 2 {
			_, rest := a.another(a.db)
			defer rest()
		}
		db, err := openStore(a, a.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		second := dispatch.New(dispatch.Config{Messages: db, Registry: registry.New(db, nil, nil), Channel: a.vendor, Parker: a.vendor})
		_, rest := a.beside(second, db)
		defer rest()
		time.Sleep(2 * time.Minute)
		late := 0
		for _, n := range all {
			fired, err := a.schedules.Firings(a.Context(), a.app.ID, n.ID)
			if err != nil || len(fired) != 1 || fired[0].Problem != "" {
				t.Errorf("%s: on record is %v, %v", n.Name, fired, err)
			} else if fired[0].FiredAt.Sub(fired[0].At) > 5*time.Second {
				late++
			}
		}
		if late > 0 {
			t.Errorf("%d fired more than 5 s late", late)
		}
		a.sent(len(all))
	})
}

// Daily pushes of a server that is restarted between them.
func TestScheduleFiresOnTimeAfterRestarts(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		n := a.create(draft("daily", daily(time.Minute)))
		var want []string
		for day := range 4 {
			due := n.NextAt.AddDate(0, 0, day)
			time.Sleep(time.Until(due) - time.Millisecond)
			a.fired(n.ID, want...)
			time.Sleep(time.Second)
			want = append(want, "sent 0s")
			a.fired(n.ID, want...)
			a.sent(day + 1)
			a.down()
			time.Sleep(time.Until(due.Add(24*time.Hour - 30*time.Second)))
			a.up()
		}
	})
}

func TestServerDownOverAnOccurrence(t *testing.T) {
	for name, c := range map[string]struct {
		trigger func() dispatch.Trigger
		ttl     int64 // seconds; -1 for the default
		down    time.Duration
		want    string
		sent    int
		next    time.Duration // after the server came back; 0 for finished
	}{
		"single, a short restart":                   {func() dispatch.Trigger { return in(time.Minute) }, 0, 90 * time.Second, "sent 30s", 1, 0},
		"single, within its time to live":           {func() dispatch.Trigger { return in(time.Minute) }, -1, 23 * time.Hour, "sent 22h59m0s", 1, 0},
		"single, after its time to live":            {func() dispatch.Trigger { return in(time.Minute) }, -1, 24*time.Hour + time.Minute, "missed 24h0m0s", 0, 0},
		"single, after a short time to live":        {func() dispatch.Trigger { return in(time.Minute) }, 600, 11 * time.Minute, "missed 10m0s", 0, 0},
		"periodical, three days":                    {func() dispatch.Trigger { return daily(time.Minute) }, -1, 62 * time.Hour, "sent 13h59m0s", 1, 10*time.Hour + time.Minute},
		"periodical, three days, short to live":     {func() dispatch.Trigger { return daily(time.Minute) }, 3600, 62 * time.Hour, "missed 13h59m0s", 0, 10*time.Hour + time.Minute},
		"periodical, its last and its end are over": {func() dispatch.Trigger { return daily(time.Minute) }, 864000, 31 * 24 * time.Hour, "sent 47h59m0s", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inAgenda(t, func(a *agenda) {
				a.device(1, aurora.Development)
				d := draft("x", c.trigger())
				if c.ttl >= 0 {
					d.Push.Message.Options.TimeToLive = &c.ttl
				}
				n := a.create(d)
				a.down()
				time.Sleep(c.down)
				back := time.Now()
				a.up()
				a.fired(n.ID, c.want)
				time.Sleep(5 * time.Second)
				a.fired(n.ID, c.want)
				a.sent(c.sent)
				got, err := a.schedules.Schedule(a.Context(), a.app.ID, n.ID)
				if err != nil {
					t.Fatal(err)
				}
				if c.next == 0 && (!got.NextAt.IsZero() || !got.Finished(time.Now())) {
					t.Errorf("it goes on at %v, want it finished", got.NextAt)
				}
				if c.next > 0 && !got.NextAt.Equal(back.Add(c.next).Truncate(time.Second)) {
					t.Errorf("it goes on %v after the start, want %v", got.NextAt.Sub(back), c.next)
				}
			})
		})
	}
}

func TestClockSteps(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		single, every := a.create(draft("single", in(20*time.Minute))), a.create(draft("daily", daily(20*time.Minute)))
		time.Sleep(time.Minute)
		a.step.Store(int64(20 * time.Minute)) // 20 minutes forward: both times were skipped
		time.Sleep(2 * time.Second)
		all, err := a.schedules.Firings(a.Context(), a.app.ID, single.ID)
		if err != nil || len(all) != 1 || all[0].FiredAt.Sub(all[0].At) > 62*time.Second {
			t.Fatalf("on record is %v, %v; want it sent within a second or so of the step", all, err)
		}
		late := fmt.Sprint("sent ", all[0].FiredAt.Sub(all[0].At).Truncate(time.Second))
		a.fired(single.ID, late)
		a.fired(every.ID, late)
		a.step.Store(0) // and back: both times come again
		time.Sleep(20 * time.Minute)
		a.fired(single.ID, late)
		a.fired(every.ID, late)
		// Giving the schedule back as it is repeats nothing either.
		a.step.Store(-int64(10 * time.Minute))
		a.change(every.ID, dispatch.ScheduleChange{Trigger: new(every.Trigger), Enabled: new(true), Name: new("same")})
		time.Sleep(20 * time.Minute)
		a.fired(every.ID, late)
		a.sent(2)
	})
}

func TestPausedSchedule(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		single, every := a.create(draft("single", in(time.Minute))), a.create(draft("daily", daily(time.Minute)))
		off, on := dispatch.ScheduleChange{Enabled: new(false)}, dispatch.ScheduleChange{Enabled: new(true)}
		a.change(every.ID, off)
		a.change(single.ID, off)
		if _, total, err := a.schedules.Schedules(a.Context(), a.app.ID, 1); total != 2 || err != nil {
			t.Errorf("%d are listed, %v; want the two that are paused", total, err)
		}
		time.Sleep(2 * time.Minute)
		a.sent(0)
		got := a.change(every.ID, on)
		if wait := time.Until(got.NextAt); wait < 23*time.Hour || wait > 24*time.Hour {
			t.Errorf("it goes on in %v, want tomorrow", wait)
		}
		if _, err := a.schedules.Change(a.Context(), a.app.ID, single.ID, on); aurora.KindOf(err) != aurora.Conflict {
			t.Errorf("enabled after its time was over: %v", err)
		}
		if _, total, err := a.schedules.Schedules(a.Context(), a.app.ID, 1); total != 1 || err != nil {
			t.Errorf("%d are listed, %v; want the daily one", total, err)
		}
		a.fired(every.ID)
		a.fired(single.ID)
		again := a.create(draft("again", in(time.Minute)))
		a.change(again.ID, off)
		time.Sleep(30 * time.Second)
		a.change(again.ID, on)
		time.Sleep(31 * time.Second)
		a.fired(again.ID, "sent 0s")
	})
}

func TestChangedSchedule(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		n := a.create(draft("first", in(time.Hour)))
		a.change(n.ID, dispatch.ScheduleChange{Trigger: new(in(time.Minute))}) // sooner
		time.Sleep(30 * time.Second)
		a.change(n.ID, dispatch.ScheduleChange{Trigger: new(in(time.Minute))}) // and a little later
		a.change(n.ID, dispatch.ScheduleChange{Push: &dispatch.Request{Message: alert("second")}, Name: new("renamed")})
		time.Sleep(45 * time.Second)
		a.sent(0)
		time.Sleep(16 * time.Second)
		f := a.fired(n.ID, "sent 0s")[0]
		m, err := a.db.Message(a.Context(), f.MessageID)
		if err != nil || string(m.Content.Alert) != `"second"` {
			t.Errorf("sent %s, %v; want the second text", m.Content.Alert, err)
		}
		time.Sleep(5 * time.Minute)
		a.sent(1)
		for name, trigger := range map[string]dispatch.Trigger{"another kind": daily(time.Minute), "the past": in(-time.Second), "over a year": in(367 * 24 * time.Hour)} {
			other := a.create(draft("other", in(time.Minute)))
			if _, err := a.schedules.Change(a.Context(), a.app.ID, other.ID, dispatch.ScheduleChange{Trigger: &trigger}); err == nil {
				t.Errorf("%s is accepted", name)
			}
			if err := a.schedules.Delete(a.Context(), a.app.ID+1, other.ID); aurora.KindOf(err) != aurora.NotFound {
				t.Errorf("another app deletes it: %v", err)
			}
			if err := a.schedules.Delete(a.Context(), a.app.ID, other.ID); err != nil {
				t.Error(err)
			}
		}
	})
}

// A schedule that is deleted, paused or changed while it is due, in between
// its being read and its being fired, does not fire as it was.
func TestChangedWhileDue(t *testing.T) {
	for name, touch := range map[string]func(a *agenda, id string) error{
		"deleted": func(a *agenda, id string) error { return a.schedules.Delete(a.Context(), a.app.ID, id) },
		"paused": func(a *agenda, id string) error {
			_, err := a.schedules.Change(a.Context(), a.app.ID, id, dispatch.ScheduleChange{Enabled: new(false)})
			return err
		},
		"put off": func(a *agenda, id string) error {
			_, err := a.schedules.Change(a.Context(), a.app.ID, id, dispatch.ScheduleChange{Trigger: new(daily(time.Hour))})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inAgenda(t, func(a *agenda) {
				a.device(1, aurora.Development)
				n := a.create(draft("x", daily(time.Minute)))
				a.rest()
				db := &meddled{ScheduleStore: a.db}
				db.before = func() error { return touch(a, n.ID) }
				_, a.rest = a.another(db)
				time.Sleep(2 * time.Minute)
				a.sent(0)
				if db.err != nil || db.calls != 1 {
					t.Errorf("fired %d times, meddling: %v; want one attempt", db.calls, db.err)
				}
			})
		})
	}
}

// meddled is the real database, and something happens before each firing.
type meddled struct {
	dispatch.ScheduleStore
	before func() error
	fail   error
	calls  int
	err    error
}

func (m *meddled) FireSchedule(ctx context.Context, f dispatch.Firing) error {
	m.calls++
	if m.before != nil {
		m.err = m.before()
		m.before = nil
	}
	if err := m.fail; err != nil {
		m.fail = nil
		return err
	}
	return m.ScheduleStore.FireSchedule(ctx, f)
}

func TestFailedFiringIsTriedAgain(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(1, aurora.Development)
		n := a.create(draft("x", in(time.Minute)))
		a.rest()
		_, a.rest = a.another(&meddled{ScheduleStore: a.db, fail: errors.New("database or disk is full")})
		time.Sleep(time.Minute + 2*time.Second)
		a.fired(n.ID, "sent 1s")
		a.sent(1)
	})
}

func TestScheduleCID(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		var wg sync.WaitGroup
		ids := make([]string, 10)
		for i := range ids {
			wg.Go(func() {
				n, err := a.schedules.Create(a.Context(), a.app, draft("same", in(time.Minute)), "one")
				if err != nil || n.Name != "same" {
					t.Errorf("%+v, %v", n, err)
				}
				ids[i] = n.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("answers differ: %v", ids)
			}
		}
		late := draft("same", in(time.Minute))
		time.Sleep(2 * time.Minute) // its time is over, the answer stays
		if n, err := a.schedules.Create(a.Context(), a.app, late, "one"); err != nil || n.ID != ids[0] {
			t.Errorf("the repeat is answered %s, %v; want %s", n.ID, err, ids[0])
		}
		a.down()
		time.Sleep(25 * time.Hour)
		a.up()
		if n, err := a.schedules.Create(a.Context(), a.app, draft("same", in(time.Minute)), "one"); err != nil || n.ID == ids[0] {
			t.Errorf("a day later the cid still stands for the first schedule: %s, %v", n.ID, err)
		}
	})
}

func TestScheduleLimits(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.rest() // nothing fires here
		a.rest = func() {}
		for i := range dispatch.DefaultMaxSchedules {
			a.create(draft(fmt.Sprint(i), in(time.Hour)))
		}
		if _, err := a.schedules.Create(a.Context(), a.app, draft("more", in(time.Hour)), ""); aurora.KindOf(err) != aurora.Full {
			t.Errorf("one too many: %v", err)
		}
		second, total, err := a.schedules.Schedules(a.Context(), a.app.ID, 2)
		if err != nil || total != 100 || len(second) != 50 || second[0].Name != "50" || second[49].Name != "99" {
			t.Errorf("the second page has %d of %d, %v", len(second), total, err)
		}
		if third, total, err := a.schedules.Schedules(a.Context(), a.app.ID, 3); err != nil || total != 100 || len(third) != 0 {
			t.Errorf("the page after the last has %d of %d, %v", len(third), total, err)
		}
		if err := a.schedules.Delete(a.Context(), a.app.ID, second[0].ID); err != nil {
			t.Fatal(err)
		}
		a.create(draft("more", in(time.Hour)))
		off := draft("off", in(time.Hour))
		off.Enabled = false
		if _, err := a.schedules.Create(a.Context(), a.app, off, ""); aurora.KindOf(err) != aurora.Invalid {
			t.Errorf("a new schedule that is not enabled: %v", err)
		}
	})
}
