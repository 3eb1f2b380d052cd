package dispatch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/dispatch"
)

// agenda is a world whose schedules run.
type agenda struct {
	*world
	dir       string
	schedules *dispatch.Schedules
	step      atomic.Int64 // how far the clock on the wall was set, in nanoseconds
	rest      func()       // ends the schedules' run
}

func inAgenda(t *testing.T, test func(a *agenda)) {
	t.Helper()
	dir := newDatabase(t)
	synctest.Test(t, func(t *testing.T) {
		a := &agenda{world: &world{T: t, vendor: &vendor{counts: map[uint32]int{}}}, dir: dir}
		// Message ids come from the clock, which is at the year 2000 in a
		// bubble: each new process would begin with the same one.
		time.Sleep(time.Until(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)))
		a.up()
		test(a)
		a.down()
	})
}

// up starts Aurora, as a new process would.
func (a *agenda) up() {
	a.Helper()
	a.open(a.dir)
	a.schedules, a.rest = a.another(a.db)
}

func (a *agenda) down() {
	a.rest()
	a.stop()
}

// another runs a further service on the database.
func (a *agenda) another(db dispatch.ScheduleStore) (*dispatch.Schedules, func()) {
	return a.beside(a.dispatch, db)
}

func (a *agenda) beside(d *dispatch.Service, db dispatch.ScheduleStore) (*dispatch.Schedules, func()) {
	s := dispatch.NewSchedules(dispatch.ScheduleConfig{Service: d, Store: db, Now: func() time.Time { return time.Now().Add(time.Duration(a.step.Load())) }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	return s, func() {
		// A read that waits for SQLite's log does so by sleeping; cancelling it
		// then takes a lock that would keep the bubble's time from going on.
		synctest.Wait()
		cancel()
		<-done
	}
}

var scheduleIDs atomic.Int64

func draft(name string, trigger dispatch.Trigger) dispatch.Schedule {
	return dispatch.Schedule{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", scheduleIDs.Add(1)), Name: name, Enabled: true, Trigger: trigger, Push: dispatch.Request{Message: alert(name)}}
}

// in is a single trigger.
func in(d time.Duration) dispatch.Trigger {
	return dispatch.Trigger{Kind: dispatch.Single, At: time.Now().Add(d)}
}

// daily fires every day at a time from now, for 30 days.
func daily(d time.Duration) dispatch.Trigger {
	first := time.Now().Add(d).UTC().Truncate(time.Second)
	clock := first.Sub(first.Truncate(24 * time.Hour))
	return dispatch.Trigger{Kind: dispatch.Periodical, Start: time.Now(), End: time.Now().AddDate(0, 0, 30), Clock: clock, Unit: dispatch.Day, Frequency: 1}
}

func (a *agenda) create(n dispatch.Schedule) dispatch.Schedule {
	a.Helper()
	made, err := a.schedules.Create(a.Context(), a.app, n, "")
	if err != nil {
		a.Fatal(err)
	}
	return made
}

func (a *agenda) change(id string, c dispatch.ScheduleChange) dispatch.Schedule {
	a.Helper()
	n, err := a.schedules.Change(a.Context(), a.app.ID, id, c)
	if err != nil {
		a.Fatal(err)
	}
	return n
}

// fired waits until nothing happens without time passing, and compares the
// occurrences on record: "sent" or "missed" with the lateness.
func (a *agenda) fired(id string, want ...string) []dispatch.Fired {
	a.Helper()
	synctest.Wait()
	all, err := a.schedules.Firings(a.Context(), a.app.ID, id)
	if err != nil {
		a.Fatal(err)
	}
	if len(all) > 100 {
		a.Fatalf("%d occurrences are on record, want %q", len(all), want)
	}
	got := []string{}
	for _, f := range all {
		what := "sent"
		if f.Problem != "" {
			what = "missed"
		}
		got = append(got, fmt.Sprint(what, " ", f.FiredAt.Sub(f.At).Truncate(time.Second)))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		a.Errorf("on record is %q, want %q", got, want)
	}
	return all
}

func (a *agenda) sent(want int) {
	a.Helper()
	synctest.Wait()
	if n := len(a.vendor.deliveries()); n != want {
		a.Errorf("%d deliveries, want %d", n, want)
	}
}
