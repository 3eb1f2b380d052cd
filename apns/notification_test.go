package apns

import (
	"strings"
	"testing"
	"time"
)

// The cases C34 to C36 and C38 of spec 9.4: what is refused before it is sent.

func TestLocalRefusals(t *testing.T) {
	change := func(change func(*Notification)) *Notification {
		n := notification(0)
		change(n)
		return n
	}
	payload := func(size int) []byte { return []byte(strings.Repeat("x", size)) }
	cases := []struct {
		name   string
		n      *Notification
		reason string
	}{
		{"good", notification(0), ""},
		{"no token", change(func(n *Notification) { n.Token = "" }), "MissingDeviceToken"},
		{"odd token", change(func(n *Notification) { n.Token = "abc" }), "BadDeviceToken"},
		{"path in the token", change(func(n *Notification) { n.Token = "../../3/device/00" }), "BadDeviceToken"},
		{"line break in the token", change(func(n *Notification) { n.Token = "ab\r\n" }), "BadDeviceToken"},
		{"long live activity token", change(func(n *Notification) { n.Token = strings.Repeat("ab", 100) }), ""},
		{"token of 101 bytes", change(func(n *Notification) { n.Token = strings.Repeat("ab", 101) }), "BadDeviceToken"},
		{"no topic with a key", change(func(n *Notification) { n.Topic = "" }), "MissingTopic"},
		{"header in the topic", change(func(n *Notification) { n.Topic = "com.example\r\napns-id: x" }), "BadTopic"},
		{"blank in the topic", change(func(n *Notification) { n.Topic = "com.example app" }), "BadTopic"},
		{"endless topic", change(func(n *Notification) { n.Topic = strings.Repeat("a", 256) }), "BadTopic"},
		{"header in the push type", change(func(n *Notification) { n.PushType = "alert\n" }), "InvalidPushType"},
		{"push type of next year", change(func(n *Notification) { n.PushType = "telepathy" }), ""},
		{"priority 7", change(func(n *Notification) { n.Priority = 7 }), "BadPriority"},
		{"priority 1", change(func(n *Notification) { n.Priority = 1 }), ""},
		{"urgent background", change(func(n *Notification) { n.PushType = PushBackground }), "BadPriority"},
		{"expiration before 1970", change(func(n *Notification) { n.Expiration = ExpireAt(time.Unix(-1, 0)) }), "BadExpirationDate"},
		{"collapse id of 64 bytes", change(func(n *Notification) { n.CollapseID = strings.Repeat("ü", 32) }), ""},
		{"collapse id of 65 bytes", change(func(n *Notification) { n.CollapseID = strings.Repeat("ü", 32) + "x" }), "BadCollapseId"},
		{"control character in the collapse id", change(func(n *Notification) { n.CollapseID = "a\x00b" }), "BadCollapseId"},
		{"blank at the end of the collapse id", change(func(n *Notification) { n.CollapseID = "a " }), "BadCollapseId"},
		{"no payload", change(func(n *Notification) { n.Payload = nil }), "PayloadEmpty"},
		{"4096 bytes", change(func(n *Notification) { n.Payload = payload(4096) }), ""},
		{"4097 bytes", change(func(n *Notification) { n.Payload = payload(4097) }), "PayloadTooLarge"},
		{"voip, 5120 bytes", change(func(n *Notification) { n.PushType, n.Payload = PushVoIP, payload(5120) }), ""},
		{"voip, 5121 bytes", change(func(n *Notification) { n.PushType, n.Payload = PushVoIP, payload(5121) }), "PayloadTooLarge"},
	}
	for _, c := range cases {
		if got := c.n.refuse(nil); got != c.reason {
			t.Errorf("%s: %q, want %q", c.name, got, c.reason)
		}
		if c.reason != "" && refusalHints[c.reason] == "" {
			t.Errorf("%s has no hint", c.reason)
		}
	}
	if got := change(func(n *Notification) { n.Topic = "" }).refuse([]string{"com.example.app"}); got != "" {
		t.Errorf("no topic with a certificate for one topic: %q", got)
	}
	if got := change(func(n *Notification) { n.Topic = "" }).refuse([]string{"a", "b"}); got != "MissingTopic" {
		t.Errorf("no topic with a certificate for two topics: %q", got)
	}
}

func TestRefusedNotificationIsNotSent(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		n := notification(0)
		n.Payload = nil
		r := g.client.Push(t.Context(), n)
		f, ok := r.Err.(*Failure)
		if !ok || f.Cause != CauseRefusedLocally || !f.Safe || r.Reason != "PayloadEmpty" || r.Status != 0 || r.Accepted() {
			t.Errorf("Push = %+v", r)
		}
		if g.dialCount() != 0 {
			t.Error("a connection was opened for it")
		}
	})
}

func TestNewClientRefusesWhatCannotWork(t *testing.T) {
	key, certificate := newKey(t), testCertificate(t)
	expired := *certificate
	expired.NotAfter = longAgo
	development := *certificate
	development.Production = false
	for name, config := range map[string]Config{
		"no credential":          {URL: Production},
		"two credentials":        {URL: Production, Key: key, Certificate: certificate},
		"no URL":                 {Key: key},
		"no TLS":                 {URL: "http://api.push.apple.com", Key: key},
		"a path":                 {URL: Production + "/3/device", Key: key},
		"no private key":         {URL: Production, Certificate: &Certificate{}},
		"expired":                {URL: Production, Certificate: &expired},
		"for development":        {URL: Production, Certificate: &development},
		"a name with a password": {URL: "https://a:b@api.push.apple.com", Key: key},
	} {
		if client, err := NewClient(config); err == nil {
			t.Errorf("%s: accepted", name)
			client.Close()
		}
	}
	for url, authority := range map[string]string{Production: "api.push.apple.com", "https://localhost:2197": "localhost:2197", "https://api.sandbox.push.apple.com": "api.sandbox.push.apple.com"} {
		client, err := NewClient(Config{URL: url, Key: key})
		if err != nil || client.authority != authority {
			t.Errorf("%s: authority %q, %v", url, client.authority, err)
			continue
		}
		client.Close()
	}
}

func TestTopicOfAPushType(t *testing.T) {
	for pushType, want := range map[PushType]string{
		PushAlert: "com.example.app", PushBackground: "com.example.app", PushVoIP: "com.example.app.voip", PushToTalk: "com.example.app.voip-ptt",
		PushComplication: "com.example.app.complication", PushFileProvider: "com.example.app.pushkit.fileprovider", PushLocation: "com.example.app.location-query",
		PushLiveActivity: "com.example.app.push-type.liveactivity", PushWidgets: "com.example.app.push-type.widgets", PushControls: "com.example.app.push-type.controls",
	} {
		topic := pushType.Topic("com.example.app")
		if topic != want {
			t.Errorf("topic of %s is %s, want %s", pushType, topic, want)
		}
		if pushType != PushBackground && typeOf(topic) != pushType {
			t.Errorf("type of %s is %s, want %s", topic, typeOf(topic), pushType)
		}
		if bundleOf(topic) != "com.example.app" {
			t.Errorf("bundle of %s is %s", topic, bundleOf(topic))
		}
	}
}
