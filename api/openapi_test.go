package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/aurora-push/aurora/api"
)

// described is an operation of the API's description with its schemas ready.
type described struct {
	method   string
	segments []string
	statuses []string
	body     *jsonschema.Schema // nil if it takes none, or a form
	optional bool
	answer   *jsonschema.Schema // of 200; nil for a stream
	refusal  *jsonschema.Schema
}

// description reads and compiles the description once. Its objects hold only
// the members they name: a description that lacks one is not true.
var description = sync.OnceValues(func() ([]described, error) {
	var doc map[string]any
	if err := json.Unmarshal(api.OpenAPI(), &doc); err != nil {
		return nil, err
	}
	extended := map[string]bool{}
	findExtended(doc, extended)
	closeObjects(doc, extended, false)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("aurora.json", doc); err != nil {
		return nil, err
	}
	refusal, err := c.Compile("aurora.json#/components/schemas/Refusal")
	if err != nil {
		return nil, err
	}
	flat, err := c.Compile("aurora.json#/components/schemas/FlatRefusal")
	if err != nil {
		return nil, err
	}
	var list []described
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			d := described{method: strings.ToUpper(method), segments: strings.Split(path, "/")[1:], refusal: refusal}
			at := "aurora.json#/paths/" + url.PathEscape(strings.ReplaceAll(strings.ReplaceAll(path, "~", "~0"), "/", "~1")) + "/" + method
			o := op.(map[string]any)
			for status, response := range o["responses"].(map[string]any) {
				if response.(map[string]any)["$ref"] == "#/components/responses/FlatRefusal" {
					d.refusal = flat
				}
				d.statuses = append(d.statuses, status)
			}
			if body, ok := o["requestBody"].(map[string]any); ok {
				d.optional = body["required"] == false
				if body["content"].(map[string]any)["application/json"] != nil {
					if d.body, err = c.Compile(at + "/requestBody/content/application~1json/schema"); err != nil {
						return nil, err
					}
				}
			}
			if o["responses"].(map[string]any)["200"].(map[string]any)["content"].(map[string]any)["application/json"] != nil {
				if d.answer, err = c.Compile(at + "/responses/200/content/application~1json/schema"); err != nil {
					return nil, err
				}
			}
			list = append(list, d)
		}
	}
	// A literal segment goes before a named one, as in the routes.
	slices.SortFunc(list, func(a, b described) int {
		return strings.Count(strings.Join(a.segments, "/"), "{") - strings.Count(strings.Join(b.segments, "/"), "{")
	})
	return list, nil
})

// findExtended collects the schemas that others extend by allOf: they cannot be
// closed themselves.
func findExtended(v any, extended map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if all, ok := v["allOf"].([]any); ok {
			for _, one := range all {
				if ref, ok := one.(map[string]any)["$ref"].(string); ok {
					extended[ref] = true
				}
			}
		}
		for _, member := range v {
			findExtended(member, extended)
		}
	case []any:
		for _, member := range v {
			findExtended(member, extended)
		}
	}
}

// closeObjects lets objects have no members but those they name.
func closeObjects(v any, extended map[string]bool, inAllOf bool) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && extended[ref] && !inAllOf {
			delete(v, "$ref")
			v["allOf"] = []any{map[string]any{"$ref": ref}}
			v["unevaluatedProperties"] = false
			return
		}
		for key, member := range v {
			if schemas, ok := member.(map[string]any); ok && key == "schemas" {
				for name, schema := range schemas {
					closeObjects(schema, extended, extended["#/components/schemas/"+name])
				}
				continue
			}
			closeObjects(member, extended, key == "allOf")
		}
		if _, ok := v["properties"].(map[string]any); ok && v["additionalProperties"] == nil && !inAllOf {
			v["unevaluatedProperties"] = false
		}
	case []any:
		for _, member := range v {
			closeObjects(member, extended, inAllOf)
		}
	}
}

// The description is made from the table of routes and one file a family; it
// must fit the table, and its schemas must be schemas.
func TestDescriptionFitsTheRoutes(t *testing.T) {
	list, err := description()
	check(t, err)
	if len(list) < 30 {
		t.Errorf("only %d operations are described", len(list))
	}
	missing, err := api.Undescribed()
	check(t, err)
	for _, route := range missing {
		t.Errorf("%s is served and not described; add it to a file in api/openapi", route)
	}
}

// unknownMembers are what tests send to show that unknown members are ignored.
var unknownMembers = []string{"unknown", "surprise"}

// conforms checks an exchange of a test against the description: what was
// accepted is described, and so is every answer.
func conforms(t *testing.T, r request, a answer) {
	t.Helper()
	list, err := description()
	check(t, err)
	path, _, _ := strings.Cut(r.path, "?")
	d := operationAt(list, r.method, path)
	if d == nil {
		return // a path that is not served, or in one of JPush's other forms
	}
	var body any
	if json.Unmarshal(a.body, &body) != nil {
		return // which call has said
	}
	if a.status != http.StatusOK {
		if err := d.refusal.Validate(body); err != nil {
			t.Errorf("%s %s: the refusal is not as described: %v: %.300s", r.method, r.path, err, a.body)
		}
		return
	}
	if d.answer != nil {
		if err := d.answer.Validate(body); err != nil {
			t.Errorf("%s %s: the answer is not as described: %v: %.300s", r.method, r.path, err, a.body)
		}
	}
	if d.body == nil || r.body == "" || bytes.Contains(a.body, []byte(`"error"`)) || bytes.Contains([]byte(r.body), []byte("null")) || slices.ContainsFunc(unknownMembers, func(name string) bool { return strings.Contains(r.body, name) }) {
		return // a part was refused; or it holds what may stand everywhere: null counts as absent, and unknown members are ignored
	}
	sent, err := jsonschema.UnmarshalJSON(strings.NewReader(r.body))
	check(t, err)
	if err := d.body.Validate(sent); err != nil {
		t.Errorf("%s %s was accepted and is not as described: %v: %.300s", r.method, r.path, err, r.body)
	}
}

func operationAt(list []described, method, path string) *described {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, d := range list {
		if d.method == method && len(d.segments) == len(segments) && fits(d.segments, segments) {
			return &list[i]
		}
	}
	return nil
}

func fits(pattern, segments []string) bool {
	for i, p := range pattern {
		if p != segments[i] && !strings.HasPrefix(p, "{") {
			return false
		}
	}
	return true
}
