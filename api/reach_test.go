package api_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

// TestCount: whom a push would reach, and why not the others.
func TestCount(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"production","tags":{"set":["vip"]}}`)
	w.register(t, w.app, `{"token":"`+token(1)+`","environment":"development","tags":{"set":["vip"]}}`)
	w.register(t, w.app, `{"token":"`+token(2)+`","environment":"production","push_enabled":false}`)
	w.register(t, w.app, `{"tags":{"set":["vip"]}}`)
	w.register(t, w.other, `{"token":"`+token(3)+`","environment":"production","tags":{"set":["vip"]}}`)
	const all = `{"targeted":4,"reachable":1,"dropped":{"no_token":1,"opted_out":1,"other_platform":0,"quarantined":0,"wrong_environment":1}}`
	const vips = `{"targeted":3,"reachable":1,"dropped":{"no_token":1,"opted_out":0,"other_platform":0,"quarantined":0,"wrong_environment":1}}`
	const nobody = `{"targeted":0,"reachable":0,"dropped":{"no_token":0,"opted_out":0,"other_platform":0,"quarantined":0,"wrong_environment":0}}`
	for body, want := range map[string]string{
		`{"audience":"all"}`: all,
		`{"audience":"all","platform":["ios"],"environment":"production"}`: all,
		`{"audience":"all","environment":"development"}`:                   all, // one of each again
		`{"audience":{"tag":["vip"]}}`:                                     vips,
		`{"audience":{"tag":["nobody"]}}`:                                  nobody,
		`{"audience":"all","platform":["android"]}`:                        nobody,
	} {
		if a := w.call(t, request{path: "/v1/audience/count", body: body}.as(w.app)); a.status != 200 || string(a.body) != want {
			t.Errorf("%s is answered %d %s, want %s", body, a.status, a.body, want)
		}
	}

	push := `{"platform":"all","audience":{"tag":["vip"]},"notification":{"alert":"hi"}%s}`
	for path, want := range map[string]string{
		"/v3/push/validate": "", "/v3/push/validate?count=false": "", "/v3/push/validate?count=true": vips, "/v3//push/validate/?count=1": vips,
	} {
		var got struct {
			pushAnswer
			Audience json.RawMessage `json:"audience"`
		}
		w.accepted(t, request{path: path, body: fmt.Sprintf(push, "")}.as(w.app), &got)
		if string(got.Audience) != want || got.MessageID == "" || got.SendNo == "" {
			t.Errorf("%s is answered %+v with audience %s, want %s", path, got, got.Audience, want)
		}
	}
	var inApp struct {
		Audience struct {
			InApp uint64 `json:"in_app"`
		}
	}
	w.accepted(t, request{path: "/v3/push/validate?count=true", body: fmt.Sprintf(push, `,"message":{"msg_content":"hello"}`)}.as(w.app), &inApp)
	if inApp.Audience.InApp != 3 {
		t.Errorf("the in-app message is for %d devices, want 3", inApp.Audience.InApp)
	}

	before := w.everything(t)
	w.refused(t, request{path: "/v1/audience/count", body: `{}`}.as(w.app), 400, 1002)
	w.refused(t, request{path: "/v1/audience/count", body: `{"audience":{}}`}.as(w.app), 400, 1003)
	w.refused(t, request{path: "/v1/audience/count", body: `{"audience":"some"}`}.as(w.app), 400, 1003)
	w.refused(t, request{path: "/v1/audience/count", body: `{"audience":"all","environment":"test"}`}.as(w.app), 400, 1003)
	w.refused(t, request{path: "/v1/audience/count", body: `{"audience":"all","platform":"ios"}`}.as(w.app), 400, 1003)
	w.refused(t, request{path: "/v1/audience/count", body: `{"audience":"all"}`}, 401, 1004)
	w.refused(t, request{path: "/v3/push/validate?count=maybe", body: fmt.Sprintf(push, "")}.as(w.app), 400, 1003)
	if w.everything(t) != before {
		t.Error("counting has changed something")
	}
}
