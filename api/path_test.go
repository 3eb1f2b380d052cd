package api_test

import "testing"

// TestEveryPathForm: the trailing and doubled slashes and the zone paths that
// JPush's clients send lead to the same places, without a redirect, which call
// would report (spec/rest-api.md §1.2, T1–T3; §15, items 1 and 3).
func TestEveryPathForm(t *testing.T) {
	w := startWorld(t)
	id := w.register(t, w.app, "").id
	g := w.newGroup(t, "One", w.app)
	d := w.owner
	const push = `{"platform":"all","audience":"all","notification":{"alert":"hi"}}`
	users := "?time_unit=DAY&start=" + china(0)[:10] + "&duration=1"
	for _, r := range []request{
		{path: "/v3/push/", body: push}, {path: "/v3//push/validate", body: push}, {path: "/v3/push/cid/"},
		{path: "/v3/schedules/"}, {path: "/v3/push/schedules/"}, {path: "/v3/push/schedules"},
		{path: "/v3/devices/" + id + "/"}, {path: "/v3/device/" + id}, {path: "/v3//device//" + id},
		{path: "/v3/devices/status/", body: `{"registration_ids":["` + id + `"]}`}, {path: "/v3/device/status", body: `{"registration_ids":["` + id + `"]}`},
		{path: "/v3/device/aliases/x"}, {path: "/v3/device/tags/"}, {path: "/v3/tags/"}, {path: "/v3/tags//x/registration_ids/" + id},
		{path: "/v3//received?msg_ids=1"}, {path: "/v3/messages/?msg_ids=1"}, {path: "/v3/report/received?msg_ids=1"}, {path: "/v3/report/messages/?msg_ids=1"},
		{path: "/v3/users/" + users}, {path: "/v3//users" + users}, {path: "/v3/report/users" + users},
		{path: "/v3/files/"}, {path: "/v3//files"}, {path: "/v3/push/quota/"}, {path: "/v3/push_plan/list/"}, {path: "/v3//test/model/list"},
	} {
		w.accepted(t, r.as(w.app), nil)
	}
	for _, r := range []request{
		{path: "/v3//grouppush/", body: push}, {path: "/v3/group/messages/detail/?group_msgids=1"},
		{path: "/v3/report/group/messages/detail?group_msgids=1"}, {path: "/v3/report/group/users/" + users},
	} {
		w.accepted(t, r.asGroup(g), nil)
	}
	w.accepted(t, request{path: "/v1//app/", body: `{"app_name":"Slashes","android_package":"org.example.slashes"}`}.asDeveloper(d), nil)
}
