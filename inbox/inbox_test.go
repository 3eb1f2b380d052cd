package inbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/bus"
	"github.com/aurora-push/aurora/dispatch"
)

func only(d aurora.Device) audience.Expr { return audience.Is(audience.Registration, d.RegistrationID) }

// A device that waits has its message at once; with every hint lost, a second
// or so later.
func TestWaitingDeviceIsWoken(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hints interface {
			Publish(string, string)
			Subscribe(string) (<-chan string, func())
		}
		within time.Duration
	}{
		{"with hints", &bus.Local{}, 10 * time.Millisecond},
		{"every hint lost", deaf{&bus.Local{}}, 1100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, tt.hints, func(w *world) {
				me := w.device(aurora.IOS)
				w.device(aurora.IOS)
				for _, e := range []audience.Expr{only(me), audience.All()} {
					got := make(chan string, 1)
					go func() { got <- w.fetch(me, time.Minute) }()
					time.Sleep(5 * time.Second)
					begin := time.Now()
					id := w.push(e, "hello")
					w.want("the device gets", <-got, "hello")
					if waited := time.Since(begin); waited > tt.within {
						w.Errorf("it waited %v, want at most %v", waited, tt.within)
					}
					w.receipt(me, id, aurora.UnsaidPart)
				}
			})
		})
	}
}

// Without a message the answer comes when the time is over, and when the
// server stops.
func TestWaitingEnds(t *testing.T) {
	inWorld(t, &bus.Local{}, func(w *world) {
		me := w.device(aurora.IOS)
		for _, wait := range []time.Duration{0, 7 * time.Second, time.Hour} {
			begin := time.Now()
			w.want("the device gets", w.fetch(me, wait), "")
			if waited := time.Since(begin); waited != min(wait, time.Minute) {
				w.Errorf("a wait of %v took %v", wait, waited)
			}
		}
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := w.inbox.Fetch(ctx, me, time.Minute); err != nil || time.Since(begin) != time.Second {
			w.Errorf("a device that hung up kept waiting for %v, %v", time.Since(begin), err)
		}
		begin = time.Now()
		ended := make(chan time.Duration, 1)
		go func() { w.fetch(me, time.Minute); ended <- time.Since(begin) }()
		time.Sleep(time.Second)
		stop := w.stop
		w.stop = func() {}
		stop()
		if waited := <-ended; waited > 2*time.Second {
			w.Errorf("after the stop the device waited until %v", waited)
		}
	})
}

// A device has one open question, and there is a bound for all.
func TestOpenQuestionsAreBounded(t *testing.T) {
	inWorld(t, &bus.Local{}, func(w *world) {
		me := w.device(aurora.IOS)
		ended := make(chan time.Duration, 20)
		for range 10 {
			begin := time.Now()
			go func() { w.fetch(me, time.Minute); ended <- time.Since(begin) }()
			time.Sleep(time.Second)
		}
		for range 9 {
			if waited := <-ended; waited > 2*time.Second {
				w.Errorf("an earlier question waited for %v", waited)
			}
		}
		for range 2 {
			d := w.device(aurora.Android)
			go func() { w.fetch(d, 50*time.Second) }()
		}
		synctest.Wait()
		if _, err := w.inbox.Fetch(w.Context(), w.device(aurora.IOS), time.Minute); aurora.KindOf(err) != aurora.Unavailable {
			w.Errorf("a fourth device was answered %v, want a refusal", err)
		}
		time.Sleep(time.Minute)
		w.want("later", w.fetch(w.device(aurora.IOS), 0), "")
	})
}

// A message comes again until it is acknowledged; an acknowledgement counts
// once; all platforms get it; a server that starts anew knows the same.
func TestUntilAcknowledged(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t}
		w.open(dir, &bus.Local{})
		iphone, pixel, stranger := w.device(aurora.IOS, "a"), w.device(aurora.Android, "a"), w.device(aurora.IOS)
		id := w.push(audience.Is(audience.Tag, "a"), "hello")
		for range 3 {
			w.want("the iPhone gets", w.fetch(iphone, 0), "hello")
		}
		w.want("a stranger gets", w.fetch(stranger, 0), "")
		w.want("the report", w.report(id), "targeted 2, handed 1, received 0, waiting 2")
		w.stop()
		w.open(dir, &bus.Local{})
		w.want("after a restart the iPhone gets", w.fetch(iphone, 0), "hello")
		for _, d := range []aurora.Device{iphone, iphone, stranger} {
			w.receipt(d, id, aurora.UnsaidPart)
		}
		w.want("acknowledged", w.fetch(iphone, time.Second), "")
		w.want("the other gets", w.take(pixel), "hello")
		w.want("the report", w.report(id), "targeted 2, handed 2, received 2, waiting 0")
		r, err := w.ledger.Report(w.Context(), w.app.ID, id)
		w.check(err)
		if got := fmt.Sprint(r.InApp.Received, r.Targeted, r.Received, r.Failed); got != "map[android:1 ios:1] 0 0 0" {
			w.Errorf("received and the notification's numbers: %s", got)
		}
		w.stop()
	})
}

// What nobody fetches in time is given up with a reason; with a time to live of
// 0 only devices that are connected get it.
func TestKeptForItsTime(t *testing.T) {
	inWorld(t, &bus.Local{}, func(w *world) {
		me, late := w.device(aurora.IOS), w.device(aurora.IOS)
		hour := w.push(only(me), "hour", keptFor(3600))
		day := w.push(only(me), "day")
		w.sleep(time.Hour)
		time.Sleep(2 * time.Second)
		w.want("after an hour", w.take(me), "day")
		w.want("the hour's report", w.report(hour), "targeted 1, handed 0, received 0, waiting 0, NotConnected 1")
		w.want("the day's report", w.report(day), "targeted 1, handed 1, received 1, waiting 0")

		now := w.push(audience.All(), "now", keptFor(0))
		w.want("who was connected a moment ago", w.take(me), "now")
		time.Sleep(time.Millisecond)
		w.want("who connects now", w.fetch(late, 0), "")
		time.Sleep(12 * time.Second)
		w.want("the report", w.report(now), "targeted 2, handed 1, received 1, waiting 0, NotConnected 1")
	})
}

