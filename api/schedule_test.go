package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/api"
)

// china is a wall clock in JPush's zone, from now.
func china(d time.Duration) string {
	return time.Now().Add(d).In(time.FixedZone("", 8*60*60)).Format(time.DateTime)
}

const schedulePush = `{"platform":"all","audience":{"tag":["nobody yet"]},"notification":{"alert":"Stand-up <1>"},"options":{"apns_production":"false","sendno":7},"cid":"ignored here"}`

func single(d time.Duration) string { return fmt.Sprintf(`{"single":{"time":%q}}`, china(d)) }

func weekly() string {
	return fmt.Sprintf(`{"periodical":{"start":%q,"end":%q,"time":"09:30:00","time_unit":"WEEK","frequency":1,"point":["MON","WED"]}}`, china(-time.Hour), china(60*24*time.Hour))
}

func scheduleOf(name, trigger string) string {
	return fmt.Sprintf(`{"name":%q,"enabled":true,"trigger":%s,"push":%s}`, name, trigger, schedulePush)
}

// made is the strict answer of a creation.
type made struct {
	ID   string `json:"schedule_id"`
	Name string `json:"name"`
}

type scheduleList struct {
	Total     int              `json:"total_count"`
	Pages     int              `json:"total_pages"`
	Page      int              `json:"page"`
	Schedules []map[string]any `json:"schedules"`
}

func (w *world) schedule(t *testing.T, app aurora.App, body string) (m made) {
	t.Helper()
	w.accepted(t, request{path: "/v3/schedules", body: body}.as(app), &m)
	return m
}

func (w *world) scheduleList(t *testing.T, app aurora.App) (l scheduleList) {
	t.Helper()
	w.accepted(t, request{path: "/v3/schedules"}.as(app), &l)
	return l
}

// value reads JSON for a comparison by meaning.
func value(t *testing.T, text string) (v any) {
	t.Helper()
	check(t, json.Unmarshal([]byte(text), &v))
	return v
}

func TestScheduleLife(t *testing.T) {
	w := startWorld(t)
	a := w.call(t, request{path: "/v3/schedules/", body: scheduleOf("晨会 <daily>", weekly())}.as(w.app))
	var strict map[string]string
	if err := json.Unmarshal(a.body, &strict); err != nil || a.status != 200 || len(strict) != 2 || strict["name"] != "晨会 <daily>" || len(strict["schedule_id"]) != 36 {
		t.Fatalf("the creation was answered %d: %s", a.status, a.body)
	}
	path := "/v3/schedules/" + strict["schedule_id"]
	if a.header.Get("X-Rate-Limit-Limit") == "" {
		t.Error("no rate limit headers")
	}

	// What comes back is what was sent, also by the zone's path.
	var got map[string]any
	w.accepted(t, request{path: strings.Replace(path, "/v3/", "/v3/push/", 1)}.as(w.app), &got)
	want := map[string]any{"schedule_id": strict["schedule_id"], "name": "晨会 <daily>", "enabled": true, "trigger": value(t, weekly()), "push": value(t, schedulePush)}
	if got["trigger"].(map[string]any)["periodical"].(map[string]any)["time_unit"] != "WEEK" || !reflect.DeepEqual(got["push"], want["push"]) || got["name"] != want["name"] || got["enabled"] != true || len(got) != 5 {
		t.Errorf("it reads\n%v, want\n%v", got, want)
	}

	// A change answers with the whole; what was not given stays.
	put := request{method: http.MethodPut, path: path, body: `{"enabled":false}`, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}.as(w.app)
	var changed map[string]any
	w.accepted(t, put, &changed)
	got["enabled"] = false
	if !reflect.DeepEqual(changed, got) {
		t.Errorf("the change reads\n%v, want\n%v", changed, got)
	}
	push := `{"platform":["ios"],"audience":"all","notification":{"alert":"new"}}`
	w.accepted(t, request{method: http.MethodPut, path: path, body: `{"push":` + push + `,"name":"n","enabled":true}`}.as(w.app), &changed)
	if !reflect.DeepEqual(changed["push"], value(t, push)) || changed["name"] != "n" || !reflect.DeepEqual(changed["trigger"], got["trigger"]) {
		t.Errorf("the second change reads %v", changed)
	}

	if l := w.scheduleList(t, w.app); l.Total != 1 || l.Pages != 1 || l.Page != 1 || len(l.Schedules) != 1 || !reflect.DeepEqual(l.Schedules[0], changed) {
		t.Errorf("the list is %+v", l)
	}
	if l := w.scheduleList(t, w.other); l.Total != 0 || l.Pages != 0 || l.Schedules == nil {
		t.Errorf("another app's list is %+v", l)
	}
	var past scheduleList
	w.accepted(t, request{path: "/v3/schedules?page=9"}.as(w.app), &past)
	if past.Total != 1 || past.Page != 9 || len(past.Schedules) != 0 {
		t.Errorf("the page past the end is %+v", past)
	}

	if a := w.call(t, request{path: path + "/msg_ids"}.as(w.app)); string(a.body) != `{"count":0,"msgids":[]}` {
		t.Errorf("before it has fired msg_ids is %s", a.body)
	}
	for _, r := range []request{{path: path}, {path: path + "/msg_ids"}, {method: http.MethodPut, path: path, body: `{"name":"x"}`}, {method: http.MethodDelete, path: path}} {
		w.refused(t, r.as(w.other), 404, 8104)
	}
	if a := w.call(t, request{method: http.MethodDelete, path: path}.as(w.app)); a.status != 200 || string(a.body) != "{}" {
		t.Errorf("the deletion was answered %d: %s", a.status, a.body)
	}
	w.refused(t, request{method: http.MethodDelete, path: path}.as(w.app), 404, 8104)
}

