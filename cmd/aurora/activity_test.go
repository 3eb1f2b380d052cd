package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/simulator/iphone"
)

// TestActivitiesAndCalls: a live activity is started, updated and ended, and a
// call comes in, by REST calls, through the local APNs, on the phone.
func TestActivitiesAndCalls(t *testing.T) {
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	d, err := startDemo(ctx, "127.0.0.1:0", t.TempDir(), func(*demo) (http.Handler, error) { return nil, nil }, slog.New(slog.DiscardHandler))
	check(err)
	t.Cleanup(func() { check(d.stop()) })
	_, err = d.issue(ctx, true, false)
	check(err)
	phone, err := d.newPhone("phone", "iPhone", iphone.AutoAllow)
	check(err)
	s := &script{ctx: ctx, out: io.Discard, demo: d, env: aurora.Development, phone: phone}
	check(d.install(phone, s.env))
	build := iphone.DefaultBuild()
	build.LiveActivities, build.VoIP = true, true
	check(phone.Update(d.app.BundleID, build))
	phone.Start()
	check(phone.Open(d.app.BundleID))
	see := func(what string, ok func(iphone.State) bool) iphone.State {
		t.Helper()
		st, err := s.see(what, ok)
		check(err)
		return st
	}
	see("the tokens at Aurora", func(st iphone.State) bool {
		a := s.on(st)
		return a.Token != "" && a.ActivityToken != "" && a.VoIPToken != "" && a.Synced
	})
	push := func(body string) string {
		t.Helper()
		var answer struct {
			ID string `json:"msg_id"`
		}
		check(s.call(http.MethodPost, d.server.URL()+"/v3/push", []byte(body), &answer))
		return answer.ID
	}
	settled := func(id string) (r struct {
		State                      string
		Targeted, Accepted, Failed int
		FailedBy                   []struct{ Reason string } `json:"failed_by"`
		VoIP                       *struct{ Targeted, Accepted, Failed int }
	}) {
		t.Helper()
		for range 500 {
			check(s.call(http.MethodGet, d.server.URL()+"/v1/messages/"+id, nil, &r))
			if r.State == "done" {
				return r
			}
			check(sleep(ctx, 20*time.Millisecond))
		}
		t.Fatalf("message %s does not settle: %+v", id, r)
		return r
	}
	mine := fmt.Sprintf(`"platform":"all","options":{"apns_production":false},"audience":{"registration_id":[%q]}`, s.app.RegistrationID)
	start := `{` + mine + `,"live_activity":{"ios":{"event":"start","attributes-type":"Match","attributes":{"id":"match-7"},"content-state":{"score":0},"alert":{"title":"Kick-off","body":"A – B"}}}}`

	// A certificate cannot send live activities; notifications go on.
	if r := settled(push(start)); r.Failed != 1 || r.FailedBy[0].Reason != aurora.ReasonNeedsKey {
		t.Errorf("with a certificate: %+v", r)
	}
	if r := settled(push(`{` + mine + `,"notification":{"alert":"hi"}}`)); r.Accepted != 1 {
		t.Errorf("a notification after that: %+v", r)
	}
	made, err := d.apns.Issue(localapns.IssueRequest{Key: true, BundleID: d.app.BundleID})
	check(err)
	_, err = d.server.Accounts.StoreCredential(ctx, d.app, account.Upload{File: made.P8, KeyID: made.KeyID, TeamID: made.TeamID})
	check(err)

	if r := settled(push(start)); r.Accepted != 1 {
		t.Fatalf("start: %+v", r)
	}
	score := func(st iphone.State) string {
		if len(st.Activities) == 0 {
			return ""
		}
		return string(st.Activities[0].State)
	}
	see("the activity and its token at Aurora", func(st iphone.State) bool {
		return score(st) == `{"score":0}` && st.Activities[0].Token != "" && s.on(st).Synced
	})
	running := func(event, rest string) string {
		return `{"platform":["ios"],"options":{"apns_production":false},"audience":{"live_activity_id":"match-7"},"live_activity":{"ios":{"event":"` + event + `","content-state":` + rest + `}}}`
	}
	check(sleep(ctx, 1100*time.Millisecond)) // a device takes what has a newer timestamp, in seconds
	if r := settled(push(running("update", `{"score":1},"apns-priority":5`))); r.Accepted != 1 {
		t.Errorf("update: %+v", r)
	}
	see("the update", func(st iphone.State) bool { return score(st) == `{"score":1}` })
	check(sleep(ctx, 1100*time.Millisecond))
	if r := settled(push(running("end", `{"score":2}`))); r.Accepted != 1 {
		t.Errorf("end: %+v", r)
	}
	see("the end, and no token at Aurora", func(st iphone.State) bool {
		return score(st) == `{"score":2}` && st.Activities[0].Ended && s.on(st).Synced
	})
	var refused struct{ ID string }
	if err := s.call(http.MethodPost, d.server.URL()+"/v3/push", []byte(running("update", `{"score":3}`)), &refused); err == nil {
		t.Error("an activity that ended is still an audience")
	}

	id := push(`{` + mine + `,"notification":{"ios":{"alert":"You missed a call"},"voip":{"caller":"Ann","room":{"n":7}}}}`)
	st := see("the call and the notification", func(st iphone.State) bool { return len(st.Calls) == 1 && s.received(st, id, iphone.ViaForeground) })
	if st.Calls[0].Caller != "Ann" || st.Calls[0].MessageID != id {
		t.Errorf("the call is %+v", st.Calls[0])
	}
	if r := settled(id); r.Accepted != 1 || r.VoIP == nil || r.VoIP.Accepted != 1 {
		t.Errorf("the call: %+v %+v", r, r.VoIP)
	}
	alone := push(`{` + mine + `,"notification":{"voip":{"caller":"Bob"}}}`)
	see("a call alone", func(st iphone.State) bool { return len(st.Calls) == 2 && st.Calls[0].Caller == "Bob" })
	if r := settled(alone); r.Targeted != 0 || r.VoIP.Accepted != 1 {
		t.Errorf("a call alone: %+v %+v", r, r.VoIP)
	}
	var detail []json.RawMessage
	check(s.call(http.MethodGet, d.server.URL()+"/v3/messages/detail?msg_ids="+id, nil, &detail))
	if want := `"voip":{"sent":1,"target":1}`; len(detail) != 1 || !strings.Contains(string(detail[0]), want) {
		t.Errorf("the detail is %s", detail)
	}
}
