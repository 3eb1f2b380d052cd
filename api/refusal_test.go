package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// refusal is one bad request and its number.
type refusal struct {
	name   string
	r      request
	status int
	code   int
}

// set returns the JSON object base with the member at a dotted path replaced by
// raw JSON; "" removes it. Members keep their order of being written.
func set(base, path, value string) string {
	key, rest, nested := strings.Cut(path, ".")
	pairs := split(base)
	var out []string
	found := false
	for _, m := range pairs {
		if m[0] != key {
			out = append(out, fmt.Sprintf("%q:%s", m[0], m[1]))
			continue
		}
		found = true
		if nested {
			out = append(out, fmt.Sprintf("%q:%s", key, set(m[1], rest, value)))
		} else if value != "" {
			out = append(out, fmt.Sprintf("%q:%s", key, value))
		}
	}
	if !found && nested {
		out = append(out, fmt.Sprintf("%q:%s", key, set("{}", rest, value)))
	} else if !found && value != "" {
		out = append(out, fmt.Sprintf("%q:%s", key, value))
	}
	return "{" + strings.Join(out, ",") + "}"
}

// split returns the members of a JSON object in their order.
func split(object string) (pairs [][2]string) {
	d := json.NewDecoder(strings.NewReader(object))
	d.Token() // the brace; the objects are this file's own
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		d.Decode(&value)
		pairs = append(pairs, [2]string{key.(string), string(value)})
	}
	return pairs
}

