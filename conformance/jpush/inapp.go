package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora/simulator/iphone"
)

// inApp is a message for the app itself.
var inApp = object{"msg_content": "in the app 你好", "title": "t", "content_type": "text", "extras": object{"order": "7"}}

// handed opens the app, which fetches its messages, and compares what its
// delegate got with what was asked for.
func (t *trial) handed(p *phone, id string, want object) {
	if err := p.Open(p.bundleID); err != nil {
		t.fail("%v", err)
	}
	defer p.Home()
	var got iphone.Message
	_, err := p.see(t.ctx, func(st iphone.State) bool {
		s, _ := st.App(p.bundleID)
		i := slices.IndexFunc(s.Messages, func(m iphone.Message) bool { return m.MessageID == id && m.Via == iphone.ViaInApp })
		if i >= 0 {
			got = s.Messages[i]
		}
		return i >= 0
	})
	if err != nil {
		t.fail("message %s does not come to the app on the %s phone", id, p.environment)
	}
	t.same("title and text in the app", []any{got.Title, got.Body}, []any{want["title"], want["msg_content"]})
	t.same("what the app got", decode(t, got.Payload), object{"msg_id": id, "content": want["msg_content"], "title": want["title"], "content_type": want["content_type"], "extras": want["extras"]})
	for _, n := range p.State().NotificationCenter {
		if n.MessageID == id && n.Body == want["msg_content"] {
			t.fail("an in-app message is on the screen")
		}
	}
}

// activity lets the app start a live activity, and waits until Aurora has its
// token.
func (t *trial) activity(p *phone) iphone.Activity {
	if err := p.Open(p.bundleID); err != nil {
		t.fail("%v", err)
	}
	defer p.Home()
	if err := p.StartActivity(p.bundleID, iphone.SampleActivity, "", json.RawMessage(`{"score":"0:0"}`)); err != nil {
		t.fail("%v", err)
	}
	var a iphone.Activity
	if _, err := p.see(t.ctx, func(st iphone.State) bool {
		s, _ := st.App(p.bundleID)
		if len(st.Activities) > 0 {
			a = st.Activities[0]
		}
		return a.Token != "" && s.Synced
	}); err != nil {
		t.fail("the live activity gets no token")
	}
	return a
}

// activityWith waits for the activity with that id, or the newest for "", to have
// a state.
func (t *trial) activityWith(p *phone, id string, want object) (a iphone.Activity) {
	text, err := json.Marshal(want)
	if err != nil {
		t.fail("%v", err)
	}
	wanted := decode(t, text)
	if _, err := p.see(t.ctx, func(st iphone.State) bool {
		i := slices.IndexFunc(st.Activities, func(a iphone.Activity) bool { return id == "" || a.ID == id })
		if i < 0 {
			return false
		}
		a = st.Activities[i]
		return reflect.DeepEqual(decode(t, a.State), wanted)
	}); err != nil {
		t.fail("the live activity has the state %s; it must be %s", a.State, text)
	}
	return a
}

// after waits for the second after the activity's newest push.
func (t *trial) after(a iphone.Activity) {
	for time.Now().Unix() <= a.Timestamp {
		t.pause()
	}
}

// sentActivities are the pushes of live activities that the local APNs took for
// the app, the newest first.
func (t *trial) sentActivities(p *phone) (list []recorded) {
	all, err := t.at.pushes(t.ctx, "")
	if err != nil {
		t.fail("%v", err)
	}
	for _, r := range all {
		if strings.HasPrefix(r.Topic, p.bundleID+".") && r.Status == http.StatusOK {
			list = append(list, r)
		}
	}
	return list
}

// apiKey makes an API key of the app with one scope and returns its secret.
func (t *trial) apiKey(scope string) string {
	body, err := json.Marshal(object{"name": scope + " of " + t.client.name + " at " + time.Now().Format(time.TimeOnly), "scopes": []string{scope}})
	if err != nil {
		t.fail("%v", err)
	}
	request, err := http.NewRequestWithContext(t.ctx, http.MethodPost, t.at.url+"/v1/keys", bytes.NewReader(body))
	if err != nil {
		t.fail("%v", err)
	}
	request.SetBasicAuth(t.app.key, t.app.secret)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.fail("%v", err)
	}
	defer answer.Body.Close()
	var made struct {
		Secret string `json:"secret"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || made.Secret == "" {
		t.fail("POST /v1/keys answered %s, %v", answer.Status, err)
	}
	return made.Secret
}
