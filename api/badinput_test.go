package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/server"
)

// The kinds of bad input, each tried at every place of every request.
const (
	absent   = "absent"
	isNull   = "null"
	twice    = "twice"
	unknown  = "unknown"  // a member that nothing describes, which is ignored
	wrong    = "wrong"    // a value that the description does not allow
	tooLong  = "too long" // text of 9,000 bytes, or beyond the described limit
	tooMany  = "too many" // members beyond the described limit
	possible = "possible" // a value that may or may not be right there
)

// mutant is an example with one thing wrong.
type mutant struct {
	example
	place    string
	kind     string
	value    string
	required bool   // the place, by the description
	original string // the example's body
}

func (m mutant) String() string {
	return fmt.Sprintf("%s, %s %s %.40s", m.route, m.place, m.kind, m.value)
}

// probes are values of every type.
var probes = []string{`"wrong"`, `7`, `1.5`, `true`, `["wrong"]`, `{"wrong":1}`, `""`}

// alike are values of the type of an example's, which a careless decoder takes.
var alike = map[byte][]string{'"': nil, '[': {`[7]`, `[null]`, `[]`, `[[]]`}, '{': {`{}`}, 't': {`2`, `"yes"`}, 'f': {`2`, `"yes"`}}

// numbersAlike are those of numbers.
var numbersAlike = []string{`-1`, `99999999999999999999`, `1e400`, `"7"`}

const longText = 9000

// mutants makes all bad forms of an example.
func (c *contract) mutants(t *testing.T, e example) (list []mutant) {
	t.Helper()
	n, root := 0, c.alternatives(bodyPointer(e.route))
	for _, p := range c.placesIn(place{value: e.body, places: root}) {
		add := func(kind string, values ...string) {
			m := mutant{e, p.name, kind, strings.Join(values, " "), p.required, e.body}
			if n++; m.essential(n) {
				m.body = with(e.body, p.keys, values...)
				list = append(list, m)
			}
		}
		if p.member {
			add(absent)
			add(isNull, "null")
			add(twice, p.value, p.value)
		}
		if p.value[0] == '{' && len(c.names(p.places)) > 0 {
			add(unknown, strings.Replace(`{"unknown":{"a":[1]},`+p.value[1:], ",}", "}", 1))
		}
		values, ok := alike[p.value[0]]
		if !ok {
			values = numbersAlike
		}
		for _, v := range slices.Concat(probes, values, c.beyond(p)) {
			switch fits := c.fits(t, p.places, v); {
			case fits:
				add(possible, v)
			default:
				add(wrong, v)
			}
		}
		long := quoted(strings.Repeat("x", longText))
		if p.value[0] == '"' {
			add(tooLong, long)
		}
		for _, limit := range c.numbers(p, "maxLength") {
			add(tooLong, quoted(strings.Repeat("x", limit+1)))
		}
		for _, limit := range c.numbers(p, "maxItems") {
			var items []json.RawMessage
			if json.Unmarshal([]byte(p.value), &items) == nil && len(items) > 0 {
				add(tooMany, "["+strings.Repeat(string(items[0])+",", limit)+string(items[0])+"]")
			}
		}
	}
	return list
}

// likePush are the routes whose bodies hold a push, which the same code reads:
// everything bad is tried at POST /v3/push, everything else at its dry twin, and
// at the others a part of it.
var likePush = []string{"POST /v3/push", "POST /v3/push/validate", "POST /v1/audience/count", "POST /v3/push/file", "POST /v3/push/batch/regid/single", "POST /v3/push/batch/alias/single", "POST /v3/grouppush", "POST /v3/grouppush/file", "POST /v3/schedules", "PUT /v3/schedules/{id}"}

// essential picks the mutants to try of all that can be made; n counts them.
func (m mutant) essential(n int) bool {
	codes, _ := m.rule()
	switch {
	case !slices.Contains(likePush, m.route), m.route == "POST /v3/push" && codes != nil, m.route == "POST /v3/push/validate" && codes == nil:
		return true
	case strings.Count(m.place, ".") < 2:
		return m.kind != possible && n%2 == 0
	}
	return n%8 == 0
}

