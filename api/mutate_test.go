package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/aurora-push/aurora/api"
)

// contract is the API's description, to look up what may stand at a place.
type contract struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

var theContract = sync.OnceValues(func() (*contract, error) {
	c := &contract{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(api.OpenAPI(), &c.doc); err != nil {
		return nil, err
	}
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource("open.json", c.doc)
})

// at returns what stands at a JSON pointer of the description.
func (c *contract) at(pointer string) map[string]any {
	var v any = c.doc
	for _, segment := range strings.Split(pointer, "/")[1:] {
		segment = strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
		v = v.(map[string]any)[segment]
	}
	m, _ := v.(map[string]any)
	return m
}

// alternatives are the pointers to the schemas of which a value at a pointer's
// place may fit any: references followed, anyOf and allOf opened.
func (c *contract) alternatives(pointer string) (list []string) {
	s := c.at(pointer)
	if ref, ok := s["$ref"].(string); ok {
		return c.alternatives(strings.TrimPrefix(ref, "#"))
	}
	if any, ok := s["anyOf"].([]any); ok {
		for i := range any {
			list = append(list, c.alternativesIn(pointer, "anyOf", any, i)...)
		}
		return list
	}
	list = []string{pointer}
	if all, ok := s["allOf"].([]any); ok {
		for i := range all {
			list = append(list, c.alternativesIn(pointer, "allOf", all, i)...)
		}
	}
	return list
}

// alternativesIn are those of one member of a list of schemas. Lists cannot be
// pointed into by at, so that members must be references or are given names.
func (c *contract) alternativesIn(pointer, key string, list []any, i int) []string {
	s := list[i].(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return c.alternatives(strings.TrimPrefix(ref, "#"))
	}
	named := fmt.Sprintf("%s-%d", key, i)
	c.at(pointer)[named] = s
	return c.alternatives(pointer + "/" + named)
}

// member returns where the member of an object is described: by its name, or by
// what holds for all; free tells that any name does.
func (c *contract) member(places []string, name string) (of []string, free, required bool) {
	defined, demanded, optional := 0, false, false
	for _, p := range places {
		s := c.at(p)
		list, _ := s["required"].([]any)
		demands := slices.Contains(list, any(name))
		properties, _ := s["properties"].(map[string]any)
		switch {
		case properties[name] != nil:
			of = append(of, c.alternatives(p+"/properties/"+strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1"))...)
			defined++
			optional = optional || !demands
		case demands: // of what another schema defines, which this one extends
			demanded = true
		default:
			if _, ok := s["additionalProperties"].(map[string]any); ok {
				of, free = append(of, c.alternatives(p+"/additionalProperties")...), true
			}
		}
	}
	return of, free && defined == 0, demanded || defined > 0 && !optional
}

// items returns where the members of an array are described.
func (c *contract) items(places []string) (of []string) {
	for _, p := range places {
		if _, ok := c.at(p)["items"].(map[string]any); ok {
			of = append(of, c.alternatives(p+"/items")...)
		}
	}
	return of
}

// names are the members that an object may have by name.
func (c *contract) names(places []string) (names []string) {
	for _, p := range places {
		properties, _ := c.at(p)["properties"].(map[string]any)
		for name := range properties {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fits reports whether a value is described at one of the places. null in an
// object counts as absent.
func (c *contract) fits(t *testing.T, places []string, value string) bool {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
	check(t, err)
	v = withoutNull(v)
	for _, p := range places {
		s := c.compiled[p]
		if s == nil {
			segments := strings.Split(p, "/")
			for i := range segments {
				segments[i] = url.PathEscape(segments[i])
			}
			s, err = c.compiler.Compile("open.json#" + strings.Join(segments, "/"))
			check(t, err)
			c.compiled[p] = s
		}
		if s.Validate(v) == nil {
			return true
		}
	}
	return false
}

func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if member == nil {
				delete(v, key)
			} else {
				v[key] = withoutNull(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	}
	return v
}

// described lists the places of a body, such as "audience.tag[]".
func (c *contract) describedIn(places []string, at string) (list []string) {
	join := func(name string) string { return strings.TrimPrefix(at+"."+name, ".") }
	for _, name := range c.names(places) {
		of, _, _ := c.member(places, name)
		list = append(append(list, join(name)), c.describedIn(of, join(name))...)
	}
	for _, p := range places {
		if _, ok := c.at(p)["additionalProperties"].(map[string]any); ok {
			list = append(append(list, join("*")), c.describedIn(c.alternatives(p+"/additionalProperties"), join("*"))...)
		}
	}
	if items := c.items(places); len(items) > 0 {
		list = append(append(list, at+"[]"), c.describedIn(items, at+"[]")...)
	}
	return list
}

// place is a value in an example.
type place struct {
	name     string   // as describedIn lists it
	keys     []string // from the body's root
	value    string   // as it stands in the example
	places   []string // where it is described; none for what is the caller's own
	required bool
	member   bool // of an object, not of an array
}

// placesIn walks an example; the root comes first.
func (c *contract) placesIn(p place) (list []place) {
	list = append(list, p)
	switch p.value[0] {
	case '{':
		for _, m := range split(p.value) {
			of, free, required := c.member(p.places, m[0])
			if len(of) == 0 {
				continue
			}
			name := m[0]
			if free {
				name = "*"
			}
			list = append(list, c.placesIn(place{strings.TrimPrefix(p.name+"."+name, "."), append(slices.Clone(p.keys), m[0]), m[1], of, required, true})...)
		}
	case '[':
		var items []json.RawMessage
		if json.Unmarshal([]byte(p.value), &items) == nil && len(items) > 0 {
			if of := c.items(p.places); len(of) > 0 {
				list = append(list, c.placesIn(place{p.name + "[]", append(slices.Clone(p.keys), "0"), string(items[0]), of, false, false})...)
			}
		}
	}
	return list
}

// with returns a body in which the value at some keys is replaced; several
// values for a member of an object write it several times, none leave it out.
func with(body string, keys []string, values ...string) string {
	if len(keys) == 0 {
		return values[0]
	}
	if body[0] == '[' {
		var items []json.RawMessage
		if err := json.Unmarshal([]byte(body), &items); err != nil {
			panic(err)
		}
		items[0] = json.RawMessage(with(string(items[0]), keys[1:], values...))
		var out []string
		for _, item := range items {
			out = append(out, string(item))
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	var out []string
	for _, m := range split(body) {
		switch {
		case m[0] != keys[0]:
			out = append(out, fmt.Sprintf("%q:%s", m[0], m[1]))
		case len(keys) > 1:
			out = append(out, fmt.Sprintf("%q:%s", m[0], with(m[1], keys[1:], values...)))
		default:
			for _, v := range values {
				out = append(out, fmt.Sprintf("%q:%s", m[0], v))
			}
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}
