package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTextsThatCannotBeStored: what PostgreSQL would refuse is refused on both
// databases, wherever a caller's text would be stored or looked for as it is.
// The bodies of pushes are kept as JSON, which can hold it.
func TestTextsThatCannotBeStored(t *testing.T) {
	w := startWorld(t)
	f := newFixture(t, w)
	ids := func(key, value string) string { return fmt.Sprintf(`{%q:[%s]}`, key, value) }
	for _, bad := range []string{"a\x00b", "a\xffb"} {
		in := url.PathEscape(bad)
		for _, r := range []request{
			{path: "/v3/aliases/" + in}, {method: http.MethodDelete, path: "/v3/aliases/" + in}, {method: http.MethodDelete, path: "/v3/tags/" + in},
			{path: "/v3/tags/" + in, body: ids("registration_ids", `"`+f.p.id+`"`)}, {path: "/v3/devices/" + in}, {path: "/v1/segments/" + in},
			{path: "/v1/webhooks/" + in}, {method: http.MethodDelete, path: "/v1/webhooks/" + in}, {path: "/v1/webhooks/" + in + "/rotate", body: "{}"},
			{method: http.MethodDelete, path: "/v3/files/" + in}, {method: http.MethodDelete, path: "/v3/schedules/" + in},
			{path: "/v1/quarantine?reason=" + in}, {path: "/v3/push_plan/list?page=1&page_size=10&send_source=0&info=" + in},
			{path: "/v3/aliases/mia?platform=" + in}, {path: "/v1/events?last_event_id=" + in},
		} {
			w.refusesText(t, r)
		}
		text, err := json.Marshal(bad)
		check(t, err)
		if strings.Contains(bad, "\xff") {
			text = []byte(`"` + bad + `"`)
		}
		value := string(text)
		for _, r := range []request{
			{path: "/v3/devices/status", body: ids("registration_ids", value)},
			{path: "/v3/status/message", body: fmt.Sprintf(`{"msg_id":%s,"registration_ids":[%s]}`, f.message, value)},
			{path: "/v1/quarantine/restore", body: ids("registration_ids", value)}, {path: "/v1/quarantine/restore", body: `{"all":true,"reason":` + value + `}`},
			{path: "/v3/tags/vip", body: `{"registration_ids":` + ids("add", value) + `}`}, {path: "/v3/tags/vip", body: `{"registration_ids":` + ids("remove", value) + `}`},
			{path: "/v3/aliases/mia", body: `{"registration_ids":` + ids("remove", value) + `}`},
			{path: "/v3/devices/" + f.p.id, body: `{"alias":` + value + `}`}, {path: "/v3/devices/" + f.p.id, body: `{"tags":` + ids("add", value) + `}`},
			{path: "/v1/devices", body: `{"app_key":"` + w.app.Key + `","install_id":` + value + `}`},
			{path: "/v1/webhooks", body: `{"url":"https://hook.invalid/","description":` + value + `}`},
			{path: "/v1/webhooks", body: strings.Replace(`{"url":VALUE}`, "VALUE", `"https://hook.invalid/`+value[1:], 1)},
			{method: http.MethodPatch, path: "/v1/webhooks/" + f.webhook, body: strings.Replace(`{"url":VALUE}`, "VALUE", `"https://hook.invalid/`+value[1:], 1)},
			{path: "/v3/test/model/add", body: fmt.Sprintf(`{"registration_id":%q,"device_name":%s}`, f.q.id, value)},
			{method: http.MethodPut, path: "/v3/test/model/update", body: fmt.Sprintf(`{"registration_id":%q,"device_name":%s}`, f.p.id, value)},
			{path: "/v3/push_plan/create", body: `{"plan_name":` + value + `,"plan_description":"x"}`},
			{path: "/v1/segments", body: `{"name":` + value + `,"expression":"vip"}`}, {path: "/v1/segments", body: `{"name":"x","expression":` + value + `}`},
			{path: "/v1/keys", body: `{"name":` + value + `,"scopes":["push"]}`},
			{path: "/v3/push", body: `{"platform":"all","audience":{"registration_id":[` + value + `]},"notification":{"alert":"x"}}`},
			{path: "/v3/push", body: `{"platform":"all","audience":"all","cid":` + value + `,"notification":{"alert":"x"}}`},
			{path: "/v3/schedules", body: scheduleOf(bad, weekly())},
		} {
			w.refusesText(t, r)
		}
	}
	w.accepted(t, request{path: "/v3/push", body: `{"platform":"all","audience":{"alias":["mia"]},"notification":{"alert":"a\u0000b"}}`}.as(w.app), nil)
}

// refusesText fails unless a request is refused with a sentence.
func (w *world) refusesText(t *testing.T, r request) {
	t.Helper()
	if v, a := w.verdict(t, r.as(w.app)); v.status != http.StatusBadRequest || v.code == 0 {
		t.Errorf("%s %s %q: answered %v: %.200s", r.method, r.path, r.body, v, a.body)
	}
}
