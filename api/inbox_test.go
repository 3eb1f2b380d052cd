package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// android registers an installation of another platform.
func (w *world) android(t *testing.T) phone {
	t.Helper()
	installs++
	p := phone{secret: fmt.Sprintf("%032d", installs)}
	var got struct {
		ID string `json:"registration_id"`
	}
	w.accepted(t, request{path: "/v1/devices", body: fmt.Sprintf(`{"app_key":%q,"install_id":"install-%d","secret":%q,"platform":"android"}`, w.app.Key, installs, p.secret)}, &got)
	p.id = got.ID
	return p
}

func (w *world) inbox(t *testing.T, p phone, query string) string {
	t.Helper()
	return string(w.call(t, request{path: "/v1/devices/" + p.id + "/messages" + query, user: p.id, password: p.secret}).body)
}

func (w *world) acknowledge(t *testing.T, p phone, id string) {
	t.Helper()
	w.accepted(t, request{path: "/v1/devices/" + p.id + "/receipts", user: p.id, password: p.secret, body: fmt.Sprintf(`{"receipts":[{"msg_id":%q,"event":"received","part":"message"}]}`, id)}, nil)
}

// TestInAppMessage: what was sent as message comes to the device that asks, as
// it was sent, never through APNs, and is counted apart from notifications.
func TestInAppMessage(t *testing.T) {
	w := startWorld(t)
	iphone := w.register(t, w.app, `{"token":"`+token(1)+`","environment":"development"}`)
	pixel, stranger := w.android(t), w.register(t, w.other, "")

	answered := make(chan string, 1)
	go func() { answered <- w.inbox(t, pixel, "?wait=20") }()
	both := w.push(t, w.app, `{"platform":"all","audience":"all","options":{"apns_production":false},
		"notification":{"ios":{"alert":"hi"}},
		"message":{"msg_content":"Grüße <&>","title":"T","content_type":"text","extras":{"k":[1,{"a":null}],"n":null}}}`)
	want := fmt.Sprintf(`{"messages":[{"msg_id":%q,"content":"Grüße <&>","title":"T","content_type":"text","extras":{"k":[1,{"a":null}]}}]}`, both.MessageID)
	same(t, "the device that waits", <-answered, want)
	same(t, "the iPhone", w.inbox(t, iphone, ""), want)
	same(t, "another app's device", w.inbox(t, stranger, ""), `{"messages":[]}`)
	w.acknowledge(t, pixel, both.MessageID)
	same(t, "after the acknowledgement", w.inbox(t, pixel, "?wait=0"), `{"messages":[]}`)

	alone := w.push(t, w.app, `{"platform":["ios"],"audience":{"registration_id":["`+iphone.id+`"]},"message":{"msg_content":{"any":"JSON"}}}`)
	w.acknowledge(t, iphone, both.MessageID)
	same(t, "an object", w.inbox(t, iphone, ""), fmt.Sprintf(`{"messages":[{"msg_id":%q,"content":"{\"any\":\"JSON\"}","title":"","content_type":"","extras":{}}]}`, alone.MessageID))
	w.acknowledge(t, iphone, alone.MessageID)
	w.settled(t, w.app, both.MessageID)
	if _, n := w.reached(alone.MessageID); n != 0 {
		t.Errorf("an in-app message was sent to APNs %d times", n)
	}
	if _, n := w.reached(both.MessageID); n != 1 {
		t.Errorf("the notification beside it was sent to APNs %d times", n)
	}
	time.Sleep(500 * time.Millisecond) // what was handed out is written in the background
	report := func(path string) string {
		return string(w.call(t, request{path: path + "?msg_ids=" + both.MessageID + "," + alone.MessageID}.as(w.app)).body)
	}
	same(t, "received", report("/v3/received"), fmt.Sprintf(`[{"msg_id":%q,"android_received":1,"ios_apns_sent":1,"ios_apns_received":null,"ios_msg_received":1,"wp_mpns_sent":null},
		{"msg_id":%q,"android_received":null,"ios_apns_sent":null,"ios_apns_received":null,"ios_msg_received":1,"wp_mpns_sent":null}]`, both.MessageID, alone.MessageID))
	var messages []struct{ IOS, Android, JPush map[string]any }
	for path, want := range map[string][]string{
		"/v3/messages":        {"map[apns_received:<nil> apns_sent:1 apns_target:1 click:0 received:1 target:1] map[click:<nil> msg_click:<nil> online_push:1 received:1 target:1]", "map[apns_received:<nil> apns_sent:<nil> apns_target:<nil> click:<nil> received:1 target:1]"},
		"/v3/messages/detail": {"map[apns_click:0 apns_received:<nil> apns_sent:1 apns_target:1 msg_received:1 msg_target:1] map[] map[click:<nil> msg_click:<nil> online_push:2 received:2 target:2]", "map[apns_click:<nil> apns_received:<nil> apns_sent:<nil> apns_target:<nil> msg_received:1 msg_target:1]"},
	} {
		text := report(path)
		if err := json.Unmarshal([]byte(text), &messages); err != nil || len(messages) != 2 {
			t.Fatal(err, text)
		}
		for i := range want {
			if got := fmt.Sprint(messages[i].IOS, messages[i].Android, messages[i].JPush); !strings.HasPrefix(got, want[i]) {
				t.Errorf("%s of message %d:\n%s\nwant\n%s", path, i, got, want[i])
			}
		}
		messages = nil
	}
	var state struct {
		InApp json.RawMessage `json:"in_app"`
	}
	w.accepted(t, request{path: "/v1/messages/" + both.MessageID}.as(w.app), &state)
	same(t, "the state", string(state.InApp), `{"targeted":2,"handed":2,"received":2,"opened":0,"waiting":0,"failed":0,"failed_by":[]}`)
	status := w.call(t, request{path: "/v3/status/message", body: fmt.Sprintf(`{"msg_id":%q,"registration_ids":[%q,%q]}`, alone.MessageID, iphone.id, pixel.id)}.as(w.app))
	same(t, "the status", string(status.body), fmt.Sprintf(`{%q:{"status":0},%q:{"status":3}}`, iphone.id, pixel.id))
}

// TestInboxRefusals: who may ask, and for how long.
func TestInboxRefusals(t *testing.T) {
	w := startWorld(t)
	p, q := w.register(t, w.app, ""), w.register(t, w.app, "")
	path := "/v1/devices/" + p.id + "/messages"
	for _, wait := range []string{"-1", "61", "x", "1.5", "1e1"} {
		w.refused(t, request{path: path + "?wait=" + wait, user: p.id, password: p.secret}, 400, 7002)
	}
	w.refused(t, request{path: path}, 401, 7001)
	w.refused(t, request{path: path, user: p.id, password: "wrong"}, 401, 7004)
	w.refused(t, request{path: path, user: q.id, password: q.secret}, 403, 7004)
	w.refused(t, request{method: http.MethodDelete, path: path, user: p.id, password: p.secret}, 405, 1001)
}

// same compares JSON regardless of blanks and order.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got), &a); err != nil || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}
