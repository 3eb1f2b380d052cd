package apns

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const noChannel = "AAAAAAAAAAAAAAAAAAAAAA=="

// broadcaster is a client of the channel and broadcast APIs.
type broadcaster struct {
	t testing.TB
	p *provider
}

func (b broadcaster) create(policy string) string {
	b.t.Helper()
	r := b.p.push(b.t, push{path: "/1/apps/" + testBundle + "/channels", noTopic: true, body: `{"message-storage-policy":` + policy + `,"push-type":"LiveActivity"}`})
	id := r.Header.Get("apns-channel-id")
	if r.Status != 201 || id == "" || r.Body != "" || !validUUID(r.Header.Get("apns-request-id")) {
		b.t.Fatalf("create: %+v", r)
	}
	return id
}

func (b broadcaster) send(channel, text string, more ...string) reply {
	b.t.Helper()
	h := header(append([]string{"apns-channel-id", channel, "apns-push-type", "LiveActivity", "apns-priority", "10"}, more...)...)
	return b.p.push(b.t, push{path: "/4/broadcasts/apps/" + testBundle, noTopic: true, header: h, body: body(text)})
}

func later() string { return jsonOf(time.Now().Add(time.Hour).Unix()) }

func TestChannelLife(t *testing.T) {
	s := startServer(t, Config{})
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))
	b := broadcaster{t, p}
	ids := []string{b.create("0"), b.create("1")}
	path := "/1/apps/" + testBundle + "/channels"

	const request = "0f9c1f5e-2d1b-4f6e-8a10-b36d8a2f5d11"
	r := p.push(t, push{method: "GET", path: path, noTopic: true, header: header("apns-channel-id", ids[1], "apns-request-id", request)})
	if r.Status != 200 || r.Body != `{"message-storage-policy":1,"push-type":"LiveActivity"}` || r.Header.Get("apns-request-id") != request {
		t.Errorf("read: %+v", r)
	}
	r = p.push(t, push{method: "GET", path: "/1/apps/" + testBundle + "/all-channels", noTopic: true})
	var list struct{ Channels []string }
	if err := json.Unmarshal([]byte(r.Body), &list); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list.Channels)
	slices.Sort(ids)
	if !slices.Equal(list.Channels, ids) {
		t.Errorf("list: %v, want %v", list.Channels, ids)
	}
	d := newProvider(t, s, Development, mustIssue(t, s, IssueRequest{Key: true}))
	if r := d.push(t, push{method: "GET", path: "/1/apps/" + testBundle + "/all-channels", noTopic: true}); r.Body != `{"channels":[]}` {
		t.Errorf("the other environment: %+v", r)
	}
	if r := p.push(t, push{method: "DELETE", path: path, noTopic: true, header: header("apns-channel-id", ids[0])}); r.Status != 204 {
		t.Errorf("delete: %+v", r)
	}
	if r := p.push(t, push{method: "GET", path: path, noTopic: true, header: header("apns-channel-id", ids[0])}); r.Reason != "ChannelNotRegistered" {
		t.Errorf("read after delete: %+v", r)
	}
}

func TestChannelRefusals(t *testing.T) {
	s := startServer(t, Config{})
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))
	certificate := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{}))
	b := broadcaster{t, p}
	none, keeping := b.create("0"), b.create("1")
	channels, cast := "/1/apps/"+testBundle+"/channels", "/4/broadcasts/apps/"+testBundle
	good := func(more ...string) http.Header {
		h := header("apns-channel-id", keeping, "apns-push-type", "liveactivity", "apns-priority", "5", "apns-expiration", "0")
		for i := 0; i < len(more); i += 2 {
			if h.Set(more[i], more[i+1]); more[i+1] == "" {
				h.Del(more[i])
			}
		}
		return h
	}
	for _, test := range []struct {
		name   string
		from   *provider
		push   push
		status int
		reason string
	}{
		{"unknown resource", p, push{path: "/1/apps/" + testBundle + "/things"}, 404, "BadPath"},
		{"method of a list", p, push{path: "/1/apps/" + testBundle + "/all-channels"}, 405, "MethodNotAllowed"},
		{"body that is no JSON", p, push{path: channels, body: "x"}, 400, "BadRequestPayload"},
		{"unknown attribute", p, push{path: channels, body: `{"color":1}`}, 400, "BadRequestParams"},
		{"no push type", p, push{path: channels, body: `{"message-storage-policy":0}`}, 400, "MissingPushType"},
		{"other push type", p, push{path: channels, body: `{"message-storage-policy":0,"push-type":"alert"}`}, 400, "InvalidPushType"},
		{"other policy", p, push{path: channels, body: `{"message-storage-policy":2,"push-type":"LiveActivity"}`}, 400, "BadRequestParams"},
		{"read without id", p, push{method: "GET", path: channels}, 400, "MissingChannelId"},
		{"read with an id that cannot be", p, push{method: "GET", path: channels, header: header("apns-channel-id", "???")}, 400, "BadChannelId"},
		{"delete unknown", p, push{method: "DELETE", path: channels, header: header("apns-channel-id", noChannel)}, 400, "ChannelNotRegistered"},
		{"app of another certificate", certificate, push{path: "/1/apps/com.example.Other/channels"}, 403, "TopicMismatch"},

		{"broadcast", p, push{path: cast, header: good()}, 200, ""},
		{"broadcast with a suffix", p, push{path: cast + ".push-type.liveactivity", header: good()}, 400, "TopicDisallowed"},
		{"broadcast without channel", p, push{path: cast, header: good("apns-channel-id", "")}, 400, "MissingChannelId"},
		{"broadcast to an unknown channel", p, push{path: cast, header: good("apns-channel-id", noChannel)}, 400, "ChannelNotRegistered"},
		{"broadcast without push type", p, push{path: cast, header: good("apns-push-type", "")}, 400, "MissingPushType"},
		{"broadcast of an alert", p, push{path: cast, header: good("apns-push-type", "alert")}, 400, "InvalidPushType"},
		{"broadcast without priority", p, push{path: cast, header: good("apns-priority", "")}, 400, "BadPriority"},
		{"broadcast without expiration", p, push{path: cast, header: good("apns-expiration", "")}, 400, "BadExpirationDate"},
		{"broadcast that cannot be kept", p, push{path: cast, header: good("apns-channel-id", none, "apns-expiration", later())}, 400, "BadExpirationDate"},
		{"broadcast of 5121 bytes", p, push{path: cast, header: good(), body: `{"a":"` + strings.Repeat("x", 5113) + `"}`}, 413, "PayloadTooLarge"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.push.noTopic = true
			r := test.from.push(t, test.push)
			if r.Status != test.status || r.Reason != test.reason || !validUUID(r.Header.Get("apns-request-id")) {
				t.Errorf("%+v, want %d %s", r, test.status, test.reason)
			}
		})
	}
}

