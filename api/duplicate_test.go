package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// twiceSlowly is what refuseTwice means: a walk with the standard decoder.
func twiceSlowly(document []byte) bool {
	d := json.NewDecoder(strings.NewReader(string(document)))
	d.UseNumber()
	var value func() bool
	value = func() bool {
		token, _ := d.Token()
		twice := false
		switch token {
		case json.Delim('{'):
			seen := map[string]bool{}
			for d.More() {
				name, _ := d.Token()
				twice = seen[name.(string)] || twice
				seen[name.(string)] = true
				twice = value() || twice
			}
			d.Token()
		case json.Delim('['):
			for d.More() {
				twice = value() || twice
			}
			d.Token()
		}
		return twice
	}
	return value()
}

func FuzzRefuseTwice(f *testing.F) {
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `"k%d":%d,`, i, i)
	}
	for _, seed := range []string{
		`{"a":1,"a":2}`, `{"a":1,"b":{"a":2}}`, `[{"a":1},{"a":2}]`, `{"a":{"b":1,"b":2}}`, `{"a":[{"b":1,"c":[],"b":2}]}`, `{"a":"a","b":"a"}`,
		`{"\u0061":1,"a":2}`, "{\"\\u2028\":1,\"\u2028\":2}", `{"a\"":1,"a\\":2}`, `{"":1,"":2}`, `{"a":":","b":"\":"}`, `{"A":1,"a":2}`, `"a"`, `[]`, `{"x":1` + strings.Repeat(`,"y":{"x":1`, 50) + strings.Repeat("}", 51),
		`{` + many.String() + `"k39":0}`, `{` + many.String() + `"k40":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		document := compact(body)
		if got, want := refuseTwice(document) != nil, twiceSlowly(document); got != want {
			t.Errorf("%q: refused %v, want %v", document, got, want)
		}
	})
}

// The sentence names the member.
func TestTwiceIsNamed(t *testing.T) {
	err := refuseTwice([]byte(`{"a":1,"options":{"list":[{"ttl":1,"ttl":2}]}}`))
	if err == nil || !strings.Contains(err.Error(), `"ttl"`) {
		t.Errorf("%v", err)
	}
}

func BenchmarkRefuseTwice(b *testing.B) {
	body := compact([]byte(`{"platform":["ios"],"audience":{"alias":["reader-17"]},"notification":{"ios":{"alert":"Your table is ready","sound":"default","badge":"+1","extras":{"table":7}}},"options":{"sendno":7,"apns_production":false},"cid":"a1b2c3d4e5f60718293a4b5c-00000000-0000-4000-8000-000000000000"}`))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if refuseTwice(body) != nil {
			b.Fatal("refused")
		}
	}
}
