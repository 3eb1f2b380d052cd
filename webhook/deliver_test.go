package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/webhook"
)

// signed reports whether one of a post's signatures is the secret's, by the
// text of the Standard Webhooks scheme.
func signed(p post, secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%s.%s", p.header.Get("webhook-id"), p.header.Get("webhook-timestamp"), p.raw)
	return slices.Contains(strings.Fields(p.header.Get("webhook-signature")), "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
}

// Every device of a push is told of exactly once for each thing that became of
// it, in posts of at most a thousand.
func TestEveryDeviceIsTold(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(2500)
		_, secret := w.hook("message.accepted", "message.failed", "message.received", "message.opened", "message.settled", "device.retired")
		w.outcome = func(d aurora.Delivery) aurora.Outcome {
			if d.Number%10 == 0 {
				return aurora.Outcome{Fault: aurora.DeviceFault, Reason: "Unregistered"}
			}
			return aurora.Outcome{}
		}
		id := w.push(nil)
		pass(5 * time.Second)
		for i, device := range ids {
			if i%5 == 1 {
				w.report(id, device, aurora.OpenedEvent)
				w.report(id, device, aurora.OpenedEvent) // a repeat changes nothing
			}
		}
		pass(5 * time.Second)
		want := map[aurora.EventKind]int{aurora.EventAccepted: 2250, aurora.EventFailed: 250, aurora.EventRetired: 250, aurora.EventReceived: 0, aurora.EventOpened: 0}
		for _, d := range w.all(ids, id) {
			if d.opened {
				want[aurora.EventReceived]++
				want[aurora.EventOpened]++
			}
		}
		for kind, n := range want {
			told := map[string]int{}
			for _, p := range w.to.of(kind) {
				if len(p.ids()) > webhook.MaxDevices || p.body.Data["msg_id"] != id.String() || p.body.Data["app_key"] != w.app.Key {
					t.Errorf("%s: %d devices of %v", kind, len(p.ids()), p.body.Data["msg_id"])
				}
				for _, device := range p.ids() {
					told[device]++
				}
			}
			if len(told) != n {
				t.Errorf("%s told of %d devices, want %d", kind, len(told), n)
			}
			for device, times := range told {
				if times != 1 {
					t.Errorf("%s told %d times of %s", kind, times, device)
				}
			}
		}
		settled := w.to.of(aurora.EventSettled)
		if len(settled) != 1 || settled[0].body.Data["targeted"] != 2500.0 || settled[0].body.Data["accepted"] != 2250.0 || settled[0].body.Data["failed"] != 250.0 {
			t.Errorf("settled: %d posts, %+v", len(settled), settled)
		}
		seen := map[string]bool{}
		for _, p := range w.to.posts() {
			if !signed(p, secret) {
				t.Error("a signature is wrong")
			}
			if wid := p.header.Get("webhook-id"); seen[wid] {
				t.Errorf("%s came twice", wid)
			} else {
				seen[wid] = true
			}
		}
		if failed := w.to.of(aurora.EventFailed); failed[0].body.Data["reason"] != "Unregistered" || failed[0].body.Data["text"] == "" {
			t.Errorf("%+v", failed[0].body)
		}
	})
}

type told struct{ opened bool }

func (w *world) all(ids []string, id aurora.MessageID) (all []told) {
	w.Helper()
	for _, device := range ids {
		d, err := w.registry.Device(w.Context(), w.app.ID, device)
		check(w, err)
		marks, err := w.ledger.Marks(w.Context(), d, id)
		check(w, err)
		_, opened := marks[aurora.Opened]
		all = append(all, told{opened})
	}
	return all
}

// An app that nobody listens to writes no event, and one that is listened to
// only those it was asked for.
func TestSilenceCostsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(3)
		id := w.push(nil)
		pass(2 * time.Second)
		w.report(id, ids[0], aurora.ReceivedEvent)
		pass(2 * time.Second)
		if events := w.events(0); len(events) != 0 {
			t.Errorf("nobody listens, and there are %d events", len(events))
		}
		e, _ := w.hook("message.opened")
		id = w.push(nil)
		pass(2 * time.Second)
		w.report(id, ids[0], aurora.OpenedEvent)
		pass(2 * time.Second)
		if events := w.events(0); len(events) != 1 || events[0].Kind != aurora.EventOpened {
			t.Errorf("%+v", events)
		}
		check(t, w.hooks.Remove(t.Context(), w.app, e.ID))
		w.report(id, ids[1], aurora.OpenedEvent)
		pass(2 * time.Second)
		if events := w.events(0); len(events) != 1 {
			t.Errorf("%+v", events)
		}
		w.report(id, ids[2], aurora.OpenedEvent) // and none of this is an error
	})
}

