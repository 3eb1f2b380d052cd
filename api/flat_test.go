package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// flatly sends a request and checks status, code and envelope.
func (w *world) flatly(t *testing.T, r request, status, code int) json.RawMessage {
	t.Helper()
	a := w.call(t, r)
	var body map[string]json.RawMessage
	check(t, json.Unmarshal(a.body, &body))
	var got int
	check(t, json.Unmarshal(body["code"], &got))
	for key := range body {
		if key != "code" && key != "message" && key != "data" || key == "data" && code != 0 {
			t.Errorf("the envelope has %s: %.300s", key, a.body)
		}
	}
	if a.status != status || got != code || body["message"] == nil {
		t.Errorf("%s answered %d with %.300s, want %d with %d", r.path, a.status, a.body, status, code)
	}
	return body["data"]
}

// TestPlans: plans are stored, told in pages, and count the pushes that name them.
func TestPlans(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"production"}`)
	create := func(name string) request {
		return request{path: "/v3/push_plan/create", body: `{"name":"` + name + `","description":"about ` + name + `"}`}.as(w.app)
	}
	for _, name := range []string{"spring", "summer", "autumn"} {
		w.flatly(t, create(name), 200, 0)
	}
	w.flatly(t, request{method: "PUT", path: "/v3/push_plan/update", body: `{"name":"spring","description":"flowers"}`}.as(w.app), 200, 0)
	for range 2 {
		w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"hi"},"options":{"business_operation_code":"spring"}}`)
	}
	w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"hi"},"options":{"business_operation_code":"made at JPush"}}`)
	type page struct {
		Total, Page int
		Size        int `json:"page_size"`
		Detail      []struct {
			Name, Description string
			Pushes            int    `json:"push_count"`
			Created           string `json:"create_time"`
			Used              string `json:"last_used_time"`
			Source            int    `json:"send_source"`
		}
	}
	list := func(query string) (p page) {
		strict := json.NewDecoder(strings.NewReader(string(w.flatly(t, request{path: "/v3/push_plan/list" + query}.as(w.app), 200, 0))))
		strict.DisallowUnknownFields()
		check(t, strict.Decode(&p))
		return p
	}
	all := list("")
	if all.Total != 3 || all.Page != 1 || all.Size != 50 || len(all.Detail) != 3 {
		t.Errorf("%+v", all)
	}
	if p := list("?info=flower"); p.Total != 1 || p.Detail[0].Pushes != 2 || len(p.Detail[0].Used) != 19 || len(p.Detail[0].Created) != 19 {
		t.Errorf("%+v", p)
	}
	if p := list("?page=2&page_size=2&send_source=0"); p.Total != 3 || len(p.Detail) != 1 {
		t.Errorf("%+v", p)
	}
	if p := list("?send_source=1"); p.Total != 0 || p.Detail == nil {
		t.Errorf("%+v", p)
	}
	w.flatly(t, create("spring"), 400, 1003)
	w.flatly(t, create(strings.Repeat("x", 256)), 400, 1003)
	w.flatly(t, create(`\u0000`), 400, 1003)
	w.flatly(t, request{path: "/v3/push_plan/create", body: `{}`}.as(w.app), 400, 1002)
	w.flatly(t, request{method: "PUT", path: "/v3/push_plan/update", body: `{"name":"winter"}`}.as(w.app), 400, 1003)
	w.flatly(t, request{path: "/v3/push_plan/list?page=0"}.as(w.app), 400, 1003)
	w.flatly(t, request{path: "/v3/push_plan/list?page_size=51"}.as(w.app), 400, 1003)
	w.flatly(t, request{path: "/v3/push_plan/list"}, 401, 1004)
	w.flatly(t, create("of").as(w.other), 200, 0) // each app has its own
}

// TestTestDevices: a test push reaches the test devices of its audience alone.
func TestTestDevices(t *testing.T) {
	w := startWorld(t)
	var ids []string
	for i := range 3 {
		ids = append(ids, w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"production","tags":{"set":["t%d"]}}`, token(i), i)).id)
	}
	foreign := w.register(t, w.other, "").id
	push := func(audience string) request {
		return request{path: "/v3/push", body: `{"platform":"all","audience":` + audience + `,"notification":{"alert":"hi"},"options":{"apns_production":true,"test_model":true}}`}.as(w.app)
	}
	w.refused(t, push(`"all"`), 400, 1011)
	for i, id := range ids[:2] {
		w.flatly(t, request{path: "/v3/test/model/add", body: fmt.Sprintf(`{"registration_id":%q,"device_name":"phone %d"}`, id, i)}.as(w.app), 200, 0)
	}
	w.flatly(t, request{method: "PUT", path: "/v3/test/model/update", body: fmt.Sprintf(`{"registration_id":%q,"device_name":"mine"}`, ids[0])}.as(w.app), 200, 0)
	for audience, want := range map[string][]int{`"all"`: {0, 1}, `{"tag":["t1","t2"]}`: {1}} {
		var p pushAnswer
		w.accepted(t, push(audience), &p)
		w.settled(t, w.app, p.MessageID)
		if got, n := w.reached(p.MessageID); !slices.Equal(got, want) || n != len(want) {
			t.Errorf("%s reached %v, want %v", audience, got, want)
		}
	}
	var list struct {
		Total  int
		Detail []struct {
			ID   string `json:"registration_id"`
			Name string `json:"device_name"`
		}
	}
	check(t, json.Unmarshal(w.flatly(t, request{path: "/v3/test/model/list"}.as(w.app), 200, 0), &list))
	if list.Total != 2 || list.Detail[0].ID != ids[0] && list.Detail[1].ID != ids[0] {
		t.Errorf("%+v", list)
	}
	for range 2 {
		w.flatly(t, request{method: "DELETE", path: "/v3/test/model/delete/" + ids[0]}.as(w.app), 200, 0)
	}
	w.flatly(t, request{method: "PUT", path: "/v3/test/model/update", body: fmt.Sprintf(`{"registration_id":%q}`, ids[0])}.as(w.app), 400, 1003)
	w.flatly(t, request{path: "/v3/test/model/add", body: fmt.Sprintf(`{"registration_id":%q}`, foreign)}.as(w.app), 400, 1003)
	w.flatly(t, request{path: "/v3/test/model/add", body: `{"registration_id":"INVALID_ID"}`}.as(w.app), 400, 1003)
	w.flatly(t, request{path: "/v3/test/model/add", body: `{}`}.as(w.app), 400, 1002)
}

