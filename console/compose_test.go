package console

import (
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	"environment=production", "life=2", "life_unit=hours", "collapse_id=gate", "when=now", "pace=30", "media=https://example.com/a.jpg", "nonce=n1",
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
	want := `{"ios":{"alert":{"title":"Gate change","subtitle":"Flight 9","body":"Now B12"},"sound":"chime.caf","badge":"+2","content-available":true,"mutable-content":true,"category":"TRIP","thread-id":"trip-9","interruption-level":"time-sensitive","extras":{"media":"https://example.com/a.jpg","seats":["1A"],"trip":9}}}`
	if string(got) != want {
		t.Errorf("content\n%s, want\n%s", got, want)
	}
	o := sent.Message.Options
	if !o.Production || o.CollapseID != "gate" || o.TimeToLive == nil || *o.TimeToLive != 7200 || o.Pace != 30 {
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
		`value="chosen" id="audience-chosen" checked`, `value="a,b"`, `value="muted"`, `value="mia"`, phoneID + "</textarea>", `value="production" selected`, `value="2"`, `<option value="hours" selected>`, `value="gate"`, `value="https://example.com/a.jpg"`, `value="30"`}
	for _, c := range []struct{ field, sentence string }{
		{"badge=many", "The badge is a number"},
		{"extras=[1]", "not a JSON object"},
		{`extras={"aps": {}}`, "belongs to the push itself"},
		{"life=11", "at most 10 days"},
		{"pace=1441", "1 to 1440 minutes"},
		{"media=http://example.com/a.jpg", "an https address"},
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
		if name == "tag" || name == "badge" || name == "pace" {
			contains(t, body, `value="`+value+`"`)
		}
		for _, k := range kept {
			if !strings.Contains(body, k) && name != "life" && name != "body" && name != "collapse_id" && name != "registration_id" && name != "pace" && name != "media" {
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
	contains(t, body, `<strong id="count">0</strong> devices are reached`, "of 3 in the audience", "Other environment", "Token is dead", "/ 4,096 bytes", "Hello &lt;b&gt;", `hx-swap-oob="innerHTML"`, "&#34;audience&#34;: &#34;all&#34;", "AURORA_MASTER_SECRET")
	if strings.Contains(body, "<html") || strings.Contains(body, masterSecret) {
		t.Error("the fragment is a page, or gives the secret away")
	}
	if rec := v.post(full+"/send/preview", "body=Hello", "audience=chosen", "tag=berlin", "environment=development", "life_unit=hours"); !strings.Contains(rec.Body.String(), `<strong id="count">1</strong> device is`) || !strings.Contains(rec.Body.String(), "</html>") {
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
	p, bad := d.read(time.Now())
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	path, body := p.call()
	line := curl("https://push.example.com", path, fullKey, body)
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
	var got struct {
		Platform     []string
		Audience     struct{ Tag []string }
		Notification struct {
			IOS struct{ Alert struct{ Title, Body string } }
		}
		Options struct {
			Production bool `json:"apns_production"`
		}
	}
	if err := json.Unmarshal([]byte(args[6]), &got); err != nil {
		t.Fatalf("%v\n%s", err, args[6])
	}
	if got.Notification.IOS.Alert.Title != d.Title || got.Notification.IOS.Alert.Body != d.Body || got.Audience.Tag[0] != d.TagAny || !got.Options.Production {
		t.Errorf("body %+v", got)
	}
}

func TestSendToOneDeviceFromItsPage(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	contains(t, v.get(full+"/devices/"+phoneID).Body.String(), full+"/send?registration_id="+phoneID+"&amp;environment=development")
	contains(t, v.get(full+"/send?registration_id="+phoneID+"&environment=production").Body.String(), phoneID+"</textarea>", `id="audience-chosen" checked`, `value="production" selected`)
}

// What the confirmation carries is the draft: sent from there it is the same
// message under the same cid, and nothing is sent before.
func TestConfirm(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	fields := slices.Clone(typed)
	for i, f := range fields {
		if strings.HasPrefix(f, "tag") || strings.HasPrefix(f, "alias=") || strings.HasPrefix(f, "environment") {
			fields[i] = map[bool]string{true: "environment=development", false: "x="}[strings.HasPrefix(f, "environment")]
		}
	}
	v.post(full+"/send", fields...)
	rec := v.post(full+"/send/confirm", fields...)
	body := rec.Body.String()
	contains(t, body, "Send now to 1 device", "Nothing was sent so far", "about 1 a minute", "registration:")
	if len(w.sent) != 1 {
		t.Fatalf("%d were sent", len(w.sent))
	}
	var again []string
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(body, -1) {
		if m[1] != "next" {
			again = append(again, m[1]+"="+html.UnescapeString(m[2]))
		}
	}
	v.post(full+"/send", again...)
	if len(w.sent) != 2 || w.sent[0].CID != w.sent[1].CID {
		t.Errorf("%d were sent, with other cids:\n%q", len(w.sent), again)
	}
	if rec := v.post(full+"/send/confirm", "body=x", "audience=chosen", "tag=nobody", "environment=production", "life_unit=hours"); rec.Code != 422 || !strings.Contains(rec.Body.String(), "selects no device") {
		t.Errorf("nobody: status %d", rec.Code)
	}
	if rec := v.post(full+"/send/confirm", "badge=many"); rec.Code != 422 {
		t.Errorf("a wrong draft: status %d", rec.Code)
	}
}

func TestSchedule(t *testing.T) {
	w := newWorld(plain)
	w.planned = nil
	v := newVisitor(t, w, ownerSession)
	zone, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	at := time.Now().In(zone).AddDate(0, 1, 0).Truncate(time.Minute)
	fields := []string{"title=Morning", "body=Hello\nthere", "audience=chosen", "tag=beta", "environment=production", "life_unit=hours", "when=later", "at=" + at.Format(clockForm), "zone=Europe/Berlin", "nonce=n"}
	body := v.post(full+"/send/confirm", fields...).Body.String()
	contains(t, body, "Schedule this push?", "/v3/schedules", at.In(chinaTime).Format(time.DateTime))
	rec := v.post(full+"/send", fields...)
	if rec.Code != 303 || rec.Header().Get("Location") != full+"/schedules" || len(w.planned) != 1 || len(w.sent) != 0 {
		t.Fatalf("status %d, %d planned, %d sent\n%s", rec.Code, len(w.planned), len(w.sent), excerpt(rec.Body.String()))
	}
	contains(t, v.follow(rec).Body.String(), "The push is scheduled.", "Morning", "Armed")
	n := w.planned[0]
	if !n.Trigger.At.Equal(at) || !n.Enabled || n.Name != "Morning" || n.Push.Audience.String() != "tag:beta" || n.Push.Message.Source != "schedule" {
		t.Errorf("planned %+v", n)
	}
	if want := `{"single":{"time":"` + at.In(chinaTime).Format(time.DateTime) + `"}}`; string(n.TriggerBody) != want {
		t.Errorf("trigger %s, want %s", n.TriggerBody, want)
	}
	if !strings.Contains(string(n.PushBody), `"tag":["beta"]`) {
		t.Errorf("push %s", n.PushBody)
	}
	first := n.ID
	v.post(full+"/send", fields...)
	if w.planned[1].ID != first {
		t.Error("a double click makes two schedules")
	}
	v.post(full+"/schedules/"+first, "action=pause")
	if w.planned[0].Enabled {
		t.Error("it is not paused")
	}
	v.post(full+"/schedules/"+first, "action=resume")
	v.post(full+"/schedules/"+first, "action=delete")
	if len(w.planned) != 0 {
		t.Errorf("left: %+v", w.planned)
	}
	if rec := v.post(full+"/schedules/"+first, "action=explode"); rec.Code != 422 {
		t.Errorf("unknown action: status %d", rec.Code)
	}
	for _, wrong := range []string{"at=2020-01-01T10:00", "at=tomorrow", "zone=Moon/Sea", "zone=Local", "zone=../etc/passwd", "at=" + at.AddDate(2, 0, 0).Format(clockForm)} {
		name, _, _ := strings.Cut(wrong, "=")
		var changed []string
		for _, f := range fields {
			if !strings.HasPrefix(f, name+"=") {
				changed = append(changed, f)
			}
		}
		if rec := v.post(full+"/send", append(changed, wrong)...); rec.Code != 422 || !strings.Contains(rec.Body.String(), `id="p-`+name+`"`) {
			t.Errorf("%s: status %d", wrong, rec.Code)
		}
	}
}

func TestExpressionAudience(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	v.post(full+"/send", "body=x", "audience=expression", "expression=beta && !(muted || alias:\"eve\")", "environment=production", "life_unit=hours")
	if len(w.sent) != 1 || w.sent[0].Audience.String() != `tag:beta & !(tag:muted | alias:eve)` && w.sent[0].Audience.String() != `tag:beta & !(tag:muted | alias:"eve")` {
		t.Fatalf("sent %+v", w.sent)
	}
	for _, wrong := range []string{"", "tag:", "a &&", "((a)", "seen>soon"} {
		if rec := v.post(full+"/send", "body=x", "audience=expression", "expression="+wrong, "environment=production", "life_unit=hours"); rec.Code != 422 || !strings.Contains(rec.Body.String(), `id="p-expression"`) {
			t.Errorf("%q: status %d", wrong, rec.Code)
		}
	}
}

func TestTestDevices(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	body := v.post(full+"/send/test", append(slices.Clone(typed), "when=later")...).Body.String()
	contains(t, body, "The test is on its way", `value="Gate change"`, `value="a,b"`)
	if len(w.sent) != 1 || !w.sent[0].TestOnly || w.sent[0].Audience.String() != "all" || w.sent[0].CID != "" || w.sent[0].Message.Options.Pace != 0 {
		t.Fatalf("sent %+v", w.sent)
	}
	contains(t, v.post(full+"/send/testers", "test_id="+retiredID, "test_name=Old", "title=Kept").Body.String(), "Old", `value="Kept"`)
	if len(w.tests[1]) != 2 {
		t.Errorf("test devices %v", w.tests[1])
	}
	v.post(full+"/send/testers", "drop_test="+phoneID)
	if len(w.tests[1]) != 1 || w.tests[1][0].Name != "Old" {
		t.Errorf("test devices %v", w.tests[1])
	}
	if rec := v.post(full+"/send/testers", "test_id=nonsense", "title=Kept"); rec.Code != 422 || !strings.Contains(rec.Body.String(), `id="p-test_id"`) || !strings.Contains(rec.Body.String(), `value="Kept"`) {
		t.Errorf("a wrong id: status %d", rec.Code)
	}
}

// A message that is put into the form again is read back as the same message.
func TestDuplicateIsTheSame(t *testing.T) {
	for _, fields := range [][]string{
		typed,
		{"body=Hello", "audience=all", "environment=development", "life_unit=hours"},
		{"content_available=on", "audience=chosen", "tag_and=a", "environment=production", "life=0", "life_unit=days"},
		{"title=T", "body=x", "audience=expression", "expression=tag:a & (alias:b | !tag:c)", "environment=production", "life=90", "life_unit=seconds"},
		{"body=x", "audience=chosen", "alias=a,b", "tag_not=x, y", "registration_id=" + phoneID + "\n" + retiredID, "environment=production", "life_unit=days"},
	} {
		values, _ := url.ParseQuery(form(fields...))
		first, bad := readDraft(values).read(time.Now())
		if len(bad) > 0 {
			t.Fatal(bad)
		}
		m := first.Message
		m.Audience = audience.And(first.Audience, audience.Is(audience.Platform, "ios")).String()
		again, bad := draftOf(m).read(time.Now())
		if len(bad) > 0 {
			t.Errorf("%q: %v", fields, bad)
			continue
		}
		if a, b := string(compact(first.Message)), string(compact(again.Message)); a != b {
			t.Errorf("the message\n%s became\n%s", a, b)
		}
		if a, b := conditions(first.Audience), conditions(again.Audience); a != b {
			t.Errorf("the audience %s became %s", a, b)
		}
	}
}

// conditions writes an audience with its conditions sorted.
func conditions(e audience.Expr) string {
	if e.Op != audience.OpAnd {
		return e.String()
	}
	var list []string
	for _, a := range e.Args {
		list = append(list, a.String())
	}
	slices.Sort(list)
	return strings.Join(list, " & ")
}

func FuzzDraft(f *testing.F) {
	f.Add("title", "body", "+1", `{"a":1}`, "tag,b", "1", "days")
	f.Add("", "\x00", "-", "{", ",,，\n", "99999999999999999999", "x")
	f.Fuzz(func(t *testing.T, title, body, badge, extras, tags, life, unit string) {
		d := draft{Title: title, Body: body, Badge: badge, Extras: extras, Audience: "chosen", TagAny: tags, TagNone: tags, Environment: "production", Life: life, LifeUnit: unit}
		p, bad := d.read(time.Now())
		path, call := p.call()
		if !json.Valid([]byte(call)) {
			t.Errorf("not JSON: %s", call)
		}
		if strings.Count(curl("http://x", path, "k", call), "'") != 6 {
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

// A message of any server can be put into the form: what it holds may have any
// shape.
func FuzzDraftOf(f *testing.F) {
	f.Add(`{"title":"a","body":{"x":1}}`, `{"media":"https://example.com/a","n":[1]}`, `tag:a & !(tag:b | alias:"c, d")`, int64(90))
	f.Add(`"text"`, `{"media":7}`, "all", int64(-1))
	f.Add(`[]`, `{}`, "!(!all)", int64(86400))
	f.Fuzz(func(t *testing.T, alert, extras, who string, ttl int64) {
		m := aurora.Message{Audience: who, Options: aurora.Options{TimeToLive: &ttl}, Content: aurora.Content{IOS: &aurora.IOSNotification{Alert: json.RawMessage(alert)}}}
		json.Unmarshal([]byte(extras), &m.Content.IOS.Extras)
		d := draftOf(m)
		if d.Audience == "all" && whom(who) != "" {
			t.Errorf("%q became everyone", who)
		}
		p, _ := d.read(time.Now())
		if _, body := p.call(); !json.Valid([]byte(body)) {
			t.Errorf("not JSON: %s", body)
		}
	})
}