// Attempts follow the documented schedule, within its jitter, with one id, and
// end with the delivery given up; the log has the answers; a replay delivers.
func TestRetries(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(1)
		e, secret := w.hook("message.received")
		w.to.answer = func(post, int) (*http.Response, error) {
			return status(500, "broken\x00\xff"+strings.Repeat("x", 5000))
		}
		id := w.push(nil)
		pass(time.Second)
		w.report(id, ids[0], aurora.ReceivedEvent)
		pass(34 * time.Hour)
		posts := w.to.posts()
		waits := []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 10 * time.Hour, 10 * time.Hour}
		if len(posts) != len(waits)+1 {
			t.Fatalf("%d attempts", len(posts))
		}
		for i, p := range posts[1:] {
			// A held endpoint is asked a little later.
			if wait := p.at.Sub(posts[i].at); wait < waits[i]*4/5 || wait > waits[i]*6/5+6*time.Minute {
				t.Errorf("attempt %d came after %v, want %v", i+2, wait, waits[i])
			}
			if p.header.Get("webhook-id") != posts[0].header.Get("webhook-id") || string(p.raw) != string(posts[0].raw) || !signed(p, secret) {
				t.Error("an attempt differs from the first")
			}
		}
		_, ds, err := w.hooks.Deliveries(t.Context(), w.app.ID, e.ID, webhook.GivenUp, 0, 10)
		if err != nil || len(ds) != 1 || ds[0].Attempt != 10 || ds[0].Status != 500 || !strings.HasPrefix(ds[0].Answer, "broken\uFFFD\uFFFDxxx") || len(ds[0].Answer) > 1100 || !strings.Contains(ds[0].Problem, "500") {
			t.Fatalf("%+v, %v", ds, err)
		}
		if e, err := w.hooks.Endpoint(t.Context(), w.app.ID, e.ID); err != nil || e.FailingSince.IsZero() || !e.DisabledAt.IsZero() {
			t.Errorf("%+v, %v", e, err)
		}
		w.to.answer = nil
		_, err = w.hooks.Replay(t.Context(), w.app, e.ID, webhook.Replay{Delivery: ds[0].ID + 1})
		refused(t, err, aurora.NotFound)
		n, err := w.hooks.Replay(t.Context(), w.app, e.ID, webhook.Replay{Delivery: ds[0].ID})
		pass(2 * time.Second)
		if posts = w.to.posts(); err != nil || n != 1 || len(posts) != 11 || posts[10].header.Get("webhook-id") != posts[0].header.Get("webhook-id") {
			t.Errorf("%d, %v, %d posts", n, err, len(posts))
		}
		if e, err := w.hooks.Endpoint(t.Context(), w.app.ID, e.ID); err != nil || !e.FailingSince.IsZero() {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func TestRetryAfterAndLateAnswers(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(2)
		w.hook("message.received")
		w.to.answer = func(_ post, nth int) (*http.Response, error) {
			resp, err := status(503, "")
			resp.Header.Set("Retry-After", "3600")
			if nth > 1 {
				resp = nil
			}
			return resp, err
		}
		id := w.push(nil)
		pass(time.Second)
		w.report(id, ids[0], aurora.ReceivedEvent)
		pass(55 * time.Minute)
		if n := len(w.to.posts()); n != 1 {
			t.Errorf("%d attempts before the time that was asked for", n)
		}
		pass(10 * time.Minute)
		if n := len(w.to.posts()); n != 2 {
			t.Errorf("%d attempts after the time that was asked for", n)
		}
	})
}

