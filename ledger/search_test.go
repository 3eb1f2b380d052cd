package ledger

import (
	"encoding/json"
	"testing"

	"github.com/aurora-push/aurora"
)

func TestMentions(t *testing.T) {
	m := aurora.Message{Audience: `tag:VIP & platform:ios`, Options: aurora.Options{CollapseID: "gate-9"}, Content: aurora.Content{IOS: &aurora.IOSNotification{
		Alert: json.RawMessage(`{"title":"Gate change","body":"Now <b>B12</b> 登机口"}`), Sound: json.RawMessage(`"default"`),
		Extras: map[string]json.RawMessage{"article": json.RawMessage(`{"path":["News","Local"],"n":17}`)},
	}}}
	for text, want := range map[string]bool{
		"gate change": true, "<b>b12": true, "登机口": true, "vip": true, "gate-9": true, "local": true, "article": true,
		"default": false, "title": false, "b13": false,
	} {
		if got := mentions(&m, text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	plain := aurora.Message{Content: aurora.Content{Alert: json.RawMessage(`"Hello"`), InApp: &aurora.InAppMessage{}}}
	if !mentions(&plain, "hello") || mentions(&plain, "world") {
		t.Error("the shared alert is not searched")
	}
}
