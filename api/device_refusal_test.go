package api_test

import (
	"fmt"
	"net/http"
	"strings"
)

// registrationRefusals are bad first requests of an installation.
func registrationRefusals(w *world) (cases []refusal) {
	good := fmt.Sprintf(`{"app_key":%q,"install_id":"fresh-install","secret":"%032d","bundle_id":%q,"platform":"ios"}`, w.app.Key, 7, w.app.BundleID)
	long := strings.Repeat
	for _, bad := range []struct {
		path   string
		values []string
		code   int
	}{
		{"app_key", []string{"", `null`, `""`, `5`, `[]`}, 7002},
		{"app_key", []string{`"0123456789abcdef01234567"`, `"short"`}, 7008},
		{"install_id", []string{"", `null`, `""`, `5`, `{}`, `"short"`, quoted(long("i", 65)), `"with a blank"`, `"ünicode-install"`}, 7002},
		{"secret", []string{"", `null`, `""`, `5`, `[]`, quoted(long("s", 31)), quoted(long("s", 129))}, 7002},
		{"bundle_id", []string{`5`, `{}`, `"com.example.other"`, quoted(long("b", 5000))}, 7002},
		{"platform", []string{"", `null`, `""`, `5`, `"winphone"`, `"iOS"`, quoted(long("p", 5000))}, 7002},
		{"app_version", []string{`5`, `{}`, quoted(long("v", 129)), `"a\nb"`}, 7002},
		{"channel", []string{`5`, quoted(long("渠", 43))}, 7002},
		{"os_version", []string{`18.1`, quoted(long("v", 129))}, 7002},
		{"model", []string{`[]`, quoted(long("v", 129))}, 7002},
		{"language", []string{`true`, quoted(long("v", 129))}, 7002},
		{"time_zone", []string{`1`, quoted(long("v", 129))}, 7002},
	} {
		for _, v := range bad.values {
			cases = append(cases, refusal{bad.path + " " + v, request{path: "/v1/devices", body: set(good, bad.path, v)}, 400, bad.code})
		}
	}
	taken := fmt.Sprintf(`{"app_key":%q,"install_id":"install-%d","secret":"%032d","platform":"ios"}`, w.app.Key, installs, 99)
	taken = strings.Replace(taken, w.app.Key, w.other.Key, 1)
	return append(cases,
		refusal{"an install id with another secret", request{path: "/v1/devices", body: taken}, 403, 7004},
		refusal{"no body", request{method: http.MethodPost, path: "/v1/devices"}, 400, 7002},
		refusal{"malformed", request{path: "/v1/devices", body: "{"}, 400, 7002},
		refusal{"array", request{path: "/v1/devices", body: "[]"}, 400, 7002},
		refusal{"over the limit", request{path: "/v1/devices", body: good + strings.Repeat(" ", 128<<10)}, 400, 7002},
		refusal{"wrong method", request{path: "/v1/devices"}, 405, 1001},
	)
}

