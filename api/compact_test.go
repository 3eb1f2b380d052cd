package api

import (
	"encoding/json"
	"maps"
	"testing"
)

// Whatever parseBody lets through is read as encoding/json would read it.
func FuzzMembersOf(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":[1,{"b":"]}"}],"c":"\"","d\"":{"":null},"é":-1.5e3,"t":true}`,
		` { "a" : [ ] , "b" : { } } `, `[]`, `["x",null,"\u4e2d"]`, `[1]`, `[["a"],"b"]`, `"text"`, `null`, `{"list":["a","b\\"]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		top, err := parseBody([]byte(body))
		if err != nil {
			return
		}
		want := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		if len(want) != len(top.members) {
			t.Fatalf("%q has the members %v, not %v", body, maps.Keys(want), top.members)
		}
		for name, raw := range want {
			if string(compact(raw)) != string(top.members[name]) {
				t.Errorf("%q: member %q is %q, not %q", body, name, top.members[name], raw)
			}
			asJSON(t, top, name, raw)
		}
	})
}

// asJSON compares what the readers of a member make of it with encoding/json.
func asJSON(t *testing.T, o object, name string, raw json.RawMessage) {
	t.Helper()
	if string(raw) == "null" {
		return
	}
	var wantText string
	textErr := json.Unmarshal(raw, &wantText)
	if text, _, err := o.text(name); (err == nil) != (textErr == nil) || err == nil && text != wantText {
		t.Errorf("%q is read as %q, %v, not %q, %v", raw, text, err, wantText, textErr)
	}
	var wantNumber int64
	numberErr := json.Unmarshal(raw, &wantNumber)
	if n, _, err := o.integer(name); (err == nil) != (numberErr == nil) || err == nil && n != wantNumber {
		t.Errorf("%q is read as %d, %v, not %d, %v", raw, n, err, wantNumber, numberErr)
	}
	var wantList []*string
	listErr := json.Unmarshal(raw, &wantList)
	list, _, err := o.texts(name)
	if err != nil {
		for _, s := range wantList {
			if s == nil { // which encoding/json allows
				return
			}
		}
	}
	if (err == nil) != (listErr == nil) || err == nil && len(list) != len(wantList) {
		t.Fatalf("%q is read as %q, %v; encoding/json says %v", raw, list, err, listErr)
	}
	for i := range list {
		if list[i] != *wantList[i] {
			t.Errorf("%q is read as %q", raw, list)
		}
	}
}

func BenchmarkDecodePush(b *testing.B) {
	body := []byte(`{"platform":["ios"],"audience":{"registration_id":["0123456789abcdef0123456789"]},"notification":{"ios":{"alert":"Your code is 123456","sound":"default"}},"options":{"apns_production":false}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodePush(body); err != nil {
			b.Fatal(err)
		}
	}
}