// D13: a subscriber that is away gets the latest message, or nothing, depending
// on the channel.
func TestBroadcastReachesSubscribers(t *testing.T) {
	dir := t.TempDir()
	s, here, _, _ := live(t, Config{Dir: dir})
	b := broadcaster{t, newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))}
	forgetful, keeping := b.create("0"), b.create("1")
	away := connectPhone(t, s, "p2")
	for _, phone := range []*handset{here, away} {
		for _, channel := range []string{forgetful, keeping} {
			phone.send(`{"op":"subscribe","ref":5,"bundle_id":%q,"environment":"production","channel_id":%q}`, testBundle, channel)
			if got := phone.next(); got.Op != "subscribed" || got.Ref != 5 || got.ChannelID != channel {
				t.Fatalf("%+v", got)
			}
		}
	}
	away.leave(s, "p2")
	wants := func(phone *handset, channel, text string) {
		t.Helper()
		n := phone.next()
		if n.ChannelID != channel || string(n.Payload) != body(text) || n.PushType != "liveactivity" || n.Token != "" {
			t.Fatalf("got %+v, want %s", n, text)
		}
		phone.ack(n, "ok")
	}
	for _, text := range []string{"one", "two"} {
		if r := b.send(forgetful, text, "apns-expiration", "0"); r.Status != 200 {
			t.Fatalf("%+v", r)
		}
		wants(here, forgetful, text)
		if r := b.send(keeping, text, "apns-expiration", later()); r.Status != 200 {
			t.Fatalf("%+v", r)
		}
		wants(here, keeping, text)
	}
	away = connectPhone(t, s, "p2")
	wants(away, keeping, "two")
	away.quiet()
	away.leave(s, "p2")
	here.leave(s, "p1")

	b.send(keeping, "three", "apns-expiration", later())
	ctx, cancel := contextWithTimeout(t, 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	again := startServer(t, Config{Dir: dir})
	away = connectPhone(t, again, "p2")
	wants(away, keeping, "three")
	away.send(`{"op":"unsubscribe","bundle_id":%q,"environment":"production","channel_id":%q}`, testBundle, keeping)
	away.quiet()

	// What a channel keeps, it keeps for eight hours at most.
	b.p = newProvider(t, again, Production, mustIssue(t, again, IssueRequest{Key: true}))
	again.ChangeClock(ClockChange{Jump: Duration(8 * time.Hour)})
	here = connectPhone(t, again, "p1")
	here.quiet()
}

// A removed app listens no longer.
func TestUninstallEndsSubscriptions(t *testing.T) {
	s, phone, _, _ := live(t, Config{})
	b := broadcaster{t, newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))}
	id := b.create("1")
	phone.send(`{"op":"subscribe","bundle_id":%q,"environment":"production","channel_id":%q}`, testBundle, id)
	phone.next()
	subscribers := func() (list []string) {
		t.Helper()
		var channels []channelState
		call(t, s, "GET", "/v1/channels", "", &channels)
		if len(channels) != 1 || channels[0].ID != id || channels[0].Policy != 1 {
			t.Fatalf("%+v", channels)
		}
		return channels[0].Subscribers
	}
	if got := subscribers(); !slices.Equal(got, []string{"p1"}) {
		t.Fatalf("%v", got)
	}
	phone.send(`{"op":"uninstall","bundle_id":%q,"environment":"production"}`, testBundle)
	phone.quiet()
	if got := subscribers(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if r := b.send(id, "to nobody", "apns-expiration", "0"); r.Status != 200 {
		t.Errorf("%+v", r)
	}
	phone.quiet()
}