// An endpoint that does not answer is not asked once for each of many
// deliveries, and gets all of them once it is back.
func TestDeadEndpointIsSpared(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(30)
		w.hook("message.received")
		dead := true
		w.to.answer = func(post, int) (*http.Response, error) {
			if dead {
				return nil, errors.New("connection refused")
			}
			return nil, nil
		}
		for range 30 {
			id := w.push(nil)
			pass(time.Second)
			w.report(id, ids[0], aurora.ReceivedEvent)
			pass(time.Second)
		}
		pass(10 * time.Minute)
		if n := len(w.to.posts()); n > 80 {
			t.Errorf("a dead endpoint was asked %d times in ten minutes", n)
		}
		dead = false
		before := len(w.to.posts())
		pass(2 * time.Hour)
		told := map[string]bool{}
		for _, p := range w.to.posts()[before:] {
			told[p.header.Get("webhook-id")] = true
		}
		if len(told) != 30 {
			t.Errorf("%d of 30 deliveries came once it was back", len(told))
		}
	})
}

// An endpoint that fails for days is disabled, says why, and others are told.
func TestDisabled(t *testing.T) {
	inWorldWith(t, webhook.Config{DisableAfter: 5 * time.Hour}, func(w *world) {
		t := w.T
		ids := w.devices(1)
		e, _ := w.hook("message.received")
		url := "https://example.com/other"
		_, _, err := w.hooks.Create(t.Context(), w.app, webhook.Change{URL: &url, Kinds: []string{"webhook.disabled"}})
		check(t, err)
		w.to.answer = func(p post, _ int) (*http.Response, error) {
			if p.url == url {
				return nil, nil
			}
			return status(404, "gone fishing")
		}
		for range 7 {
			id := w.push(nil)
			pass(time.Second)
			w.report(id, ids[0], aurora.ReceivedEvent)
			pass(time.Hour)
		}
		e, err = w.hooks.Endpoint(t.Context(), w.app.ID, e.ID)
		if err != nil || e.DisabledAt.IsZero() || !strings.Contains(e.DisabledWhy, "404") {
			t.Fatalf("%+v, %v", e, err)
		}
		if since := e.DisabledAt.Sub(e.FailingSince); since < 5*time.Hour || since > 6*time.Hour {
			t.Errorf("disabled after %v", since)
		}
		if told := w.to.of(aurora.EventWebhookDisabled); len(told) != 1 || told[0].body.Data["webhook"] != e.ID || told[0].body.Data["why"] == "" {
			t.Errorf("%+v", told)
		}
		before := len(w.to.posts())
		id := w.push(nil)
		pass(time.Second)
		w.report(id, ids[0], aurora.ReceivedEvent)
		pass(time.Hour)
		if n := len(w.to.posts()) - before; n != 0 {
			t.Errorf("a disabled webhook was asked %d times", n)
		}
		_, err = w.hooks.Replay(t.Context(), w.app, e.ID, webhook.Replay{From: e.CreatedAt})
		refused(t, err, aurora.Conflict)
		entries, err := w.accounts.Audit(t.Context(), auditOf(w.app))
		check(t, err)
		if entries[0].Action != "webhook.disabled" || entries[0].Actor.Kind != aurora.SystemActor {
			t.Errorf("%+v", entries[0])
		}
		// Enabled again it gets what is new, and by a replay what is kept.
		w.to.answer = nil
		on := true
		_, err = w.hooks.Change(t.Context(), w.app, e.ID, webhook.Change{Enabled: &on})
		check(t, err)
		before = len(w.to.posts())
		n, err := w.hooks.Replay(t.Context(), w.app, e.ID, webhook.Replay{From: time.Now().Add(-7 * 24 * time.Hour), FailedOnly: true})
		check(t, err)
		pass(5 * time.Second)
		if got := len(w.to.posts()) - before; n < 4 || got != n {
			t.Errorf("%d of %d were replayed", got, n)
		}
	})
}

func TestGone(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(1)
		e, _ := w.hook()
		w.to.answer = func(post, int) (*http.Response, error) { return status(410, "") }
		id := w.push(nil)
		pass(time.Second)
		w.report(id, ids[0], aurora.ReceivedEvent)
		pass(time.Hour)
		if e, err := w.hooks.Endpoint(t.Context(), w.app.ID, e.ID); err != nil || !strings.Contains(e.DisabledWhy, "410") {
			t.Errorf("%+v, %v", e, err)
		}
		if n := len(w.to.posts()); n > 2 {
			t.Errorf("%d attempts", n)
		}
	})
}

