package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestBatchPushes(t *testing.T) {
	w := startWorld(t)
	d := w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"development","alias":"reader-17"}`, token(1)))
	var cids struct {
		List []string `json:"cidlist"`
	}
	w.accepted(t, request{path: "/v3/push/cid?count=4"}.as(w.app), &cids)

	one := `{"target":%q,"notification":{"alert":"one"},"options":{"apns_production":false}}`
	items := []string{
		fmt.Sprintf(`%q:`+one, cids.List[0], d.id),
		fmt.Sprintf(`%q:`+one, cids.List[1], "0000000000000000000"),
		fmt.Sprintf(`%q:{"target":7,"notification":{"alert":"one"}}`, cids.List[2]),
		fmt.Sprintf(`%q:{"target":%q,"platform":["ios"],"audience":"all"}`, cids.List[3], d.id),
		fmt.Sprintf(`"not-a-cid":`+one, d.id),
	}
	body := `{"pushlist":{` + strings.Join(items, ",") + `}}`
	type item struct {
		MessageID string `json:"msg_id"`
		Error     struct{ Code int }
	}
	var got map[string]item
	w.accepted(t, request{path: "/v3/push/batch/regid/single", body: body}.as(w.app), &got)
	for cid, code := range map[string]int{cids.List[0]: 0, cids.List[1]: 1011, cids.List[2]: 1003, cids.List[3]: 1002, "not-a-cid": 1003} {
		if g := got[cid]; g.Error.Code != code || (g.MessageID != "") != (code == 0) {
			t.Errorf("%s was answered %+v, want code %d", cid, g, code)
		}
	}
	first := got[cids.List[0]].MessageID
	if r := w.settled(t, w.app, first); r.Accepted != 1 {
		t.Errorf("the batch's push: %+v", r)
	}
	// The same batch again sends nothing again.
	got = nil
	w.accepted(t, request{path: "/v3/push/batch/regid/single", body: body}.as(w.app), &got)
	if again := got[cids.List[0]].MessageID; again != first {
		t.Errorf("repeated, the push is message %s, was %s", again, first)
	}
	if _, n := w.reached(first); n != 1 {
		t.Errorf("APNs saw the push %d times", n)
	}

	got = nil
	w.accepted(t, request{path: "/v3/push/batch/alias/single", body: fmt.Sprintf(`{"pushlist":{%q:`+one+`}}`, w.app.Key+"-00000000-0000-4000-8000-000000000000", "reader-17")}.as(w.app), &got)
	for _, g := range got {
		if r := w.settled(t, w.app, g.MessageID); r.Accepted != 1 {
			t.Errorf("the push by alias: %+v", r)
		}
	}
	w.refused(t, request{path: "/v3/push/batch/alias/single", body: `{}`}.as(w.app), 400, 1002)
	w.refused(t, request{path: "/v3/push/batch/alias/single", body: `{"pushlist":[]}`}.as(w.app), 400, 1003)
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf(`"%d":{}`, i)
	}
	w.refused(t, request{path: "/v3/push/batch/alias/single", body: `{"pushlist":{` + strings.Join(many, ",") + `}}`}.as(w.app), 400, 1003)
}

func TestReportFamilies(t *testing.T) {
	w := startWorld(t)
	d := w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"development"}`, token(1)))
	bystander := w.register(t, w.app, "")
	silent := w.register(t, w.app, `{"alias":"silent"}`)
	id := w.push(t, w.app, fmt.Sprintf(`{"platform":"all","audience":{"registration_id":[%q,%q]},"notification":{"alert":"hi"},"options":{"apns_production":false}}`, d.id, silent.id)).MessageID
	w.settled(t, w.app, id)
	w.accepted(t, request{path: "/v1/devices/" + d.id + "/receipts", user: d.id, password: d.secret, body: fmt.Sprintf(`{"receipts":[{"msg_id":%q,"event":"opened"}]}`, id)}, nil)

	const unknown = "42"
	query := "?msg_ids=" + id + "," + unknown
	var messages []struct {
		ID       string `json:"msg_id"`
		IOS      map[string]*int
		Android  map[string]*int
		WinPhone map[string]*int
	}
	w.accepted(t, request{path: "/v3/messages/" + query}.as(w.app), &messages)
	if len(messages) != 2 || messages[0].ID != id || messages[1].ID != unknown {
		t.Fatalf("GET /v3/messages answered %+v", messages)
	}
	for name, want := range map[string]int{"apns_target": 2, "apns_sent": 1, "apns_received": 1, "click": 1} {
		if got := messages[0].IOS[name]; got == nil || *got != want {
			t.Errorf("ios.%s is %v, want %d", name, got, want)
		}
	}
	for _, m := range messages {
		if m.IOS == nil || m.Android == nil || m.WinPhone == nil {
			t.Errorf("message %s lacks an object", m.ID)
		}
	}
	var detail []map[string]any
	w.accepted(t, request{path: "/v3/report/messages/detail" + query}.as(w.app), &detail)
	for _, m := range detail {
		if len(m) != 8 || m["jpush"] == nil || m["android_pns"] == nil || m["details"] == nil {
			t.Errorf("GET /v3/messages/detail has an item %v", m)
		}
	}
	var received []map[string]any
	w.accepted(t, request{path: "/v3/received/detail" + query}.as(w.app), &received)
	if got := fmt.Sprint(received[0]["ios_apns_sent"], received[0]["live_acivity_sent"], received[1]["ios_apns_sent"]); got != "1 <nil> <nil>" {
		t.Errorf("GET /v3/received/detail has %s", got)
	}
	w.exactly(t, request{path: "/v3/status/message", body: fmt.Sprintf(`{"msg_id":%s,"registration_ids":[%q,%q,%q,"too_short"]}`, id, d.id, silent.id, bystander.id)},
		sortedObject(map[string]string{d.id: `{"status":0}`, silent.id: `{"status":1}`, bystander.id: `{"status":3}`, "too_short": `{"status":2}`}))
	for _, path := range []string{"/v3/messages", "/v3/messages/detail", "/v3/received/detail"} {
		w.refused(t, request{path: path}.as(w.app), 400, 3002)
		w.refused(t, request{path: path + query}, 401, 3001)
	}
}

func TestWithdraw(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"development"}`, token(1)))
	id := w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"hi"},"options":{"apns_production":false}}`).MessageID
	w.settled(t, w.app, id)
	w.exactly(t, request{method: "DELETE", path: "/v3/push/" + id}, `{}`)
	w.exactly(t, request{method: "DELETE", path: "/v3/push/" + id}, `{}`)
	if r := w.settled(t, w.app, id); r.Accepted != 1 || r.Failed != 0 {
		t.Errorf("withdrawn after it was sent, the message is %+v", r)
	}
	var report struct {
		Stopped struct {
			At           string
			Left, Spared int
		}
	}
	w.accepted(t, request{path: "/v1/messages/" + id}.as(w.app), &report)
	if report.Stopped.At == "" || report.Stopped.Left != 1 || report.Stopped.Spared != 0 {
		t.Errorf("the report says of the stop: %+v; want that one had left", report.Stopped)
	}
	w.refused(t, request{method: "DELETE", path: "/v3/push/" + id}.as(w.other), 400, 1003)
	w.refused(t, request{method: "DELETE", path: "/v3/push/42"}.as(w.app), 400, 1003)
	w.refused(t, request{method: "DELETE", path: "/v3/push/validate"}.as(w.app), 400, 1003)
	w.refused(t, request{method: "DELETE", path: "/v3/push/" + id}, 401, 1004)
}
