package api_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/aurora-push/aurora"
)

// newGroup makes a group of the world's first account with some of its apps.
func (w *world) newGroup(t *testing.T, name string, apps ...aurora.App) aurora.Group {
	t.Helper()
	g, err := w.s.Accounts.CreateGroup(t.Context(), w.app.AccountID, name)
	check(t, err)
	for _, a := range apps {
		check(t, w.s.Accounts.SetGroupApp(t.Context(), a.AccountID, g.Key, a.Key, true))
	}
	return g
}

// asGroup returns the request in a group's name.
func (r request) asGroup(g aurora.Group) request {
	r.user, r.password = "group-"+g.Key, g.Secret.Reveal()
	return r
}

// TestGroupPush: the push goes to every app of the group, each with an answer
// of its own, and the group's report adds the apps' numbers up.
func TestGroupPush(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"production","tags":{"set":["a"]}}`)
	w.register(t, w.app, `{"token":"`+token(1)+`","environment":"production"}`)
	w.register(t, w.other, `{"token":"`+token(2)+`","environment":"production","tags":{"set":["a"]}}`)
	lone, err := w.s.Accounts.CreateApp(t.Context(), w.app.AccountID, "Outside", "com.example.outside")
	check(t, err)
	g := w.newGroup(t, "Both", w.app, w.other)

	for _, path := range []string{"/v3/grouppush", "/v3/grouppush/", "//v3//grouppush"} {
		var answer map[string]json.RawMessage
		w.accepted(t, request{path: path, body: `{"platform":"all","audience":{"tag":["a"]},"notification":{"alert":"hi"},"options":{"sendno":7,"apns_production":true}}`}.asGroup(g), &answer)
		if len(answer) != 3 || answer[lone.Key] != nil {
			t.Fatalf("answered %s", answer)
		}
		var id string
		check(t, json.Unmarshal(answer["group_msgid"], &id))
		for _, app := range []aurora.App{w.app, w.other} {
			var one pushAnswer
			check(t, json.Unmarshal(answer[app.Key], &one))
			if one.SendNo != "7" {
				t.Errorf("sendno %q", one.SendNo)
			}
			if r := w.settled(t, app, one.MessageID); r.Accepted != 1 {
				t.Errorf("%+v", r)
			}
		}
		var report []map[string]json.RawMessage
		w.accepted(t, request{path: "/v3/group/messages/detail?group_msgids=" + id + ",%201"}.asGroup(g), &report)
		if len(report) != 2 || len(report[0]) != 9 || string(report[0]["group_msgid"]) != `"`+id+`"` || string(report[0]["group_msgids"]) != `"`+id+`"` || string(report[1]["ios"]) != "null" {
			t.Fatalf("%s", report)
		}
		if target, sent := member(t, report[0]["ios"], "apns_target"), member(t, report[0]["ios"], "apns_sent"); target != "2" || sent != "2" {
			t.Errorf("the group's numbers are %s and %s", target, sent)
		}
	}
}

func member(t *testing.T, object json.RawMessage, key string) string {
	t.Helper()
	var o map[string]json.RawMessage
	check(t, json.Unmarshal(object, &o))
	return string(o[key])
}

// TestGroupPushIsPerApp: what one app refuses another still sends, and a
// repeat with the same cid sends nothing twice.
func TestGroupPushIsPerApp(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"production","tags":{"set":["only here"]}}`)
	g := w.newGroup(t, "Both", w.app, w.other)
	body := fmt.Sprintf(`{"cid":"%s-0c7f4a1e-8a52-4d0e-9b2f-3c6a1d7e4f90","platform":"all","audience":{"tag":["only here"]},"notification":{"alert":"hi"},"options":{"apns_production":true}}`, g.Key)
	var first, second map[string]json.RawMessage
	w.accepted(t, request{path: "/v3/grouppush", body: body}.asGroup(g), &first)
	w.accepted(t, request{path: "/v3/grouppush", body: body}.asGroup(g), &second)
	var refusal struct{ Error struct{ Code int } }
	check(t, json.Unmarshal(first[w.other.Key], &refusal))
	if refusal.Error.Code != 1011 {
		t.Errorf("the app without such a device answered %s", first[w.other.Key])
	}
	if string(first[w.app.Key]) != string(second[w.app.Key]) || string(first["group_msgid"]) != string(second["group_msgid"]) {
		t.Errorf("%s and then %s", first, second)
	}
	var one pushAnswer
	check(t, json.Unmarshal(first[w.app.Key], &one))
	w.settled(t, w.app, one.MessageID)
	if _, n := w.reached(one.MessageID); n != 1 {
		t.Errorf("%d notifications", n)
	}
	// The app left the group: it is not sent to any more.
	check(t, w.s.Accounts.SetGroupApp(t.Context(), w.app.AccountID, g.Key, w.other.Key, false))
	var third map[string]json.RawMessage
	w.accepted(t, request{path: "/v3/grouppush", body: `{"platform":"all","audience":"all","notification":{"alert":"hi"}}`}.asGroup(g), &third)
	if len(third) != 2 || third[w.other.Key] != nil {
		t.Errorf("%s", third)
	}
}