// TestImages: addresses are kept by media id; pictures are checked.
func TestImages(t *testing.T) {
	w := startWorld(t)
	var made, changed map[string]string
	w.accepted(t, request{path: "/v3/images/byurls", body: `{"image_type":1,"image_url":"https://example.com/a.png","oppo_image_url":"https://example.com/o.png"}`}.as(w.app), &made)
	id := made["media_id"]
	delete(made, "media_id")
	if !strings.HasPrefix(id, "jgmedia-") || !reflect.DeepEqual(made, map[string]string{"jiguang_image_url": "https://example.com/a.png", "oppo_image_url": "https://example.com/o.png"}) {
		t.Errorf("%s %v", id, made)
	}
	w.accepted(t, request{method: "PUT", path: "/v3/images/byurls/" + id, body: `{"fcm_image_url":"https://example.com/f.png"}`}.as(w.app), &changed)
	if len(changed) != 4 || changed["media_id"] != id || changed["fcm_image_url"] != "https://example.com/f.png" {
		t.Errorf("%v", changed)
	}
	picture := func(field, file, kind string) request {
		body := "--b\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"a.png\"\r\n\r\n" + file + "\r\n"
		if kind != "" {
			body += "--b\r\nContent-Disposition: form-data; name=\"image_type\"\r\n\r\n" + kind + "\r\n"
		}
		return request{method: "POST", path: "/v3/images/byfiles", body: body + "--b--\r\n", header: http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}}.as(w.app)
	}
	const png, jpeg = "\x89PNG\r\n\x1a\n…", "\xff\xd8\xff…"
	w.accepted(t, picture("oppo_file", png, "2"), &made)
	again := picture("xiaomi_file", jpeg, "")
	again.method, again.path = "PUT", "/v3/images/byfiles/"+made["media_id"]
	w.accepted(t, again, nil)
	for name, tt := range map[string]struct {
		r            request
		status, code int
	}{
		"no type":      {request{path: "/v3/images/byurls", body: `{"image_url":"https://example.com/a.png"}`}, 400, 1002},
		"wrong type":   {request{path: "/v3/images/byurls", body: `{"image_type":4,"image_url":"https://example.com/a.png"}`}, 400, 1003},
		"no address":   {request{path: "/v3/images/byurls", body: `{"image_type":1}`}, 400, 1002},
		"bad address":  {request{path: "/v3/images/byurls", body: `{"image_type":1,"image_url":"javascript:alert(1)"}`}, 400, 1003},
		"unknown":      {request{method: "PUT", path: "/v3/images/byurls/jgmedia-x", body: `{"image_url":"https://example.com/a.png"}`}, 400, 1003},
		"a text":       {picture("oppo_file", "hello", "1"), 400, 1003},
		"empty":        {picture("oppo_file", "", "1"), 400, 1003},
		"too large":    {picture("oppo_file", png+strings.Repeat("x", 2<<20), "1"), 400, 1005},
		"type missing": {picture("oppo_file", png, ""), 400, 1002},
		"type no word": {picture("oppo_file", png, "big"), 400, 1003},
		"no picture":   {picture("other", png, "1"), 400, 1002},
		"no form":      {request{path: "/v3/images/byfiles", body: `{}`}, 400, 1002},
	} {
		t.Run(name, func(t *testing.T) { w.refused(t, tt.r.as(w.app), tt.status, tt.code) })
	}
	w.refused(t, request{method: "PUT", path: "/v3/images/byurls/" + id, body: `{"image_url":"https://example.com/a.png"}`}.as(w.other), 400, 1003)
}