// A schedule fires for the devices there are then, and its message has a
// report like any other.
func TestScheduleFires(t *testing.T) {
	w := startWorld(t)
	before := len(w.apns.Notifications(100)) // the credentials were proved there
	m := w.schedule(t, w.app, strings.Replace(scheduleOf("soon", single(2*time.Second)), "nobody yet", "vip", 1))
	at := scheduleOf("at once", `{"intelligent":{}}`)
	once := w.schedule(t, w.app, at)
	w.register(t, w.app, `{"token":"`+token(1)+`","environment":"development","tags":{"set":["vip"]}}`)
	for name, id := range map[string]string{"soon": m.ID, "at once": once.ID} {
		var ids struct {
			Count int
			IDs   []string `json:"msgids"`
		}
		for deadline := time.Now().Add(patience); ids.Count == 0; {
			w.accepted(t, request{path: "/v3/schedules/" + id + "/msg_ids"}.as(w.app), &ids)
			if time.Now().After(deadline) {
				t.Fatalf("%s did not fire", name)
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-t.Context().Done():
			}
		}
		if ids.Count != 1 || len(ids.IDs) != 1 {
			t.Fatalf("%s: msg_ids are %+v", name, ids)
		}
		want := map[string]uint64{"soon": 1, "at once": 0}[name] // the latter's audience is empty
		if r := w.settled(t, w.app, ids.IDs[0]); r.Targeted != want || r.Accepted != want {
			t.Errorf("%s: the report is %+v", name, r)
		}
		w.refused(t, request{method: http.MethodPut, path: "/v3/schedules/" + id, body: `{"name":"x"}`}.as(w.app), 400, 8100)
	}
	if l := w.scheduleList(t, w.app); l.Total != 0 {
		t.Errorf("finished schedules are listed: %+v", l)
	}
	if sent := len(w.apns.Notifications(100)) - before; sent != 1 {
		t.Errorf("APNs got %d notifications, want 1", sent)
	}
}

func TestScheduleCID(t *testing.T) {
	w := startWorld(t)
	var cids struct{ CIDList []string }
	w.accepted(t, request{path: "/v3/push/cid?type=schedule"}.as(w.app), &cids)
	body := set(scheduleOf("once", weekly()), "cid", quoted(cids.CIDList[0]))
	first := w.schedule(t, w.app, body)
	if again := w.schedule(t, w.app, body); again != first {
		t.Errorf("the repeat is answered %+v, want %+v", again, first)
	}
	if l := w.scheduleList(t, w.app); l.Total != 1 {
		t.Errorf("%d schedules, want 1", l.Total)
	}
}

func badSchedules() []struct {
	path   string
	values []string
} {
	return []struct {
		path   string
		values []string
	}{
		{"name", []string{``, `null`, `5`, `{}`, `""`, `"  "`, `"a\nb"`, quoted(strings.Repeat("n", 256)), quoted(strings.Repeat("名", 86))}},
		{"enabled", []string{`null`, `false`, `"false"`, `"yes"`, `2`, `{}`, `[]`}},
		{"trigger", []string{``, `null`, `5`, `"single"`, `[]`, `{}`, `{"single":null}`, `{"single":5}`, `{"cron":{}}`, `{"single":{}}`,
			`{"single":{"time":"2030-01-01 09:30:00"},"intelligent":{}}`, single(-time.Second), single(367 * 24 * time.Hour), `{"intelligent":{"backup_time":"x"}}`, `{"intelligent":{"backup_time":"2020-01-01 00:00:00"}}`}},
		{"trigger.single.time", []string{`5`, `""`, `"2030-01-01"`, `"2030-02-30 09:30:00"`, `"2030-01-01 9:30:00"`, `"2030-01-01T09:30:00"`, `"2030-01-01 09:30:00.5"`, `"2030-01-01 24:00:00"`, `" 2030-01-01 09:30:00"`}},
		{"push", []string{``, `null`, `5`, `[]`, `{}`, `"x"`}},
		{"push.platform", []string{``, `"x"`, `5`}},
		{"push.audience", []string{``, `{}`, `"x"`, `{"tag":[""]}`}},
		{"push.notification", []string{`{}`, `[]`, quoted("x")}},
		{"push.notification.alert", []string{quoted(strings.Repeat("a", 3000))}},
		{"push.options", []string{`{"time_to_live":-1}`, `{"sendno":0}`}},
		{"cid", []string{`5`, `"x"`}},
	}
}