// For a device that was not connected the five newest are kept; one that is
// connected loses none.
func TestFiveNewestWait(t *testing.T) {
	inWorld(t, &bus.Local{}, func(w *world) {
		me := w.device(aurora.IOS)
		var ids []aurora.MessageID
		for i := range 8 {
			ids = append(ids, w.push(only(me), fmt.Sprint(i)))
			time.Sleep(time.Second)
		}
		w.want("on connecting", w.fetch(me, 0), "3 4 5 6 7")
		w.want("the oldest", w.report(ids[0]), "targeted 1, handed 0, received 0, waiting 0, Overflow 1")
		w.want("the newest", w.report(ids[7]), "targeted 1, handed 1, received 0, waiting 1")
		for i := range 30 { // connected, and slow to acknowledge
			w.push(only(me), fmt.Sprint("x", i))
		}
		var got []string
		for range 3 {
			got = append(got, strings.Fields(w.take(me))...)
		}
		w.want("connected", strings.Join(got[:7], " "), "3 4 5 6 7 x0 x1")
		if len(got) != 35 || got[34] != "x29" {
			w.Errorf("%d messages, the last %q; want 35, x29", len(got), got[len(got)-1])
		}
	})
}

// What is withdrawn or overridden is not handed out any more.
func TestWithdrawAndOverride(t *testing.T) {
	inWorld(t, &bus.Local{}, func(w *world) {
		a, b, c := w.device(aurora.IOS, "t"), w.device(aurora.Android, "t"), w.device(aurora.HMOS, "u")
		id := w.push(audience.Is(audience.Tag, "t"), "wrong price")
		w.want("one has it", w.take(a), "wrong price")
		w.check(w.dispatch.Stop(w.Context(), w.app.ID, id))
		w.want("withdrawn", w.fetch(b, 0), "")
		w.want("the report", w.report(id), "targeted 2, handed 1, received 1, waiting 0, Stopped 1")

		old := w.push(audience.Is(audience.Tag, "t"), "old")
		w.want("one has it", w.take(a), "old")
		// It goes to its own audience, and to who waited for the other.
		newer := w.push(audience.Is(audience.Tag, "u"), "new", overriding(old))
		w.want("its audience", w.take(c), "new")
		w.want("who waited", w.take(b), "new")
		w.want("who had the old", w.fetch(a, 0), "")
		w.want("the old report", w.report(old), "targeted 2, handed 1, received 1, waiting 0, Replaced 1")
		w.want("the new report", w.report(newer), "targeted 2, handed 2, received 2, waiting 0")

		w.sleep(24*time.Hour + time.Second)
		for _, id := range []aurora.MessageID{old, 42} {
			_, err := w.dispatch.Accept(w.Context(), w.app, request(overriding(id)))
			if aurora.KindOf(err) != aurora.Invalid {
				w.Errorf("overriding %v is answered %v, want a refusal", id, err)
			}
		}
	})
}

func request(change func(*aurora.Message)) dispatch.Request {
	m := aurora.Message{Content: aurora.Content{InApp: &aurora.InAppMessage{Content: "x"}}}
	change(&m)
	return dispatch.Request{Message: m}
}

// A push with both parts has two deliveries under one id, and a receipt of one
// does not count for the other.
func TestBothParts(t *testing.T) {
	inWorld(t, &bus.Local{}, func(w *world) {
		both := func(m *aurora.Message) { m.Content.IOS = &aurora.IOSNotification{Alert: []byte(`"hi"`)} }
		a, b, c := w.device(aurora.IOS), w.device(aurora.IOS), w.device(aurora.Android)
		id := w.push(audience.All(), "hello", both)
		// The extension reports the notification before the app connects.
		w.receipt(a, id, aurora.UnsaidPart)
		w.receipt(b, id, aurora.NotificationPart)
		w.want("a gets", w.fetch(a, 0), "hello")
		w.receipt(a, id, aurora.UnsaidPart) // now it was handed to it
		w.want("acknowledged", w.fetch(a, 0), "")
		w.want("b gets", w.fetch(b, 0), "hello")
		w.receipt(b, id, aurora.NotificationPart)
		w.want("b has not acknowledged it", w.take(b), "hello")
		w.want("b has acknowledged it", w.fetch(b, 0), "")
		w.want("Android gets", w.take(c), "hello")
		w.want("the report", w.report(id), "targeted 3, handed 3, received 3, waiting 0")
		r, err := w.ledger.Report(w.Context(), w.app.ID, id)
		w.check(err)
		if got := fmt.Sprint(r.Targeted, r.Received, r.FailedBy); got != "2 2 [{NoToken 2}]" {
			w.Errorf("the notification's numbers: %s", got)
		}
	})
}

// Who switched pushes off gets none until they are on again.
func TestPushDisabled(t *testing.T) {
	inWorld(t, &bus.Local{}, func(w *world) {
		me := w.device(aurora.IOS)
		w.push(only(me), "hello")
		me.PushDisabled = true
		w.want("switched off", w.fetch(me, time.Second), "")
		me.PushDisabled = false
		w.want("switched on", w.fetch(me, time.Second), "hello")
	})
}
