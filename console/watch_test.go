package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

func TestStop(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	page := full + "/messages/" + messageID.String()
	contains(t, v.get(page).Body.String(), "Stop the push", "On its way", "66.3 %")
	rec := v.post(page + "/stop")
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != page {
		t.Fatalf("status %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	body := v.follow(rec).Body.String()
	contains(t, body, "The push is stopped", `<span class="tag tag-bad">Stopped</span>`)
	if strings.Contains(body, "Stop the push") {
		t.Error("a stopped push can be stopped again")
	}
	if body := v.get(full + "/messages/" + (messageID - 1).String()).Body.String(); strings.Contains(body, "Stop the push") {
		t.Error("a push that is done can be stopped")
	}
	if rec := v.post(full + "/messages/7/stop"); rec.Code != http.StatusNotFound {
		t.Errorf("unknown message: status %d", rec.Code)
	}
}

// The rate is what was settled between two looks, and the first look takes the
// average.
func TestRate(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := ledger.Report{Message: aurora.Message{AcceptedAt: begin}, Targeted: 100_000, State: ledger.Sending}
	var p pulse
	for _, c := range []struct {
		after          time.Duration
		accepted, want uint64
		left           time.Duration
	}{
		{2 * time.Second, 10_000, 5_000, 18 * time.Second},
		{4 * time.Second, 30_000, 10_000, 7 * time.Second},
		{4*time.Second + 200*time.Millisecond, 32_000, 10_000, 7 * time.Second}, // since the last full second
		{5 * time.Second, 40_000, 10_000, 6 * time.Second},
		{6 * time.Second, 40_000, 0, 0}, // nothing moves, and nothing is promised
	} {
		r.Accepted, r.Pending = c.accepted, r.Targeted-c.accepted
		v := viewReport(r)
		p.measure(&v, begin.Add(c.after))
		if v.Rate != c.want || v.Left != c.left {
			t.Errorf("after %v: %d a second, %v left; want %d, %v", c.after, v.Rate, v.Left, c.want, c.left)
		}
	}
	r.State = ledger.Done
	v := viewReport(r)
	p.measure(&v, begin.Add(time.Minute))
	if v.Rate != 0 {
		t.Error("a push that is done has a rate")
	}
}

func TestSearchMessages(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	body := v.get(full + "/messages?q=+Gate&source=console&before=99999999999999").Body.String()
	contains(t, body, "Gate change", `value="Gate"`, `value="console" selected`)
	if strings.Contains(body, "Three new articles") || strings.Contains(body, "sse-connect") {
		t.Error("the search does not narrow the list, or is live")
	}
	if q := w.queries[0]; q.Text != "Gate" || q.Source != "console" || q.Before != 99999999999999 {
		t.Errorf("asked %+v", q)
	}
	contains(t, v.get(full+"/messages?q=nothing").Body.String(), "Nothing found")
}

func TestCompare(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	path := full + "/messages/compare?id=" + messageID.String() + "&id=" + (messageID - 1).String()
	body := v.get(path).Body.String()
	contains(t, body, "Gate change", "早安", "65.8 %", "99.4 %", "79.5 %")
	if n := strings.Count(body, `class="is-best"`); n != 3 {
		t.Errorf("%d cells are best, want 3", n)
	}
	contains(t, v.get(full+"/messages/compare").Body.String(), "Tick two to four messages")
	contains(t, v.get(full+"/messages/compare?id="+messageID.String()+"&id="+messageID.String()).Body.String(), "Tick two to four messages")
	for query, want := range map[string]int{"id=x": 422, "id=7": 404} {
		if rec := v.get(full + "/messages/compare?" + query); rec.Code != want {
			t.Errorf("%s: status %d, want %d", query, rec.Code, want)
		}
	}
	if rec := v.get(fresh + "/messages/compare?id=" + messageID.String()); rec.Code != http.StatusNotFound {
		t.Errorf("another app's message: status %d", rec.Code)
	}
}

func TestDevicesBehindANumber(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	page := full + "/messages/" + messageID.String() + "/devices"
	contains(t, v.get(page+"?with=received&without=opened").Body.String(), "Received, not opened", full+"/devices/"+phoneID+"/messages/"+messageID.String(), "after=65536")
	if s := w.selections[0]; s.With != aurora.Received || s.Without != aurora.Opened || s.After != -1 {
		t.Errorf("asked %+v", s)
	}
	contains(t, v.get(page+"?with=failed:Unregistered&after=12").Body.String(), "Unregistered", "token is no longer active")
	if s := w.selections[1]; s.With != aurora.Failed("Unregistered") || s.After != 12 {
		t.Errorf("asked %+v", s)
	}
	for _, query := range []string{"", "with=secret", "with=accepted&without=secret", "with=failed:"} {
		if rec := v.get(page + "?" + query); rec.Code != http.StatusNotFound {
			t.Errorf("%q: status %d", query, rec.Code)
		}
	}
}

func TestSendAgain(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	page := v.get(full + "/messages/" + messageID.String()).Body.String()
	contains(t, page, full+"/send?from="+messageID.String(), `name="title" value="Gate change"`, `name="environment" value="development"`)
	contains(t, v.get(full+"/send?from="+messageID.String()).Body.String(), `value="Gate change"`, `id="audience-expression" checked`, "tag:beta &amp; (tag:berlin | alias:")
	if rec := v.get(full + "/send?from=7"); rec.Code != http.StatusNotFound {
		t.Errorf("unknown message: status %d", rec.Code)
	}
}