// TestGroupRefusals: who may, and what cannot be.
func TestGroupRefusals(t *testing.T) {
	w := startWorld(t)
	g, none := w.newGroup(t, "One", w.app), w.newGroup(t, "None")
	const push = `{"platform":"all","audience":"all","notification":{"alert":"hi"}}`
	wrong := g
	wrong.Secret = none.Secret
	for name, tt := range map[string]struct {
		r            request
		status, code int
	}{
		"nobody":               {request{path: "/v3/grouppush", body: push}, 401, 1004},
		"an app":               {request{path: "/v3/grouppush", body: push}.as(w.app), 401, 1004},
		"wrong secret":         {request{path: "/v3/grouppush", body: push}.asGroup(wrong), 401, 1004},
		"unknown":              {request{path: "/v3/grouppush", body: push}.asGroup(aurora.Group{Key: aurora.NewKey()}), 401, 1004},
		"malformed":            {request{path: "/v3/grouppush", body: push}.asGroup(aurora.Group{Key: "x"}), 401, 1004},
		"a group at an app's":  {request{path: "/v3/push", body: push}.asGroup(g), 400, 1008},
		"no app":               {request{path: "/v3/grouppush", body: push}.asGroup(none), 400, 1011},
		"no body":              {request{method: "POST", path: "/v3/grouppush"}.asGroup(g), 400, 1002},
		"nothing to send":      {request{path: "/v3/grouppush", body: `{"platform":"all","audience":"all"}`}.asGroup(g), 400, 1002},
		"override":             {request{path: "/v3/grouppush", body: `{"platform":"all","audience":"all","notification":{"alert":"hi"},"options":{"override_msg_id":1}}`}.asGroup(g), 400, 1003},
		"an app's cid":         {request{path: "/v3/grouppush", body: `{"cid":"` + w.app.Key + `-0c7f4a1e-8a52-4d0e-9b2f-3c6a1d7e4f90","platform":"all","audience":"all","notification":{"alert":"hi"}}`}.asGroup(g), 400, 1003},
		"method":               {request{path: "/v3/grouppush"}.asGroup(g), 405, 1001},
		"report of nobody":     {request{path: "/v3/group/messages/detail?group_msgids=1"}, 401, 3001},
		"report by an app":     {request{path: "/v3/group/messages/detail?group_msgids=1"}.as(w.app), 401, 3001},
		"report without ids":   {request{path: "/v3/group/messages/detail"}.asGroup(g), 400, 3002},
		"report of eleven ids": {request{path: "/v3/group/messages/detail?group_msgids=1,2,3,4,5,6,7,8,9,10,11"}.asGroup(g), 400, 3002},
	} {
		t.Run(name, func(t *testing.T) { w.refused(t, tt.r, tt.status, tt.code) })
	}
	// An app's allow-list holds for its groups too.
	_, err := w.s.Accounts.SetAllowList(t.Context(), w.app, []string{"203.0.113.7"}, netip.Addr{})
	check(t, err)
	w.refused(t, request{path: "/v3/grouppush", body: push}.asGroup(g), 403, 2004)
	_, err = w.s.Accounts.SetAllowList(t.Context(), w.app, nil, netip.Addr{})
	check(t, err)
	// Another group's push is not told.
	var answer struct {
		ID string `json:"group_msgid"`
	}
	w.register(t, w.app, "")
	w.accepted(t, request{path: "/v3/grouppush", body: push}.asGroup(g), &answer)
	var report []map[string]json.RawMessage
	w.accepted(t, request{path: "/v3/group/messages/detail?group_msgids=" + answer.ID}.asGroup(none), &report)
	if len(report) != 1 || string(report[0]["ios"]) != "null" {
		t.Errorf("another group reads %s", report)
	}
}

// TestGroupUsers: the apps' numbers added up.
func TestGroupUsers(t *testing.T) {
	w := startWorld(t)
	g := w.newGroup(t, "Both", w.app, w.other)
	w.register(t, w.app, "")
	w.register(t, w.other, "")
	w.register(t, w.other, "")
	query := "/users?time_unit=day&start=" + china(0)[:10] + "&duration=1"
	var users struct {
		Items []struct{ IOS struct{ New int } }
	}
	w.accepted(t, request{path: "/v3/group" + query}.asGroup(g), &users)
	if len(users.Items) != 1 || users.Items[0].IOS.New != 3 {
		t.Errorf("%+v", users)
	}
	w.refused(t, request{path: "/v3/group" + query}.as(w.app), 401, 3001)
	w.refused(t, request{path: "/v3/group/users"}.asGroup(g), 400, 3002)
}