// list returns a JSON array of n strings, each made by element.
func list(n int, element func(int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("%q", element(i))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func numbered(prefix string) func(int) string {
	return func(i int) string { return fmt.Sprintf("%s%d", prefix, i) }
}

func registrationID(i int) string { return fmt.Sprintf("%019x", i) }

func quoted(s string) string { return `"` + s + `"` }

// badPushes are values for members of a push that would otherwise be accepted.
// "" stands for an absent member.
func badPushes(w *world) []struct {
	path   string
	values []string
	code   int
} {
	long := strings.Repeat
	return []struct {
		path   string
		values []string
		code   int
	}{
		{"platform", []string{"", `null`}, 1002},
		{"platform", []string{`""`, `"wrong"`, `[]`, `["ios","wrong"]`, `["all"]`, `[null]`, `[5]`, `{}`, `{"1":"wrong"}`, `5`, `true`, `[["ios"]]`}, 1003},
		{"audience", []string{"", `null`}, 1002},
		{"audience", []string{`"wrong"`, `""`, `[]`, `{}`, `5`, `false`, `{"tag":[]}`, `{"tag":null,"alias":[]}`, `{"unknown":["x"]}`}, 1003},
		{"audience", []string{`{"segment":["1"]}`, `{"abtest":["1"]}`, `{"file":{"file_id":"1"}}`, `{"live_activity_id":"1"}`, `{"tag":["vip"],"segment":["1"]}`}, 1003},
		{"audience", members(`"vip"`, `5`, `{}`, `true`, `[""]`, `[null]`, `[5]`, `[["vip"]]`, `["vip",""]`), 1003},
		{"audience", []string{`{"tag":["a,b"]}`, `{"tag_and":["a\nb"]}`, `{"tag_not":["\u0000"]}`, `{"alias":["a,b"]}`}, 1003},
		{"audience", []string{`{"tag":["` + long("极", 14) + `"]}`, `{"tag_and":["` + long("x", 41) + `"]}`, `{"tag_not":["` + long("x", 41) + `"]}`, `{"alias":["` + long("极", 14) + `"]}`}, 1003},
		{"audience", []string{`{"tag":` + list(21, numbered("t")) + `}`, `{"tag_and":` + list(21, numbered("t")) + `}`, `{"tag_not":` + list(21, numbered("t")) + `}`, `{"alias":` + list(1001, numbered("a")) + `}`, `{"registration_id":` + list(1001, registrationID) + `}`}, 1003},
		{"audience", []string{`{"registration_id":["INVALID_REGISTRATION_ID"]}`, `{"registration_id":["1a00189"]}`, `{"registration_id":["` + long("a", 33) + `"]}`}, 1003},
		{"audience", []string{`{"tag":["nobody-has-it"]}`, `{"tag_and":["vip","nobody-has-it"]}`, `{"alias":["nobody"]}`, `{"registration_id":["0123456789abcdef012"]}`, `{"tag_not":["vip","berlin"]}`}, 1011},
		{"notification", []string{"", `null`, `{}`, `{"unknown":1}`}, 1002},
		{"notification", []string{`"hello"`, `[]`, `5`, `true`}, 1003},
		{"notification.alert", []string{`5`, `true`, `[]`, `["a"]`}, 1003},
		{"notification.alert", []string{quoted(long("a", 1999)), quoted(long("极", 667)), `{"body":"` + long("a", 1990) + `"}`}, 1005},
		{"notification.ios", []string{`"hello"`, `[]`, `5`, `true`, `{"alert":5}`, `{"alert":[]}`, `{"alert":true}`}, 1003},
		{"notification", []string{`{"ios":{}}`, `{"ios":{"category":"reply"}}`, `{"ios":{"alert":null}}`, `{"ios":{"content-available":false}}`}, 1003},
		{"notification.ios.alert", []string{quoted(long("a", 2000))}, 1005},
		{"notification.ios.extras", []string{`{"k":"` + long("a", 2000) + `"}`}, 1005},
		{"notification.ios.sound", []string{`5`, `true`, `[]`, `{"critical":"yes"}`, `{"critical":2}`, `{"name":5}`, `{"volume":2}`, `{"volume":-0.1}`, `{"volume":"loud"}`}, 1003},
		{"notification.ios.badge", []string{`"x"`, `1.5`, `-1`, `100000`, `"100000"`, `"+100000"`, `{}`, `[]`, `true`, `99999999999999999999`}, 1003},
		{"notification.ios.content-available", []string{`"yes"`, `2`, `{}`, `[]`}, 1003},
		{"notification.ios.mutable-content", []string{`"yes"`, `2`, `{}`, `[]`}, 1003},
		{"notification.ios.category", []string{`5`, `true`, `{}`, `[]`}, 1003},
		{"notification.ios.thread-id", []string{`5`, `true`, `{}`, `[]`}, 1003},
		{"notification.ios.interruption-level", []string{`5`, `"loud"`, `{}`}, 1003},
		{"notification.ios.extras", []string{`"x"`, `5`, `true`, `[]`}, 1003},
		{"notification.android", []string{`"hello"`, `[]`, `5`, `{"builder_id":"3"}`, `{"builder_id":1.5}`, `{"alert":5}`}, 1003},
		{"notification", []string{`{"android":{}}`, `{"android":{"title":"x"}}`, `{"winphone":{}}`, `{"hmos":{"category":"x"}}`}, 1003},
		{"notification", []string{`{"hmos":{}}`}, 1002},
		{"message", []string{`{}`, `{"title":"x"}`, `{"msg_content":null}`}, 1002},
		{"message", []string{`"hello"`, `[]`, `5`, `{"msg_content":5}`, `{"msg_content":[]}`, `{"msg_content":true}`}, 1003},
		{"message", []string{`{"msg_content":""}`}, 1002},
		{"message", []string{`{"msg_content":` + quoted(long("m", 4000)) + `}`, `{"msg_content":"x","extras":{"k":` + quoted(long("票", 1334)) + `}}`}, 1005},
		{"message.msg_content", []string{`5`}, 1003},
		{"notification.android", []string{`{"alert":"x","channel_id":` + quoted(long("c", 1001)) + `}`, `{"alert":"x","priority":3}`, `{"alert":"x","priority":"1"}`, `{"alert":"x","style":4}`, `{"alert":"x","alert_type":8}`,
			`{"alert":"x","intent":"x"}`, `{"alert":"x","badge_add_num":0}`, `{"alert":"x","badge_set_num":100}`, `{"alert":"x","show_begin_time":"tomorrow"}`, `{"alert":"x","display_foreground":"2"}`, `{"alert":"x","extras":[]}`, `{"alert":"x","inbox":5}`}, 1003},
		{"notification.hmos", []string{`"x"`, `{"alert":"x","style":1}`, `{"alert":"x","push_type":3}`, `{"alert":"x","sound_duration":61}`, `{"alert":"x","hm_payload":"x"}`, `{"alert":"x","test_message":"yes"}`}, 1003},
		{"notification.quickapp", []string{`[]`, `{"page":5}`}, 1003},
		{"notification.winphone", []string{`5`, `{"alert":"x","_open_page":[]}`}, 1003},
		{"notification.alternate_alert", []string{`5`, `{}`}, 1003},
		{"notification.ai_opportunity", []string{`"maybe"`, `{}`}, 1003},
		{"options.big_push_duration", []string{`-1`, `1441`, `"5"`, `1.5`, `true`}, 1003},
		{"options.third_party_channel", []string{`"x"`, `[]`, `{"xiaomi":"x"}`, `{"huawei":[]}`}, 1003},
		{"options.classification", []string{`2`, `"1"`, `true`}, 1003},
		{"options.target_event", []string{`"x"`, `[5]`, `{}`}, 1003},
		{"options.receipt_id", []string{`5`}, 1003},
		{"options.geofence", []string{`"x"`}, 1003},
		{"options.notification_3rd_ver", []string{`"v3"`, `2`}, 1003},
		{"options.mkt_enable", []string{`"x"`}, 1003},
		{"options", []string{`{"active_push":true,"big_push_duration":5}`, `{"need_backup":1,"big_push_duration":5}`}, 1035},
		{"notification.voip", []string{`"x"`, `5`, `[]`}, 1003},
		{"notification.voip", []string{`{"k":` + quoted(long("v", 5100)) + `}`}, 1005},
		{"live_activity", []string{`"x"`, `[]`, `{"ios":{"event":"start"}}`}, 1003}, // beside a notification
		{"sms_message", []string{`{}`, `{"delay_time":5}`}, 1002},
		{"sms_message", []string{`"x"`, `{"delay_time":86401,"temp_id":1}`, `{"delay_time":-1,"temp_id":1}`, `{"delay_time":0,"temp_id":"1"}`, `{"delay_time":0,"temp_id":1,"temp_para":[]}`, `{"content":` + quoted(long("短", 481)) + `}`}, 1003},
		{"inapp_message", []string{`true`, `{"inapp_message":"perhaps"}`}, 1003},
		{"callback", []string{`"x"`, `{"url":5}`, `{"params":[]}`, `{"type":16}`, `{"type":"1"}`}, 1003},
		{"notification_3rd", []string{`"x"`, `{"content":"beside a notification"}`}, 1003},
		{"options.override_msg_id", []string{`"x"`, `-1`, `1.5`, `{}`, `42`}, 1003},
		{"options", []string{`"x"`, `5`, `[]`, `true`}, 1003},
		{"options.sendno", []string{`0`, `-1`, `4294967296`, `"7"`, `1.5`, `true`, `{}`}, 1003},
		{"options.time_to_live", []string{`-1`, `864001`, `"60"`, `1.5`, `true`, `{}`, `99999999999999999999`}, 1003},
		{"options.apns_production", []string{`"yes"`, `2`, `{}`, `[]`, `""`}, 1003},
		{"options.apns_collapse_id", []string{`5`, `{}`, quoted(long("c", 65)), quoted(long("票", 22)), `"a\nb"`, `" gate"`}, 1003},
		{"cid", []string{`5`, `{}`, `"x"`, quoted(w.app.Key), quoted(w.app.Key + "-"), quoted(w.app.Key + "-" + long("g", 36)), quoted(w.other.Key + "-01234567-89ab-4cde-8f01-23456789abcd"), quoted("01234567-89ab-4cde-8f01-23456789abcd")}, 1003},
	}
}

// members gives each list of an audience each of the values.
func members(values ...string) (audiences []string) {
	for _, key := range []string{"tag", "tag_and", "tag_not", "alias", "registration_id"} {
		for _, v := range values {
			audiences = append(audiences, fmt.Sprintf(`{%q:%s}`, key, v))
		}
	}
	return audiences
}

const goodPush = `{"platform":"all","audience":{"tag":["vip"]},"notification":{"alert":"hello"},"options":{"apns_production":false}}`

func pushRefusals(w *world) (cases []refusal) {
	for _, path := range []string{"/v3/push", "/v3/push/validate"} {
		for _, bad := range badPushes(w) {
			for _, v := range bad.values {
				cases = append(cases, refusal{bad.path + " " + v, request{path: path, body: set(goodPush, bad.path, v)}.as(w.app), 400, bad.code})
			}
		}
		post := func(body string) request { return request{method: http.MethodPost, path: path, body: body}.as(w.app) }
		wrong, unknown, malformed, nobody := post(goodPush), post(goodPush), post(goodPush), post(goodPush)
		wrong.password, unknown.user, malformed.user, nobody.user, nobody.password = "0123456789abcdef01234567", "0123456789abcdef01234567", "short", "", ""
		bearer, sealed := nobody, post(goodPush)
		bearer.header, sealed.header = http.Header{"Authorization": {"Bearer abc"}}, http.Header{"X-Encrypt-Type": {"SM2"}}
		stolen := post(goodPush)
		stolen.user = w.other.Key
		cases = append(cases,
			refusal{"no body", post(""), 400, 1002},
			refusal{"blanks", post(" \r\n"), 400, 1002},
			refusal{"cut off", post(goodPush[:40]), 400, 1003},
			refusal{"two documents", post(goodPush + goodPush), 400, 1003},
			refusal{"a form", post("platform=all"), 400, 1003},
			refusal{"null", post("null"), 400, 1003},
			refusal{"an array", post("[" + goodPush + "]"), 400, 1003},
			refusal{"a string", post(`"all"`), 400, 1003},
			refusal{"not UTF-8", post(set(goodPush, "notification.alert", "\"\xff\xfe\"")), 400, 1003},
			refusal{"deeper than any decoder goes", post(set(goodPush, "notification.ios.extras", strings.Repeat(`{"a":`, 20000)+"1"+strings.Repeat("}", 20000))), 400, 1003},
			refusal{"a body over the limit", post(goodPush + strings.Repeat(" ", 1<<20)), 400, 1005},
			refusal{"two faults: absent comes before wrong", post(`{"platform":"wrong","notification":{"alert":"x"}}`), 400, 1002},
			refusal{"two faults: wrong comes before large", post(set(set(goodPush, "platform", `"wrong"`), "notification.alert", quoted(strings.Repeat("a", 3000)))), 400, 1003},
			refusal{"two faults: large comes before nobody", post(set(set(goodPush, "audience.tag", `["nobody"]`), "notification.alert", quoted(strings.Repeat("a", 3000)))), 400, 1005},
			refusal{"a block for a platform nobody has", post(set(goodPush, "notification", `{"android":{"alert":"x"}}`)), 400, 1011},
			refusal{"a platform nobody has", post(set(goodPush, "platform", `["android"]`)), 400, 1011},
			refusal{"another app's device", post(set(goodPush, "audience", `{"registration_id":["`+w.register(w.t, w.other, "").id+`"]}`)), 400, 1011},
			refusal{"wrong secret", wrong, 401, 1004},
			refusal{"another app's secret", stolen, 401, 1004},
			refusal{"unknown AppKey", unknown, 401, 1004},
			refusal{"malformed AppKey", malformed, 400, 1008},
			refusal{"no credentials", nobody, 401, 1004},
			refusal{"another scheme", bearer, 401, 1004},
			refusal{"encrypted for JPush", sealed, 400, 1003},
			refusal{"wrong method", request{method: http.MethodPut, path: path, body: goodPush}.as(w.app), 405, 1001},
		)
	}
	return cases
}

func cidRefusals(w *world) (cases []refusal) {
	get := func(query string) request { return request{path: "/v3/push/cid" + query}.as(w.app) }
	for _, q := range []string{"?count=0", "?count=-1", "?count=1001", "?count=x", "?count=1.5", "?count=99999999999999999999", "?type=x", "?count=2&type=Push"} {
		cases = append(cases, refusal{"cid" + q, get(q), 400, 1003})
	}
	wrong := get("")
	wrong.password = "x"
	return append(cases,
		refusal{"cid wrong secret", wrong, 401, 1004},
		refusal{"cid no credentials", request{path: "/v3/push/cid"}, 401, 1004},
		refusal{"cid malformed AppKey", request{path: "/v3/push/cid", user: "short", password: "x"}, 400, 1008},
		refusal{"cid wrong method", request{method: http.MethodPost, path: "/v3/push/cid", body: "{}"}.as(w.app), 405, 1001},
	)
}

func reportRefusals(w *world, othersMessage string) (cases []refusal) {
	ids := func(n int) string { return strings.TrimSuffix(strings.Repeat("1,", n), ",") }
	for _, q := range []string{"", "?msg_ids=", "?msg_ids=,,", "?msg_ids=x", "?msg_ids=1,x", "?msg_ids=-1", "?msg_ids=0", "?msg_ids=1.5", "?msg_ids=9223372036854775808", "?msg_ids=" + ids(101)} {
		cases = append(cases, refusal{"received" + q, request{path: "/v3/received" + q}.as(w.app), 400, 3002})
	}
	for _, id := range []string{"x", "0", "-1", "1.5", "9007199254740992", "%00", "%2e%2e"} {
		cases = append(cases, refusal{"message " + id, request{path: "/v1/messages/" + id}.as(w.app), 400, 3002})
	}
	for _, path := range []string{"/v3/received?msg_ids=1", "/v1/messages/1"} {
		cases = append(cases,
			refusal{path + " wrong secret", request{path: path, user: w.app.Key, password: w.other.MasterSecret.Reveal()}, 401, 3001},
			refusal{path + " malformed AppKey", request{path: path, user: "short", password: "x"}, 401, 3001},
			refusal{path + " no credentials", request{path: path}, 401, 3001},
			refusal{path + " wrong method", request{method: http.MethodDelete, path: path}.as(w.app), 405, 1001},
		)
	}
	return append(cases,
		refusal{"unknown message", request{path: "/v1/messages/1"}.as(w.app), 404, 3002},
		refusal{"another app's message", request{path: "/v1/messages/" + othersMessage}.as(w.app), 404, 3002},
	)
}

func routeRefusals(w *world) []refusal {
	return []refusal{
		{"unknown route", request{path: "/v3/nothing"}.as(w.app), 404, 1003},
		{"unknown device route", request{path: "/v1/devices/1a0018970a8c51be3f4/nothing"}, 404, 7002},
		{"a push family that is not served", request{method: http.MethodPost, path: "/v3/push/sooner", body: goodPush}.as(w.app), 404, 1003},
		{"another", request{method: http.MethodGet, path: "/v3/push/later"}.as(w.app), 404, 1003},
		{"wrong method on a message", request{method: http.MethodPut, path: "/v3/push/42", body: goodPush}.as(w.app), 405, 1001},
		{"a very long path", request{path: "/v3/" + strings.Repeat("x", 8000)}, 404, 1003},
		{"wrong method on devices", request{method: http.MethodDelete, path: "/v1/devices/1a0018970a8c51be3f4"}, 405, 1001},
	}
}

// TestRefusals: bad input gets its number and a sentence, and changes nothing.
func TestRefusals(t *testing.T) {
	w := startWorld(t)
	p := w.register(t, w.app, `{"token":"`+token(1)+`","environment":"development","tags":{"set":["vip","berlin"]},"alias":"mia"}`)
	q := w.register(t, w.app, `{"alias":"second","tags":{"set":["vip"]}}`)
	stranger := w.register(t, w.other, `{"alias":"eve"}`)
	theirs := w.push(t, w.other, `{"platform":"all","audience":"all","notification":{"alert":"theirs"}}`)
	w.settled(t, w.other, theirs.MessageID)

	cases := pushRefusals(w)
	cases = append(cases, cidRefusals(w)...)
	cases = append(cases, reportRefusals(w, theirs.MessageID)...)
	cases = append(cases, routeRefusals(w)...)
	cases = append(cases, registrationRefusals(w)...)
	cases = append(cases, changeRefusals(p, q, stranger)...)
	cases = append(cases, receiptRefusals(p, stranger)...)
	before, sent := w.everything(t), len(w.apns.Notifications(1000))
	for _, c := range cases {
		t.Run(fmt.Sprintf("%.60s", c.r.path+" "+c.name), func(t *testing.T) { w.refused(t, c.r, c.status, c.code) })
		if t.Failed() && w.everything(t) != before {
			t.Fatalf("%s %s changed something", c.r.path, c.name)
		}
	}
	if after := w.everything(t); after != before {
		t.Errorf("refused requests changed something:\n%s\nbecame\n%s", before, after)
	}
	if n := len(w.apns.Notifications(1000)); n != sent {
		t.Errorf("refused pushes reached APNs: %d notifications", n-sent)
	}
}
