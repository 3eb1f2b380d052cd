package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/server"
)

// hookWorld is a world whose webhooks may go to this machine, and a server
// there that hands on what it gets.
func hookWorld(t *testing.T) (*world, string, <-chan *http.Request) {
	t.Helper()
	w := startWorld(t)
	w.restart(t, func(c *server.Config) { c.WebhookAllowPrivate = true })
	got := make(chan *http.Request, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		got <- r
		io.WriteString(rw, "thanks")
	}))
	t.Cleanup(receiver.Close)
	return w, receiver.URL + "/hook", got
}

type hookAnswer struct {
	ID      string
	URL     string
	Secret  string
	Events  []string
	Enabled bool
}

type deliveryAnswer struct {
	ID       int64
	Event    string
	State    string
	Status   int
	Answer   string
	Problem  string
	Attempts int
}

// From the push to the posts, by REST and real HTTP.
func TestWebhookEndToEnd(t *testing.T) {
	w, url, got := hookWorld(t)
	var made hookAnswer
	w.accepted(t, request{path: "/v1/webhooks", body: fmt.Sprintf(`{"url":%q,"description":"orders","events":["message.accepted","message.failed","message.received","message.opened","message.settled"]}`, url)}.as(w.app), &made)
	if !strings.HasPrefix(made.Secret, "whsec_") || !made.Enabled || len(made.Events) != 5 {
		t.Errorf("%+v", made)
	}
	reached := w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"production"}`, token(1)))
	w.register(t, w.app, "") // without a token
	p := w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"Hello"}}`)
	w.settled(t, w.app, p.MessageID)
	w.accepted(t, request{path: "/v1/devices/" + reached.id + "/receipts", user: reached.id, password: reached.secret, body: fmt.Sprintf(`{"receipts":[{"msg_id":%q,"event":"opened"}]}`, p.MessageID)}, nil)
	kinds := map[string]int{}
	for len(kinds) < 5 {
		select {
		case r := <-got:
			var body struct {
				Type string
				Data struct {
					MessageID       string   `json:"msg_id"`
					RegistrationIDs []string `json:"registration_ids"`
					Reason          string
				}
			}
			check(t, json.NewDecoder(r.Body).Decode(&body))
			kinds[body.Type]++
			if body.Data.MessageID != p.MessageID || r.Header.Get("webhook-signature") == "" || body.Type == "message.opened" && body.Data.RegistrationIDs[0] != reached.id || body.Type == "message.failed" && body.Data.Reason != "NoToken" {
				t.Errorf("%+v", body)
			}
		case <-time.After(patience):
			t.Fatalf("only %v came", kinds)
		}
	}
	var log struct{ Deliveries []deliveryAnswer }
	for end := time.Now().Add(patience); len(log.Deliveries) < 5 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		w.accepted(t, request{path: "/v1/webhooks/" + made.ID + "/deliveries?state=delivered"}.as(w.app), &log)
	}
	for _, d := range log.Deliveries {
		if d.Status != 200 || d.Answer != "thanks" || d.Attempts != 1 || d.State != "delivered" {
			t.Errorf("%+v", d)
		}
	}
	var replayed struct{ Deliveries int }
	w.accepted(t, request{path: "/v1/webhooks/" + made.ID + "/replay", body: `{"from":"2020-01-01T00:00:00Z"}`}.as(w.app), &replayed)
	if replayed.Deliveries != len(log.Deliveries) {
		t.Errorf("%d of %d are replayed", replayed.Deliveries, len(log.Deliveries))
	}
	var tested deliveryAnswer
	w.accepted(t, request{path: "/v1/webhooks/" + made.ID + "/test", method: "POST"}.as(w.app), &tested)
	if tested.State != "delivered" || tested.Event != "webhook.test" || tested.Answer != "thanks" {
		t.Errorf("%+v", tested)
	}
}

