package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/ledger"
)

// TestValidationOrder: a body with several faults is refused for the one that
// JPush looks at first (spec/rest-api.md §7.1.4), and the faults that its Java
// client's suite sends have the numbers it expects.
func TestValidationOrder(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, "")
	for _, tt := range []struct {
		name, body string
		code       int
	}{
		{"no platform", `{"audience":"all","notification":{"alert":"x"}}`, 1002},
		{"no audience", `{"platform":"all","notification":{"alert":"x"}}`, 1002},
		{"no content", `{"platform":"all","audience":"all"}`, 1002},
		{"message without msg_content", `{"platform":"all","audience":"all","message":{"title":"x"}}`, 1002},
		{"platform wrong", `{"platform":"wrong","audience":"all","notification":{"alert":"x"}}`, 1003},
		{"platform with an unknown member", `{"platform":["ios","wrong"],"audience":"all","notification":{"alert":"x"}}`, 1003},
		{"audience wrong", `{"platform":"all","audience":"wrong","notification":{"alert":"x"}}`, 1003},
		{"a string where an array belongs", `{"platform":"all","audience":{"tag":"x"},"notification":{"alert":"x"}}`, 1003},
		{"notification a string", `{"platform":"all","audience":"all","notification":"x"}`, 1003},
		{"android a string", `{"platform":"all","audience":"all","notification":{"android":"x"}}`, 1003},
		{"ios a string", `{"platform":"all","audience":"all","notification":{"ios":"x"}}`, 1003},
		{"builder_id a string", `{"platform":"all","audience":"all","notification":{"android":{"alert":"x","builder_id":"1"}}}`, 1003},
		{"hmos empty", `{"platform":"all","audience":"all","notification":{"hmos":{}}}`, 1002},
		{"hmos without alert", `{"platform":"all","audience":"all","notification":{"hmos":{"title":"x"}}}`, 1003},

		{"absent before wrong", `{"platform":"wrong","audience":"wrong"}`, 1002},
		{"the platform's value before msg_content", `{"platform":"wrong","audience":"all","message":{}}`, 1003},
		{"types before sizes", `{"platform":"all","audience":"all","notification":{"ios":{"alert":"` + strings.Repeat("x", 3000) + `","sound":5}}}`, 1003},
		{"sizes before override_msg_id", `{"platform":"all","audience":"all","notification":{"ios":{"alert":"` + strings.Repeat("x", 3000) + `"}},"options":{"override_msg_id":5}}`, 1005},
		{"override_msg_id before the audience", `{"platform":"all","audience":{"tag":["nobody"]},"notification":{"alert":"x"},"options":{"override_msg_id":5}}`, 1003},
		{"one kind of selector and nobody", `{"platform":"all","audience":{"tag":["nobody"]},"notification":{"alert":"x"}}`, 1011},
		{"live_activity without ios", `{"platform":"all","audience":"all","live_activity":{}}`, 1002},
		{"live_activity without event", `{"platform":"all","audience":"all","live_activity":{"ios":{"content-state":{}}}}`, 1002},
		{"live_activity without content-state", `{"platform":"all","audience":{"live_activity_id":"a"},"live_activity":{"ios":{"event":"end"}}}`, 1002},
		{"live_activity without attributes", `{"platform":"all","audience":"all","live_activity":{"ios":{"event":"start","content-state":{},"attributes-type":"Match"}}}`, 1002},
		{"live_activity with a wrong type", `{"platform":"all","audience":"all","live_activity":{"ios":{"event":"start","content-state":[],"attributes-type":"Match","attributes":{}}}}`, 1003},
		{"live_activity for Android", `{"platform":["android"],"audience":"all","live_activity":{"ios":{"event":"start","content-state":{},"attributes-type":"Match","attributes":{}}}}`, 1003},
		{"live_activity too large", `{"platform":"all","audience":"all","live_activity":{"ios":{"event":"start","content-state":{"x":"` + strings.Repeat("x", 3600) + `"},"attributes-type":"Match","attributes":{}}}}`, 1005},
		{"update of an audience of devices", `{"platform":"all","audience":"all","live_activity":{"ios":{"event":"update","content-state":{}}}}`, 1003},
		{"start of one that runs", `{"platform":"all","audience":{"live_activity_id":"a"},"live_activity":{"ios":{"event":"start","content-state":{},"attributes-type":"Match","attributes":{}}}}`, 1003},
		{"live_activity_id beside tags", `{"platform":"all","audience":{"live_activity_id":"a","tag":["x"]},"live_activity":{"ios":{"event":"end","content-state":{}}}}`, 1003},
		{"live_activity_id for a notification", `{"platform":"all","audience":{"live_activity_id":"a"},"notification":{"alert":"x"}}`, 1003},
		{"an activity that nobody has", `{"platform":"all","audience":{"live_activity_id":"a"},"live_activity":{"ios":{"event":"end","content-state":{}}}}`, 1011},
		{"active_push with a message", `{"platform":"all","audience":"all","message":{"msg_content":"x"},"options":{"active_push":true}}`, 1035},
		{"inapp_message with a message", `{"platform":"all","audience":"all","notification":{"alert":"x"},"message":{"msg_content":"x"},"inapp_message":{"inapp_message":true}}`, 1003},
		{"notification_3rd without content", `{"platform":"all","audience":"all","message":{"msg_content":"x"},"notification_3rd":{"title":"x"}}`, 1002},
		{"notification_3rd v2 with a wrong block", `{"platform":"all","audience":"all","message":{"msg_content":"x"},"notification_3rd":{"android":{"builder_id":"1"}},"options":{"notification_3rd_ver":"v2"}}`, 1003},
	} {
		t.Run(tt.name, func(t *testing.T) { w.refused(t, request{path: "/v3/push", body: tt.body}.as(w.app), 400, tt.code) })
	}
}

