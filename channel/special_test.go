package channel

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/apns"
)

// TestSpecialPayloads: live activities and calls as APNs gets them
// (spec/rest-api.md §7.8, §7.4).
func TestSpecialPayloads(t *testing.T) {
	stale, dismissal, score := int64(1900000100), int64(1900000200), int64(50)
	accepted := time.Unix(1900000000, 999e6)
	for _, tt := range []struct {
		name     string
		content  aurora.Content
		pushType apns.PushType
		topic    string
		priority int
		want     string
	}{
		{"start", aurora.Content{LiveActivity: &aurora.LiveActivity{Event: "start", ContentState: json.RawMessage(`{"score":0}`), AttributesType: "Match", Attributes: json.RawMessage(`{"id":"7"}`), Alert: json.RawMessage(`{"title":"<t>","sound":"default"}`), StaleDate: &stale, DismissalDate: &dismissal, RelevanceScore: &score}},
			apns.PushLiveActivity, "com.example.app.push-type.liveactivity", 10,
			`{"aps":{"timestamp":1900000000,"event":"start","content-state":{"score":0},"attributes-type":"Match","attributes":{"id":"7"},"alert":{"title":"<t>","sound":"default"},"stale-date":1900000100,"dismissal-date":1900000200,"relevance-score":50},"_j_msgid":42}`},
		{"update", aurora.Content{LiveActivity: &aurora.LiveActivity{ID: "m", Event: "update", ContentState: json.RawMessage(`{}`), Priority: 5}},
			apns.PushLiveActivity, "com.example.app.push-type.liveactivity", 5, `{"aps":{"timestamp":1900000000,"event":"update","content-state":{}},"_j_msgid":42}`},
		{"call", aurora.Content{VoIP: map[string]json.RawMessage{"caller": json.RawMessage(`"Ann"`), "aps": json.RawMessage(`1`), "_j_msgid": json.RawMessage(`2`), "n": json.RawMessage(`{"a":[1.50]}`)}},
			apns.PushVoIP, "com.example.app.voip", 10, `{"aps":{},"caller":"Ann","n":{"a":[1.50]},"_j_msgid":42}`},
		{"call without members", aurora.Content{VoIP: map[string]json.RawMessage{}}, apns.PushVoIP, "com.example.app.voip", 10, `{"aps":{},"_j_msgid":42}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &aurora.Message{ID: 42, AcceptedAt: accepted, Content: tt.content}
			s := newSender(nil, m, "com.example.app")
			if got := string(s.shared); got != tt.want {
				t.Errorf("sent %s\nwant %s", got, tt.want)
			}
			n := s.template
			if n.PushType != tt.pushType || n.Topic != tt.topic || n.Priority != tt.priority || n.CollapseID != "" {
				t.Errorf("%s to %s at %d, collapse id %q", n.PushType, n.Topic, n.Priority, n.CollapseID)
			}
			if !json.Valid(s.shared) {
				t.Error("not JSON")
			}
		})
	}
	m := &aurora.Message{ID: 42, Content: aurora.Content{Alert: json.RawMessage(`"x"`), VoIP: map[string]json.RawMessage{}}}
	ids := map[[16]byte]bool{}
	for _, part := range []aurora.Part{aurora.UnsaidPart, aurora.VoIPPart} {
		one := *m
		one.Content = m.Content.Of(part)
		ids[newSender(nil, &one, "com.example.app").apnsID(7)] = true
	}
	if len(ids) != 2 {
		t.Error("the call has the apns-id of the notification beside it")
	}
}

// TestSpecialNeedsATopic: a credential that cannot send such a push is no
// reason to stop what it can send.
func TestSpecialNeedsATopic(t *testing.T) {
	activity := &aurora.Message{Content: aurora.Content{LiveActivity: &aurora.LiveActivity{Event: "end"}}}
	call := &aurora.Message{Content: aurora.Content{VoIP: map[string]json.RawMessage{}}}
	alert := &aurora.Message{Content: aurora.Content{Alert: json.RawMessage(`"x"`)}}
	key := aurora.Credential{Kind: aurora.KeyCredential, Topic: "com.example.app"}
	narrow := aurora.Credential{Kind: aurora.CertificateCredential, Topic: "com.example.app", Topics: []string{"com.example.app"}}
	wide := narrow
	wide.Topics = []string{"com.example.app", "com.example.app.voip"}
	for _, tt := range []struct {
		cred aurora.Credential
		m    *aurora.Message
		want string
	}{
		{key, activity, ""}, {key, call, ""}, {key, alert, ""},
		{narrow, activity, aurora.ReasonNeedsKey}, {narrow, call, aurora.ReasonNoVoIPTopic}, {narrow, alert, ""},
		{wide, activity, aurora.ReasonNeedsKey}, {wide, call, ""},
	} {
		if got := refusal(tt.cred, tt.m); got != tt.want {
			t.Errorf("%v with topics %v: %q, want %q", tt.cred.Kind, tt.cred.Topics, got, tt.want)
		}
	}
	for _, tt := range []struct {
		m      *aurora.Message
		reason string
		want   aurora.Fault
	}{
		{activity, "TopicDisallowed", aurora.MessageFault}, {activity, "InvalidProviderToken", aurora.CredentialFault}, {alert, "TopicDisallowed", aurora.CredentialFault},
	} {
		s := newSender(nil, tt.m, "com.example.app")
		if got := s.outcome(aurora.Outcome{Fault: aurora.CredentialFault, Reason: tt.reason}).Fault; got != tt.want {
			t.Errorf("%s is the %v's fault, want %v", tt.reason, got, tt.want)
		}
	}
}
