package main

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// testCase is one situation. Its name is a row of the table.
type testCase struct {
	name string
	run  func(*trial)
}

var cases = []testCase{
	{"certificate, accepted", certificateAccepted},
	{"token, accepted", tokenAccepted},
	{"development", developmentAccepted},
	{"BadDeviceToken", badDeviceToken},
	{"Unregistered", unregistered},
	{"PayloadTooLarge", payloadTooLarge},
	{"TopicDisallowed", topicDisallowed},
	{"BadTopic", badTopic},
	{"wrong environment", wrongEnvironment},
	{"expired certificate", expiredCertificate},
	{"InvalidProviderToken", invalidProviderToken},
	{"ExpiredProviderToken", expiredProviderToken},
	{"… once, then good", expiredOnce},
	{"1,000 pushes, token", thousand},
	{"300 pushes, 20 streams", fewStreams},
	{"GOAWAY in a run", goAway},
	{"GOAWAY, some unread", goAwayUnread},
}

func certificateAccepted(t *trial) {
	phone, token := t.phone("production")
	p := t.alert(token)
	p.priority, p.collapse, p.expiration = 5, "order-17", time.Now().Add(time.Hour).Unix()
	r := t.send(t.certificate(""), true, p)
	t.accepted(r[0], p, phone)
}

func tokenAccepted(t *trial) {
	phone, token := t.phone("production")
	p := t.alert(token)
	r := t.send(t.key(), true, p)
	t.accepted(r[0], p, phone)
}

// developmentAccepted uses a certificate for development only, at the development gateway.
func developmentAccepted(t *trial) {
	phone, token := t.phone("development")
	p := t.alert(token)
	r := t.send(t.certificate("development"), false, p)
	n := t.accepted(r[0], p, phone)
	if r[0].unique == "" {
		t.note("does not report the apns-unique-id")
		return
	}
	t.check(strings.EqualFold(r[0].unique, n.UniqueID), "the client reported apns-unique-id %s, recorded is %s", r[0].unique, n.UniqueID)
}

func badDeviceToken(t *trial) {
	p := t.alert(strings.Repeat("00ab", 15) + "beef")
	r := t.send(t.key(), true, p)
	t.refused(r[0], p, 400, "BadDeviceToken")
}

// unregistered removes the app. The phone tells the gateway at the next push,
// which is still accepted; the one after it is refused with the moment of the report.
func unregistered(t *trial) {
	phone, token := t.phone("production")
	t.must(phone.uninstall(t.topic, "production"))
	key := t.key()
	first, second := t.alert(token), t.alert(token)
	r := t.send(key, true, first)
	t.check(r[0].status == 200, "expected 200 for the push that finds out, the client said %s", r[0])
	var learned time.Time
	for end := time.Now().Add(5 * time.Second); learned.IsZero() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		learned, err = t.gateway.gone(token)
		t.must(err)
	}
	r = t.send(key, true, second)
	t.refused(r[0], second, 410, "Unregistered")
	switch difference := r[0].timestamp - learned.UnixMilli(); {
	case r[0].status != 410:
	case r[0].timestamp == 0:
		t.note("does not report the timestamp")
	case difference != 0 && difference > -1000 && difference < 1000:
		t.note("reports the timestamp in whole seconds")
	default:
		t.check(difference == 0, "the timestamp is %d, recorded is %d", r[0].timestamp, learned.UnixMilli())
	}
}

func payloadTooLarge(t *trial) {
	_, token := t.phone("production")
	p := t.alert(token)
	const head, tail = `{"aps":{"alert":"`, `"}}`
	p.payload = head + strings.Repeat("x", 4097-len(head)-len(tail)) + tail
	r := t.send(t.key(), true, p)
	t.refused(r[0], p, 413, "PayloadTooLarge")
}

func topicDisallowed(t *trial) {
	_, token := t.phone("production")
	certificate := t.certificate("")
	p := t.alert(token)
	p.topic += ".other"
	r := t.send(certificate, true, p)
	t.refused(r[0], p, 400, "TopicDisallowed")
}