// TestAcceptedShapes: what JPush's clients send and Aurora does not act on is
// taken, and recorded with the message.
func TestAcceptedShapes(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, "")
	for _, body := range []string{
		`"notification":{"alert":"x","ai_opportunity":false,"alternate_alert":"y"}`,
		`"notification":{"ios":{"alert":"y"},"android":{"alert":"x","title":"t","builder_id":1,"channel_id":"c","priority":-2,"category":"c","style":1,"alert_type":-1,"big_text":"b","inbox":{"1":"a"},"intent":{"url":"u"},"badge_add_num":1,"badge_set_num":0,"show_begin_time":"2030-01-01 00:00:00","display_foreground":"1","extras":{"a":1}}}`,
		`"notification":{"ios":{"alert":"y"},"hmos":{"alert":"x","category":"c","style":2,"push_type":10,"sound_duration":60,"hm_payload":{}}}`,
		`"notification":{"ios":{"alert":"y"},"quickapp":{"title":"x","page":"p"}}`,
		`"notification":{"ios":{"alert":"y"},"winphone":{"alert":"x","_open_page":"p"}}`,
		`"notification":{"alert":"x","voip":{"caller":"Ann","n":[1]}}`,
		`"live_activity":{"ios":{"event":"start","content-state":{"score":0},"attributes-type":"Match","attributes":{},"alert":{"title":"t","body":"b","sound":"default"},"stale-date":1,"dismissal-date":2,"relevance-score":100,"apns-priority":5}}`,
		`"notification":{"alert":"x"},"sms_message":{"delay_time":0,"temp_id":1,"temp_para":{"a":"b"},"signid":2,"active_filter":false}`,
		`"notification":{"alert":"x"},"sms_message":{"content":"x","delay_time":60}`,
		`"notification":{"alert":"x"},"inapp_message":{"inapp_message":true}`,
		`"notification":{"alert":"x"},"callback":{"url":"https://example.com/","params":{"a":1},"type":15}`,
		`"message":{"msg_content":"x","test_message":true,"alternate_title":"a","alternate_content":"b"},"notification_3rd":{"content":"x","title":"t","badge_add_num":1}`,
		`"message":{"msg_content":"x"},"notification_3rd":{"android":{"alert":"x"},"ios":{"alert":"x"},"hmos":{"alert":"x"}},"options":{"notification_3rd_ver":"v2"}`,
		`"notification":{"alert":"x"},"options":{"third_party_channel":{"xiaomi":{"distribution":"jpush","channel_id":"c"},"fcm":{}},"classification":1,"target_event":["a"],"test_message":false,"receipt_id":"r","active_push":true,"need_backup":false,"alternate_set":true,"geofence":{"a":1},"portal_extra":"x","auto_truncation":true,"mkt_enable":0,"notification_switch_filter":"true"}`,
		`"notification":{"alert":"x"},"options":{"big_push_duration":1440}`,
		`"notification":{"alert":"x"},"options":{"big_push_duration":0,"override_msg_id":0,"apns_production":"false"}`,
		`"notification":{"alert":"x"},"options":{"apns_production":1}`,
	} {
		t.Run(fmt.Sprintf("%.50s", body), func(t *testing.T) {
			w.accepted(t, request{path: "/v3/push/validate", body: `{"platform":"all","audience":"all",` + body + `}`}.as(w.app), nil)
		})
	}
	p := w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"x"},"callback":{"url":"https://example.com/","type":1},"options":{"classification":1}}`)
	r := w.settled(t, w.app, p.MessageID)
	if got, err := json.Marshal(r.Message.Options.Recorded); err != nil || string(got) != `{"classification":1}` {
		t.Errorf("recorded %s, %v", got, err)
	}
}

// TestNoChannel: a notification for a platform without a channel has a reason
// for each of its devices.
func TestNoChannel(t *testing.T) {
	w := startWorld(t)
	w.android(t)
	w.android(t)
	w.register(t, w.app, "")
	p := w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"android":{"alert":"x"},"hmos":{"alert":"x"}}}`)
	r := w.settled(t, w.app, p.MessageID)
	if r.Targeted != 2 || len(r.FailedBy) != 1 || r.FailedBy[0] != (ledger.ReasonCount{Reason: "NoChannel", Count: 2}) {
		t.Errorf("targeted %d, failed %v", r.Targeted, r.FailedBy)
	}
}
