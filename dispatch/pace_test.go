package dispatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

func paced(minutes int) dispatch.Request {
	m := alert("hi")
	m.Options.Pace = minutes
	return dispatch.Request{Message: m}
}

// A paced push goes out evenly over its time; a restart loses nothing of it,
// and each device keeps its icon number.
func TestPaced(t *testing.T) {
	dir := newDatabase(t)
	inWorldOf(t, dir, func(w *world) {
		const devices, minutes = 60, 5
		for i := range devices {
			w.device(i+1, aurora.Development)
		}
		r := paced(minutes)
		r.Message.Content.IOS = &aurora.IOSNotification{Badge: &aurora.Badge{Relative: true, N: 1}}
		began := time.Now()
		id := w.push(r)
		time.Sleep(90 * time.Second)
		w.stop()
		w.open(dir)
		time.Sleep(minutes*time.Minute - 90*time.Second)
		w.expect(id, "done targeted 60 accepted 60 pending 0 failed []")
		perMinute := map[int]int{}
		for i, d := range w.vendor.deliveries() {
			perMinute[int(w.vendor.at[i].Sub(began)/time.Minute)]++
			if d.Badge != 1 {
				t.Errorf("device %d has badge %d", d.Number, d.Badge)
			}
		}
		for minute := range minutes {
			if n := perMinute[minute]; n < devices/minutes-2 || n > devices/minutes+2 {
				t.Errorf("%d notifications in minute %d, want about %d: %v", n, minute, devices/minutes, perMinute)
			}
		}
		if n := len(w.vendor.deliveries()); n != devices {
			t.Errorf("%d notifications", n)
		}
	})
}

// Stopping ends the rest; and only so many may run.
func TestPacedIsBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 10 {
			w.device(i+1, aurora.Development)
		}
		var ids []aurora.MessageID
		for range aurora.MaxPaced {
			ids = append(ids, w.push(paced(10)))
		}
		if _, err := w.dispatch.Accept(w.Context(), w.app, paced(1)); !errors.Is(err, dispatch.ErrPaced) {
			t.Errorf("one more is answered %v", err)
		}
		w.push(dispatch.Request{Message: alert("not paced")})
		time.Sleep(5*time.Minute + 5*time.Second)
		if err := w.dispatch.Stop(w.Context(), w.app.ID, ids[3]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.expect(ids[3], "done targeted 10 accepted 6 pending 0 failed [{Stopped 4}]")
		w.push(paced(1)) // in the stopped one's place
		time.Sleep(10 * time.Minute)
		w.expect(ids[4], "done targeted 10 accepted 10 pending 0 failed []")
		w.push(paced(1))
	})
}
