package console

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// typed is a form in which every field is filled in.
var typed = []string{
	"title=Gate change", "subtitle=Flight 9", "body=Now B12", "sound=chime.caf", "badge=+2", "category=TRIP", "thread=trip-9",
	"level=time-sensitive", "content_available=on", "mutable_content=on", `extras={"trip": 9, "seats": ["1A"]}`,
	"audience=chosen", "tag=vip, 读者，vip", "tag_and=a,b", "tag_not=muted", "alias=mia", "registration_id=" + phoneID,
	"environment=production", "life=2", "life_unit=hours", "collapse_id=gate", "nonce=n1",
}

func TestSendBuildsTheMessage(t *testing.T) {
	w := newWorld(plain)
	rec := newVisitor(t, w, ownerSession).post(full+"/send", typed...)
	if rec.Code != 303 || rec.Header().Get("Location") != full+"/messages/"+messageID.String() {
		t.Fatalf("status %d to %q\n%s", rec.Code, rec.Header().Get("Location"), excerpt(rec.Body.String()))
	}
	sent := w.sent[0]
	wantAudience := audience.And(
		audience.AnyOf(audience.Tag, []string{"vip", "读者"}),
		audience.Is(audience.Tag, "a"), audience.Is(audience.Tag, "b"),
		audience.Not(audience.Is(audience.Tag, "muted")),
		audience.Is(audience.Alias, "mia"), audience.Is(audience.Registration, phoneID))
	if sent.Audience.String() != wantAudience.String() {
		t.Errorf("audience %s, want %s", sent.Audience, wantAudience)
	}
	got, _ := json.Marshal(sent.Message.Content)
	want := `{"ios":{"alert":{"title":"Gate change","subtitle":"Flight 9","body":"Now B12"},"sound":"chime.caf","badge":"+2","content-available":true,"mutable-content":true,"category":"TRIP","thread-id":"trip-9","interruption-level":"time-sensitive","extras":{"seats":["1A"],"trip":9}}}`
	if string(got) != want {
		t.Errorf("content\n%s, want\n%s", got, want)
	}
	o := sent.Message.Options
	if !o.Production || o.CollapseID != "gate" || o.TimeToLive == nil || *o.TimeToLive != 7200 {
		t.Errorf("options %+v", o)
	}
	if !strings.HasPrefix(sent.CID, fullKey+"-") {
		t.Errorf("cid %q", sent.CID)
	}
}

func TestSendToEveryone(t *testing.T) {
	w := newWorld(plain)
	newVisitor(t, w, ownerSession).post(full+"/send", "body=Hello", "audience=all", "tag=ignored", "environment=development", "life_unit=hours")
	if len(w.sent) != 1 || w.sent[0].Audience.String() != "all" || w.sent[0].Message.Options.TimeToLive != nil || w.sent[0].Message.Content.IOS.Badge != nil {
		t.Fatalf("sent %+v", w.sent)
	}
	if got := string(w.sent[0].Message.Content.IOS.Alert); got != `"Hello"` {
		t.Errorf("alert %s", got)
	}
}

// A double click must not send twice; a message that was changed after going
// back must not be taken for the first.
func TestDoubleClickHasOneCID(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	v.post(full+"/send", typed...)
	v.post(full+"/send", typed...)
	v.post(full+"/send", append(typed[1:], "title=Other")...)
	v.post(full+"/send", append(typed[:len(typed)-1], "nonce=n2")...)
	if w.sent[0].CID != w.sent[1].CID {
		t.Error("the same form has two cids")
	}
	if w.sent[0].CID == w.sent[2].CID || w.sent[0].CID == w.sent[3].CID {
		t.Error("another text or another form has the same cid")
	}
}

func TestSendRefusalKeepsWhatWasTyped(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	kept := []string{`value="Gate change"`, `value="Flight 9"`, ">Now B12</textarea>", `value="chime.caf"`, `value="TRIP"`, `value="trip-9"`, "<option selected>time-sensitive", `name="content_available" checked`, `name="mutable_content" checked`,
		`value="chosen" id="audience-chosen" checked`, `value="a,b"`, `value="muted"`, `value="mia"`, phoneID + "</textarea>", `value="production" selected`, `value="2"`, `<option value="hours" selected>`, `value="gate"`}
	for _, c := range []struct{ field, sentence string }{
		{"badge=many", "The badge is a number"},
		{"extras=[1]", "not a JSON object"},
		{`extras={"aps": {}}`, "belongs to the push itself"},
		{"life=11", "at most 10 days"},
		{"tag=" + strings.Repeat("x", 41), "at most 40 bytes"},
		{"tag=" + strings.Repeat("a,b,c,", 1) + "d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u", "at most 20"},
		{"registration_id=short", "not a registration id"},
		{"collapse_id=" + strings.Repeat("c", 65), "at most 64"},
		{"body=" + strings.Repeat("x", 2000), "at most 2000 are allowed"},
	} {
		name, value, _ := strings.Cut(c.field, "=")
		fields := []string{c.field}
		for _, f := range typed {
			if !strings.HasPrefix(f, name+"=") {
				fields = append(fields, f)
			}
		}
		if name == "life" {
			fields = append([]string{"life_unit=days"}, fields...)
		}
		rec := v.post(full+"/send", fields...)
		if rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%.40s: status %d, want 422", c.field, rec.Code)
		}
		body := rec.Body.String()
		contains(t, body, c.sentence)
		if name == "tag" || name == "badge" {
			contains(t, body, `value="`+value+`"`)
		}
		for _, k := range kept {
			if !strings.Contains(body, k) && name != "life" && name != "body" && name != "collapse_id" && name != "registration_id" {
				t.Errorf("%.40s: %s is lost", c.field, k)
			}
		}
	}
	w.refuse = aurora.Errorf(aurora.NoTarget, "The audience selects no device.")
	rec := v.post(full+"/send", typed...)
	if rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("no target: status %d, want 422", rec.Code)
	}
	contains(t, rec.Body.String(), append(kept, "The audience selects no device.")...)
	if len(w.sent) != 0 {
		t.Errorf("%d messages were sent", len(w.sent))
	}
}