// A rotated secret signs beside its successor for the overlap and not longer.
func TestRotation(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		e, first := w.hook()
		second, err := w.hooks.Rotate(t.Context(), w.app, e.ID, time.Hour)
		check(t, err)
		_, err = w.hooks.Rotate(t.Context(), w.app, e.ID, webhook.MaxOverlap+1)
		refused(t, err, aurora.Invalid)
		for _, c := range []struct {
			wait time.Duration
			old  bool
		}{{0, true}, {time.Hour, false}} {
			pass(c.wait)
			d, err := w.hooks.Test(t.Context(), w.app, e.ID)
			posts := w.to.posts()
			p := posts[len(posts)-1]
			if err != nil || d.State != webhook.Delivered || p.body.Type != "webhook.test" || !signed(p, second.Reveal()) || signed(p, first) != c.old {
				t.Errorf("%+v, %v: %v", d, err, p.header)
			}
		}
		if key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "whsec_")); err != nil || len(key) != 32 || !strings.HasPrefix(first, "whsec_") {
			t.Errorf("%d bytes, %v", len(key), err)
		}
	})
}

// A server that dies with deliveries under way makes them again; the receiver
// can tell by their ids.
func TestCrashRepeats(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(1)
		e, _ := w.hook("message.received")
		id := w.push(nil)
		pass(time.Second)
		w.to.answer = func(post, int) (*http.Response, error) { return status(500, "") }
		w.report(id, ids[0], aurora.ReceivedEvent)
		pass(time.Second)
		due, err := w.hooks.Endpoint(t.Context(), w.app.ID, e.ID)
		check(t, err)
		pass(10 * time.Minute)
		// Another server takes what is due and dies, if it is faster than this one.
		w.to.answer = nil
		before := len(w.to.posts())
		_, err = w.hooks.Replay(t.Context(), w.app, e.ID, webhook.Replay{Delivery: 1})
		check(t, err)
		taken, err := w.db.LeaseDeliveries(t.Context(), due.Number, time.Now().Add(2*time.Minute), 10)
		check(t, err)
		pass(time.Minute)
		if n := len(w.to.posts()) - before; len(taken) == 1 && n != 0 {
			t.Errorf("what another has leased was delivered %d times", n)
		}
		pass(10 * time.Minute)
		if n := len(w.to.posts()) - before; n != 1 {
			t.Errorf("delivered %d times after the lease", n)
		}
	})
}

// JPush's callback member of one push: its own address, its params, its types.
func TestCallback(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.T
		ids := w.devices(3)
		w.outcome = func(d aurora.Delivery) aurora.Outcome {
			if d.Number == 0 {
				return aurora.Outcome{Fault: aurora.DeviceFault, Reason: "Unregistered"}
			}
			return aurora.Outcome{}
		}
		const url = "https://callback.example.com/jpush"
		asked := func(types aurora.CallbackType) func(*aurora.Message) {
			return func(m *aurora.Message) {
				m.Options.Callback = &aurora.Callback{URL: url, Params: json.RawMessage(`{"order":17}`), Type: types}
			}
		}
		id := w.push(asked(aurora.CallbackReceived | aurora.CallbackFailed | aurora.CallbackAccepted))
		silent := w.push(nil)
		pass(2 * time.Second)
		w.report(id, ids[1], aurora.OpenedEvent)
		w.report(silent, ids[1], aurora.OpenedEvent)
		pass(2 * time.Second)
		got := map[int]int{}
		for _, p := range w.to.posts() {
			var list []struct {
				Type           int
				MessageID      string `json:"msg_id"`
				RegistrationID string `json:"registration_id"`
				Time           int64  `json:"itime"`
				Reason         string
				Params         struct{ Order int }
			}
			check(t, json.Unmarshal(p.raw, &list))
			for _, e := range list {
				got[e.Type]++
				if p.url != url || e.MessageID != id.String() || e.Params.Order != 17 || !slices.Contains(ids, e.RegistrationID) || e.Time == 0 || (e.Reason != "") != (e.Type == 4) {
					t.Errorf("%s: %+v", p.url, e)
				}
			}
			if !signed(p, "whsec_"+base64.StdEncoding.EncodeToString([]byte(w.app.MasterSecret.Reveal()))) {
				t.Error("a callback is not signed with the Master Secret")
			}
		}
		if fmt.Sprint(got) != "map[1:1 4:1 8:2]" {
			t.Errorf("%v", got)
		}
		if es, err := w.hooks.Endpoints(t.Context(), w.app.ID); err != nil || len(es) != 0 {
			t.Errorf("a callback is listed as a webhook: %+v, %v", es, err)
		}
	})
}