// numbers are the values of a keyword at a place.
func (c *contract) numbers(p place, keyword string) (list []int) {
	for _, pointer := range p.places {
		if n, ok := c.at(pointer)[keyword].(float64); ok {
			list = append(list, int(n))
		}
	}
	return list
}

// beyond are the numbers just outside the limits of a place.
func (c *contract) beyond(p place) (list []string) {
	for _, n := range c.numbers(p, "maximum") {
		list = append(list, fmt.Sprint(n+1))
	}
	for _, n := range c.numbers(p, "minimum") {
		list = append(list, fmt.Sprint(n-1))
	}
	return list
}

func bodyPointer(route string) string {
	method, path, _ := strings.Cut(route, " ")
	return "/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + strings.ToLower(method) + "/requestBody/content/application~1json/schema"
}

// verdict is the status and number of an answer; one inside a batch counts as
// the answer's own, with 400.
type verdict struct{ status, code int }

func (w *world) verdict(t *testing.T, r request) (v verdict, a answer) {
	t.Helper()
	a = w.exchange(t, r)
	v.status = a.status
	var body struct {
		Error *struct {
			Code         int
			Message, Doc string
		}
		Code    int
		Message string
	}
	if json.Unmarshal(a.body, &body) != nil {
		return v, a // a list, which no refusal is
	}
	text, doc := body.Message, ""
	if v.code = body.Code; body.Error != nil {
		v.code, text, doc = body.Error.Code, body.Error.Message, body.Error.Doc
	}
	if strings.HasPrefix(r.path, "/v3/push/batch/") && a.status == http.StatusOK {
		var items map[string]struct {
			Error *struct {
				Code         int
				Message, Doc string
			}
		}
		if json.Unmarshal(a.body, &items) == nil && len(items) == 1 {
			for _, item := range items {
				if item.Error != nil {
					v, text, doc, body.Error = verdict{400, item.Error.Code}, item.Error.Message, item.Error.Doc, item.Error
				}
			}
		}
	}
	if v.code == 0 {
		return v, a
	}
	if len(text) < 15 || len(text) > 500 || !strings.HasSuffix(text, ".") || strings.Contains(text, "Go ") || strings.Contains(text, "json:") {
		t.Errorf("%s %s: not a sentence: %.600q", r.method, r.path, text)
	}
	if want := fmt.Sprintf("/reference/errors#%d", v.code); doc != want && body.Error != nil {
		t.Errorf("%s %s: doc is %q, want %q", r.method, r.path, doc, want)
	}
	return v, a
}

// numbers of a family: what is missing, wrong, too large (spec/rest-api.md §6).
type familyNumbers struct {
	prefix                string
	missing, wrong, large int
}

var families = []familyNumbers{
	{"/v3/schedules", 8100, 8100, 8100},
	{"/v3/devices", 7002, 7002, 7002}, {"/v3/aliases", 7002, 7002, 7002}, {"/v3/tags", 7002, 7002, 7002}, {"/v1/devices", 7002, 7002, 7002},
	{"/v3/status", 3002, 3002, 3002},
	{"/v1/app", 4002, 4003, 4003},
	{"/v1/audience", 1002, 1003, 1005}, // a part of a push
	{"/v1/", 9002, 9002, 9002},
	{"/v3/", 1002, 1003, 1005},
}

// exception is where the rule does not hold. Places and kinds are words; those
// of a push inside another body are written as if it stood alone.
type exception struct {
	route, places, kinds string // a route begins so; "" is any
	in                   string // a part of the example, which others of the route do not have
	as                   int    // refused with this number, or one of the next
	why                  string
}

// What an exception is refused with.
const (
	taken     = -iota // it is not refused
	asMissing         // with the family's number for what is missing
	asWrong
)

