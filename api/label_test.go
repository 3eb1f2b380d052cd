package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// exactly checks an answer to the letter: strict clients count members.
func (w *world) exactly(t *testing.T, r request, want string) {
	t.Helper()
	a := w.call(t, r.as(w.app))
	if a.status != 200 || string(a.body) != want {
		t.Errorf("%s %s %.200s was answered %d %s, want %s", r.method, r.path, r.body, a.status, a.body, want)
	}
}

func TestDeviceLabels(t *testing.T) {
	w := startWorld(t)
	id := w.register(t, w.app, "").id
	path := "/v3/devices/" + id
	w.exactly(t, request{path: path}, `{"tags":[],"alias":null,"mobile":null}`)
	w.exactly(t, request{path: path, body: `{"tags":{"add":["news","sport"]},"alias":"reader-17","mobile":"+86-138"}`}, `{}`)
	w.exactly(t, request{path: path}, `{"tags":["news","sport"],"alias":"reader-17","mobile":"+86-138"}`)
	// Removal comes first, so that what stands in both lists is there.
	w.exactly(t, request{path: path, body: `{"tags":{"add":["news"],"remove":["news","sport"]}}`}, `{}`)
	w.exactly(t, request{path: path, body: `{}`}, `{}`)
	w.exactly(t, request{path: path}, `{"tags":["news"],"alias":"reader-17","mobile":"+86-138"}`)
	w.exactly(t, request{path: path, body: `{"tags":"","alias":"","mobile":""}`}, `{}`)
	w.exactly(t, request{path: path}, `{"tags":[],"alias":null,"mobile":null}`)
	w.exactly(t, request{path: "/v3/device/" + id + "/"}, `{"tags":[],"alias":null,"mobile":null}`) // the zone's path

	for name, c := range map[string]struct {
		r            request
		status, code int
	}{
		"malformed id":         {request{path: "/v3/devices/INVALID_REGISTRATION_ID"}, 400, 7002},
		"unknown id":           {request{path: "/v3/devices/0000000000000000000"}, 400, 7002},
		"tags as text":         {request{path: path, body: `{"tags":"news"}`}, 400, 7002},
		"alias as object":      {request{path: path, body: `{"alias":{}}`}, 400, 7002},
		"alias too long":       {request{path: path, body: fmt.Sprintf(`{"alias":%q}`, strings.Repeat("a", 41))}, 400, 7002},
		"mobile with letters":  {request{path: path, body: `{"mobile":"call me"}`}, 400, 7002},
		"mobile too long":      {request{path: path, body: `{"mobile":"123456789012345678901"}`}, 400, 7002},
		"too many tags":        {request{path: path, body: `{"tags":{"add":["` + strings.Join(namesLike("t", 101), `","`) + `"]}}`}, 400, 7002},
		"tags too long in all": {request{path: path, body: `{"tags":{"add":["` + strings.Join(namesLike(strings.Repeat("t", 35), 30), `","`) + `"]}}`}, 400, 7002},
		"method":               {request{path: path, method: "DELETE"}, 405, 1001},
	} {
		t.Run(name, func(t *testing.T) { w.refused(t, c.r.as(w.app), c.status, c.code) })
	}
	w.refused(t, request{path: path}, 401, 7001)
	w.refused(t, request{path: path, user: w.app.Key, password: "wrong"}, 401, 7004)
	w.refused(t, request{path: path, user: "short", password: "wrong"}, 400, 7008)
	w.refused(t, request{path: path}.as(w.other), 400, 7002)
}

func namesLike(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(prefix, i)
	}
	return list
}

func TestAliases(t *testing.T) {
	w := startWorld(t)
	var ids []string
	for range 11 {
		ids = append(ids, w.register(t, w.app, "").id)
	}
	for _, id := range ids[:10] {
		w.exactly(t, request{path: "/v3/devices/" + id, body: `{"alias":"family 家"}`}, `{}`)
	}
	// The eleventh has no place; setting it again where it is, is no change.
	w.refused(t, request{path: "/v3/devices/" + ids[10], body: `{"alias":"family 家"}`}.as(w.app), 400, 7015)
	w.exactly(t, request{path: "/v3/devices/" + ids[0], body: `{"alias":"family 家"}`}, `{}`)

	path := "/v3/aliases/" + url.PathEscape("family 家")
	var got struct {
		IDs []string `json:"registration_ids"`
	}
	w.accepted(t, request{path: path}.as(w.app), &got)
	if !slices.Equal(got.IDs, ids[:10]) {
		t.Errorf("the alias has %v, want %v", got.IDs, ids[:10])
	}
	w.exactly(t, request{path: path + "?platform=android"}, `{"registration_ids":[]}`)
	w.exactly(t, request{path: "/v3/aliases/nobody"}, `{"registration_ids":[]}`)
	w.exactly(t, request{path: "/v3/aliases/nobody?new_format=true"}, `{"data":[]}`)
	w.refused(t, request{path: path + "?platform=amiga"}.as(w.app), 400, 7002)

	w.exactly(t, request{path: path, body: fmt.Sprintf(`{"registration_ids":{"remove":[%q]}}`, ids[0])}, `{}`)
	w.accepted(t, request{path: path}.as(w.app), &got)
	if len(got.IDs) != 9 || slices.Contains(got.IDs, ids[0]) {
		t.Errorf("after the removal the alias has %v", got.IDs)
	}
	w.exactly(t, request{path: path, method: "DELETE"}, `{}`)
	w.exactly(t, request{path: path, method: "DELETE"}, `{}`)
	w.exactly(t, request{path: path}, `{"registration_ids":[]}`)
}

