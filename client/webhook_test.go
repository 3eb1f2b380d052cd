package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/client"
	"github.com/aurora-push/aurora/webhook"
)

// receiver is a server of ours that webhooks post to.
type receiver struct {
	mu     sync.Mutex
	events []client.Event
	refuse int // how many are answered with 500 first
}

func (r *receiver) take(_ *http.Request, e client.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse > 0 {
		r.refuse--
		return errors.New("not now")
	}
	r.events = append(r.events, e)
	return nil
}

func (r *receiver) ofType(kind client.EventType) []client.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.events), func(e client.Event) bool { return e.Type != kind })
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	for late := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			w.Fatalf("not within 20 seconds: %s", what)
		}
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(nil)
	got := &receiver{}
	var verifier *client.Verifier
	ours := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { verifier.Handler(got.take).ServeHTTP(rw, r) }))
	defer ours.Close()
	hook, err := c.CreateWebhook(t.Context(), client.NewWebhook{URL: ours.URL, Events: []client.EventType{client.MessageSettled, client.MessageAccepted}, Description: "ours"})
	w.must(err)
	verifier, err = client.NewVerifier(hook.Secret)
	w.must(err)
	tested, err := c.TestWebhook(t.Context(), hook.ID)
	w.must(err)
	if tested.Status != http.StatusNoContent || tested.State != "delivered" || len(got.ofType(client.WebhookTest)) != 1 {
		t.Fatalf("the test's delivery is %+v", tested)
	}
	r, err := c.Push(t.Context(), w.hello())
	w.must(err)
	w.eventually("two events", func() bool {
		return len(got.ofType(client.MessageSettled)) == 1 && len(got.ofType(client.MessageAccepted)) == 1
	})
	settled, accepted := got.ofType(client.MessageSettled)[0], got.ofType(client.MessageAccepted)[0]
	if d := settled.Data; d.MessageID != r.MessageID || d.Targeted != 1 || d.Accepted != 1 || d.AppKey != w.app.Key || settled.ID == "" || settled.At.IsZero() {
		t.Errorf("the event is %+v", settled)
	}
	if d := accepted.Data; !slices.Equal(d.RegistrationIDs, []string{w.device}) || d.Part != 1 || d.Parts != 1 {
		t.Errorf("the event is %+v", accepted)
	}

	rotated, err := c.RotateWebhook(t.Context(), hook.ID, new(time.Hour))
	w.must(err)
	for _, secrets := range [][]string{{hook.Secret}, {rotated.Secret}, {strings.Repeat("AAAA", 8), rotated.Secret}} { // both sign during the overlap
		verifier, err = client.NewVerifier(secrets...)
		w.must(err)
		if d, err := c.TestWebhook(t.Context(), hook.ID); err != nil || d.State != "delivered" {
			t.Errorf("after the rotation: %+v, %v", d, err)
		}
	}
	verifier, err = client.NewVerifier(strings.Repeat("AAAA", 8))
	w.must(err)
	if d, err := c.TestWebhook(t.Context(), hook.ID); err != nil || d.Status != http.StatusUnauthorized || d.State != "failed" {
		t.Errorf("with another secret: %+v, %v", d, err)
	}
	verifier, err = client.NewVerifier(rotated.Secret)
	w.must(err)

	var deliveries []client.WebhookDelivery
	for d, err := range c.WebhookDeliveries(t.Context(), hook.ID, "delivered") {
		w.must(err)
		deliveries = append(deliveries, d)
	}
	i := slices.IndexFunc(deliveries, func(d client.WebhookDelivery) bool { return d.Event == client.MessageSettled })
	if i < 0 || deliveries[i].EventID != settled.ID || deliveries[i].MessageID != r.MessageID {
		t.Fatalf("the deliveries are %+v", deliveries)
	}
	if n, err := c.ReplayWebhook(t.Context(), hook.ID, client.Replay{Delivery: deliveries[i].ID}); err != nil || n != 1 {
		t.Errorf("%d deliveries are made again, %v", n, err)
	}
	w.eventually("the replay", func() bool { return len(got.ofType(client.MessageSettled)) == 2 })
	if again := got.ofType(client.MessageSettled)[1]; again.ID != settled.ID {
		t.Errorf("the replay has the id %s, not %s", again.ID, settled.ID)
	}

	changed, err := c.ChangeWebhook(t.Context(), hook.ID, client.WebhookChange{Enabled: new(false), Description: new("paused")})
	w.must(err)
	if changed.Enabled || changed.Description != "paused" || changed.DisabledAt.IsZero() {
		t.Errorf("the changed webhook is %+v", changed)
	}
	list, err := c.Webhooks(t.Context())
	w.must(err)
	if len(list) != 1 || list[0].ID != hook.ID || list[0].Secret != "" {
		t.Errorf("the webhooks are %+v", list)
	}
	w.must(c.DeleteWebhook(t.Context(), hook.ID))
	_, err = c.Webhook(t.Context(), hook.ID)
	w.refused("a deleted webhook", err, client.ErrNotFound, 9005)
}