var exceptions = []exception{
	{places: "notification message live_activity", kinds: "absent null", as: asMissing, why: "content is required, of one kind or another"},
	{places: "live_activity.ios.attributes live_activity.ios.attributes-type", kinds: "absent null", as: asMissing, why: "required to start"},
	{places: "audience.live_activity_id", kinds: "absent null", as: asWrong, why: "JPush takes an audience without selectors for a wrong one"},
	{places: "audience.file audience.file.file_id", kinds: "absent null", as: asWrong, why: "as with other audiences"},
	{places: "options options.notification_3rd_ver", kinds: "absent null", in: `"v2"`, as: asMissing, why: "it says of what form notification_3rd is"},
	{places: "platform.*", kinds: "absent null", as: asWrong, why: "an empty list of platforms"},
	{places: "pushlist.*", kinds: "absent null", as: asMissing, why: "an empty list of pushes"},
	{route: "POST /v3/push/batch/", places: "audience", kinds: "long", as: taken, why: "the target takes its place"},
	{route: "POST /v3/schedules", places: "push.cid", kinds: "long", as: taken, why: "a cid inside a schedule's push is ignored"},
	{route: "PUT /v3/schedules", places: "push.cid", kinds: "long", as: taken, why: "a cid inside a schedule's push is ignored"},
	{route: "POST /v3/schedules", places: "cid", kinds: "empty", as: taken, why: "an empty cid is none"},
	{route: "PATCH /v1/devices", places: "environment", kinds: "absent null", in: `"token"`, as: asMissing, why: "it must stand beside a token"},
	{route: "POST /v1/devices", places: "app_key", kinds: "long", as: 7008, why: "there is no such app"},
	{route: "POST /v1/webhooks/{id}/replay", places: "delivery from", kinds: "absent null", as: asMissing, why: "one of them is required"},
	{route: "POST /v1/quarantine/restore", places: "registration_ids all", kinds: "absent null", as: asMissing, why: "one of them is required"},
	{route: "POST /v3/push/template/schedule", places: "trigger.single trigger.periodical trigger.intelligent trigger.periodical.point", kinds: "absent null", as: asMissing, why: "one kind is required, and for a week its days"},
	{route: "POST /v3/schedules", places: "trigger.single trigger.periodical trigger.intelligent trigger.periodical.point", kinds: "absent null", as: asMissing, why: "one kind is required, and for a week its days"},
	{route: "PUT /v3/schedules", places: "trigger.periodical trigger.periodical.point", kinds: "absent null", as: asMissing, why: "one kind is required, and for a week its days"},
}

// elsewhere is what the description says of a body that several routes share,
// and one of them does not take.
var elsewhere = []string{
	"POST /v1/audience/count audience.live_activity_id",
	"POST /v3/push/file notification.voip", "POST /v3/grouppush/file notification.voip",
	"POST /v3/grouppush options.override_msg_id", "POST /v3/grouppush/file options.override_msg_id",
	"PUT /v3/schedules/{id} trigger.single", "PUT /v3/schedules/{id} trigger.single.time", // a trigger keeps its kind
	"PUT /v3/schedules/{id} trigger.intelligent", "PUT /v3/schedules/{id} trigger.intelligent.backup_time",
}

// rule returns the numbers with which the mutant must be refused; none if it
// must be answered as the example is; known is false where either may be right.
func (m mutant) rule() (codes []int, known bool) {
	_, path, _ := strings.Cut(m.route, " ")
	f := families[slices.IndexFunc(families, func(f familyNumbers) bool { return strings.HasPrefix(path, f.prefix) })]
	for _, e := range exceptions {
		if !e.fits(m) {
			continue
		}
		switch e.as {
		case taken:
			return nil, true
		case asMissing:
			return []int{f.missing}, true
		case asWrong:
			return []int{f.wrong}, true
		}
		return []int{e.as}, true
	}
	switch m.kind {
	case absent, isNull:
		if m.required {
			return []int{f.missing}, true
		}
		return nil, true
	case unknown:
		return nil, true
	case wrong:
		if m.value[0] == '{' || m.value == `""` { // it lacks what it must have
			return []int{f.wrong, f.missing}, true
		}
		return []int{f.wrong}, true
	case twice:
		return []int{f.wrong}, true
	case tooLong, tooMany:
		return []int{f.wrong, f.large}, true
	}
	return nil, false
}

