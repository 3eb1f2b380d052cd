package apns

import (
	"net/http"
	"strings"
	"testing"
)

// live returns a server with a phone that has the test app in both environments.
func live(t *testing.T, config Config) (s *Server, phone *handset, production, development string) {
	t.Helper()
	s = startServer(t, config)
	phone = connectPhone(t, s, "p1")
	return s, phone, phone.register(testBundle, Production, "i1"), phone.register(testBundle, Development, "i1")
}

func TestRefusals(t *testing.T) {
	s, phone, token, sandbox := live(t, Config{})
	other := phone.register("com.example.Other", Production, "i1")
	certificate := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{}))
	key := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))
	none := newProvider(t, s, Production, nil)
	single := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Production: true}))
	big := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }

	for _, test := range []struct {
		name   string
		from   *provider
		push   push
		status int
		reason string
	}{
		{"method before everything", none, push{method: "GET", path: "/3/device/"}, 405, "MethodNotAllowed"},
		{"path before credential", none, push{path: "/3/devices/00"}, 404, "BadPath"},
		{"no device token", certificate, push{path: "/3/device/"}, 400, "MissingDeviceToken"},
		{"repeated header", certificate, push{token: token, header: http.Header{"Apns-Priority": {"10", "10"}}}, 400, "DuplicateHeaders"},
		{"no credential", none, push{token: "zz"}, 403, "MissingProviderToken"},
		{"other scheme", none, push{token: token, header: header("authorization", "basic eDp5")}, 403, "MissingProviderToken"},
		{"no JWT", none, push{token: token, header: header("authorization", "bearer x.y.z")}, 403, "InvalidProviderToken"},
		{"id", certificate, push{token: token, header: header("apns-id", "0f9c1f5e2d1b4f6e8a10b36d8a2f5d11")}, 400, "BadMessageId"},
		{"no topic with several in the certificate", certificate, push{token: token, noTopic: true}, 400, "MissingTopic"},
		{"no topic with a provider token", key, push{token: token, noTopic: true}, 400, "MissingTopic"},
		{"topic of another app", certificate, push{token: token, header: header("apns-topic", "com.example.Other")}, 400, "TopicDisallowed"},
		{"push type", certificate, push{token: token, header: header("apns-push-type", "banner")}, 400, "InvalidPushType"},
		{"push type that no certificate covers", certificate, push{token: token, header: header("apns-push-type", "liveactivity")}, 400, "InvalidPushType"},
		{"push type without its suffix", certificate, push{token: token, header: header("apns-push-type", "voip")}, 400, "BadTopic"},
		{"suffix without its push type", certificate, push{token: token, header: header("apns-push-type", "alert", "apns-topic", testBundle+".voip")}, 400, "BadTopic"},
		{"priority", certificate, push{token: token, header: header("apns-priority", "7")}, 400, "BadPriority"},
		{"background at full priority", certificate, push{token: token, header: header("apns-push-type", "background", "apns-priority", "10")}, 400, "BadPriority"},
		{"expiration", certificate, push{token: token, header: header("apns-expiration", "tomorrow")}, 400, "BadExpirationDate"},
		{"collapse id of 65 bytes in fewer characters", certificate, push{token: token, header: header("apns-collapse-id", strings.Repeat("é", 32)+"x")}, 400, "BadCollapseId"},
		{"no payload", certificate, push{token: token, body: "none"}, 400, "PayloadEmpty"},
		{"no JSON", certificate, push{token: token, body: `{"aps":`}, 400, "PayloadEmpty"},
		{"payload of 4097 bytes", certificate, push{token: token, body: big(4097)}, 413, "PayloadTooLarge"},
		{"call of 5121 bytes", certificate, push{token: token, body: big(5121), header: header("apns-push-type", "voip", "apns-topic", testBundle+".voip")}, 413, "PayloadTooLarge"},
		{"payload beyond the stream window", certificate, push{token: token, body: big(300000)}, 413, "PayloadTooLarge"},
		{"token with an odd digit", certificate, push{token: token[1:]}, 400, "BadDeviceToken"},
		{"token that is no hexadecimal", certificate, push{token: "xy" + token[2:]}, 400, "BadDeviceToken"},
		{"unknown token", certificate, push{token: strings.Repeat("ab", 32)}, 400, "BadDeviceToken"},
		{"token of the other environment", certificate, push{token: sandbox}, 400, "BadDeviceToken"},
		{"token of another app", certificate, push{token: other}, 400, "DeviceTokenNotForTopic"},

		{"everything in order", certificate, push{token: token}, 200, ""},
		{"token in capitals", certificate, push{token: strings.ToUpper(token)}, 200, ""},
		{"topic from a certificate with one", single, push{token: token, noTopic: true}, 200, ""},
		{"provider token", key, push{token: token}, 200, ""},
		{"certificate beats authorization", certificate, push{token: token, header: header("authorization", "bearer nonsense")}, 200, ""},
		{"payload of 4096 bytes", certificate, push{token: token, body: big(4096)}, 200, ""},
		{"call of 5120 bytes", certificate, push{token: token, body: big(5120), header: header("apns-push-type", "voip", "apns-topic", testBundle+".voip")}, 200, ""},
		{"collapse id of 64 bytes", certificate, push{token: token, header: header("apns-collapse-id", strings.Repeat("é", 32))}, 200, ""},
		{"background", certificate, push{token: token, body: `{"aps":{"content-available":1}}`, header: header("apns-push-type", "background", "apns-priority", "5")}, 200, ""},
		{"live activity with a provider token", key, push{token: token, header: header("apns-push-type", "liveactivity", "apns-topic", testBundle+".push-type.liveactivity")}, 200, ""},
		{"expiration in the past", certificate, push{token: token, header: header("apns-expiration", "1")}, 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.from.push(t, test.push)
			if r.Status != test.status || r.Reason != test.reason {
				t.Fatalf("%d %s, want %d %s", r.Status, r.Reason, test.status, test.reason)
			}
			id := r.Header.Get("apns-id")
			if !validUUID(id) || test.push.header.Get("apns-id") == "" && id != strings.ToUpper(id) {
				t.Errorf("apns-id is %q, want a UUID in upper case", id)
			}
			if wants := map[bool]string{true: "", false: "application/json"}[test.status == 200]; r.Header.Get("content-type") != wants {
				t.Errorf("content-type is %q, want %q", r.Header.Get("content-type"), wants)
			}
		})
	}
	counters := s.Counters()
	if counters["received"] != counters["accepted"]+counters["rejected"] || counters["rejected.BadDeviceToken"] != 4 {
		t.Errorf("the counters do not add up: %v", counters)
	}
}