// A push's own callback is signed with the Master Secret.
func TestCallback(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	verifier, err := client.NewCallbackVerifier(w.app.MasterSecret.Reveal())
	w.must(err)
	came := make(chan []client.CallbackEvent, 10)
	ours := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		list, err := verifier.ReadCallback(r)
		if err != nil {
			t.Error(err)
		}
		came <- list
	}))
	defer ours.Close()
	p := w.hello()
	p.Callback = &client.Callback{URL: ours.URL, Params: map[string]any{"order": 7}, Events: client.CallbackAccepted | client.CallbackFailed}
	r, err := c.Push(t.Context(), p)
	w.must(err)
	select {
	case list := <-came:
		if len(list) != 1 || list[0].Type != client.CallbackAccepted || list[0].MessageID != r.MessageID || list[0].RegistrationID != w.device || string(list[0].Params) != `{"order":7}` {
			t.Errorf("the callback is %+v", list)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no callback came")
	}
}

// The example of the scheme's own documents.
const (
	exampleSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	exampleTime      = "1614265330"
	exampleBody      = `{"test": 2432232314}`
	exampleSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(h http.Header, body *string, v *client.Verifier)
		want   error
	}{
		{"the documents' example", func(http.Header, *string, *client.Verifier) {}, nil},
		{"beside a signature of another scheme", func(h http.Header, _ *string, _ *client.Verifier) {
			h.Set("webhook-signature", "v1a,AAAA v1,AAAA "+exampleSignature)
		}, nil},
		{"too old", func(_ http.Header, _ *string, v *client.Verifier) { v.Tolerance = 5 * time.Minute }, client.ErrTooOld},
		{"another body", func(_ http.Header, body *string, _ *client.Verifier) { *body += " " }, client.ErrBadSignature},
		{"another id", func(h http.Header, _ *string, _ *client.Verifier) { h.Set("webhook-id", "msg_2") }, client.ErrBadSignature},
		{"another time", func(h http.Header, _ *string, _ *client.Verifier) { h.Set("webhook-timestamp", "1614265331") }, client.ErrBadSignature},
		{"a time that is none", func(h http.Header, _ *string, _ *client.Verifier) { h.Set("webhook-timestamp", "yesterday") }, client.ErrNotSigned},
		{"no signature", func(h http.Header, _ *string, _ *client.Verifier) { h.Del("webhook-signature") }, client.ErrNotSigned},
		{"no id", func(h http.Header, _ *string, _ *client.Verifier) { h.Del("webhook-id") }, client.ErrNotSigned},
		{"an empty signature", func(h http.Header, _ *string, _ *client.Verifier) { h.Set("webhook-signature", "v1,") }, client.ErrBadSignature},
		{"one beyond those that are looked at", func(h http.Header, _ *string, _ *client.Verifier) {
			h.Set("webhook-signature", strings.Repeat("v1,AAAA ", 16)+exampleSignature)
		}, client.ErrBadSignature},
	} {
		v, err := client.NewVerifier(exampleSecret)
		if err != nil {
			t.Fatal(err)
		}
		v.Tolerance = 100 * 365 * 24 * time.Hour
		h := http.Header{}
		h.Set("webhook-id", exampleID)
		h.Set("webhook-timestamp", exampleTime)
		h.Set("webhook-signature", exampleSignature)
		body := exampleBody
		tt.change(h, &body, v)
		if err := v.Verify(h, []byte(body)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {"whsec_***"}, {exampleSecret, ""}} {
		if _, err := client.NewVerifier(secrets...); err == nil {
			t.Errorf("the secrets %q were taken", secrets)
		}
	}
}