func TestWebhookManagement(t *testing.T) {
	w, url, _ := hookWorld(t)
	mine := func(method, path, body string) request {
		return request{method: method, path: "/v1/webhooks" + path, body: body}.as(w.app)
	}
	for _, body := range []string{"", `[]`, `{}`, `{"url":7}`, `{"url":"ftp://example.com"}`, `{"url":"https://u:p@example.com"}`, `{"url":"https://example.com","events":["everything"]}`,
		`{"url":"https://example.com","events":"message.opened"}`, `{"url":"https://example.com","description":"a\nb"}`, `{"url":"https://example.com","enabled":"perhaps"}`} {
		w.refused(t, mine("POST", "", body), 400, 9002)
	}
	var made hookAnswer
	w.accepted(t, mine("POST", "", fmt.Sprintf(`{"url":%q}`, url)), &made)
	if len(made.Events) != len(aurora.EventKinds)-1 {
		t.Errorf("%q", made.Events)
	}
	for _, path := range []string{"/wh_none", "/" + made.ID + "x"} {
		w.refused(t, mine("GET", path, ""), 404, 9005)
		w.refused(t, mine("PATCH", path, `{"enabled":false}`), 404, 9005)
		w.refused(t, mine("DELETE", path, ""), 404, 9005)
		w.refused(t, mine("POST", path+"/test", ""), 404, 9005)
		w.refused(t, mine("POST", path+"/rotate", ""), 404, 9005)
		w.refused(t, mine("POST", path+"/replay", `{"from":"2020-01-01T00:00:00Z"}`), 404, 9005)
		w.refused(t, mine("GET", path+"/deliveries", ""), 404, 9005)
	}
	w.refused(t, request{path: "/v1/webhooks/" + made.ID}.as(w.other), 404, 9005) // another app's
	w.refused(t, mine("GET", "/"+made.ID+"/deliveries?state=lost", ""), 400, 9002)
	w.refused(t, mine("GET", "/"+made.ID+"/deliveries?limit=0", ""), 400, 9002)
	w.refused(t, mine("POST", "/"+made.ID+"/rotate", `{"overlap_seconds":2592000}`), 400, 9002)
	w.refused(t, mine("POST", "/"+made.ID+"/replay", `{}`), 400, 9002)
	w.refused(t, mine("POST", "/"+made.ID+"/replay", `{"delivery":12345}`), 404, 9005)
	var changed hookAnswer
	w.accepted(t, mine("PATCH", "/"+made.ID, `{"enabled":false,"events":["message.opened"]}`), &changed)
	if changed.Enabled || len(changed.Events) != 1 || changed.URL != url || changed.Secret != "" {
		t.Errorf("%+v", changed)
	}
	w.refused(t, mine("POST", "/"+made.ID+"/replay", `{"from":"2020-01-01T00:00:00Z"}`), 400, 9002)
	for range 9 {
		w.accepted(t, mine("POST", "", fmt.Sprintf(`{"url":%q}`, url)), nil)
	}
	w.refused(t, mine("POST", "", fmt.Sprintf(`{"url":%q}`, url)), 400, 9006)
	w.accepted(t, mine("DELETE", "/"+made.ID, ""), nil)
	var list struct{ Webhooks []hookAnswer }
	w.accepted(t, mine("GET", "", ""), &list)
	if len(list.Webhooks) != 9 {
		t.Errorf("%d webhooks", len(list.Webhooks))
	}
	// Without the flag the same address is refused, at once and when posted to.
	w.restart(t, func(c *server.Config) { c.WebhookAllowPrivate = false })
	w.refused(t, mine("POST", "", fmt.Sprintf(`{"url":%q}`, url)), 400, 9002)
	var tested deliveryAnswer
	w.accepted(t, mine("POST", "/"+list.Webhooks[0].ID+"/test", ""), &tested)
	if tested.State != "failed" || !strings.Contains(tested.Problem, "--webhook-allow-private") {
		t.Errorf("%+v", tested)
	}
}

// The event stream over a real connection: it begins, beats, resumes, ends with
// the server, and its readers are counted.
func TestEventStream(t *testing.T) {
	w := startWorld(t, api.Limits{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	open := func(after string) (*http.Response, *bufio.Scanner) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, "GET", w.url+"/v1/events?events=message.settled", nil)
		check(t, err)
		req.SetBasicAuth(w.app.Key, w.app.MasterSecret.Reveal())
		if after != "" {
			req.Header.Set("Last-Event-ID", after)
		}
		resp, err := http.DefaultClient.Do(req)
		check(t, err)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%d %v", resp.StatusCode, resp.Header)
		}
		lines := bufio.NewScanner(resp.Body)
		if !lines.Scan() || lines.Text() != "retry: 2000" {
			t.Fatalf("began with %q", lines.Text())
		}
		return resp, lines
	}
	next := func(lines *bufio.Scanner) (id, data string) {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = text
			}
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return id, text
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return "", ""
	}
	push := func() string {
		w.register(t, w.app, "")
		return w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"Hello"}}`).MessageID
	}
	resp, lines := open("")
	first := push()
	id, data := next(lines)
	if !strings.Contains(data, first) || !strings.Contains(data, `"type":"message.settled"`) {
		t.Errorf("%s", data)
	}
	check(t, resp.Body.Close())
	second := push()
	resp, lines = open(id)
	if _, data = next(lines); !strings.Contains(data, second) {
		t.Errorf("it did not go on from where it was: %s", data)
	}
	w.refused(t, request{path: "/v1/events?events=everything"}.as(w.app), 400, 9002)
	w.refused(t, request{path: "/v1/events", header: http.Header{"Last-Event-ID": {"?"}}}.as(w.app), 400, 9002)
	_, secret := w.newKey(t, `{"name":"n","scopes":["webhooks"]}`)
	w.refused(t, request{path: "/v1/events", user: w.app.Key, password: secret}, 403, 9003)
	for range 9 {
		open("")
	}
	w.refused(t, request{path: "/v1/events"}.as(w.app), 429, 2002)
	w.restart(t, func(*server.Config) {}) // a stopping server does not wait for its readers
	for lines.Scan() {
	}
	check(t, resp.Body.Close())
}
