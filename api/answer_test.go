package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestPathsNeverRedirect covers T1–T4 of spec/rest-api.md §2.1; the client of
// these tests fails on any redirection.
func TestPathsNeverRedirect(t *testing.T) {
	w := startWorld(t)
	p := w.register(t, w.app, `{"tags":{"set":["vip"]}}`)
	for _, path := range []string{"/v3/push/validate", "/v3/push/validate/", "/v3//push/validate", "//v3///push//validate//", "/v3/%70ush/validate"} {
		w.accepted(t, request{path: path, body: goodPush}.as(w.app), &pushAnswer{})
	}
	for _, path := range []string{"/v3/push/", "/v3//push", "//v3/push"} {
		w.accepted(t, request{path: path, body: goodPush}.as(w.app), &pushAnswer{})
	}
	for _, path := range []string{"/v3/push/cid", "/v3//push/cid/?count=2&type=push", "/v3/push/cid/?count=2&type=schedule"} {
		w.accepted(t, request{path: path}.as(w.app), nil)
	}
	for _, path := range []string{"/v3//received?msg_ids=1,+2", "/v3/received/?msg_ids=1%2C2", "/v3/received?msg_ids=1,%202,,", "/v3/report/received?msg_ids=+1,2+"} {
		var items []struct {
			ID string `json:"msg_id"`
		}
		w.accepted(t, request{path: path}.as(w.app), &items)
		if len(items) != 2 || items[0].ID != "1" || items[1].ID != "2" {
			t.Errorf("%s: %+v", path, items)
		}
	}
	for _, path := range []string{"/v1//devices//" + p.id, "/v1/devices/" + p.id + "/"} {
		w.accepted(t, request{path: path, user: p.id, password: p.secret}, nil)
	}
	w.accepted(t, request{path: "/v1/devices//" + p.id + "//receipts/", user: p.id, password: p.secret, body: `{"receipts":[]}`}, nil)
	w.refused(t, request{path: "/v1/messages/1+2"}.as(w.app), 400, 3002) // in a path a plus is a plus
}

// TestRequestForms: any content type, chunked bodies, and any case of the
// scheme's name are taken (T8–T10).
func TestRequestForms(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"tags":{"set":["vip"]}}`)
	for _, contentType := range []string{"", "application/json", "application/json;charset:utf-8", "application/json; charset=utf-8", "text/plain; charset=utf-8", "application/x-www-form-urlencoded"} {
		w.accepted(t, request{path: "/v3/push/validate", body: goodPush, header: http.Header{"Content-Type": {contentType}, "Accept": {"text/html"}, "Connection": {"Upgrade, HTTP2-Settings"}}}.as(w.app), &pushAnswer{})
	}
	r, err := http.NewRequest("POST", w.url+"/v3/push/validate", io.MultiReader(strings.NewReader(goodPush[:20]), strings.NewReader(goodPush[20:])))
	check(t, err)
	r.ContentLength = -1
	r.SetBasicAuth(w.app.Key, w.app.MasterSecret.Reveal())
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Basic", "bAsIc", 1))
	resp, err := w.http.Do(r)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a chunked body was answered %s", resp.Status)
	}
}

// TestStrictAnswers: official clients count the members (spec/rest-api.md §7.1.2).
func TestStrictAnswers(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"tags":{"set":["vip"]}}`)
	for _, path := range []string{"/v3/push", "/v3/push/validate"} {
		a := w.call(t, request{path: path, body: set(goodPush, "options.sendno", "7")}.as(w.app))
		if !regexp.MustCompile(`^\{"sendno":"7","msg_id":"[1-9][0-9]{9,15}"\}$`).Match(a.body) {
			t.Errorf("%s: %s", path, a.body)
		}
		var made pushAnswer
		w.accepted(t, request{path: path, body: goodPush}.as(w.app), &made)
		if n, err := strconv.ParseInt(made.SendNo, 10, 32); err != nil || n < 1 { // JV3 reads it into an int
			t.Errorf("%s: generated sendno %q", path, made.SendNo)
		}
	}
	a := w.call(t, request{path: "/v3/push/cid"}.as(w.app))
	if !regexp.MustCompile(`^\{"cidlist":\["` + w.app.Key + `-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"\]\}$`).Match(a.body) {
		t.Errorf("cid: %s", a.body)
	}
	a = w.call(t, request{path: "/v3/received?msg_ids=123456789"}.as(w.app))
	if string(a.body) != `[{"msg_id":"123456789","android_received":null,"ios_apns_sent":null,"ios_apns_received":null,"ios_msg_received":null,"wp_mpns_sent":null}]` {
		t.Errorf("received of an unknown id: %s", a.body)
	}
	a = w.call(t, request{path: "/v3/received?msg_ids=38280845540235675"}.as(w.app)) // as JPush numbered its messages
	if string(a.body) != `[{"msg_id":"38280845540235675","android_received":null,"ios_apns_sent":null,"ios_apns_received":null,"ios_msg_received":null,"wp_mpns_sent":null}]` {
		t.Errorf("received of an id of JPush's: %s", a.body)
	}
	w.exactly(t, request{path: "/v3/status/message", body: `{"msg_id":38280845540235675,"registration_ids":["1a0018970a000000000"]}`}.as(w.app), `{"1a0018970a000000000":{"status":2}}`)
}