func TestTags(t *testing.T) {
	w := startWorld(t)
	a, b, foreign := w.register(t, w.app, "").id, w.register(t, w.app, "").id, w.register(t, w.other, "").id
	w.exactly(t, request{path: "/v3/tags/"}, `{"tags":[]}`)
	w.exactly(t, request{path: "/v3/tags/news", body: fmt.Sprintf(`{"registration_ids":{"add":[%q,%q]}}`, a, b)}, `{}`)
	w.exactly(t, request{path: "/v3/tags/a%2Fb+c", body: fmt.Sprintf(`{"registration_ids":{"add":[%q]}}`, a)}, `{}`)
	w.exactly(t, request{path: "/v3/tags"}, `{"tags":["a/b+c","news"]}`)
	w.exactly(t, request{path: "/v3/tags//news/registration_ids/" + a}, `{"result":true}`)
	w.exactly(t, request{path: "/v3/tags/a%2Fb+c/registration_ids/" + b}, `{"result":false}`)
	w.exactly(t, request{path: "/v3/device/tags/nobody/registration_ids/" + b}, `{"result":false}`)
	w.refused(t, request{path: "/v3/tags/news/registration_ids/INVALID_ID"}.as(w.app), 400, 7002)

	// One bad id: nothing is applied, and it is named.
	r := request{path: "/v3/tags/sport", body: fmt.Sprintf(`{"registration_ids":{"add":[%q,%q,"nonsense"]}}`, a, foreign)}.as(w.app)
	answer := w.call(t, r)
	var refusal struct {
		Error struct {
			Code    int
			Illegal []string `json:"illegal_rids"`
		}
	}
	if err := json.Unmarshal(answer.body, &refusal); err != nil || answer.status != 400 || refusal.Error.Code != 7013 || !slices.Equal(refusal.Error.Illegal, []string{foreign, "nonsense"}) {
		t.Errorf("answered %d %s", answer.status, answer.body)
	}
	w.exactly(t, request{path: "/v3/tags/sport/registration_ids/" + a}, `{"result":false}`)
	w.refused(t, request{path: "/v3/tags/sport", body: `{"registration_ids":{"add":[],"remove":[]}}`}.as(w.app), 400, 7002)
	w.refused(t, request{path: "/v3/tags/sport", body: `{"registration_ids":{"add":["` + strings.Join(namesLike("0000000000", 1001), `","`) + `"]}}`}.as(w.app), 400, 7002)

	w.exactly(t, request{path: "/v3/tags/news", body: fmt.Sprintf(`{"registration_ids":{"remove":[%q]}}`, a)}, `{}`)
	w.exactly(t, request{path: "/v3/tags/news/registration_ids/" + a}, `{"result":false}`)
	w.exactly(t, request{path: "/v3/tags/news?platform=android", method: "DELETE"}, `{}`)
	w.exactly(t, request{path: "/v3/tags/news/registration_ids/" + b}, `{"result":true}`)
	w.exactly(t, request{path: "/v3/tags/news", method: "DELETE"}, `{}`)
	w.exactly(t, request{path: "/v3/tags"}, `{"tags":["a/b+c"]}`) // at once, without the tag that nobody has
	w.exactly(t, request{path: "/v3/tags/news/registration_ids/" + b}, `{"result":false}`)
}

func TestDeviceStatus(t *testing.T) {
	w := startWorld(t)
	id := w.register(t, w.app, "").id
	w.exactly(t, request{path: "/v3/devices/status/", body: fmt.Sprintf(`{"registration_ids":[%q,"0000000000000000000"]}`, id)},
		fmt.Sprintf(`{"0000000000000000000":{},%q:{"online":true}}`, id))
	w.refused(t, request{path: "/v3/devices/status", body: `{"registration_ids":[]}`}.as(w.app), 400, 7002)
}

// sortedObject writes a JSON object as encoding/json does.
func sortedObject(members map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(members)) {
		parts = append(parts, fmt.Sprintf("%q:%s", key, members[key]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
