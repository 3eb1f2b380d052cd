package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/registry"
)

// expression returns the audience of an expression as JSON.
func expression(text string) string {
	b, _ := json.Marshal(map[string]string{"expression": text})
	return string(b)
}

// TestExpression: an expression selects the phones that it says, by itself and
// with JPush's lists.
func TestExpression(t *testing.T) {
	w := startWorld(t)
	var ids []any
	for i, attributes := range []string{
		`"tags":{"set":["vip","beijing"]},"app_version":"2.10","os_version":"18.0","language":"zh-Hans-CN","channel":"store"`,
		`"tags":{"set":["vip"]},"alias":"mia","app_version":"2.9","os_version":"17.5","language":"en"`,
		`"tags":{"set":["shanghai","new york"]},"app_version":"2.9.1-beta"`,
		`"tags":{"set":["vip","shanghai"]}`,
	} {
		ids = append(ids, w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"production",%s}`, token(i), attributes)).id)
	}
	w.register(t, w.other, `{"token":"`+token(100)+`","environment":"production","tags":{"set":["vip","beijing"]}}`)
	sent := w.push(t, w.app, `{"platform":"all","audience":{"tag":["vip"]},"notification":{"alert":"first"}}`).MessageID
	w.settled(t, w.app, sent)
	elsewhere := w.push(t, w.other, `{"platform":"all","audience":"all","notification":{"alert":"first"}}`).MessageID
	w.accepted(t, request{path: "/v1/segments", body: `{"name":"regulars","expression":"vip && (beijing || shanghai)"}`}.as(w.app), nil)
	for _, tt := range []struct {
		audience string
		want     []int
	}{
		{expression("vip && (beijing || shanghai) && !seen>30d"), []int{0, 3}},
		{expression("seen>30d || registered>=2100-01-01"), nil},
		{expression("all"), []int{0, 1, 2, 3}},
		{expression(`"new york" || alias:mia`), []int{1, 2}},
		{expression("version>=2.9.1"), []int{0}},
		{expression("version<2.10"), []int{1, 2}},
		{expression("!version<2.10"), []int{0, 3}},
		{expression("os>=18 || lang:en"), []int{0, 1}},
		{expression("lang:zh && channel:store && platform:ios && env:production"), []int{0}},
		{expression("sent:" + sent), []int{0, 1, 3}},
		{expression("targeted:" + sent + " && !received:" + sent + " && !beijing"), []int{1, 3}},
		{expression("segment:regulars"), []int{0, 3}},
		{`{"segment":["regulars"],"tag_not":["beijing"]}`, []int{3}},
		{`{"expression":"vip || shanghai","tag":["shanghai","beijing"],"tag_not":["new york"]}`, []int{0, 3}},
		{fmt.Sprintf(`{"expression":"sent:%s","registration_id":[%q,%q]}`, sent, ids[1], ids[2]), []int{1}},
		{`{"expression":"vip && nobody","tag":["vip"]}`, nil},
	} {
		if tt.want == nil && !strings.Contains(tt.audience, `"tag"`) {
			w.refused(t, request{path: "/v3/push", body: `{"platform":"all","audience":` + tt.audience + `,"notification":{"alert":"hi"}}`}.as(w.app), 400, 1011)
			continue
		}
		p := w.push(t, w.app, `{"platform":"all","audience":`+tt.audience+`,"notification":{"alert":"hi"}}`)
		w.settled(t, w.app, p.MessageID)
		if got, _ := w.reached(p.MessageID); !slices.Equal(got, tt.want) {
			t.Errorf("%s reached %v, want %v", tt.audience, got, tt.want)
		}
		var counted struct{ Reachable int }
		w.accepted(t, request{path: "/v1/audience/count", body: `{"audience":` + tt.audience + `}`}.as(w.app), &counted)
		if counted.Reachable != len(tt.want) {
			t.Errorf("%s is counted as %d, want %d", tt.audience, counted.Reachable, len(tt.want))
		}
	}

	before := w.everything(t)
	for _, bad := range []string{
		expression(""), expression("vip &&"), expression("vip beijing"), expression("tags:vip"), expression("version:x"), expression("seen>30"), expression("segment:nobody"),
		expression("received:" + elsewhere), expression("received:9007199254740991"), expression(strings.Repeat("!", 10000) + "vip"), expression(strings.Repeat("a|", 300) + "a"),
		expression(strings.Repeat("x", 20000)), expression("token:production"), expression("list:17"), expression("\x00"),
		`{"expression":["vip"]}`, `{"expression":7}`, `{"expression":{}}`, `{"expression":null}`, `{"segment":["a","b"]}`, `{"segment":"regulars"}`, `{"segment":[""]}`,
	} {
		w.refused(t, request{path: "/v3/push", body: `{"platform":"all","audience":` + bad + `,"notification":{"alert":"hi"}}`}.as(w.app), 400, 1003)
		w.refused(t, request{path: "/v1/audience/count", body: `{"audience":` + bad + `}`}.as(w.app), 400, 1003)
	}
	// What stands alone takes no expression beside it: it would be dropped.
	w.refused(t, request{path: "/v3/push", body: `{"platform":["ios"],"audience":{"live_activity_id":"a","expression":"vip"},"live_activity":{"ios":{"event":"end","content-state":{}}}}`}.as(w.app), 400, 1003)
	w.refused(t, request{path: "/v3/push/file", body: `{"platform":"all","audience":{"file":{"file_id":"a"},"expression":"vip"},"notification":{"alert":"hi"}}`}.as(w.app), 400, 1003)
	if w.everything(t) != before {
		t.Error("a refused expression has changed something")
	}
}

// TestSegments: saved, listed, replaced and deleted; a push keeps what a segment
// meant when it was accepted.
func TestSegments(t *testing.T) {
	w := startWorld(t)
	create := func(name, expression string) request {
		b, _ := json.Marshal(map[string]string{"name": name, "expression": expression})
		return request{path: "/v1/segments", body: string(b)}.as(w.app)
	}
	var made struct {
		Name, Expression string
		CreatedAt        time.Time `json:"created_at"`
		ChangedAt        time.Time `json:"changed_at"`
	}
	w.accepted(t, create("regulars", "vip && !seen>30d"), &made)
	if made.Name != "regulars" || made.Expression != "vip && !seen>30d" || time.Since(made.CreatedAt) > time.Minute || !made.ChangedAt.Equal(made.CreatedAt) {
		t.Errorf("made %+v", made)
	}
	w.accepted(t, create("北京 regulars", "segment:regulars && beijing"), nil)
	a := w.call(t, request{path: "/v1/segments"}.as(w.app))
	if got := strings.Count(string(a.body), `"name"`); got != 2 || !strings.Contains(string(a.body), `"expression":"segment:regulars \u0026\u0026 beijing"`) {
		t.Errorf("listed %s", a.body)
	}
	if a := w.call(t, request{path: "/v1/segments"}.as(w.other)); string(a.body) != `{"segments":[]}` {
		t.Errorf("the other app lists %s", a.body)
	}
	const path = "/v1/segments/%E5%8C%97%E4%BA%AC%20regulars"
	w.accepted(t, request{path: path}.as(w.app), nil)
	w.accepted(t, request{method: "PUT", path: "/v1/segments/regulars", body: `{"expression":"vip"}`}.as(w.app), &made)
	if made.Expression != "vip" || !made.ChangedAt.After(made.CreatedAt.Add(-1)) {
		t.Errorf("replaced by %+v", made)
	}

	before := w.call(t, request{path: "/v1/segments"}.as(w.app))
	for _, bad := range []struct {
		r            request
		status, code int
	}{
		{create("regulars", "vip"), 400, 9002},              // there is one
		{create("", "vip"), 400, 9002},                      // no name
		{create(strings.Repeat("x", 41), "vip"), 400, 9002}, // over-long
		{create("a,b", "vip"), 400, 9002},                   // a comma
		{create("x", "vip &&"), 400, 9002},                  // cannot be read
		{create("x", "segment:x"), 400, 9002},               // itself
		{create("x", "segment:nobody"), 400, 9002},          // none of the app's
		{request{path: "/v1/segments", body: `{"name":"x"}`}.as(w.app), 400, 9002},
		{request{path: "/v1/segments", body: `{"name":7,"expression":"vip"}`}.as(w.app), 400, 9002},
		{request{method: "PUT", path: "/v1/segments/regulars", body: `{"expression":"segment:\"北京 regulars\""}`}.as(w.app), 400, 9002}, // a circle
		{request{method: "PUT", path: "/v1/segments/nobody", body: `{"expression":"vip"}`}.as(w.app), 404, 9005},
		{request{method: "DELETE", path: "/v1/segments/nobody"}.as(w.app), 404, 9005},
		{request{method: "DELETE", path: "/v1/segments/regulars"}.as(w.app), 400, 9002}, // another refers to it
		{request{path: "/v1/segments/regulars"}.as(w.other), 404, 9005},
		{request{path: "/v1/segments"}, 401, 9004},
		{request{method: "PATCH", path: "/v1/segments/regulars", body: `{}`}.as(w.app), 405, 1001},
	} {
		w.refused(t, bad.r, bad.status, bad.code)
	}
	if after := w.call(t, request{path: "/v1/segments"}.as(w.app)); string(after.body) != string(before.body) {
		t.Errorf("refusals changed the segments to %s", after.body)
	}

	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"production","tags":{"set":["vip","beijing"]}}`)
	p := w.push(t, w.app, `{"platform":"all","audience":{"segment":["北京 regulars"]},"notification":{"alert":"hi"}}`)
	r := w.settled(t, w.app, p.MessageID)
	if want := `(tag:vip & tag:beijing)`; !strings.Contains(r.Message.Audience, "tag:vip & tag:beijing") || strings.Contains(r.Message.Audience, "segment") {
		t.Errorf("the message's audience is %s, want %s", r.Message.Audience, want)
	}
	w.accepted(t, request{method: "DELETE", path: path}.as(w.app), nil)
	w.accepted(t, request{method: "DELETE", path: "/v1/segments/regulars"}.as(w.app), nil)
	if a := w.call(t, request{path: "/v1/segments"}.as(w.app)); string(a.body) != `{"segments":[]}` {
		t.Errorf("after deleting all: %s", a.body)
	}
	for i := range registry.MaxSegments {
		if _, err := w.s.Registry.CreateSegment(t.Context(), w.app.ID, fmt.Sprint("s", i), "vip"); err != nil {
			t.Fatal(err)
		}
	}
	w.refused(t, create("one too many", "vip"), 400, 9006)
}
