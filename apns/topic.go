package apns

import "strings"

// A PushType is the value of the apns-push-type header. The set is open: Apple adds values every year, and an unknown value
// is sent as it is.
type PushType string

// The push types known today (Apple: "Sending notification requests to APNs").
const (
	PushAlert        PushType = "alert"
	PushBackground   PushType = "background"
	PushVoIP         PushType = "voip"
	PushComplication PushType = "complication"
	PushFileProvider PushType = "fileprovider"
	PushMDM          PushType = "mdm"
	PushLocation     PushType = "location"
	PushLiveActivity PushType = "liveactivity"
	PushToTalk       PushType = "pushtotalk"
	PushWidgets      PushType = "widgets"
	PushControls     PushType = "controls"
)

// topicSuffixes says which suffix the topic of a push type carries. The order matters: the longer of two suffixes that end
// alike must come first.
var topicSuffixes = []struct {
	suffix   string
	pushType PushType
}{
	{".push-type.liveactivity", PushLiveActivity},
	{".push-type.widgets", PushWidgets},
	{".push-type.controls", PushControls},
	{".pushkit.fileprovider", PushFileProvider},
	{".location-query", PushLocation},
	{".complication", PushComplication},
	{".voip-ptt", PushToTalk},
	{".voip", PushVoIP},
}

// Topic gives the apns-topic of an app for this push type: its bundle id and the suffix that Apple prescribes.
func (p PushType) Topic(bundleID string) string {
	for _, s := range topicSuffixes {
		if s.pushType == p {
			return bundleID + s.suffix
		}
	}
	return bundleID
}

// typeOf guesses the push type that a topic is used with: by its suffix, or alert.
func typeOf(topic string) PushType {
	for _, s := range topicSuffixes {
		if strings.HasSuffix(topic, s.suffix) {
			return s.pushType
		}
	}
	if strings.HasPrefix(topic, "com.apple.mgmt.") {
		return PushMDM
	}
	return PushAlert
}

// maxPayload is the largest body in bytes that the gateway accepts for a push type (spec 2.4).
func (p PushType) maxPayload() int {
	if p == PushVoIP {
		return 5120
	}
	return 4096
}