// wanted is the answer to an example.
func (m mutant) wanted() verdict {
	if strings.HasPrefix(m.route, "POST /v3/push/template") || m.route == "POST /v3/push_plan/create" {
		return verdict{http.StatusBadRequest, 1003} // there are no templates, and there is a plan of that name
	}
	return verdict{http.StatusOK, 0}
}

func (e exception) fits(m mutant) bool {
	kind := m.kind
	switch {
	case kind == wrong && m.value == `""`:
		kind = "empty"
	case kind == tooLong:
		kind = "long"
	}
	alone := strings.TrimPrefix(strings.TrimPrefix(m.place, "push."), "pushlist.*.")
	places := strings.Fields(e.places)
	return strings.HasPrefix(m.route, e.route) && strings.Contains(m.original, e.in) && slices.Contains(strings.Fields(e.kinds), kind) &&
		(slices.Contains(places, m.place) || slices.Contains(places, alone))
}

// TestBadInput tries every kind of bad input at every place of every request
// that has a JSON body: each is refused with the number of its family, a
// sentence and a link, and changes nothing; what is not bad is taken.
//
// The cases follow from the description and from one or more examples a route,
// which together must have every member that is described: a new one cannot be
// forgotten. What differs from the rule stands in exceptions.
func TestBadInput(t *testing.T) {
	w := startWorld(t)
	w.restart(t, func(c *server.Config) { c.MaxSchedules = 10_000 })
	c, err := theContract()
	check(t, err)
	f := newFixture(t, w)
	examples := f.examples(t)
	examplesAreComplete(t, c, examples)
	var bad, others []mutant
	for _, e := range examples {
		for _, m := range c.mutants(t, e) {
			if codes, _ := m.rule(); codes != nil {
				bad = append(bad, m)
			} else {
				others = append(others, m)
			}
		}
	}
	t.Logf("%d examples, %d to refuse, %d others", len(examples), len(bad), len(others))
	w.settled(t, w.app, f.message)
	before := w.state(t)
	for i, m := range bad {
		v, a := w.verdict(t, m.request)
		if codes, _ := m.rule(); v.status != http.StatusBadRequest || !slices.Contains(codes, v.code) {
			t.Errorf("%s: answered %v, want %v: %.200s", m, v, codes, a.body)
		}
		if i+1 == len(bad) || bad[i+1].route != m.route {
			if d := difference(before, w.state(t)); len(d) > 0 {
				t.Errorf("%s: refused requests changed %s", m.route, d)
				before = w.state(t)
			}
		}
	}
	for _, m := range others {
		if m.prepare != nil {
			m.prepare(&m.request)
		}
		v, a := w.verdict(t, m.request)
		if _, known := m.rule(); known && v != m.wanted() {
			t.Errorf("%s: answered %v, want %v: %.200s", m, v, m.wanted(), a.body)
		}
		none := m.kind == possible && v.status == http.StatusNotFound // a number that names nothing yet
		if v.status != http.StatusOK && v.status != http.StatusBadRequest && !none {
			t.Errorf("%s: answered %v: %.200s", m, v, a.body)
		}
		if v == (verdict{200, 0}) && m.fresh != nil {
			m.fresh(a)
		}
	}
}

// examplesAreComplete fails if the examples of a route lack what is described.
func examplesAreComplete(t *testing.T, c *contract, examples []example) {
	t.Helper()
	has := map[string]map[string]bool{}
	for _, e := range examples {
		if has[e.route] == nil {
			has[e.route] = map[string]bool{}
		}
		for _, p := range c.placesIn(place{value: e.body, places: c.alternatives(bodyPointer(e.route))}) {
			has[e.route][p.name] = true
		}
	}
	for path, item := range c.at("/paths") {
		for method, op := range item.(map[string]any) {
			route := strings.ToUpper(method) + " " + path
			body, ok := op.(map[string]any)["requestBody"].(map[string]any)
			if !ok || body["content"].(map[string]any)["application/json"] == nil {
				continue
			}
			for _, name := range c.describedIn(c.alternatives(bodyPointer(route)), "") {
				if !has[route][name] && !slices.Contains(elsewhere, route+" "+name) {
					t.Errorf("no example of %s has %s; add it to example_test.go", route, name)
				}
			}
		}
	}
}