// changeRefusals are bad updates of p by itself, and attempts by others.
func changeRefusals(p, q, stranger phone) (cases []refusal) {
	long := strings.Repeat
	path := "/v1/devices/" + p.id
	patch := func(body string) request {
		return request{method: http.MethodPatch, path: path, user: p.id, password: p.secret, body: body}
	}
	for _, body := range []string{
		"", "{", "[]", "null", `"x"`, "\xff",
		`{"voip_token":"` + token(9) + `"}`, `{"voip_token":5,"environment":"production"}`, `{"voip_token":"zz","environment":"production"}`,
		`{"live_activity_start_tokens":"x"}`, `{"live_activity_start_tokens":{"Match":5}}`, `{"live_activity_start_tokens":{"Match":"` + token(9) + `"}}`, `{"live_activity_start_tokens":{"":"` + token(9) + `"},"environment":"production"}`,
		`{"live_activity_tokens":[]}`, `{"live_activity_tokens":{"` + long("n", 65) + `":"` + token(9) + `"},"environment":"production"}`,
		`{"token":5,"environment":"production"}`, `{"token":{}}`,
		`{"token":"` + token(9) + `"}`, `{"token":"` + token(9) + `","environment":null}`, `{"token":"` + token(9) + `","environment":""}`,
		`{"token":"` + token(9) + `","environment":"staging"}`, `{"token":"` + token(9) + `","environment":1}`,
		`{"token":"0a","environment":"production"}`, `{"token":"` + long("0", 63) + `","environment":"production"}`, `{"token":"` + long("00", 101) + `","environment":"production"}`,
		`{"token":"not hexadecimal","environment":"production"}`, `{"token":"` + long("zz", 32) + `","environment":"production"}`,
		`{"alias":5}`, `{"alias":{}}`, `{"alias":"a,b"}`, `{"alias":"` + long("极", 14) + `"}`, `{"alias":"` + long("x", 41) + `"}`, `{"alias":"a\u0007"}`,
		`{"tags":"vip"}`, `{"tags":["vip"]}`, `{"tags":5}`, `{"tags":{"set":"vip"}}`, `{"tags":{"set":[5]}}`, `{"tags":{"set":[null]}}`, `{"tags":{"set":[""]}}`,
		`{"tags":{"add":"vip"}}`, `{"tags":{"add":[""]}}`, `{"tags":{"add":["a,b"]}}`, `{"tags":{"add":["` + long("极", 14) + `"]}}`, `{"tags":{"remove":{}}}`, `{"tags":{"remove":["` + long("x", 41) + `"]}}`,
		`{"tags":{"set":` + list(1001, numbered("t")) + `}}`, `{"tags":{"add":` + list(101, numbered("t")) + `}}`, `{"tags":{"remove":` + list(101, numbered("t")) + `}}`,
		`{"tags":{"set":` + list(1000, numbered("t")) + `,"add":["one-more"]}}`,
		`{"badge":"5"}`, `{"badge":-1}`, `{"badge":100000}`, `{"badge":1.5}`, `{"badge":true}`, `{"badge":99999999999999999999}`,
		`{"mobile":5}`, `{"mobile":"twelve"}`, `{"mobile":"-1"}`, `{"mobile":"` + long("1", 21) + `"}`,
		`{"push_enabled":"yes"}`, `{"push_enabled":2}`, `{"notifications_allowed":[]}`,
		`{"app_version":5}`, `{"app_version":"` + long("v", 129) + `"}`, `{"language":"a\nb"}`, `{"time_zone":{}}`,
		`{"alias":"changed","badge":-1}`, `{"alias":"changed","tags":{"set":[""]}}`, // one fault spoils all
		`{"alias":"mia"}` + long(" ", 128<<10),
	} {
		cases = append(cases, refusal{"change " + body, patch(body), 400, 7002})
	}
	by := func(who phone, r request) request {
		r.user, r.password = who.id, who.secret
		return r
	}
	change, look := patch(`{"alias":"stolen"}`), request{path: path}
	for _, r := range []request{change, look} {
		cases = append(cases,
			refusal{"by another device of the app", by(q, r), 403, 7004},
			refusal{"by another app's device", by(stranger, r), 403, 7004},
			refusal{"with another's secret", by(phone{p.id, q.secret}, r), 401, 7004},
			refusal{"by an unknown registration id", by(phone{"0123456789abcdef012", p.secret}, r), 401, 7004},
			refusal{"by a malformed registration id", by(phone{"INVALID_REGISTRATION_ID", p.secret}, r), 401, 7004},
			refusal{"without credentials", by(phone{}, r), 401, 7001},
		)
	}
	return cases
}

// receiptRefusals are bad reports of p.
func receiptRefusals(p, stranger phone) (cases []refusal) {
	post := func(body string) request {
		return request{method: http.MethodPost, path: "/v1/devices/" + p.id + "/receipts", user: p.id, password: p.secret, body: body}
	}
	item := func(member, value string) string {
		return `{"receipts":[` + set(`{"msg_id":"1","event":"received","at":"2026-11-23T12:00:00Z"}`, member, value) + `]}`
	}
	for _, body := range []string{
		"", "{", "[]", "null", "{}", `{"receipts":null}`, `{"receipts":{}}`, `{"receipts":"x"}`, `{"receipts":[5]}`, `{"receipts":[null]}`, `{"receipts":[[]]}`, `{"receipts":[{}]}`,
		item("msg_id", ""), item("msg_id", `null`), item("msg_id", `"x"`), item("msg_id", `0`), item("msg_id", `-1`), item("msg_id", `1.5`), item("msg_id", `{}`), item("msg_id", `9007199254740992`),
		item("event", ""), item("event", `"seen"`), item("event", `5`), item("event", `null`),
		item("at", `5`), item("at", `"yesterday"`), item("at", `"2026-11-23"`), item("at", `{}`),
		`{"receipts":[` + strings.TrimSuffix(strings.Repeat(`{"msg_id":"1","event":"received"},`, 101), ",") + `]}`,
	} {
		cases = append(cases, refusal{"receipts " + body, post(body), 400, 7002})
	}
	foreign, missing := post(item("event", `"opened"`)), post(item("event", `"opened"`))
	foreign.user, foreign.password = stranger.id, stranger.secret
	missing.user, missing.password = "", ""
	return append(cases, refusal{"by another app's device", foreign, 403, 7004}, refusal{"without credentials", missing, 401, 7001})
}
