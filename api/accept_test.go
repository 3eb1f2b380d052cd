package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// reached returns which of the devices with token(0) … token(n-1) APNs was
// asked to notify for a message, and how often in all.
func (w *world) reached(id string) (devices []int, notifications int) {
	for _, n := range w.apns.Notifications(1000) {
		var payload struct {
			ID json.Number `json:"_j_msgid"`
		}
		if json.Unmarshal(n.Payload, &payload) != nil || payload.ID.String() != id {
			continue
		}
		notifications++
		number, err := strconv.ParseInt(n.Token, 16, 32)
		if err == nil {
			devices = append(devices, int(number)-1)
		}
	}
	slices.Sort(devices)
	return slices.Compact(devices), notifications
}

// TestAudience: what is given is combined by "and", each list in its own way
// (spec/rest-api.md §7.3), and exactly the selected phones are notified.
func TestAudience(t *testing.T) {
	w := startWorld(t)
	var ids []any
	for i, attributes := range []string{
		`"tags":{"set":["a","b"]},"alias":"x"`,
		`"tags":{"set":["a"]}`,
		`"tags":{"set":["b"]},"alias":"y"`,
		`"badge":1`,
		`"tags":{"set":["c","读者"]},"alias":"x"`,
	} {
		ids = append(ids, w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"production",%s}`, token(i), attributes)).id)
	}
	w.register(t, w.other, `{"token":"`+token(100)+`","environment":"production","tags":{"set":["a","b","c"]},"alias":"x"}`)
	for _, tt := range []struct {
		platform, audience string
		want               []int
	}{
		{`"all"`, `"all"`, []int{0, 1, 2, 3, 4}},
		{`["ios"]`, `"all"`, []int{0, 1, 2, 3, 4}},
		{`["ios","android"]`, `"all"`, []int{0, 1, 2, 3, 4}},
		{`{"1":"ios"}`, `"all"`, []int{0, 1, 2, 3, 4}}, // PHP after filtering an array
		{`"all"`, `{"tag":["a","b"]}`, []int{0, 1, 2}},
		{`"all"`, `{"tag":["a","a"]}`, []int{0, 1}},
		{`"all"`, `{"tag":["nobody","读者"]}`, []int{4}},
		{`"all"`, `{"tag_and":["a","b"]}`, []int{0}},
		{`"all"`, `{"tag_not":["a"]}`, []int{2, 3, 4}},
		{`"all"`, `{"tag_not":["a","c"]}`, []int{2, 3}},
		{`"all"`, `{"tag_not":["nobody"]}`, []int{0, 1, 2, 3, 4}},
		{`"all"`, `{"alias":["x"]}`, []int{0, 4}},
		{`"all"`, `{"alias":["x","y","nobody"]}`, []int{0, 2, 4}},
		{`"all"`, fmt.Sprintf(`{"registration_id":[%q,%q]}`, ids[1], ids[3]), []int{1, 3}},
		{`"all"`, fmt.Sprintf(`{"registration_id":[%q,"0123456789abcdef012"]}`, ids[1]), []int{1}},
		{`"all"`, `{"tag":["a","c"],"tag_and":["b"]}`, []int{0}},
		{`"all"`, `{"tag":["a"],"tag_not":["b"]}`, []int{1}},
		{`"all"`, `{"tag":["b"],"alias":["x"]}`, []int{0}},
		{`["ios"]`, fmt.Sprintf(`{"alias":["x"],"registration_id":[%q,%q]}`, ids[0], ids[1]), []int{0}},
		{`"all"`, fmt.Sprintf(`{"tag":["a"],"tag_and":["b"],"tag_not":["c"],"alias":["x"],"registration_id":[%q,%q]}`, ids[0], ids[4]), []int{0}},
		{`"all"`, `{"tag":[],"tag_and":null,"alias":["y"],"unknown":["a"]}`, []int{2}},
		// Two kinds of selector and nobody: accepted with no target (§7.1.4).
		{`"all"`, `{"tag":["c"],"alias":["y"]}`, nil},
		{`"all"`, fmt.Sprintf(`{"alias":["nobody"],"registration_id":[%q]}`, ids[0]), nil},
		{`"all"`, `{"tag":["nobody"],"tag_not":["a"]}`, nil},
	} {
		t.Run(tt.platform+" "+tt.audience, func(t *testing.T) {
			p := w.push(t, w.app, fmt.Sprintf(`{"platform":%s,"audience":%s,"notification":{"alert":"hello"}}`, tt.platform, tt.audience))
			r := w.settled(t, w.app, p.MessageID)
			got, n := w.reached(p.MessageID)
			if !slices.Equal(got, tt.want) || n != len(tt.want) {
				t.Errorf("reached %v by %d notifications, want %v", got, n, tt.want)
			}
			if r.Targeted != uint64(len(tt.want)) || r.Accepted != r.Targeted || r.Failed != 0 {
				t.Errorf("on record: %d targeted, %d accepted, %d failed; want %d", r.Targeted, r.Accepted, r.Failed, len(tt.want))
			}
		})
	}
}

// TestEnvironment: a push reaches the tokens of its environment only, and is
// for production if it does not say.
func TestEnvironment(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"development"}`)
	w.register(t, w.app, `{"token":"`+token(1)+`","environment":"production"}`)
	for options, want := range map[string]int{
		`{}`: 1, `null`: 1, `{"apns_production":null}`: 1, `{"apns_production":true}`: 1, `{"apns_production":"true"}`: 1, `{"apns_production":1}`: 1,
		`{"apns_production":false}`: 0, `{"apns_production":"false"}`: 0, `{"apns_production":0}`: 0,
	} {
		p := w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"hello"},"options":`+options+`}`)
		r := w.settled(t, w.app, p.MessageID)
		if got, _ := w.reached(p.MessageID); !slices.Equal(got, []int{want}) {
			t.Errorf("options %s reached %v, want %d", options, got, want)
		}
		if len(r.FailedBy) != 1 || r.FailedBy[0].Reason != aurora.ReasonOtherEnvironment || r.FailedBy[0].Count != 1 {
			t.Errorf("options %s: the other device is on record as %+v", options, r.FailedBy)
		}
	}
}

// TestPlatformWithoutContent: a device gets no empty notification because the
// push holds something for another platform.
func TestPlatformWithoutContent(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"production","tags":{"set":["vip"]},"alias":"mia"}`)
	p := w.push(t, w.app, `{"platform":"all","audience":{"tag":["vip"],"alias":["mia"]},"notification":{"android":{"alert":"for Android"}}}`)
	if r := w.settled(t, w.app, p.MessageID); r.Targeted != 0 {
		t.Errorf("a push for Android targeted %d iPhones", r.Targeted)
	}
	p = w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"ios":{"alert":"for iOS"}}}`)
	w.settled(t, w.app, p.MessageID)
	if got, _ := w.reached(p.MessageID); !slices.Equal(got, []int{0}) {
		t.Errorf("a push with an ios block reached %v", got)
	}
}

// TestLimits: the last value that is allowed passes.
func TestLimits(t *testing.T) {
	w := startWorld(t)
	chinese, ascii := strings.Repeat("极", 13), strings.Repeat("x", 40)
	p := w.register(t, w.app, fmt.Sprintf(`{"tags":{"set":[%q,%q,"t0"]},"alias":"a0"}`, chinese, ascii))
	q := w.register(t, w.app, `{"alias":"`+chinese+`"}`)
	ids := list(1000, func(i int) string {
		if i == 0 {
			return p.id
		}
		return registrationID(i)
	})
	for _, tt := range []struct{ path, value string }{
		{"audience", `{"tag":` + list(20, numbered("t")) + `}`},
		{"audience", `{"tag_not":` + list(20, numbered("n")) + `}`},
		{"audience", `{"alias":` + list(1000, numbered("a")) + `}`},
		{"audience", `{"registration_id":` + ids + `}`},
		{"audience", `{"tag":["` + chinese + `"]}`},
		{"audience", `{"tag":["` + ascii + `"]}`},
		{"audience", `{"alias":["` + chinese + `"]}`},
		{"notification.alert", quoted(strings.Repeat("a", 1998))},
		{"notification.alert", quoted(strings.Repeat(`\u6781`, 666))}, // Python escapes: 3 bytes each, not 6
		{"notification.alert", quoted(strings.Repeat("<", 1998))},
		{"notification.ios.alert", quoted(strings.Repeat("a", 2000-len(`{"alert":""}`)))},
		{"notification.ios.badge", `99999`},
		{"notification.ios.badge", `""`},
		{"notification.ios.badge", `"auto"`},
		{"notification.ios.sound", `{"critical":true,"name":"alarm.caf","volume":1.0}`},
		{"notification.ios.content-available", `"true"`},
		{"notification.ios", `{"content-available":1}`},
		{"notification.android", `{"builder_id":3}`},
		{"notification", `{"ios":{"content-available":true}}`},
		{"options.sendno", `4294967295`},
		{"options.time_to_live", `864000`},
		{"options.time_to_live", `0`},
		{"options.apns_collapse_id", quoted(strings.Repeat("c", 64))},
		{"options", `null`},
		{"cid", `null`},
		{"cid", `""`},
		{"cid", quoted(w.app.Key + "-01234567-89ab-4cde-8f01-23456789abcd")},
		{"unknown", `{"deep":[1,{"x":null}]}`},
		{"options.unknown", `true`},
		{"notification.unknown", `"x"`},
		{"notification.ios.unknown", `[]`},
		{"platform", `["ios","android","quickapp","hmos","winphone"]`},
	} {
		good := set(goodPush, "audience", `{"tag":["t0"]}`)
		var got pushAnswer
		w.accepted(t, request{path: "/v3/push/validate", body: set(good, tt.path, tt.value)}.as(w.app), &got)
	}
	patch := func(body string) {
		t.Helper()
		w.accepted(t, request{method: "PATCH", path: "/v1/devices/" + q.id, user: q.id, password: q.secret, body: body}, nil)
	}
	patch(`{}`)
	patch(`{"tags":{"set":` + list(1000, func(i int) string { return fmt.Sprintf("%-40d", i)[:36] + fmt.Sprintf("%04d", i) }) + `}}`)
	patch(`{"tags":{"set":` + list(900, numbered("t")) + `}}`)
	patch(`{"tags":{"add":` + list(100, numbered("more")) + `}}`)
	patch(`{"tags":{"remove":` + list(100, numbered("more")) + `}}`)
	patch(`{"alias":"` + chinese + `","badge":99999,"token":"0a1b","environment":"sandbox","model":"` + strings.Repeat("m", 128) + `"}`)
	patch(`{"token":"` + strings.Repeat("0A", 100) + `","environment":"development","unknown":{"x":1}}`)
	w.accepted(t, request{path: "/v1/devices/" + q.id + "/receipts", user: q.id, password: q.secret, body: `{"receipts":[` + strings.TrimSuffix(strings.Repeat(`{"msg_id":1,"event":"opened"},`, 100), ",") + `]}`}, nil)
	var me struct {
		Token, Alias, Environment string
		Tags                      []string
		Badge                     int
	}
	w.accepted(t, request{path: "/v1/devices/" + q.id, user: q.id, password: q.secret}, &me)
	if me.Token != strings.Repeat("0a", 100) || me.Alias != chinese || me.Environment != "development" || me.Badge != 99999 || len(me.Tags) != 900 {
		t.Errorf("the device knows of itself: %.300s, %d tags", fmt.Sprint(me), len(me.Tags))
	}
	var items []map[string]any
	w.accepted(t, request{path: "/v3/received?msg_ids=" + strings.TrimSuffix(strings.Repeat("7,", 100), ",")}.as(w.app), &items)
	if len(items) != 100 {
		t.Errorf("%d items for 100 ids", len(items))
	}
	var cids struct{ CIDList []string }
	w.accepted(t, request{path: "/v3/push/cid?count=1000"}.as(w.app), &cids)
	slices.Sort(cids.CIDList)
	if len(slices.Compact(cids.CIDList)) != 1000 {
		t.Error("1000 cids are not a thousand different ones")
	}
}