// TestTemplates: shape first, then the plain word that there are none.
func TestTemplates(t *testing.T) {
	w := startWorld(t)
	const whole = `"id":"t1","params":[{"keys":{"name":"Mia"},"audience":{"alias":["x"]},"options":{},"trace_id":"1"}]`
	for body, code := range map[string]int{
		`{` + whole + `}`:                        1003,
		`{}`:                                     1002,
		`{"id":"t1"}`:                            1002,
		`{"id":7,"params":[{"audience":"all"}]}`: 1003,
		`{"id":"t1","params":{}}`:                1003,
		`{"id":"t1","params":[]}`:                1003,
		`{"id":"t1","params":[7]}`:               1003,
		`{"id":"t1","params":[{"keys":{}}]}`:     1002,
		`{"id":"t1","params":[{"audience":"all"},{"audience":"all"}]}`:       1003,
		`{"id":"t1","params":[{"audience":{"alias":"x"}}]}`:                  1003,
		`{"id":"t1","params":[{"audience":{"alias":["x"]},"keys":"name"}]}`:  1003,
		`{"id":"t1","params":[{"audience":{"alias":["x"]},"options":"no"}]}`: 1003,
	} {
		w.flatly(t, request{path: "/v3/push/template", body: body}.as(w.app), 400, code)
	}
	for body, code := range map[string]int{
		`{` + whole + `}`:                                  1002,
		`{` + whole + `,"schedule_name":"s"}`:              1002,
		`{` + whole + `,"schedule_name":"s","trigger":{}}`: 1002,
		`{` + whole + `,"schedule_name":"s","trigger":{"single":{"time":"2999-01-01 00:00:00"}}}`:             1003,
		`{` + whole + `,"schedule_name":"s","trigger":` + `{"single":{"time":"soon"}}` + `,"other":"member"}`: 1003,
	} {
		w.flatly(t, request{path: "/v3/push/template/schedule", body: body}.as(w.app), 400, code)
	}
	if a := w.call(t, request{path: "/v3/push/template", body: `{` + whole + `}`}.as(w.app)); !strings.Contains(string(a.body), "no template") {
		t.Errorf("%s", a.body)
	}
}

// TestQuota: exactly what strict clients read.
func TestQuota(t *testing.T) {
	w := startWorld(t)
	var got any
	check(t, json.Unmarshal(w.flatly(t, request{path: "/v3/push/quota"}.as(w.app), 200, 0), &got))
	one := map[string]any{"system": map[string]any{"total": -1.0, "used": 0.0}, "operation": map[string]any{"total": -1.0, "used": 0.0}}
	if want := map[string]any{"xiaomi_quota": one, "oppo_quota": one, "vivo_quota": one}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
