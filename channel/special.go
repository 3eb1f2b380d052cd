package channel

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/apns"
)

// refusal says why a credential cannot send a message at all: certificates list
// their topics, and none can list that of live activities (spec/apns.md §2.3).
func refusal(cred aurora.Credential, m *aurora.Message) string {
	if cred.Kind != aurora.CertificateCredential {
		return ""
	}
	switch kind, _ := m.Content.Needs(); {
	case kind == aurora.ActivityStartToken || kind == aurora.ActivityToken:
		return aurora.ReasonNeedsKey
	case kind == aurora.VoIPToken && !slices.Contains(cred.Topics, apns.PushVoIP.Topic(cred.Topic)):
		return aurora.ReasonNoVoIPTopic
	}
	return ""
}

// special fills in what differs for live activities and calls.
func special(m *aurora.Message, topic string, n apns.Notification) apns.Notification {
	n.PushType = apns.PushVoIP
	if a := m.Content.LiveActivity; a != nil {
		n.PushType = apns.PushLiveActivity
		if a.Priority != 0 {
			n.Priority = a.Priority
		}
	}
	n.Topic = n.PushType.Topic(topic)
	return n
}

// buildSpecial makes the payload of a live activity or a call, the same for all
// devices (spec/rest-api.md §7.8, spec/apns.md §6).
func buildSpecial(m *aurora.Message) payload {
	var aps, rest object
	if a := m.Content.LiveActivity; a != nil {
		aps.raw("timestamp", strconv.AppendInt(nil, m.Timestamp(), 10))
		aps.text("event", a.Event)
		aps.raw("content-state", a.ContentState)
		aps.text("attributes-type", a.AttributesType)
		aps.raw("attributes", a.Attributes)
		aps.raw("alert", a.Alert)
		aps.whole("stale-date", a.StaleDate)
		aps.whole("dismissal-date", a.DismissalDate)
		aps.whole("relevance-score", a.RelevanceScore)
	}
	rest.bytes = []byte("}")
	for _, key := range slices.Sorted(maps.Keys(m.Content.VoIP)) {
		if key != "aps" && key != "_j_msgid" { // reserved
			rest.raw(key, m.Content.VoIP[key])
		}
	}
	rest.raw("_j_msgid", json.RawMessage(m.ID.String()))
	return payload{head: append([]byte(`{"aps":{`), aps.bytes...), tail: append(rest.bytes, '}')}
}

func (o *object) whole(name string, n *int64) {
	if n != nil {
		o.raw(name, strconv.AppendInt(nil, *n, 10))
	}
}

// outcome softens one that blames the credential: a refused topic that is not
// the app's own is no reason to park it. Notifications go on.
func (s *sender) outcome(o aurora.Outcome) aurora.Outcome {
	if s.special && o.Fault == aurora.CredentialFault && slices.Contains([]string{"TopicDisallowed", "BadTopic", "MissingTopic"}, o.Reason) {
		o.Fault = aurora.MessageFault
	}
	return o
}
