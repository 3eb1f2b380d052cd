package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

// trial is one client in one case: it collects what was wrong and what is worth saying.
type trial struct {
	ctx      context.Context
	gateway  *gateway
	client   *client
	dir      string
	topic    string // a bundle id that only this trial uses
	patience time.Duration
	phones   []*phone
	before   map[string]uint64
	wrong    []string
	notes    []string
}

// stopped ends a trial that cannot go on.
type stopped struct{ err error }

func runCase(ctx context.Context, g *gateway, c *client, k testCase, dir string) (v verdict) {
	t := &trial{
		ctx: ctx, gateway: g, client: c, dir: dir, patience: 30 * time.Second,
		topic: fmt.Sprintf("com.example.%s.%s", c.name, strings.ToLower(rand.Text()[:10])),
	}
	defer func() {
		for _, p := range t.phones {
			p.close()
		}
		if s, ok := recover().(stopped); ok {
			t.wrong = append(t.wrong, s.err.Error())
		}
		v = t.verdict(k)
	}()
	t.must(g.calm())
	var err error
	t.before, err = g.counters()
	t.must(err)
	k.run(t)
	return v
}

func (t *trial) must(err error) {
	if err != nil {
		panic(stopped{err})
	}
}

func (t *trial) check(ok bool, format string, arguments ...any) {
	if !ok {
		t.wrong = append(t.wrong, fmt.Sprintf(format, arguments...))
	}
}

func (t *trial) note(format string, arguments ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, arguments...))
}

// happened tells how often the local APNs counted something during this trial.
func (t *trial) happened(name string) uint64 {
	now, err := t.gateway.counters()
	t.must(err)
	return now[name] - t.before[name]
}

func (t *trial) certificate(environment string) credential {
	c, err := t.gateway.certificate(filepath.Join(t.dir, rand.Text()+".p12"), t.topic, environment, t.client.legacy)
	t.must(err)
	return c
}

func (t *trial) key() credential {
	c, err := t.gateway.key(filepath.Join(t.dir, rand.Text()+".p8"), t.topic)
	t.must(err)
	return c
}

// phone installs the trial's app on a new phone.
func (t *trial) phone(environment string) (*phone, string) {
	p, err := dialPhone(t.gateway, rand.Text())
	t.must(err)
	t.phones = append(t.phones, p)
	token, err := p.install(t.topic, environment)
	t.must(err)
	return p, token
}

// alert is a plain push with an id of its own.
func (t *trial) alert(token string) push {
	return push{id: newUUID(), token: token, topic: t.topic, kind: "alert", priority: 10, payload: `{"aps":{"alert":"Grüße 👋"},"n":1}`}
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// send lets the client push and returns its results in the order of the pushes.
func (t *trial) send(c credential, production bool, pushes ...push) []result {
	job := filepath.Join(t.dir, rand.Text()+".job")
	t.must(writeJob(job, t.gateway, c, production, pushes))
	results, note, err := t.client.run(t.ctx, t.gateway, job, len(pushes), t.patience)
	t.must(err)
	if note != "" {
		t.check(false, "the client %s", note)
	}
	return results
}

// refused expects one answer, from the client and in the record.
func (t *trial) refused(r result, p push, status int, reason string) {
	t.check(r.status == status && r.reason == reason, "expected %d %s, the client said %s", status, reason, r)
	list, err := t.gateway.notifications(p.token)
	t.must(err)
	if len(list) == 0 {
		t.check(false, "the local APNs recorded nothing")
		return
	}
	t.check(list[0].Status == status && list[0].Reason == reason, "the local APNs recorded %d %s", list[0].Status, list[0].Reason)
	t.check(r.status == 0 || r.id == "" || strings.EqualFold(r.id, list[0].APNsID), "the client reported apns-id %s, recorded is %s", r.id, list[0].APNsID)
}

// accepted expects 200, a faithful record and the push on the phone.
func (t *trial) accepted(r result, p push, phone *phone) recorded {
	t.check(r.status == 200, "expected 200, the client said %s", r)
	if r.status == 200 && r.id == "" {
		t.note("does not report the apns-id")
	} else if r.status == 200 {
		t.check(strings.EqualFold(r.id, p.id), "sent apns-id %s, the client reported %s", p.id, r.id)
	}
	list, err := t.gateway.notifications(p.token)
	t.must(err)
	if len(list) != 1 {
		t.check(false, "one push was sent, %d are recorded", len(list))
		return recorded{}
	}
	n := list[0]
	t.check(n.Status == 200, "the local APNs recorded %d %s", n.Status, n.Reason)
	t.check(strings.EqualFold(n.APNsID, p.id), "sent apns-id %s, recorded is %s", p.id, n.APNsID)
	t.check(n.Topic == p.topic, "sent topic %s, recorded is %s", p.topic, n.Topic)
	t.check(n.PushType == p.kind, "sent push type %s, recorded is %s", p.kind, n.PushType)
	t.check(n.Priority == p.priority, "sent priority %d, recorded is %d", p.priority, n.Priority)
	t.check(n.CollapseID == p.collapse, "sent collapse id %q, recorded is %q", p.collapse, n.CollapseID)
	t.check(sameJSON(n.Payload, []byte(p.payload)), "sent payload %s, recorded is %s", p.payload, n.Payload)
	switch {
	case p.expiration != 0:
		t.check(n.Expiration != nil && *n.Expiration == p.expiration, "sent expiration %d, recorded is %s", p.expiration, show(n.Expiration))
	case n.Expiration != nil:
		t.note("sends apns-expiration %s when none is given", show(n.Expiration))
	}
	id := strings.ToLower(p.id)
	if err := phone.wait(5*time.Second, func() bool { return phone.received[id] > 0 }); err != nil {
		t.check(false, "the push did not reach the phone: %v", err)
	}
	return n
}

func show(seconds *int64) string {
	if seconds == nil {
		return "none"
	}
	if *seconds == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (in %v)", *seconds, time.Until(time.Unix(*seconds, 0)).Round(time.Hour))
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
