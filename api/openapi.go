package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The description of the API (OpenAPI 3.1) is made from the table of routes and
// from one file a family, api/openapi/*.json, which says in words and schemas
// what each route takes and answers. What follows from the table is not written
// down again: paths and their parameters, who may call, how refusals look.
//
//go:embed openapi/*.json
var openAPIFiles embed.FS

// fragment is one file.
type fragment struct {
	Tag struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"tag"`
	// Operations are described by method and pattern, such as "POST /v3/push".
	Operations map[string]operation `json:"operations"`
	// Schemas are referred to as "#/components/schemas/NAME".
	Schemas map[string]json.RawMessage `json:"schemas"`
}

// operation says what a route takes and answers.
type operation struct {
	Summary     string                     `json:"summary"`
	Description string                     `json:"description"`
	Path        map[string]json.RawMessage `json:"path"`  // of a named segment, if its name does not say it: a schema, or only its description
	Query       map[string]json.RawMessage `json:"query"` // schema of each parameter, with its description
	Body        json.RawMessage            `json:"body"`  // schema of the request's body
	Form        json.RawMessage            `json:"form"`  // the same, for a multipart form
	Optional    bool                       `json:"optional"`
	Answer      json.RawMessage            `json:"answer"` // schema of the body that comes with 200
	Stream      bool                       `json:"stream"` // the answer is text/event-stream, and answer its events
}

// node is a piece of the description.
type node = map[string]any

// segmentNames say what the named segments of paths are.
var segmentNames = map[string]string{
	"alias":  "An alias, percent-encoded.",
	"tag":    "A tag, percent-encoded.",
	"app":    "An AppKey.",
	"device": "A registration id.",
}

// OpenAPI returns the description of the API, as JSON.
var OpenAPI = sync.OnceValue(func() []byte {
	d, _, err := describe(openAPIFiles)
	if err != nil { // a file of ours; a test reads them
		panic(err)
	}
	return d
})

// ServeOpenAPI answers with the description.
func ServeOpenAPI(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The description can only be read.", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*") // it is public, and tools in browsers read it
	w.Write(OpenAPI())
}

// describe makes the description from the files. Routes that they do not
// mention are left out and returned.
func describe(files fs.FS) (description []byte, missing []string, err error) {
	fragments, err := readFragments(files)
	if err != nil {
		return nil, nil, err
	}
	paths, schemas, tags := map[string]node{}, node{}, []node{}
	described := map[string]bool{}
	for _, f := range fragments {
		tags = append(tags, node{"name": f.Tag.Name, "description": f.Tag.Description})
		for name, schema := range f.Schemas {
			if schemas[name] != nil {
				return nil, nil, fmt.Errorf("the schema %s is described twice", name)
			}
			schemas[name] = schema
		}
		for key, op := range f.Operations {
			rt := routeOf(key)
			if rt == nil {
				return nil, nil, fmt.Errorf("%s is described and not served", key)
			}
			if described[key] {
				return nil, nil, fmt.Errorf("%s is described twice", key)
			}
			described[key] = true
			path := "/" + strings.Join(rt.pattern, "/")
			if paths[path] == nil {
				paths[path] = node{}
			}
			paths[path][strings.ToLower(rt.method)] = op.node(rt, f.Tag.Name)
		}
	}
	for i := range routes {
		if key := routes[i].key(); !described[key] {
			missing = append(missing, key)
		}
	}
	description, err = json.MarshalIndent(node{
		"openapi": "3.1.0",
		"info":    openAPIInfo,
		"servers": []node{{"url": "/"}},
		"tags":    tags,
		"paths":   paths,
		"components": node{
			"schemas":         schemas,
			"securitySchemes": securitySchemes,
			"responses": node{
				"Refusal":     node{"description": "Refused: `error.code` is the number, `error.message` says what is wrong and what to do.", "content": jsonContent(refTo("Refusal"))},
				"FlatRefusal": node{"description": "Refused: `code` is the number, `message` says what is wrong and what to do.", "content": jsonContent(refTo("FlatRefusal"))},
			},
		},
	}, "", " ")
	return description, missing, err
}

var openAPIInfo = node{
	"title":   "Aurora",
	"version": "3",
	"summary": "Push notifications: JPush's v3 API, and what Aurora adds to it.",
	"description": "Success is exactly 200 on every endpoint, with a JSON body. No request is ever redirected: doubled and trailing slashes are read as single ones. " +
		"Unknown members are ignored, and `null` counts as absent. JPush's zone paths (`/v3/push/schedules`, `/v3/device/…`, `/v3/report/…`) lead to the same endpoints.",
	"license": node{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}

var securitySchemes = node{
	"app":       node{"type": "http", "scheme": "basic", "description": "AppKey as user; Master Secret, or an API key of the app, as password."},
	"key":       node{"type": "http", "scheme": "bearer", "description": "An API key of the app."},
	"group":     node{"type": "http", "scheme": "basic", "description": "`group-` and the group key as user, the group's secret as password."},
	"developer": node{"type": "http", "scheme": "basic", "description": "An account's developer key as user, its developer secret as password."},
	"device":    node{"type": "http", "scheme": "basic", "description": "A device's registration id as user, the secret it made at its first request as password."},
}

func readFragments(files fs.FS) (list []fragment, err error) {
	names, err := fs.Glob(files, "openapi/*.json") // sorted by name
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var f fragment
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, f)
	}
	return list, nil
}

// key names a route as the files do.
func (rt *route) key() string { return rt.method + " /" + strings.Join(rt.pattern, "/") }

func routeOf(key string) *route {
	i := slices.IndexFunc(routes, func(rt route) bool { return rt.key() == key })
	if i < 0 {
		return nil
	}
	return &routes[i]
}

// refusalName names the envelope of a route's refusals.
func (rt *route) refusalName() string {
	if rt.family == flatFamily {
		return "FlatRefusal"
	}
	return "Refusal"
}

func refTo(schema string) node { return node{"$ref": "#/components/schemas/" + schema} }

func jsonContent(schema any) node { return node{"application/json": node{"schema": schema}} }

// node is the operation as the description has it.
func (op operation) node(rt *route, tag string) node {
	n := node{"operationId": operationID(rt), "summary": op.Summary, "tags": []string{tag}, "security": rt.security()}
	if op.Description != "" {
		n["description"] = op.Description
	}
	if parameters := op.parameters(rt); len(parameters) > 0 {
		n["parameters"] = parameters
	}
	switch {
	case op.Body != nil:
		n["requestBody"] = node{"required": !op.Optional, "content": jsonContent(op.Body)}
	case op.Form != nil:
		n["requestBody"] = node{"required": true, "content": node{"multipart/form-data": node{"schema": op.Form}}}
	}
	content := jsonContent(op.Answer)
	if op.Stream {
		content = node{"text/event-stream": node{"schema": op.Answer}}
	}
	responses := node{"200": node{"description": "Done.", "content": content}}
	for _, status := range rt.refusedWith() {
		responses[status] = node{"$ref": "#/components/responses/" + rt.refusalName()}
	}
	n["responses"] = responses
	return n
}

func (op operation) parameters(rt *route) (list []node) {
	for _, segment := range rt.pattern {
		name, named := strings.CutPrefix(segment, "{")
		if !named {
			continue
		}
		name = strings.TrimSuffix(name, "}")
		schema := node{"type": "string", "description": segmentNames[name]}
		if said := op.Path[name]; said != nil && said[0] == '"' {
			schema["description"] = said
		} else if said != nil {
			schema = schemaNode(said)
		}
		schema["required"] = true
		list = append(list, parameter(name, "path", schema))
	}
	for _, name := range slices.Sorted(maps.Keys(op.Query)) {
		list = append(list, parameter(name, "query", schemaNode(op.Query[name])))
	}
	return list
}

// schemaNode reads a schema of a file, which readFragments has found valid.
func schemaNode(raw json.RawMessage) (n node) {
	if err := json.Unmarshal(raw, &n); err != nil {
		panic(err)
	}
	return n
}

// parameter writes a schema with its description and whether it is required as
// OpenAPI wants a parameter.
func parameter(name, in string, schema node) node {
	p := node{"name": name, "in": in, "description": schema["description"]}
	if schema["required"] == true {
		p["required"] = true
	}
	delete(schema, "description")
	delete(schema, "required")
	p["schema"] = schema
	return p
}

// operationID is unique: the method and the words of the path.
func operationID(rt *route) string {
	words := strings.FieldsFunc(strings.Join(rt.pattern, "/"), func(r rune) bool { return r == '/' || r == '{' || r == '}' || r == '_' || r == '-' })
	var id strings.Builder
	id.WriteString(strings.ToLower(rt.method))
	for _, w := range words {
		id.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return id.String()
}

// security says who may call a route.
func (rt *route) security() []node {
	use := func(schemes ...string) (list []node) {
		for _, s := range schemes {
			list = append(list, node{s: []string{}})
		}
		return list
	}
	switch {
	case rt.family == adminFamily:
		return use("developer")
	case rt.family == deviceFamily && rt.method == http.MethodPost && len(rt.pattern) == 2: // a device's first request
		return []node{}
	case rt.family == deviceFamily:
		return use("device")
	case rt.call != nil && len(rt.pattern) > 1 && strings.HasPrefix(rt.pattern[1], "group"):
		return use("group")
	}
	return use("app", "key")
}

// refusedWith are the statuses of a route's refusals: its family's, and 405
// nowhere, since the method is the route's.
func (rt *route) refusedWith() (list []string) {
	for _, n := range refusals[rt.family] {
		list = append(list, strconv.Itoa(n.status))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