func TestUniqueIDInDevelopmentOnly(t *testing.T) {
	s, _, token, sandbox := live(t, Config{})
	credential := mustIssue(t, s, IssueRequest{})
	if r := newProvider(t, s, Development, credential).push(t, push{token: sandbox}); r.Status != 200 || !validUUID(r.Header.Get("apns-unique-id")) {
		t.Errorf("development: %+v", r)
	}
	if r := newProvider(t, s, Production, credential).push(t, push{token: token}); r.Status != 200 || r.Header.Get("apns-unique-id") != "" {
		t.Errorf("production: %+v", r)
	}
}

func TestAcceptAnyToken(t *testing.T) {
	s := startServer(t, Config{AcceptAnyToken: true})
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{}))
	if r := p.push(t, push{token: strings.Repeat("0a", 32)}); r.Status != 200 {
		t.Errorf("a token that nobody registered: %+v", r)
	}
	if r := p.push(t, push{token: "0a0"}); r.Status != 400 || r.Reason != "BadDeviceToken" {
		t.Errorf("a token that cannot be one: %+v", r)
	}
}

func TestDeviceRate(t *testing.T) {
	policy := DefaultPolicy()
	policy.DeviceRate = 2
	policy.DeviceRateWindow = Duration(1e18)
	s, phone, token, _ := live(t, Config{Policy: &policy})
	second := phone.register("com.example.Second", Production, "i1")
	p := newProvider(t, s, Production, mustIssue(t, s, IssueRequest{Key: true}))
	for i, want := range []int{200, 200, 429} {
		if r := p.push(t, push{token: token}); r.Status != want {
			t.Fatalf("push %d: %+v, want %d", i+1, r, want)
		}
	}
	if r := p.push(t, push{token: second, header: header("apns-topic", "com.example.Second")}); r.Status != 200 {
		t.Errorf("another device is held up too: %+v", r)
	}
}
