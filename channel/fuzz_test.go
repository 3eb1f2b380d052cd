package channel

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/aurora-push/aurora"
)

// FuzzPayload: whatever the extras and texts are, the payload is one JSON
// object in which aps and _j_msgid are Aurora's own and stand once.
func FuzzPayload(f *testing.F) {
	for _, extras := range []string{`{}`, `{"k":1}`, `{"aps":{"alert":"x"},"_j_msgid":"y"}`, `{"APS":1,"_J_MSGID":2}`, `{"":"","\"":"\\","\u0000":"\u2028"}`, `{"a":{"b":[1,null,{}]},"n":1e400}`, `{"a\ud800":"half"}`, `{"</script>":"<>&"}`} {
		f.Add(extras, "hello", "reply", "trip-9", int16(5), false)
		f.Add(extras, "\x00\xff<\"", "\\\"", "\n", int16(-1), true)
	}
	f.Fuzz(func(t *testing.T, extras, alert, category, thread string, badge int16, relative bool) {
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(extras), &members) != nil {
			return // the decoder of pushes refuses it
		}
		raw, err := json.Marshal(alert)
		if err != nil {
			t.Fatal(err)
		}
		m := &aurora.Message{ID: 58512043210007, Content: aurora.Content{IOS: &aurora.IOSNotification{
			Alert: raw, Category: category, ThreadID: thread, Badge: &aurora.Badge{Relative: relative, N: int(badge)}, Extras: members,
		}}}
		p := buildPayload(m)
		body := p.body(int(badge))
		keys := topLevelKeys(t, body)
		if keys["aps"] != 1 || keys["_j_msgid"] != 1 {
			t.Errorf("aps stands %d times and _j_msgid %d times in %s", keys["aps"], keys["_j_msgid"], body)
		}
		for key := range members {
			if keys[key] != 1 {
				t.Errorf("the extra %q stands %d times in %s", key, keys[key], body)
			}
		}
		var back map[string]json.RawMessage
		if err := json.Unmarshal(body, &back); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if string(back["_j_msgid"]) != "58512043210007" {
			t.Errorf("_j_msgid became %s", back["_j_msgid"])
		}
		var aps struct {
			Alert    json.RawMessage
			Category string
			Badge    json.Number
		}
		if err := json.Unmarshal(back["aps"], &aps); err != nil || !bytes.Equal(aps.Alert, raw) {
			t.Errorf("aps is %s (%v)", back["aps"], err)
		}
	})
}

// topLevelKeys counts the keys of a JSON object as they stand in the text.
func topLevelKeys(t *testing.T, body []byte) map[string]int {
	keys := map[string]int{}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.Fatalf("not an object: %v: %s", err, body)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		keys[key.(string)]++
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
	}
	if _, err := d.Token(); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("something follows the object: %s", body)
	}
	return keys
}