func TestPreview(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	r := request("POST", full+"/send/preview")
	r.Body = http.NoBody
	r.PostForm = map[string][]string{"body": {"Hello <b>"}, "audience": {"all"}, "environment": {"production"}, "life_unit": {"hours"}}
	r.Form = r.PostForm
	r.Header.Set("HX-Request", "true")
	body := v.do(r).Body.String()
	contains(t, body, "<strong>3</strong> devices", "0 of them can be reached in this environment", "Hello &lt;b&gt;", `hx-swap-oob="innerHTML"`, "&#34;audience&#34;: &#34;all&#34;", "AURORA_MASTER_SECRET")
	if strings.Contains(body, "<html") || strings.Contains(body, masterSecret) {
		t.Error("the fragment is a page, or gives the secret away")
	}
	if rec := v.post(full+"/send/preview", "body=Hello", "audience=chosen", "tag=berlin", "environment=development", "life_unit=hours"); !strings.Contains(rec.Body.String(), "<strong>1</strong> device") || !strings.Contains(rec.Body.String(), "</html>") {
		t.Errorf("without a script the preview is no page with the count:\n%s", excerpt(rec.Body.String()))
	}
	contains(t, v.get(fresh+"/send").Body.String(), "There is no working credential for this environment")
	if len(w.sent) != 0 {
		t.Error("a preview was sent")
	}
}

// The curl line is run by a real shell with a curl that writes down its
// arguments: whatever was typed, the body arrives as it is shown.
func TestCurlLineInAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\0' \"$a\"; done\n"
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	d := draft{Title: `It's "here" $HOME`, Body: "a\nb `id` \\ !x ' '\"'\"' & < >", Audience: "chosen", TagAny: "o'neill", Environment: "production", LifeUnit: "hours"}
	p, bad := d.read()
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	line := curl("https://push.example.com", fullKey, d.call(p))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, sh, "-c", line)
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "AURORA_MASTER_SECRET=the-secret", "HOME=/nowhere"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, line)
	}
	args := strings.Split(string(out), "\x00")
	if args[0] != "https://push.example.com/v3/push" || args[2] != fullKey+":the-secret" {
		t.Errorf("arguments %q", args)
	}
	var body struct {
		Platform     []string
		Audience     struct{ Tag []string }
		Notification struct {
			IOS struct{ Alert struct{ Title, Body string } }
		}
		Options struct {
			Production bool `json:"apns_production"`
		}
	}
	if err := json.Unmarshal([]byte(args[6]), &body); err != nil {
		t.Fatalf("%v\n%s", err, args[6])
	}
	if body.Notification.IOS.Alert.Title != d.Title || body.Notification.IOS.Alert.Body != d.Body || body.Audience.Tag[0] != d.TagAny || !body.Options.Production {
		t.Errorf("body %+v", body)
	}
}

func TestSendToOneDeviceFromItsPage(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	contains(t, v.get(full+"/devices/"+phoneID).Body.String(), full+"/send?registration_id="+phoneID+"&amp;environment=development")
	contains(t, v.get(full+"/send?registration_id="+phoneID+"&environment=production").Body.String(), phoneID+"</textarea>", `id="audience-chosen" checked`, `value="production" selected`)
}

func FuzzDraft(f *testing.F) {
	f.Add("title", "body", "+1", `{"a":1}`, "tag,b", "1", "days")
	f.Add("", "\x00", "-", "{", ",,，\n", "99999999999999999999", "x")
	f.Fuzz(func(t *testing.T, title, body, badge, extras, tags, life, unit string) {
		d := draft{Title: title, Body: body, Badge: badge, Extras: extras, Audience: "chosen", TagAny: tags, TagNone: tags, Environment: "production", Life: life, LifeUnit: unit}
		p, bad := d.read()
		call := d.call(p)
		if !json.Valid([]byte(call)) {
			t.Errorf("not JSON: %s", call)
		}
		if strings.Count(curl("http://x", "k", call), "'") != 6 {
			t.Errorf("a quote in the body would end it: %s", call)
		}
		if len(bad) > 0 {
			return
		}
		if _, err := audience.Parse(p.Audience.String()); err != nil {
			t.Errorf("audience %q: %v", p.Audience, err)
		}
		if ttl := p.Message.Options.TimeToLive; ttl != nil && (*ttl < 0 || *ttl > aurora.MaxTimeToLive) {
			t.Errorf("time to live %d", *ttl)
		}
	})
}
