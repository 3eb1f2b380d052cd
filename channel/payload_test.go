package channel_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// TestPayload follows spec/rest-api.md §7.5: what a caller writes, and what
// the local APNs received for it. The stored badge is 2 before each push.
func TestPayload(t *testing.T) {
	w := startWorld(t)
	for _, tt := range []struct{ name, notification, want string }{
		{"shared alert", `{"alert":"hello"}`, `{"aps":{"alert":"hello"}}`},
		{"shared alert beside an ios block", `{"alert":"hello","ios":{"sound":"default"}}`, `{"aps":{"alert":"hello","sound":"default"}}`},
		{"ios alert wins", `{"alert":"hello","ios":{"alert":"for iOS"}}`, `{"aps":{"alert":"for iOS"}}`},
		{"alert object", `{"ios":{"alert":{"title":"Gate change","subtitle":"AU 12","body":"Now B12","title-loc-key":"K","title-loc-args":["1"],"loc-key":"L","loc-args":["2","3"],"launch-image":"x.png","unknown":{"deep":[1,2.50,null]}}}}`,
			`{"aps":{"alert":{"title":"Gate change","subtitle":"AU 12","body":"Now B12","title-loc-key":"K","title-loc-args":["1"],"loc-key":"L","loc-args":["2","3"],"launch-image":"x.png","unknown":{"deep":[1,2.50,null]}}}}`},
		{"shared alert object", `{"alert":{"title":"t","body":"b"}}`, `{"aps":{"alert":{"title":"t","body":"b"}}}`},
		{"empty alert", `{"ios":{"alert":""}}`, `{"aps":{"alert":""}}`},
		{"signs that HTML escapes", `{"ios":{"alert":"<b>&\u2028\"\\","category":"<&>"}}`, `{"aps":{"alert":"<b>&\u2028\"\\","category":"<&>"}}`},
		{"Chinese in escapes", `{"ios":{"alert":"\u6781\u5149 \ud83d\ude00"}}`, `{"aps":{"alert":"极光 😀"}}`},
		{"sound", `{"ios":{"alert":"a","sound":"chime.caf"}}`, `{"aps":{"alert":"a","sound":"chime.caf"}}`},
		{"empty sound", `{"ios":{"alert":"a","sound":""}}`, `{"aps":{"alert":"a"}}`},
		{"null sound", `{"ios":{"alert":"a","sound":null}}`, `{"aps":{"alert":"a"}}`},
		{"critical sound", `{"ios":{"alert":"a","sound":{"critical":true,"name":"alarm.caf","volume":0.5}}}`, `{"aps":{"alert":"a","sound":{"critical":1,"name":"alarm.caf","volume":0.5}}}`},
		{"critical sound in JPush's words", `{"ios":{"alert":"a","sound":{"critical":1,"name":"a&b.caf","volume":0}}}`, `{"aps":{"alert":"a","sound":{"critical":1,"name":"a&b.caf","volume":0}}}`},
		{"empty sound object", `{"ios":{"alert":"a","sound":{}}}`, `{"aps":{"alert":"a"}}`},
		{"no badge", `{"ios":{"alert":"a"}}`, `{"aps":{"alert":"a"}}`},
		{"null badge", `{"ios":{"alert":"a","badge":null}}`, `{"aps":{"alert":"a"}}`},
		{"badge", `{"ios":{"alert":"a","badge":5}}`, `{"aps":{"alert":"a","badge":5}}`},
		{"badge as text", `{"ios":{"alert":"a","badge":"5"}}`, `{"aps":{"alert":"a","badge":5}}`},
		{"badge 0", `{"ios":{"alert":"a","badge":0}}`, `{"aps":{"alert":"a","badge":0}}`},
		{"badge cleared", `{"ios":{"alert":"a","badge":""}}`, `{"aps":{"alert":"a","badge":0}}`},
		{"badge up", `{"ios":{"alert":"a","badge":"+1"}}`, `{"aps":{"alert":"a","badge":3}}`},
		{"badge down", `{"ios":{"alert":"a","badge":"-1"}}`, `{"aps":{"alert":"a","badge":1}}`},
		{"badge below zero", `{"ios":{"alert":"a","badge":"-5"}}`, `{"aps":{"alert":"a","badge":0}}`},
		{"badge auto", `{"ios":{"alert":"a","badge":"auto"}}`, `{"aps":{"alert":"a","badge":3}}`},
		{"relative badge with everything", `{"ios":{"alert":"a","badge":"+1","sound":"s","category":"c","extras":{"k":1}}}`, `{"aps":{"alert":"a","badge":3,"sound":"s","category":"c"},"k":1}`},
		{"relative badge alone", `{"ios":{"badge":"+1","content-available":true}}`, `{"aps":{"badge":3,"content-available":1}}`},
		{"flags", `{"ios":{"alert":"a","content-available":true,"mutable-content":true}}`, `{"aps":{"alert":"a","content-available":1,"mutable-content":1}}`},
		{"flags in other words", `{"ios":{"alert":"a","content-available":1,"mutable-content":"true"}}`, `{"aps":{"alert":"a","content-available":1,"mutable-content":1}}`},
		{"flags off", `{"ios":{"alert":"a","content-available":false,"mutable-content":0}}`, `{"aps":{"alert":"a"}}`},
		{"category, thread and level", `{"ios":{"alert":"a","category":"reply","thread-id":"trip-9","interruption-level":"time-sensitive"}}`, `{"aps":{"alert":"a","category":"reply","thread-id":"trip-9","interruption-level":"time-sensitive"}}`},
		{"extras of every type", `{"ios":{"alert":"a","extras":{"s":"x","n":1.50,"big":12345678901234567890,"t":true,"o":{"a":[1,null]},"l":[1,"2"],"":"empty key","k\"<":"quoted"}}}`,
			`{"aps":{"alert":"a"},"s":"x","n":1.50,"big":12345678901234567890,"t":true,"o":{"a":[1,null]},"l":[1,"2"],"":"empty key","k\"<":"quoted"}`},
		{"reserved and null extras", `{"ios":{"alert":"a","extras":{"aps":{"alert":"false"},"_j_msgid":1,"nothing":null,"k":"v"}}}`, `{"aps":{"alert":"a"},"k":"v"}`},
		{"unknown keys", `{"alert":"a","ios":{"unknown":1,"sound":"s"},"unknown":2}`, `{"aps":{"alert":"a","sound":"s"}}`},
		{"other platforms' blocks", `{"alert":"a","android":{"alert":"b","extras":{"x":1}}}`, `{"aps":{"alert":"a"}}`},
		{"silent", `{"ios":{"content-available":true,"extras":{"sync":1}}}`, `{"aps":{"content-available":1},"sync":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.change(t, `{"badge":2}`)
			id, sent := w.push(t, tt.notification, "{}")
			want := strings.TrimSuffix(tt.want, "}") + `,"_j_msgid":` + id + "}"
			if !sameJSON(t, string(sent.Payload), want) {
				t.Errorf("sent %s\nwant %s", sent.Payload, want)
			}
			if strings.Contains(string(sent.Payload), `\u003c`) {
				t.Errorf("the payload is escaped for HTML: %s", sent.Payload)
			}
			if sent.Status != 200 || sent.Topic != bundleID {
				t.Errorf("topic %q, answered %d %s", sent.Topic, sent.Status, sent.Reason)
			}
		})
	}
}

// sameJSON compares documents with their numbers as they are written.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var values [2]any
	for i, s := range []string{a, b} {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		check(t, d.Decode(&values[i]))
	}
	return reflect.DeepEqual(values[0], values[1])
}

// TestHeaders: push type, priority, expiration and collapse id as APNs saw them.
func TestHeaders(t *testing.T) {
	w := startWorld(t)
	const collapsesByMessage = "the message's id"
	day := 24 * time.Hour
	for _, tt := range []struct {
		name, notification, options string
		pushType                    string
		priority                    int
		lives                       time.Duration // 0: one attempt only
		collapse                    string
	}{
		{"an alert", `{"alert":"a"}`, `{}`, "alert", 10, day, collapsesByMessage},
		{"an alert that also wakes", `{"ios":{"alert":"a","content-available":true}}`, `{}`, "alert", 10, day, collapsesByMessage},
		{"a badge that also wakes", `{"ios":{"badge":1,"content-available":true}}`, `{}`, "alert", 10, day, collapsesByMessage},
		{"a sound that also wakes", `{"ios":{"sound":"s","content-available":true}}`, `{}`, "alert", 10, day, collapsesByMessage},
		{"a silent push", `{"ios":{"content-available":true}}`, `{}`, "background", 5, day, collapsesByMessage},
		{"a silent push with JV3's empty sound", `{"ios":{"content-available":true,"sound":""}}`, `{}`, "background", 5, day, collapsesByMessage},
		{"a time to live", `{"alert":"a"}`, `{"time_to_live":600}`, "alert", 10, 10 * time.Minute, collapsesByMessage},
		{"the longest", `{"alert":"a"}`, `{"time_to_live":864000}`, "alert", 10, 10 * day, collapsesByMessage},
		{"none", `{"alert":"a"}`, `{"time_to_live":0}`, "alert", 10, 0, collapsesByMessage},
		{"a collapse id", `{"alert":"a"}`, `{"apns_collapse_id":"gate 12"}`, "alert", 10, day, "gate 12"},
		{"the longest collapse id", `{"alert":"a"}`, `{"apns_collapse_id":"` + strings.Repeat("票", 21) + `!"}`, "alert", 10, day, strings.Repeat("票", 21) + "!"},
		{"an empty collapse id", `{"alert":"a"}`, `{"apns_collapse_id":""}`, "alert", 10, day, collapsesByMessage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			id, sent := w.push(t, tt.notification, tt.options)
			if tt.collapse == collapsesByMessage {
				tt.collapse = id
			}
			if sent.Status != 200 || sent.PushType != tt.pushType || sent.Priority != tt.priority || sent.CollapseID != tt.collapse {
				t.Errorf("answered %d %s; type %q, priority %d, collapse id %q", sent.Status, sent.Reason, sent.PushType, sent.Priority, sent.CollapseID)
			}
			checkExpiration(t, sent, start, tt.lives)
		})
	}
}

func checkExpiration(t *testing.T, sent localapns.Notification, start time.Time, lives time.Duration) {
	t.Helper()
	if sent.Expiration == nil {
		t.Error("no expiration was sent")
		return
	}
	if lives == 0 {
		if *sent.Expiration != 0 {
			t.Errorf("expiration %d, want 0", *sent.Expiration)
		}
		return
	}
	if left := time.Unix(*sent.Expiration, 0).Sub(start); left < lives-2*time.Second || left > lives+patience {
		t.Errorf("expires after %v, want %v", left, lives)
	}
}

// TestRepeatsLookTheSame: a delivery that is repeated after a crash has the
// same apns-id and collapse id, and another device's or message's has not.
func TestRepeatsLookTheSame(t *testing.T) {
	w := startWorld(t)
	seen := map[string]int{}
	for range 2 { // two processes
		ch := w.openChannel(t)
		for m := range 3 {
			deliver(t, ch, w.message([]aurora.MessageID{1, 58512043210007, 1<<53 - 1}[m]), strings.Repeat("0a", 32))
			n := w.apns.Notifications(1)[0]
			seen[fmt.Sprint(m, n.APNsID, n.CollapseID)]++
		}
	}
	if len(seen) != 3 {
		t.Errorf("three messages sent twice have these ids: %v", seen)
	}
	for key, n := range seen {
		if n != 2 {
			t.Errorf("%s was seen %d times", key, n)
		}
	}
}
