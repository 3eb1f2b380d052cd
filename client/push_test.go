package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aurora-push/aurora/client"
)

func TestPushAndReport(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	r, err := c.Push(t.Context(), client.Push{
		Audience: client.Audience{RegistrationID: []string{w.device}},
		Notification: &client.Notification{IOS: &client.IOS{
			Alert: client.Alert{Title: "Gate change", Body: "Now B12"}, Sound: client.DefaultSound, Badge: client.AddBadge(1),
			InterruptionLevel: client.TimeSensitive, ThreadID: "trip", Extras: map[string]any{"trip": 9}}},
		Options: client.Options{SendNo: 7, Environment: client.Development},
	})
	w.must(err)
	if r.SendNo != "7" || r.MessageID == "" || !strings.HasPrefix(r.CID, w.app.Key+"-") {
		t.Errorf("the receipt is %+v", r)
	}
	report := w.settled(c, r.MessageID)
	if report.Targeted != 1 || report.Accepted != 1 || report.Failed != 0 || report.State != client.Done {
		t.Errorf("the report is %+v", report)
	}
	want := `{"aps":{"alert":{"title":"Gate change","body":"Now B12"},"sound":"default","badge":1,"thread-id":"trip","interruption-level":"time-sensitive"},"trip":9,"_j_msgid":` + r.MessageID + `}`
	for _, n := range w.apns.Notifications(100) {
		if n.CollapseID == r.MessageID && !sameJSON(t, string(n.Payload), want) {
			t.Errorf("APNs got %s, want %s", n.Payload, want)
		}
	}
	if w.arrived()[r.MessageID] != 1 {
		t.Error("APNs did not get it once")
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	canonical := func(text string) string {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	return canonical(a) == canonical(b)
}

// Who says nothing of the environment means production, as with JPush.
func TestEnvironments(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	p := w.hello()
	for environment, reason := range map[client.Environment]string{"": "OtherEnvironment", client.Production: "OtherEnvironment", client.Development: ""} {
		p.Options.Environment = environment
		r, err := c.Push(t.Context(), p)
		w.must(err)
		report := w.settled(c, r.MessageID)
		if got := reasonOf(report); got != reason {
			t.Errorf("environment %q: failed for %q, want %q", environment, got, reason)
		}
	}
	p.Options.Environment = "staging"
	if _, err := c.Push(t.Context(), p); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("an environment that does not exist: %v", err)
	}
}

func reasonOf(r client.Report) string {
	if len(r.FailedBy) == 0 {
		return ""
	}
	return r.FailedBy[0].Reason
}

// losing loses the first answers: the server has done its work, and the client
// does not learn of it.
type losing struct{ left atomic.Int32 }

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && l.left.Add(-1) >= 0 {
		resp.Body.Close()
		return nil, errors.New("the connection broke before the answer")
	}
	return resp, err
}

func TestLostAnswersDoNotSendTwice(t *testing.T) {
	w := newWorld(t)
	transport := &losing{}
	transport.left.Store(2)
	c := w.client(transport)
	p := w.hello()
	r, err := c.Push(t.Context(), p)
	w.must(err)
	p.CID = r.CID // and once more, as after a crash of the caller
	again, err := c.Push(t.Context(), p)
	w.must(err)
	if again.MessageID != r.MessageID {
		t.Errorf("a repeat with the same cid is message %s, not %s", again.MessageID, r.MessageID)
	}
	w.settled(c, r.MessageID)
	if got := w.arrived(); len(got) != 1 || got[r.MessageID] != 1 {
		t.Errorf("APNs saw %v; want message %s once", got, r.MessageID)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(nil)
	p := w.hello()
	p.Options.Spread = 10 * time.Minute // so that there is something to stop
	for range 20 {
		p.Audience.RegistrationID = append(p.Audience.RegistrationID, w.newDevice())
	}
	r, err := c.Push(t.Context(), p)
	w.must(err)
	w.must(c.Stop(t.Context(), r.MessageID))
	report := w.settled(c, r.MessageID)
	if report.Stopped == nil || report.Stopped.Spared == 0 || report.Stopped.Left+report.Stopped.Spared != 21 {
		t.Errorf("the report of a stopped push is %+v", report)
	}
	w.refused("to stop what is not there", c.Stop(t.Context(), "42"), client.ErrInvalid, 1003)
}

// In-app messages and what stands beside a notification.
func TestOtherContent(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	p := w.hello()
	p.Notification = nil
	p.Message = &client.Message{Content: map[string]any{"open": "offers"}, Title: "News", Extras: map[string]any{"n": 1}}
	r, err := c.Push(t.Context(), p)
	w.must(err)
	report, err := c.Report(t.Context(), r.MessageID)
	w.must(err)
	if report.InApp == nil || report.InApp.Targeted != 1 || report.InApp.Waiting != 1 || report.Targeted != 0 {
		t.Errorf("the report of an in-app message is %+v", report)
	}
	p.Message = nil
	p.LiveActivity = &client.LiveActivity{Event: client.StartActivity, ContentState: map[string]any{"score": 1}, AttributesType: "Match", Attributes: map[string]any{"home": "A"},
		Alert: client.Alert{Title: "Kick-off", Body: "A – B"}, StaleDate: time.Now().Add(time.Hour), RelevanceScore: 50, Priority: 10}
	r, err = c.Push(t.Context(), p)
	w.must(err)
	if got := reasonOf(w.settled(c, r.MessageID)); got != "NeedsKey" && got != "NoActivityToken" {
		t.Errorf("a live activity with a certificate failed for %q", got)
	}
	p = client.Push{Audience: client.Audience{LiveActivityID: "match-1"}, LiveActivity: &client.LiveActivity{Event: client.EndActivity, ContentState: map[string]any{"score": 2}, DismissalDate: time.Now()}}
	_, err = c.Push(t.Context(), p)
	w.refused("an activity that nobody has", err, client.ErrNoTarget, 1011)
}
