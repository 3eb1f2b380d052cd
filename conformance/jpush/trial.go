package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aurora-push/aurora/simulator/iphone"
)

// kase is one call of an endpoint and what must come of it.
type kase struct {
	endpoint string
	name     string
	run      func(*trial)
}

// outcome is what became of a case with one client.
type outcome int

const (
	passed outcome = iota
	failed
	unsupported // the client has no such call, or cannot make it
	unserved    // this Aurora does not serve the family
)

// verdict is the outcome with its reason; a passed case may have a note.
type verdict struct {
	outcome outcome
	why     string
}

// trial is one case being tried with one client. Its methods end the case when
// something is not as it must be.
type trial struct {
	ctx    context.Context
	client *client
	app    *app
	at     *installation
}

// ended carries the verdict of a case out of its function.
type ended struct{ verdict }

func runCase(ctx context.Context, i *installation, a *app, c *client, k kase) (v verdict) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case ended:
			v = p.verdict
		default:
			panic(p)
		}
	}()
	k.run(&trial{ctx: ctx, client: c, app: a, at: i})
	return verdict{}
}

func (t *trial) fail(format string, arguments ...any) {
	panic(ended{verdict{failed, fmt.Sprintf(format, arguments...)}})
}

// attempt makes a call; it ends the case when the client cannot make it.
func (t *trial) attempt(secret, name string, arguments any) reply {
	r, err := t.client.call(t.ctx, t.app, t.at.url, t.app.key, secret, name, arguments)
	if err != nil {
		t.fail("%s: %v", name, err)
	}
	if r.Unsupported != "" {
		panic(ended{verdict{unsupported, r.Unsupported}})
	}
	if r.Refusal != nil && strings.Contains(r.Refusal.Message, "There is nothing at") { // this Aurora does not have the family
		panic(ended{verdict{unserved, shorten(r.Refusal.String(), 90)}})
	}
	return r
}

// call makes a call that must succeed and returns its value.
func (t *trial) call(name string, arguments any) any {
	return t.callWith(t.app.secret, name, arguments)
}

func (t *trial) callWith(secret, name string, arguments any) any {
	r := t.attempt(secret, name, arguments)
	if r.Refusal != nil {
		t.fail("%s raised %v", name, r.Refusal)
	}
	return decode(t, r.Value)
}

// refused makes a call that must raise an error with this status and code, as
// far as the client tells them.
func (t *trial) refused(name string, arguments any, status, code int) {
	t.refusedWith(t.app.secret, name, arguments, status, code)
}

func (t *trial) refusedWith(secret, name string, arguments any, status, code int) {
	r := t.attempt(secret, name, arguments)
	switch {
	case r.Refusal == nil:
		t.fail("%s returned %s; it must raise %d/%d", name, r.Value, status, code)
	case r.Refusal.Status != nil && *r.Refusal.Status != status, r.Refusal.Code != nil && *r.Refusal.Code != code:
		t.fail("%s raised %v; it must be %d/%d", name, r.Refusal, status, code)
	case r.Refusal.Status == nil && r.Refusal.Code == nil && r.Refusal.Type != "Unauthorized": // Python's has no more to say
		t.fail("%s raised %v, which says nothing of %d/%d", name, r.Refusal, status, code)
	}
}

func decode(t *trial, raw json.RawMessage) any {
	var v any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.fail("%v in %s", err, raw)
	}
	return v
}

// same compares JSON values; want is anything that encoding/json takes.
func (t *trial) same(what string, got, want any) {
	text, err := json.Marshal(want)
	if err != nil {
		t.fail("%v", err)
	}
	if w := decode(t, text); !reflect.DeepEqual(got, w) {
		g, _ := json.Marshal(got)
		t.fail("%s is %s; it must be %s", what, g, text)
	}
}

// member returns a member of an object, or ends the case.
func (t *trial) member(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			o, ok := v.(map[string]any)
			if v = o[s]; !ok || v == nil {
				t.fail("the client's answer has no %v", path)
			}
		case int:
			l, ok := v.([]any)
			if !ok || len(l) <= s {
				t.fail("the client's answer has no %v", path)
			}
			v = l[s]
		}
	}
	return v
}

// text is a member that the client gives as text or number.
func (t *trial) text(v any, path ...any) string { return fmt.Sprint(t.member(v, path...)) }

// push sends and returns the message id.
func (t *trial) push(p object) string { return t.messageID(t.call("push", p)) }

