package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/webhook"
)

// follow begins a stream and returns a function that reads what there is.
func (w *world) follow(after string, kinds ...aurora.EventKind) (read func() []webhook.Item, close func()) {
	w.Helper()
	set := aurora.AllEvents()
	if len(kinds) > 0 {
		set = aurora.NewEventSet(kinds...)
	}
	st, err := w.hooks.Stream(w.Context(), w.app, set, after)
	check(w, err)
	return func() []webhook.Item {
		w.Helper()
		items, err := st.Next(w.Context(), time.Second)
		check(w, err)
		for _, i := range items {
			if !json.Valid(i.Data) || strings.ContainsAny(string(i.Data), "\r\n") {
				w.Errorf("not a JSON document on one line: %s", i.Data)
			}
		}
		return items
	}, st.Close
}

func names(items []webhook.Item) string {
	var text []string
	for _, i := range items {
		text = append(text, i.Kind)
	}
	return strings.Join(text, " ")
}

// A reader gets what happens from now on, resumes where it was, is told when
// something may be missing, and costs nothing an hour after it went.
func TestStream(t *testing.T) {
	inWorld(t, func(w *world) {
		ids := w.devices(3)
		early := w.push(nil)
		pass(2 * time.Second)
		read, done := w.follow("")
		if items := read(); len(items) != 0 {
			t.Errorf("something happened before it began: %s", names(items))
		}
		w.report(early, ids[0], aurora.OpenedEvent)
		pass(2 * time.Second)
		items := read()
		if names(items) != "message.received message.opened" && names(items) != "message.opened message.received" {
			t.Fatalf("%s", names(items))
		}
		var body struct {
			Data struct {
				RegistrationIDs []string `json:"registration_ids"`
			}
		}
		check(w, json.Unmarshal(items[0].Data, &body))
		if fmt.Sprint(body.Data.RegistrationIDs) != fmt.Sprint(ids[:1]) {
			t.Errorf("%s", items[0].Data)
		}
		done()
		w.report(early, ids[1], aurora.ReceivedEvent) // while nobody reads
		pass(10 * time.Minute)
		read, done = w.follow(items[0].ID)
		if again := read(); names(again) != items[1].Kind+" message.received" || again[0].ID != items[1].ID {
			t.Errorf("%s", names(again))
		}
		done()
		read, done = w.follow(items[0].ID, aurora.EventOpened, aurora.EventSettled)
		if filtered := names(read()); strings.Contains(filtered, "received") {
			t.Error(filtered)
		}
		done()
		pass(2 * time.Hour)
		before := len(w.events(0))
		w.report(early, ids[2], aurora.ReceivedEvent)
		pass(2 * time.Second)
		if n := len(w.events(0)); n != before {
			t.Error("an event was written that nobody will read")
		}
		read, done = w.follow(items[1].ID)
		if got := read(); names(got) != webhook.GapRemark || got[0].ID != "" {
			t.Errorf("%s", names(got))
		}
		if got := names(read()); got != "message.received" {
			t.Errorf("after the gap: %s", got)
		}
		done()
		_, err := w.hooks.Stream(w.Context(), w.app, 1, "yesterday")
		refused(w, err, aurora.Invalid)
	})
}

func TestStreamsAreBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		var last func()
		for range webhook.MaxStreams {
			_, last = w.follow("")
		}
		_, err := w.hooks.Stream(w.Context(), w.app, 1, "")
		refused(w, err, aurora.TooMany)
		last()
		last() // closing twice leaves the others their place
		w.follow("")
		_, err = w.hooks.Stream(w.Context(), w.app, 1, "")
		refused(w, err, aurora.TooMany)
	})
}

// A reader that falls behind is told so, and can go on from where it was.
func TestSlowReader(t *testing.T) {
	inWorld(t, func(w *world) {
		ids := w.devices(1)
		read, done := w.follow("", aurora.EventReceived)
		for range 2 {
			id := w.push(nil)
			pass(2 * time.Second)
			w.report(id, ids[0], aurora.ReceivedEvent)
			pass(6 * time.Minute)
		}
		if got := names(read()); got != webhook.SlowRemark {
			t.Errorf("%s", got)
		}
		done()
	})
}

// A credential's owner is warned once for each of 30, 7 and 1 days, and told
// when APNs refuses it and when it works again.
func TestCredentialEvents(t *testing.T) {
	inWorld(t, func(w *world) {
		w.hook("credential.expiring", "credential.parked", "credential.recovered")
		const day = 24 * time.Hour
		put := func(left time.Duration) int64 {
			c := aurora.Credential{AppID: w.app.ID, Environment: aurora.Production, Kind: aurora.CertificateCredential, Name: "Apple Push Services", NotAfter: time.Now().Add(left), ValidatedAt: time.Now()}
			check(w, w.db.PutCredentials(w.Context(), w.app.ID, []account.Sealed{{Credential: c, File: []byte("sealed")}}))
			cs, err := w.db.Credentials(w.Context(), w.app.ID)
			check(w, err)
			return cs[0].ID
		}
		put(7*day + 150*time.Minute)
		pass(4 * time.Hour)
		put(day + 90*time.Minute) // another credential, which is warned of anew
		pass(3 * time.Hour)
		var left []float64
		for _, p := range w.to.of(aurora.EventCredentialExpiring) {
			left = append(left, p.body.Data["days_left"].(float64))
			if p.body.Data["environment"] != "production" || p.body.Data["name"] != "Apple Push Services" {
				t.Errorf("%v", p.body.Data)
			}
		}
		if got := fmt.Sprint(left); got != "[7 6 1 0]" {
			t.Errorf("warned with %s days left", got)
		}
		id := put(5 * day) // a short one: only the most urgent warning that is due
		pass(2 * time.Hour)
		if n := len(w.to.of(aurora.EventCredentialExpiring)); n != 5 {
			t.Errorf("%d warnings", n)
		}
		for _, reason := range []string{"BadCertificate", "BadCertificate", "", ""} {
			check(w, w.accounts.ParkCredential(w.Context(), id, reason))
		}
		pass(3 * time.Second)
		check(w, w.accounts.ParkCredential(w.Context(), id, "BadCertificate"))
		put(90 * day)
		pass(3 * time.Second)
		if parked := w.to.of(aurora.EventCredentialParked); len(parked) != 2 || parked[0].body.Data["reason"] != "BadCertificate" {
			t.Errorf("parked: %+v", parked)
		}
		if n := len(w.to.of(aurora.EventCredentialRecovered)); n != 2 {
			t.Errorf("recovered %d times", n)
		}
	})
}