func badTopic(t *trial) {
	_, token := t.phone("production")
	p := t.alert(token)
	p.topic += ".voip" // belongs to another push type than alert
	r := t.send(t.key(), true, p)
	t.refused(r[0], p, 400, "BadTopic")
}

// wrongEnvironment shows a certificate for development to production, which
// ends the connection with GOAWAY and its reason. How a client says so is its
// own affair; it must not say that the push was accepted, and not knock for ever.
func wrongEnvironment(t *trial) {
	_, token := t.phone("production")
	t.patience = 8 * time.Second
	r := t.send(t.certificate("development"), true, t.alert(token))
	t.check(r[0].status != 200, "the client says the push was accepted")
	t.check(strings.Contains(r[0].String(), "BadCertificateEnvironment"), "the reason is lost: %s", r[0])
	// The driver asks twice if it got no answer.
	t.check(t.happened("connections") <= 2, "%d connections for one push", t.happened("connections"))
	list, err := t.gateway.notifications(token)
	t.must(err)
	t.check(len(list) == 0, "%d pushes are recorded", len(list))
}

func expiredCertificate(t *trial) {
	_, token := t.phone("production")
	var made struct {
		P12 string `json:"p12"`
	}
	t.must(t.gateway.call("POST", "/v1/issue", map[string]any{
		"bundle_id": t.topic, "production": true, "legacy": t.client.legacy, "password": "secret", "not_after": time.Now().Add(-24 * time.Hour).UTC().Format(time.RFC3339),
	}, &made))
	data, err := base64.StdEncoding.DecodeString(made.P12)
	t.must(err)
	c := credential{p12: filepath.Join(t.dir, rand.Text()+".p12"), password: "secret"}
	t.must(os.WriteFile(c.p12, data, 0o600))
	t.patience = 20 * time.Second
	r := t.send(c, true, t.alert(token))
	t.check(r[0].status == 0, "expected a failed handshake, the client said %s", r[0])
	t.check(strings.Contains(strings.ToLower(r[0].failure), "expired"), "the cause is lost: %s", r[0])
}

func invalidProviderToken(t *trial) {
	_, token := t.phone("production")
	key := t.key()
	key.keyID = "NOSUCHKEY1"
	p := t.alert(token)
	r := t.send(key, true, p)
	t.refused(r[0], p, 403, "InvalidProviderToken")
}

// expiredProviderToken puts the gateway's clock two hours ahead, so that every
// token the client makes is too old.
func expiredProviderToken(t *trial) {
	_, token := t.phone("production")
	t.must(t.gateway.call("POST", "/v1/clock", map[string]any{"jump": "2h"}, nil))
	t.patience = 8 * time.Second
	p := t.alert(token)
	r := t.send(t.key(), true, p)
	t.refused(r[0], p, 403, "ExpiredProviderToken")
	t.check(t.happened("rejected.ExpiredProviderToken") <= 10, "the client asked %d times", t.happened("rejected.ExpiredProviderToken"))
	if n := t.happened("rejected.ExpiredProviderToken"); n > 1 {
		t.note("asked %d times on %d connections", n, t.happened("connections"))
	}
}

// expiredOnce refuses only the first attempt. A client may report the refusal
// or mend itself; both are correct. The script refuses a token that is in truth
// fresh, so the next one comes sooner than the gateway allows otherwise.
func expiredOnce(t *trial) {
	_, token := t.phone("production")
	t.must(t.gateway.call("POST", "/v1/policy", map[string]any{"token_update_interval": "0s"}, nil))
	t.must(t.gateway.call("POST", "/v1/faults", map[string]any{"token": token, "count": 1, "status": 403, "reason": "ExpiredProviderToken"}, nil))
	t.patience = 8 * time.Second
	r := t.send(t.key(), true, t.alert(token))
	t.check(r[0].status == 200 || r[0].status == 403, "expected 403 or a repeat with 200, the client said %s", r[0])
	t.note("%s", map[bool]string{true: "repeats with a new token", false: "reports the refusal"}[r[0].status == 200])
}
