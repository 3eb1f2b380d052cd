package api

import (
	"encoding/json"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// FuzzDecodePush: whatever arrives, the decoder refuses it with a sentence or
// returns a push that the rules can judge and the store can keep.
func FuzzDecodePush(f *testing.F) {
	for _, seed := range []string{
		`{"platform":"all","audience":"all","notification":{"alert":"hello"}}`,
		`{"platform":["ios"],"audience":{"alias":["reader-17"]},"notification":{"ios":{"alert":"Your table is ready","sound":"default","badge":"+1"}},"options":{"sendno":7,"apns_production":false}}`,
		`{"platform":{"1":"ios"},"audience":{"tag":["a"],"tag_and":["b"],"tag_not":["c"],"registration_id":["1a0018970a8c51be3f4"]},"notification":{"ios":{"alert":{"title":"t"},"sound":{"critical":1,"name":"x","volume":0.5},"badge":5,"extras":{"aps":1,"k":[{}]},"content-available":"true"}},"options":{"time_to_live":0,"apns_collapse_id":"c"},"cid":"x"}`,
		`{"platform":"all","audience":"all","notification":{"alert":"\ud800\u2028\u4e2d<&>"}}`,
		`{"platform":["ios","android"],"audience":{"tag":[]},"notification":{"android":{"alert":"a","builder_id":1},"hmos":{}}}`,
		`{"platform":null,"audience":{"tag":[null]},"notification":null,"message":{"msg_content":"x"}}`,
		`{"platform":"all","audience":"all","notification":{"ios":{"badge":"","sound":"","extras":null,"interruption-level":"passive"}}}`,
		`{"platform":[],"platform":"all","audience":{"file":{}},"options":[]}`,
		``, `null`, `[]`, `"`, `{`, `{"platform"`, "\xff", `{"a":1}{"b":2}`, `1e999`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodePush(body)
		if err != nil {
			isRefusal(t, err)
			return
		}
		if err := r.Message.Validate(); err != nil {
			isRefusal(t, err)
			return
		}
		if r.Message.Content.Alert == nil && r.Message.Content.IOS == nil && r.Message.Content.Others == nil {
			t.Error("a push without content was accepted")
		}
		text := r.Audience.String()
		back, err := audience.Parse(text)
		if err != nil || back.String() != text {
			t.Errorf("the audience %q cannot be read back: %v", text, err)
		}
		stored, err := json.Marshal(r.Message.Content)
		if err != nil {
			t.Fatalf("the content cannot be stored: %v", err)
		}
		var content aurora.Content
		if err := json.Unmarshal(stored, &content); err != nil {
			t.Errorf("the stored content %s cannot be read: %v", stored, err)
		}
	})
}

func isRefusal(t *testing.T, err error) {
	t.Helper()
	if _, ok := err.(numbered); !ok && aurora.KindOf(err) == aurora.Internal {
		t.Errorf("not a refusal: %v", err)
	}
	if err.Error() == "" {
		t.Error("a refusal without a sentence")
	}
}

// TestCompactKeepsMeaning: unescaping changes the writing of a document, never
// what it says.
func TestCompactKeepsMeaning(t *testing.T) {
	for in, want := range map[string]string{
		` { "a" : [ 1 , "b c" ] } `:                 `{"a":[1,"b c"]}`,
		`{"\u006b":"\u4e2d\u6587 \u003c\/\u003e"}`:  `{"k":"中文 </>"}`,
		`{"quote":"\"\\","line":"\n\t\u0007"}`:      `{"quote":"\"\\","line":"\n\t\u0007"}`,
		`"\ud83d\ude00"`:                            `"😀"`,
		`"half \ud83d of a pair"`:                   "\"half \ufffd of a pair\"",
		`[12345678901234567890, 1.50, -0, "\\u41"]`: `[12345678901234567890,1.50,-0,"\\u41"]`,
		`"no escape"`:                               `"no escape"`,
		`{}`:                                        `{}`,
	} {
		if got := string(compact([]byte(in))); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
