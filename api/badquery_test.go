package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// queries are valid requests of the routes with parameters in their query.
func (f *fixture) queries() map[string]request {
	w := f.w
	get := func(path string) request { return request{path: path}.as(w.app) }
	users := "?time_unit=DAY&start=2030-01-01&duration=2"
	return map[string]request{
		"POST /v3/push/validate":           request{path: "/v3/push/validate?count=true", body: goodPush}.as(w.app),
		"GET /v3/push/cid":                 get("/v3/push/cid?count=2&type=push"),
		"GET /v3/push_plan/list":           get("/v3/push_plan/list?page=1&page_size=10&info=spr&send_source=0"),
		"GET /v3/devices/{id}":             get("/v3/devices/" + f.p.id + "?tokens=true"),
		"GET /v1/quarantine":               get("/v1/quarantine?reason=Unregistered&since=2030-01-02T03:04:05Z&until=2030-01-03T03:04:05Z&after=1893553445000-7&limit=10"),
		"GET /v3/aliases/{alias}":          get("/v3/aliases/mia?platform=ios&new_format=true"),
		"DELETE /v3/aliases/{alias}":       request{method: "DELETE", path: "/v3/aliases/nobody?platform=ios"}.as(w.app),
		"DELETE /v3/tags/{tag}":            request{method: "DELETE", path: "/v3/tags/nothing?platform=ios"}.as(w.app),
		"GET /v3/schedules":                get("/v3/schedules?page=1"),
		"GET /v3/received":                 get("/v3/received?msg_ids=" + f.message),
		"GET /v3/received/detail":          get("/v3/received/detail?msg_ids=" + f.message),
		"GET /v3/messages":                 get("/v3/messages?msg_ids=" + f.message),
		"GET /v3/messages/detail":          get("/v3/messages/detail?msg_ids=" + f.message),
		"GET /v3/users":                    get("/v3/users" + users),
		"GET /v3/group/users":              request{path: "/v3/group/users" + users}.asGroup(f.group),
		"GET /v3/group/messages/detail":    request{path: "/v3/group/messages/detail?group_msgids=1"}.asGroup(f.group),
		"GET /v1/messages/{id}/devices":    get("/v1/messages/" + f.message + "/devices?outcome=targeted&without=opened&after=0&limit=10"),
		"GET /v1/devices/{id}/messages":    {path: "/v1/devices/" + f.q.id + "/messages?wait=0", user: f.q.id, password: f.q.secret},
		"GET /v1/audit":                    get("/v1/audit?before=99&limit=10"),
		"GET /v1/webhooks/{id}/deliveries": get("/v1/webhooks/" + f.webhook + "/deliveries?state=failed&before=99&limit=10"),
		"GET /v1/events":                   get("/v1/events?events=message.failed&last_event_id=0"),
	}
}

// wrongTexts are values of parameters that are text with a meaning.
var wrongTexts = map[string][]string{
	"platform": {"wrong", "ios,wrong", "iOS"}, "msg_ids": {"wrong", "-1", "1,wrong", "1.5", strings.Repeat("1,", 100) + "1"}, "group_msgids": {"wrong", "-1", strings.Repeat("1,", 10) + "1"},
	"registration_id": {"wrong"}, "start": {"wrong", "2030-13-01", "2030-01", "2030-01-01 25", "-1"}, "time_unit": {"wrong", "7"}, "outcome": {"wrong", "failed:", "7"}, "without": {"wrong"}, "events": {"wrong", "message.failed,wrong"},
	"last_event_id": {"wrong", "-1"}, "reason": nil, "since": {"wrong", "2030-01-01", "7"}, "until": {"wrong", "2030-01-01", "2029-01-01T00:00:00Z"}, "after": {"wrong", "7", "-7", "7-x", "7--1", "1-4294967296"}, "info": nil, "new_format": {"wrong"},
}

// TestBadQuery tries bad values of every parameter of every query.
func TestBadQuery(t *testing.T) {
	w := startWorld(t)
	c, err := theContract()
	check(t, err)
	f := newFixture(t, w)
	w.settled(t, w.app, f.message)
	queries, before := f.queries(), w.state(t)
	for path, item := range c.at("/paths") {
		for method, op := range item.(map[string]any) {
			route := strings.ToUpper(method) + " " + path
			parameters, _ := op.(map[string]any)["parameters"].([]any)
			for _, p := range parameters {
				p := p.(map[string]any)
				if p["in"] == "query" {
					f.badParameter(t, route, queries[route], p)
				}
			}
		}
	}
	if d := difference(before, w.state(t)); len(d) > 0 {
		t.Errorf("refused requests changed %s", d)
	}
}