// TestValidateSendsNothing: the dry run makes no message and uses up no cid.
func TestValidateSendsNothing(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"development","tags":{"set":["vip"]}}`)
	before := w.everything(t)
	cid := quoted(w.app.Key + "-01234567-89ab-4cde-8f01-23456789abcd")
	var dry pushAnswer
	w.accepted(t, request{path: "/v3/push/validate", body: set(goodPush, "cid", cid)}.as(w.app), &dry)
	if after := w.everything(t); after != before {
		t.Errorf("a validated push left something behind:\n%s", after)
	}
	real := w.push(t, w.app, set(goodPush, "cid", cid))
	if r := w.settled(t, w.app, real.MessageID); r.Accepted != 1 || real.MessageID == dry.MessageID {
		t.Errorf("the push after its validation: %+v", r)
	}
}

// TestCID: repeating a push by its cid delivers once and gives the first answer.
func TestCID(t *testing.T) {
	w := startWorld(t)
	p := w.register(t, w.app, `{"token":"`+token(0)+`","environment":"development","tags":{"set":["vip"]}}`)
	var cids struct{ CIDList []string }
	w.accepted(t, request{path: "/v3/push/cid?count=3"}.as(w.app), &cids)
	body := set(goodPush, "cid", quoted(cids.CIDList[0]))

	// Failures are not stored: the same cid works once somebody can be reached.
	w.refused(t, request{path: "/v3/push", body: set(body, "audience", `{"alias":["mia"]}`)}.as(w.app), 400, 1011)
	first := w.push(t, w.app, body)
	w.settled(t, w.app, first.MessageID)
	for _, again := range []string{body, set(body, "notification.alert", `"another text"`), set(body, "options.sendno", "99")} {
		if got := w.push(t, w.app, again); got != first {
			t.Errorf("repeated: %+v, first %+v", got, first)
		}
	}
	// A retry after the device has changed is still a retry.
	w.accepted(t, request{method: "PATCH", path: "/v1/devices/" + p.id, user: p.id, password: p.secret, body: `{"tags":{"set":[]}}`}, nil)
	if got := w.push(t, w.app, body); got != first {
		t.Errorf("repeated when the audience had become empty: %+v, first %+v", got, first)
	}
	if _, n := w.reached(first.MessageID); n != 1 {
		t.Errorf("%d notifications", n)
	}
}

// TestConcurrentCID: of many equal pushes at once one is delivered, and all
// get its answer.
func TestConcurrentCID(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"development","tags":{"set":["vip"]},"badge":0}`)
	body := set(set(goodPush, "cid", quoted(w.app.Key+"-01234567-89ab-4cde-8f01-23456789abcd")), "notification.ios", `{"badge":"+1"}`)
	answers := make([]pushAnswer, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			a := w.call(t, request{path: "/v3/push", body: body}.as(w.app))
			if err := json.Unmarshal(a.body, &answers[i]); err != nil || a.status != http.StatusOK {
				t.Errorf("answered %d: %s", a.status, a.body)
			}
		})
	}
	all.Wait()
	for _, a := range answers {
		if a != answers[0] || a.MessageID == "" {
			t.Errorf("different answers: %+v and %+v", answers[0], a)
		}
	}
	w.settled(t, w.app, answers[0].MessageID)
	if _, n := w.reached(answers[0].MessageID); n != 1 {
		t.Errorf("%d notifications", n)
	}
	next := w.push(t, w.app, set(set(goodPush, "notification.ios", `{"badge":"+1"}`), "audience", `"all"`))
	w.settled(t, w.app, next.MessageID)
	if sent := w.apns.Notifications(1); !strings.Contains(string(sent[0].Payload), `"badge":2`) {
		t.Errorf("the repeats counted the badge: %s", sent[0].Payload)
	}
}