// The age that is allowed, to the second, on both sides.
func TestTolerance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, err := client.NewVerifier(exampleSecret)
		if err != nil {
			t.Fatal(err)
		}
		sent := time.Now().Add(10 * time.Minute)
		signature, err := webhook.Sign([]string{exampleSecret}, "evt_1", sent, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Webhook-Id": {"evt_1"}, "Webhook-Timestamp": {timestamp(sent)}, "Webhook-Signature": {signature}}
		for minute := range 21 {
			want := error(nil)
			if minute < 5 || minute > 15 {
				want = client.ErrTooOld
			}
			if err := v.Verify(h, []byte("{}")); !errors.Is(err, want) {
				t.Errorf("in minute %d of 10: %v, want %v", minute, err, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

// A receiver answers so that the sender knows whether to come again.
func TestReceiver(t *testing.T) {
	v, err := client.NewVerifier(exampleSecret)
	if err != nil {
		t.Fatal(err)
	}
	got := &receiver{refuse: 1}
	h := v.Handler(got.take)
	post := func(body string, signed string) int {
		now := time.Now()
		signature, err := webhook.Sign([]string{exampleSecret}, "evt_1", now, []byte(signed))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header = http.Header{"Webhook-Id": {"evt_1"}, "Webhook-Timestamp": {timestamp(now)}, "Webhook-Signature": {signature}}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if _, err := io.Copy(io.Discard, rec.Body); err != nil {
			t.Fatal(err)
		}
		return rec.Code
	}
	const event = `{"type":"message.settled","timestamp":"2030-01-02T03:04:05Z","data":{"msg_id":"7","failed_by":{"Unregistered":2},"later":{"a":1}}}`
	long := strings.Repeat(" ", 1<<20+1)
	for _, tt := range []struct {
		name, body, signed string
		want               int
	}{
		{"while it cannot take it", event, event, 500},
		{"an event", event, event, 204},
		{"another body", event, "{}", 401},
		{"no JSON", "hello", "hello", 400},
		{"over a MiB", long, long, 413},
	} {
		if got := post(tt.body, tt.signed); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	list := got.ofType(client.MessageSettled)
	if len(list) != 1 || list[0].ID != "evt_1" || list[0].Data.FailedBy["Unregistered"] != 2 || string(list[0].Raw) != event {
		t.Errorf("the events are %+v", list)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(exampleID, exampleTime, exampleSignature, []byte(exampleBody))
	f.Add("", "-1", "v1,", []byte{})
	f.Add("a", "99999999999999999999", "v1", []byte("{"))
	f.Add("a", "0x10", ",,, v2,AAAA\tv1,=", []byte("{}"))
	v, err := client.NewVerifier(exampleSecret)
	if err != nil {
		f.Fatal(err)
	}
	v.Tolerance = 100 * 365 * 24 * time.Hour
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		genuine := id == exampleID && stamp == exampleTime && string(body) == exampleBody
		if err := v.Verify(h, body); err == nil && !genuine {
			t.Errorf("a delivery that nobody signed is believed: %q %q %q %q", id, stamp, signature, body)
		}
	})
}