func (t *trial) messageID(answer any) string {
	id := t.text(answer, "msg_id")
	if strings.Trim(id, "0123456789") != "" || id == "" || id == "0" {
		t.fail("msg_id is %q", id)
	}
	return id
}

// shown waits until the phone shows the message, and compares all that arrived
// with the payload that was asked for.
func (t *trial) shown(p *phone, id string, payload object) iphone.Notification {
	var n iphone.Notification
	_, err := p.see(t.ctx, func(st iphone.State) bool {
		for _, n = range st.NotificationCenter {
			if n.MessageID == id {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.fail("message %s does not show on the %s phone", id, p.environment)
	}
	t.samePayload("what the phone got", n.Payload, id, payload)
	t.sent(p, id, payload)
	return n
}

// shownText waits for a notification whose message id nobody was told.
func (t *trial) shownText(p *phone, text string) (n iphone.Notification) {
	_, err := p.see(t.ctx, func(st iphone.State) bool {
		for _, n = range st.NotificationCenter {
			if n.Body == text {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.fail("%q does not show on the %s phone", text, p.environment)
	}
	return n
}

// sent finds the one push of the message at the local APNs.
func (t *trial) sent(p *phone, id string, payload object) (found recorded) {
	late := time.Now().Add(15 * time.Second)
	for {
		of := t.pushesOf(p, id)
		if len(of) > 1 {
			t.fail("the local APNs got message %s %d times", id, len(of))
		}
		if len(of) == 1 {
			found = of[0]
			break
		}
		if time.Now().After(late) {
			t.fail("message %s does not reach the local APNs for the %s phone", id, p.environment)
		}
		t.pause()
	}
	if found.Status != 200 || found.Topic != t.app.bundleID {
		t.fail("the local APNs answered %d %s for topic %s", found.Status, found.Reason, found.Topic)
	}
	t.samePayload("what the local APNs got", found.Payload, id, payload)
	return found
}

func (t *trial) pushesOf(p *phone, id string) (of []recorded) {
	list, err := t.at.pushes(t.ctx, p.token)
	if err != nil {
		t.fail("%v", err)
	}
	for _, r := range list {
		if o, ok := decode(t, r.Payload).(map[string]any); ok && fmt.Sprint(o["_j_msgid"]) == id {
			of = append(of, r)
		}
	}
	return of
}

func (t *trial) samePayload(what string, raw json.RawMessage, id string, want object) {
	got, ok := decode(t, raw).(map[string]any)
	if !ok || fmt.Sprint(got["_j_msgid"]) != id {
		t.fail("%s has no _j_msgid %s: %s", what, id, raw)
	}
	delete(got, "_j_msgid")
	t.same(what, got, want)
}

// nothing proves that a message was not sent to a phone: one that was sent later
// has arrived, and it has not.
func (t *trial) nothing(p *phone, id string) {
	if of := t.pushesOf(p, id); len(of) > 0 {
		t.fail("message %s was sent to the %s phone: %s", id, p.environment, of[0].Payload)
	}
}

// needsQuery ends the case for a client that loses the query of an address.
func (t *trial) needsQuery() {
	if t.client.dropsQuery() {
		panic(ended{verdict{unsupported, "the client loses the query of the address"}})
	}
}

// gone proves that nobody can send with an app's keys any more.
func (t *trial) gone(key, secret string) {
	late := time.Now().Add(15 * time.Second)
	for {
		request, err := http.NewRequestWithContext(t.ctx, http.MethodGet, t.at.url+"/v3/push/cid", nil)
		if err != nil {
			t.fail("%v", err)
		}
		request.SetBasicAuth(key, secret)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.fail("%v", err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusUnauthorized {
			return
		}
		if time.Now().After(late) {
			t.fail("a deleted app's keys are still taken: %s", answer.Status)
		}
		t.pause()
	}
}

// until asks again until the answer is as wanted, for counts that follow soon.
func (t *trial) until(what string, ask func() any, want any) {
	late := time.Now().Add(10 * time.Second)
	text, _ := json.Marshal(want)
	for w := decode(t, text); ; t.pause() {
		got := ask()
		if reflect.DeepEqual(got, w) {
			return
		}
		if time.Now().After(late) {
			t.same(what, got, want)
		}
	}
}

func (t *trial) pause() {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-t.ctx.Done():
		t.fail("%v", t.ctx.Err())
	}
}

// object is a JSON object.
type object map[string]any

// with returns a copy with members added.
func (o object) with(more object) object {
	c := maps.Clone(o)
	maps.Copy(c, more)
	return c
}