// TestReceipts: reports count once, only for the devices that were meant.
func TestReceipts(t *testing.T) {
	w := startWorld(t)
	p := w.register(t, w.app, `{"token":"`+token(0)+`","environment":"development","tags":{"set":["vip"]}}`)
	q := w.register(t, w.app, `{"token":"`+token(1)+`","environment":"development"}`)
	sent := w.push(t, w.app, goodPush)
	theirs := w.push(t, w.other, fmt.Sprintf(`{"platform":"all","audience":{"registration_id":[%q]},"notification":{"alert":"x"}}`, w.register(t, w.other, "").id))
	w.settled(t, w.app, sent.MessageID)
	report := func(who phone, id, event string) {
		t.Helper()
		w.accepted(t, request{path: "/v1/devices/" + who.id + "/receipts", user: who.id, password: who.secret, body: fmt.Sprintf(`{"receipts":[{"msg_id":%s,"event":%q,"at":"2026-11-23T12:00:00.5+08:00"}]}`, id, event)}, nil)
	}
	counts := func(want string) {
		t.Helper()
		a := w.call(t, request{path: "/v1/messages/" + sent.MessageID}.as(w.app))
		var got struct{ Targeted, Accepted, Received, Opened int }
		check(t, json.Unmarshal(a.body, &got))
		if s := fmt.Sprint(got.Targeted, got.Accepted, got.Received, got.Opened); s != want {
			t.Errorf("targeted, accepted, received, opened are %s, want %s", s, want)
		}
	}
	counts("1 1 0 0")
	for range 2 {
		report(p, sent.MessageID, "received") // a number, as in the payload
	}
	counts("1 1 1 0")
	report(p, quoted(sent.MessageID), "opened")
	counts("1 1 1 1")
	report(q, sent.MessageID, "opened") // was not meant
	report(p, theirs.MessageID, "opened")
	report(p, "12345", "opened")
	counts("1 1 1 1")
	a := w.call(t, request{path: "/v3/received?msg_ids=" + theirs.MessageID + "," + sent.MessageID}.as(w.app))
	want := fmt.Sprintf(`[{"msg_id":%q,"android_received":null,"ios_apns_sent":null,"ios_apns_received":null,"ios_msg_received":null,"wp_mpns_sent":null},{"msg_id":%q,"android_received":null,"ios_apns_sent":1,"ios_apns_received":1,"ios_msg_received":null,"wp_mpns_sent":null}]`, theirs.MessageID, sent.MessageID)
	if string(a.body) != want {
		t.Errorf("received: %s\nwant %s", a.body, want)
	}
}

// TestRegisteringIsIdempotent: an installation that repeats its first request
// keeps its registration id, even if it does so many times at once.
func TestRegisteringIsIdempotent(t *testing.T) {
	w := startWorld(t)
	body := fmt.Sprintf(`{"app_key":%q,"install_id":"one-install","secret":"%032d","platform":"ios","app_version":"1.0"}`, w.app.Key, 1)
	answers := make([]string, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = string(w.call(t, request{path: "/v1/devices", body: body}).body) })
	}
	all.Wait()
	for _, a := range answers {
		if a != answers[0] || !regexp.MustCompile(`^\{"registration_id":"[0-9a-f]{19}"\}$`).MatchString(a) {
			t.Errorf("%s and %s", answers[0], a)
		}
	}
	// The same installation of another app is another device.
	if other := w.call(t, request{path: "/v1/devices", body: strings.Replace(body, w.app.Key, w.other.Key, 1)}); string(other.body) == answers[0] || other.status != http.StatusOK {
		t.Errorf("the other app: %d %s", other.status, other.body)
	}
}

// TestTokenMoves: the token of a reinstalled app leaves its old registration,
// so that nobody gets a message twice.
func TestTokenMoves(t *testing.T) {
	w := startWorld(t)
	attributes := `{"token":"` + token(0) + `","environment":"development"}`
	old := w.register(t, w.app, attributes)
	w.register(t, w.app, attributes)
	var me struct{ Token, Environment string }
	w.accepted(t, request{path: "/v1/devices/" + old.id, user: old.id, password: old.secret}, &me)
	if me.Token != "" || me.Environment != "" {
		t.Errorf("the old registration still has %+v", me)
	}
	p := w.push(t, w.app, set(goodPush, "audience", `"all"`))
	w.settled(t, w.app, p.MessageID)
	if _, n := w.reached(p.MessageID); n != 1 {
		t.Errorf("%d notifications for one phone", n)
	}
}
