package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

//go:embed reference
var referenceFiles embed.FS

// reference is the description as a page shows it.
type reference struct {
	Description string
	Families    []referenceFamily
	Schemas     []referenceSchema
	Callers     []referenceSchema
}

type referenceFamily struct {
	Name, ID, Description string
	Operations            []referenceOperation
}

type referenceOperation struct {
	Method, Path, ID, Summary, Description string
	Callers                                []string
	Parameters                             []referenceSchema
	Body, Answer                           *referenceSchema
	Form, Stream                           bool
}

// referenceSchema is a schema, or a member of one.
type referenceSchema struct {
	Name, ID, Type, Description string
	Ref                         string // the schema that it is, if it is one by name
	Required                    bool
	Members                     []referenceSchema
	Choices                     []referenceSchema // any of these
}

// referencePage is the page, made once.
var referencePage = sync.OnceValue(func() []byte { return renderReference("reference.html", newReference(OpenAPI())) })

// renderReference fills in one of the pages, which are part of the program.
func renderReference(name string, data any) []byte {
	t := template.Must(template.New("").Funcs(template.FuncMap{"words": inWords}).ParseFS(referenceFiles, "reference/*.html"))
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// inWords sets what stands between backticks as code.
func inWords(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			part = "<code>" + template.HTMLEscapeString(part) + "</code>"
		} else {
			part = template.HTMLEscapeString(part)
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // every part is escaped
}

// ServeReference answers with the description as a page, with the page of the
// error numbers, or with their style.
func ServeReference(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	if strings.HasSuffix(r.URL.Path, "/reference.css") {
		style, err := referenceFiles.ReadFile("reference/reference.css")
		if err != nil {
			panic(err)
		}
		h.Set("Content-Type", "text/css; charset=utf-8")
		w.Write(style)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if strings.HasSuffix(r.URL.Path, "/errors") {
		w.Write(errorPage())
		return
	}
	w.Write(referencePage())
}

func newReference(description []byte) reference {
	var d struct {
		Info       struct{ Description string }
		Tags       []struct{ Name, Description string }
		Paths      map[string]map[string]describedOperation
		Components struct {
			Schemas         map[string]map[string]any
			SecuritySchemes map[string]struct{ Scheme, Description string }
		}
	}
	if err := json.Unmarshal(description, &d); err != nil {
		panic(err)
	}
	ref := reference{Description: d.Info.Description}
	for _, t := range d.Tags {
		f := referenceFamily{Name: t.Name, ID: strings.ToLower(strings.ReplaceAll(t.Name, " ", "-")), Description: t.Description}
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
				if op := d.Paths[path][method]; slices.Contains(op.Tags, t.Name) {
					f.Operations = append(f.Operations, op.page(strings.ToUpper(method), path))
				}
			}
		}
		ref.Families = append(ref.Families, f)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := schemaOf(name, d.Components.Schemas[name])
		s.ID = "schema-" + name
		ref.Schemas = append(ref.Schemas, s)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.SecuritySchemes)) {
		s := d.Components.SecuritySchemes[name]
		ref.Callers = append(ref.Callers, referenceSchema{Name: name, ID: "caller-" + name, Type: "HTTP " + s.Scheme, Description: s.Description})
	}
	return ref
}

// describedOperation is an operation as OpenAPI writes it.
type describedOperation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Security                          []map[string][]string
	Parameters                        []struct {
		Name, In, Description string
		Required              bool
		Schema                map[string]any
	}
	RequestBody *struct{ Content describedContent }
	Responses   map[string]struct{ Content describedContent }
}

type describedContent map[string]struct{ Schema map[string]any }

func (op describedOperation) page(method, path string) referenceOperation {
	p := referenceOperation{Method: method, Path: path, ID: op.OperationID, Summary: op.Summary, Description: op.Description}
	for _, s := range op.Security {
		p.Callers = append(p.Callers, slices.Collect(maps.Keys(s))...)
	}
	for _, in := range op.Parameters {
		s := schemaOf(in.Name, in.Schema)
		s.Description, s.Required = in.Description, in.Required && in.In != "path"
		p.Parameters = append(p.Parameters, s)
	}
	if op.RequestBody != nil {
		p.Body, _ = op.RequestBody.Content.schema()
		p.Form = op.RequestBody.Content["multipart/form-data"].Schema != nil
	}
	p.Answer, p.Stream = op.Responses["200"].Content.schema()
	return p
}

func (c describedContent) schema() (s *referenceSchema, stream bool) {
	for kind, content := range c {
		one := schemaOf("", content.Schema)
		s, stream = &one, kind == "text/event-stream"
	}
	return s, stream
}

// schemaOf reads a schema as far as a reader wants to know it.
func schemaOf(name string, schema map[string]any) referenceSchema {
	text, _ := schema["description"].(string)
	s := referenceSchema{Name: name, Description: text, Type: typeOf(schema)}
	if ref, ok := schema["$ref"].(string); ok {
		s.Ref = ref[strings.LastIndexByte(ref, '/')+1:]
		return s
	}
	required, _ := schema["required"].([]any)
	for _, all := range anySlice(schema["allOf"]) {
		s.Choices = append(s.Choices, schemaOf("", all))
	}
	for _, choice := range anySlice(schema["anyOf"]) {
		s.Choices = append(s.Choices, schemaOf("", choice))
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		member := schemaOf(key, properties[key].(map[string]any))
		member.Required = slices.Contains(required, any(key))
		s.Members = append(s.Members, member)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		s.adopt(schemaOf("", items))
	}
	if values, ok := schema["additionalProperties"].(map[string]any); ok {
		s.adopt(schemaOf("", values))
	}
	return s
}

// adopt takes over what the items of a list or the values of a map are.
func (s *referenceSchema) adopt(inner referenceSchema) {
	s.Ref, s.Members, s.Choices = inner.Ref, append(s.Members, inner.Members...), append(s.Choices, inner.Choices...)
}

func anySlice(v any) (list []map[string]any) {
	items, _ := v.([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			list = append(list, m)
		}
	}
	return list
}

// typeOf says a schema's type in a few words.
func typeOf(schema map[string]any) string {
	switch {
	case schema["enum"] != nil || schema["const"] != nil:
		values, _ := schema["enum"].([]any)
		if schema["const"] != nil {
			values = []any{schema["const"]}
		}
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = string(encode(v))
		}
		return strings.Join(words, ", ")
	case schema["type"] == "array":
		return "list"
	case schema["type"] == "object" && schema["properties"] == nil && schema["additionalProperties"] != nil:
		return "object by name"
	}
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		words := make([]string, len(t))
		for i, v := range t {
			words[i], _ = v.(string)
		}
		return strings.Join(words, " or ")
	}
	return ""
}