func (f *fixture) badParameter(t *testing.T, route string, r request, p map[string]any) {
	t.Helper()
	name, schema := p["name"].(string), p["schema"].(map[string]any)
	path, query, _ := strings.Cut(r.path, "?")
	values, err := url.ParseQuery(query)
	check(t, err)
	if !values.Has(name) {
		t.Errorf("no example of %s has %s; add it", route, name)
		return
	}
	try := func(kind string, want []int, texts ...string) {
		t.Helper()
		values := url.Values{name: texts}
		for key, value := range queryOf(t, query) {
			if key != name {
				values[key] = value
			}
		}
		r.path = path + "?" + values.Encode()
		v, a := f.w.verdict(t, r)
		if want == nil && v != (verdict{http.StatusOK, 0}) || want != nil && (v.status != http.StatusBadRequest || !slices.Contains(want, v.code)) {
			t.Errorf("%s, %s %s %.40q: answered %v, want %v: %.200s", route, name, kind, texts, v, want, a.body)
		}
	}
	n := queryFamilies[slices.IndexFunc(queryFamilies, func(of familyNumbers) bool { return strings.HasPrefix(path, of.prefix) })]
	bad := []int{n.wrong}
	if name == "start" || name == "time_unit" {
		bad = append(bad, 3004)
	}
	try(twice, bad, values.Get(name), values.Get(name))
	if schema["type"] == "boolean" {
		try(wrong, bad, "wrong")
		return
	}
	if p["required"] == true {
		try(absent, []int{n.missing})
		try("empty", []int{n.missing}, "")
	} else if route != "GET /v1/events" { // which would not end
		try(absent, nil)
		try("empty", nil, "")
	}
	long := strings.Repeat("x", 4000)
	wrongs := wrongTexts[name]
	switch enum, _ := schema["enum"].([]any); {
	case schema["type"] == "integer":
		wrongs = []string{"wrong", "1.5", "-1", "99999999999999999999", "0x10", " 1", long}
		if n, ok := schema["maximum"].(float64); ok {
			wrongs = append(wrongs, fmt.Sprint(n+1))
		}
		if n, ok := schema["minimum"].(float64); ok {
			wrongs = append(wrongs, fmt.Sprint(n-1))
		}
	case enum != nil:
		wrongs = []string{"wrong", strings.ToUpper(fmt.Sprint(enum[0])) + "x", long}
	default:
		if _, known := wrongTexts[name]; !known {
			t.Errorf("what is a wrong %s of %s? Add it to wrongTexts", name, route)
		}
		wrongs = append(slices.Clone(wrongs), long)
	}
	for _, value := range wrongs {
		try(wrong, bad, value)
	}
}

func queryOf(t *testing.T, query string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(query)
	check(t, err)
	return values
}

// queryFamilies are the families by the paths that have queries.
var queryFamilies = []familyNumbers{
	{"/v3/schedules", 8100, 8100, 8100}, {"/v3/aliases", 7002, 7002, 7002}, {"/v3/tags", 7002, 7002, 7002}, {"/v3/devices", 7002, 7002, 7002}, {"/v1/devices", 7002, 7002, 7002},
	{"/v3/push", 1002, 1003, 1005}, {"/v3/", 3002, 3002, 3002}, {"/v1/messages", 3002, 3002, 3002}, {"/v1/", 9002, 9002, 9002},
}

// TestBadPath tries bad values of every named segment of every path.
func TestBadPath(t *testing.T) {
	w := startWorld(t)
	c, err := theContract()
	check(t, err)
	f := newFixture(t, w)
	w.settled(t, w.app, f.message)
	before := w.state(t)
	unknown := map[string]string{"id": "0123456789abcdef012", "alias": "nobody", "tag": "nothing", "app": "0123456789abcdef01234567", "device": "0123456789abcdef012"}
	tried := 0
	for path, item := range c.at("/paths") {
		for method := range item.(map[string]any) {
			for _, value := range []string{"x", "-1", "0", "9007199254740993", "%00", "%FF%FE", "a%2Fb", "a%0Ab", strings.Repeat("x", 4000), "unknown"} {
				target := path
				for name, none := range unknown {
					if value != "unknown" {
						none = value
					}
					target = strings.ReplaceAll(target, "{"+name+"}", none)
				}
				if target == path {
					continue
				}
				tried++
				f.badPath(t, strings.ToUpper(method), path, target)
			}
		}
	}
	if d := difference(before, w.state(t)); len(d) > 0 || tried < 200 {
		t.Errorf("%d requests with bad paths changed %s", tried, d)
	}
}

// harmless are the routes that take any text for a name: what is not there has
// no devices, and deleting it is no error.
var harmless = []string{"GET /v3/aliases/", "DELETE /v3/aliases/", "DELETE /v3/tags/", "DELETE /v3/files/", "DELETE /v3/test/model/delete/"}

func (f *fixture) badPath(t *testing.T, method, pattern, target string) {
	t.Helper()
	r := request{method: method, path: target}.as(f.w.app)
	if method == "POST" || method == "PUT" || method == "PATCH" {
		r.body = "{}"
	}
	switch {
	case strings.HasPrefix(pattern, "/v1/app"):
		r = r.asDeveloper(f.w.owner)
	case strings.HasPrefix(pattern, "/v1/devices"):
		r.user, r.password = f.q.id, f.q.secret
	}
	v, a := f.w.verdict(t, r)
	refused := v.status == http.StatusBadRequest || v.status == http.StatusNotFound || v.status == http.StatusForbidden || strings.HasPrefix(pattern, "/v1/app") && v.code != 0
	taken := v == verdict{http.StatusOK, 0} && slices.ContainsFunc(harmless, func(prefix string) bool { return strings.HasPrefix(method+" "+pattern, prefix) })
	if !refused && !taken {
		t.Errorf("%s %.60s was answered %v: %.200s", method, target, v, a.body)
	}
}