var badPeriodicals = map[string][]string{
	"start":     {``, `5`, `"x"`, `"2030-01-01"`, quoted(china(61 * 24 * time.Hour)), quoted(china(-366 * 24 * time.Hour))},
	"end":       {``, `null`, `""`, quoted(china(-time.Minute)), quoted(china(400 * 24 * time.Hour))},
	"time":      {``, `930`, `"9:30"`, `"09:30"`, `"24:00:00"`, `"09:30:00.5"`},
	"time_unit": {``, `5`, `""`, `"year"`, `"WEEKS"`, `"day"`},
	"frequency": {``, `0`, `-1`, `101`, `1.5`, `"1"`, `18446744073709551617`},
	"point":     {``, `null`, `[]`, `"MON"`, `["XXX"]`, `[1]`, `["01"]`, `["MON",null]`},
}

func TestScheduleRefusals(t *testing.T) {
	w := startWorld(t)
	kept := w.schedule(t, w.app, scheduleOf("kept", weekly()))
	path := "/v3/schedules/" + kept.ID
	var cases []refusal
	post := func(name, body string) {
		cases = append(cases, refusal{name, request{method: http.MethodPost, path: "/v3/schedules", body: body}.as(w.app), 400, 8100})
	}
	put := func(name, body string) {
		cases = append(cases, refusal{"PUT " + name, request{method: http.MethodPut, path: path, body: body}.as(w.app), 400, 8100})
	}
	good := scheduleOf("x", single(time.Hour))
	for _, bad := range badSchedules() {
		for _, v := range bad.values {
			post(bad.path+" "+v, set(good, bad.path, v))
		}
	}
	for key, values := range badPeriodicals {
		for _, v := range values {
			trigger := set(weekly(), "periodical."+key, v)
			post(key+" "+v, scheduleOf("x", trigger))
			put(key+" "+v, `{"name":"changed","trigger":`+trigger+`}`)
		}
	}
	for name, body := range map[string]string{"no body": "", "not JSON": "{", "an array": "[]", "a form": "name=x", "too large": good + strings.Repeat(" ", 1<<20)} {
		post(name, body)
		put(name, body)
	}
	put("nothing", `{}`)
	put("another kind", `{"trigger":`+single(time.Hour)+`}`)
	put("a push without audience", `{"name":"changed","push":{"platform":"all","notification":{"alert":"x"}}}`)
	for _, q := range []string{"0", "-1", "x", "1.5", "99999999999999999999"} {
		cases = append(cases, refusal{"page " + q, request{path: "/v3/schedules?page=" + q}.as(w.app), 400, 8100})
	}
	for _, id := range []string{"x", "00000000-0000-4000-8000-000000000000", kept.ID[1:]} {
		for _, r := range []request{{path: "/v3/schedules/" + id}, {path: "/v3/schedules/" + id + "/msg_ids"}, {method: http.MethodDelete, path: "/v3/schedules/" + id}, {method: http.MethodPut, path: "/v3/schedules/" + id, body: `{"name":"x"}`}} {
			cases = append(cases, refusal{"unknown " + id, r.as(w.app), 404, 8104})
		}
	}
	stranger := request{path: path, user: w.other.Key, password: w.app.MasterSecret.Reveal()}
	cases = append(cases,
		refusal{"another's secret", stranger, 401, 8101},
		refusal{"no credentials", request{path: path}, 401, 8101},
		refusal{"malformed AppKey", request{path: path, user: "short", password: "x"}, 401, 8101},
		refusal{"wrong method", request{method: http.MethodPatch, path: path, body: "{}"}.as(w.app), 405, 1001},
		refusal{"unknown route", request{path: path + "/nothing"}.as(w.app), 404, 8104},
	)
	before := w.scheduleList(t, w.app)
	for _, c := range cases {
		t.Run(fmt.Sprintf("%.60s", c.name), func(t *testing.T) { w.refused(t, c.r, c.status, c.code) })
	}
	if after := w.scheduleList(t, w.app); !reflect.DeepEqual(after, before) {
		t.Errorf("refused requests changed something:\n%v\nbecame\n%v", before, after)
	}
}

func TestScheduleRateLimit(t *testing.T) {
	w := startWorld(t, api.Limits{Schedules: 1})
	w.scheduleList(t, w.app)
	w.refused(t, request{path: "/v3/schedules"}.as(w.app), 429, 2002)
}
