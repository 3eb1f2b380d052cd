package dispatch_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// A token that the vendor calls dead is in quarantine with the message that
// found it; restored it is sent to again. One that another device has reported
// since stays.
func TestDeadTokensAreQuarantined(t *testing.T) {
	inWorld(t, func(w *world) {
		first, second := w.device(1, aurora.Production), w.device(2, aurora.Production)
		var dead atomic.Bool
		dead.Store(true)
		w.vendor.answer = func(aurora.Delivery, int) (o aurora.Outcome) {
			if dead.Load() {
				o = aurora.Outcome{Fault: aurora.DeviceFault, Reason: "Unregistered"}
			}
			return o
		}
		all := dispatch.Request{Message: alert("hi")}
		all.Message.Options.Production = true
		id := w.push(all)
		w.expect(id, "done targeted 2 accepted 0 pending 0 failed [{Unregistered 2}]")
		quarantined := func() []registry.Quarantined {
			w.Helper()
			list, err := w.registry.Quarantined(w.Context(), w.app.ID, registry.QuarantineFilter{}, registry.QuarantinePlace{}, 10)
			if err != nil {
				w.Fatal(err)
			}
			return list
		}
		list := quarantined()
		if len(list) != 2 {
			w.Fatalf("in quarantine: %+v", list)
		}
		for _, d := range list {
			if d.FoundBy != id || d.RetiredReason != "Unregistered" || d.Token == "" || d.RetiredAt.IsZero() {
				w.Errorf("%+v, want it found by %v", d, id)
			}
		}
		past, err := w.registry.PastTokens(w.Context(), first)
		if err != nil || len(past) != 1 || past[0].MessageID != id || past[0].Reason != "Unregistered" {
			w.Errorf("the history is %+v, %v", past, err)
		}
		token, env := list[0].Token, aurora.Production
		if list[0].RegistrationID != second.RegistrationID {
			token = list[1].Token
		}
		third := w.device(3, aurora.NoEnvironment)
		if err := w.registry.Apply(w.Context(), w.app.ID, third.Number, registry.Change{Token: &token, Environment: &env}); err != nil {
			w.Fatal(err)
		}
		if n, err := w.registry.Restore(w.Context(), w.app, []string{first.RegistrationID, second.RegistrationID}); err != nil || n != 1 {
			w.Errorf("%d restored, %v", n, err)
		}
		if list := quarantined(); len(list) != 1 || list[0].RegistrationID != second.RegistrationID || list[0].Token != "" {
			w.Errorf("left: %+v", list)
		}
		if past, err := w.registry.PastTokens(w.Context(), first); err != nil || len(past) != 0 {
			w.Errorf("the history of what is live again is %+v, %v", past, err)
		}
		dead.Store(false)
		w.expect(w.push(all), "done targeted 3 accepted 2 pending 0 failed [{Unregistered 1}]")
	})
}

// A device that is deleted while a message waits for it gets an outcome, and the
// message ends.
func TestDeletedWhileAMessageWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		gone := w.device(1, aurora.Production)
		w.device(2, aurora.Production)
		var down atomic.Bool
		down.Store(true)
		w.vendor.answer = func(aurora.Delivery, int) (o aurora.Outcome) {
			if down.Load() {
				o = aurora.Outcome{Fault: aurora.VendorFault, Reason: "ServiceUnavailable"}
			}
			return o
		}
		all := dispatch.Request{Message: alert("hi")}
		all.Message.Options.Production = true
		id := w.push(all)
		w.report(id)
		if err := w.db.ChangeDevice(w.Context(), w.app.ID, gone.Number, func(d *aurora.Device) error {
			d.RetiredReason, d.RetiredAt, d.SeenAt = "Unregistered", time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
			return nil
		}); err != nil {
			w.Fatal(err)
		}
		forget := w.registry.Forgetter(time.Minute)
		for more := true; more; {
			var err error
			if more, err = forget(w.Context(), time.Now()); err != nil {
				w.Fatal(err)
			}
		}
		down.Store(false)
		time.Sleep(time.Minute)
		w.expect(id, "done targeted 2 accepted 1 pending 0 failed [{NoToken 1}]")
	})
}
