package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/aurora-push/aurora/simulator/iphone"
)

const (
	endpointMessage     = "POST /v3/push: message"
	endpointKey         = "with an API key"
	endpointActivity    = "POST /v3/push: live_activity"
	endpointFile        = "/v3/files"
	endpointFilePush    = "POST /v3/push/file"
	endpointImage       = "/v3/images"
	endpointGroup       = "POST /v3/grouppush"
	endpointGroupReport = "GET /v3/group/…"
	endpointUsers       = "GET /v3/users"
	endpointAdmin       = "/v1/app"
	endpointQuota       = "GET /v3/push/quota"
	endpointTemplate    = "POST /v3/push/template"
)

// today is the date in China, where statistics' days begin.
func today() string { return time.Now().In(china).Format(time.DateOnly) }

var familyCases = []kase{
	{endpoint: endpointMessage, name: "the app gets it whole, and nothing is on the screen", run: func(t *trial) {
		p := t.app.production
		id := t.push(to(p, object{"message": inApp}))
		t.handed(p, id, inApp)
		t.nothing(p, id)
	}},
	{endpoint: endpointMessage, name: "beside a notification: both arrive", run: func(t *trial) {
		p := t.app.production
		id := t.push(to(p, object{"message": inApp, "ios": object{"alert": "beside it"}}))
		t.shown(p, id, object{"aps": object{"alert": "beside it"}})
		t.handed(p, id, inApp)
	}},
	{endpoint: endpointActivity, name: "an activity that no phone shows", run: func(t *trial) {
		t.refused("live_activity", object{"id": "match-1", "event": "update", "score": "1:0"}, 400, 1011)
	}},
	{endpoint: endpointActivity, name: "the phone's activity is updated and ended", run: func(t *trial) {
		p := t.app.development
		a := t.activity(p)
		for _, step := range []struct{ event, score string }{{"update", "1:0"}, {"end", "2:0"}} {
			t.after(a) // phones ignore what is not newer, in whole seconds
			before := t.sentActivities(p)
			t.messageID(t.call("live_activity", object{"id": a.ID, "event": step.event, "score": step.score}))
			a = t.activityWith(p, a.ID, object{"score": step.score})
			t.same("whether it has ended", a.Ended, step.event == "end")
			all := t.sentActivities(p)
			if len(all) != len(before)+1 {
				t.fail("the local APNs got %d pushes of live activities instead of one", len(all)-len(before))
			}
			aps := t.member(decode(t, all[0].Payload), "aps").(map[string]any)
			t.same("event and state at the local APNs", []any{aps["event"], aps["content-state"]}, []any{step.event, object{"score": step.score}})
			t.same("apns-push-type", all[0].PushType, "liveactivity")
		}
	}},
	{endpoint: endpointActivity, name: "started on the phone", run: func(t *trial) {
		p := t.app.development
		t.messageID(t.call("live_activity", object{"registration_id": p.registrationID, "event": "start", "score": "0:0", "type": iphone.SampleActivity}))
		a := t.activityWith(p, "", object{"score": "0:0"})
		t.same("type and attributes", []any{a.Type, decode(t, a.Attributes)}, []any{iphone.SampleActivity, object{"home": "A"}})
	}},
	{endpoint: endpointKey, name: "in place of the Master Secret, with the scope push", run: func(t *trial) {
		p := t.app.production
		key := t.apiKey("push")
		id := t.messageID(t.callWith(key, "push", to(p, object{"ios": object{"alert": "by a key"}})))
		t.shown(p, id, object{"aps": object{"alert": "by a key"}})
		t.refusedWith(key, "tags", nil, 403, 2003)
	}},
	{endpoint: endpointKey, name: "without the scope push", run: func(t *trial) {
		p := t.app.production
		key := t.apiKey("devices")
		t.callWith(key, "tags", nil)
		t.refusedWith(key, "push", to(p, object{"ios": object{"alert": "not by this key"}}), 403, 2007)
	}},
	{endpoint: endpointFile, name: "upload, push, delete, push", run: func(t *trial) {
		p := t.app.production
		t.call("device_set", object{"id": p.registrationID, "alias": "读者"})
		id := t.text(t.call("file_upload", object{"kind": "alias", "text": "reader-1\n读者\n"}), "file_id")
		if !strings.HasPrefix(id, t.app.key+"-") {
			t.fail("file_id is %q", id)
		}
		push := object{"platform": []string{"ios"}, "audience": object{"file": id}, "ios": object{"alert": "while it is there"}, "options": object{"apns_production": true}}
		t.shown(p, t.messageID(t.call("file_push", push)), object{"aps": object{"alert": "while it is there"}})
		t.call("file_delete", object{"id": id})
		t.refused("file_push", push, 400, 1003)
	}},
	{endpoint: endpointFile, name: "list", run: func(t *trial) {
		id := t.text(t.call("file_upload", object{"kind": "alias", "text": "reader-1\n"}), "file_id")
		if got := fmt.Sprint(t.call("file_list", nil)); !strings.Contains(got, id) {
			t.fail("the list has no %s: %.300s", id, got)
		}
		t.call("file_delete", object{"id": id})
		if got := fmt.Sprint(t.call("file_list", nil)); strings.Contains(got, id) {
			t.fail("a deleted file is listed: %.300s", got)
		}
	}},
	{endpoint: endpointFilePush, name: "aliases reach their phones, and no other", run: func(t *trial) {
		p := t.app.production
		t.call("device_set", object{"id": p.registrationID, "alias": "in-the-file"})
		id := t.text(t.call("file_upload", object{"kind": "alias", "text": "in-the-file\nnobody\n"}), "file_id")
		sent := t.messageID(t.call("file_push", object{"platform": []string{"ios"}, "audience": object{"file": id}, "ios": object{"alert": "to the list"}, "options": object{"apns_production": true}}))
		t.shown(p, sent, object{"aps": object{"alert": "to the list"}})
		t.nothing(t.app.development, sent)
	}},
	{endpoint: endpointFilePush, name: "registration ids", run: func(t *trial) {
		p := t.app.production
		id := t.text(t.call("file_upload", object{"kind": "registration_id", "text": p.registrationID + "\r\n" + unknownID}), "file_id")
		sent := t.messageID(t.call("file_push", object{"platform": []string{"ios"}, "audience": object{"file": id}, "ios": object{"alert": "to the ids"}, "options": object{"apns_production": true}}))
		t.shown(p, sent, object{"aps": object{"alert": "to the ids"}})
	}},
	{endpoint: endpointFilePush, name: "refusals with their codes", run: func(t *trial) {
		t.refused("file_push", object{"platform": []string{"ios"}, "audience": object{"file": "no-such-file"}, "ios": object{"alert": "to nobody"}}, 400, 1003)
	}},
	{endpoint: endpointImage, name: "by addresses", run: func(t *trial) {
		if id := t.text(t.call("image", nil), "media_id"); !strings.HasPrefix(id, "jgmedia-") {
			t.fail("media_id is %q", id)
		}
	}},
	{endpoint: endpointQuota, name: "unlimited", run: func(t *trial) { t.call("quota", nil) }},
	{endpoint: endpointTemplate, name: "there are none", run: func(t *trial) {
		t.refused("template", object{"id": "t1", "alias": "reader-1"}, 400, 1003)
	}},
	{endpoint: endpointGroup, name: "every app of the group, each with its id", run: func(t *trial) {
		p := t.app.production
		got := t.call("group_push", object{"platform": []string{"ios"}, "audience": "all", "ios": object{"alert": "to the group"}, "options": object{"apns_production": true}})
		n := t.shownText(p, "to the group")
		if text := fmt.Sprint(got); !strings.Contains(text, n.MessageID) || !strings.Contains(text, t.app.key) {
			t.fail("the phone got message %s of app %s, and the client says %.300s", n.MessageID, t.app.key, text)
		}
		if id := t.text(got, "group_msgid"); strings.Trim(id, "0123456789") != "" {
			t.fail("group_msgid is %q", id)
		}
	}},
	{endpoint: endpointGroupReport, name: "messages: the apps' numbers together", run: func(t *trial) {
		got := t.call("group_push", object{"platform": []string{"ios"}, "audience": "all", "ios": object{"alert": "to count"}, "options": object{"apns_production": true}})
		t.shownText(t.app.production, "to count")
		id := t.text(got, "group_msgid")
		t.until("the sum", func() any { return t.member(t.call("group_messages", object{"ids": id}), 0, "ios", "apns_sent") }, 1)
	}},
	{endpoint: endpointGroupReport, name: "users", run: func(t *trial) {
		t.same("devices that are new", t.member(t.call("group_users", object{"unit": "DAY", "start": today(), "duration": 1}), "items", 0, "ios", "new"), 2)
	}},
	{endpoint: endpointUsers, name: "today's new devices", run: func(t *trial) {
		t.needsQuery()
		got := t.call("users", object{"unit": "DAY", "start": today(), "duration": 1})
		t.same("devices that are new", t.member(got, "items", 0, "ios", "new"), 2)
	}},
	{endpoint: endpointUsers, name: "refusals with their codes", run: func(t *trial) {
		t.needsQuery()
		t.refused("users", object{"unit": "DAY", "start": "2026-01", "duration": 1}, 400, 3004)
	}},
	{endpoint: endpointAdmin, name: "create, again, certificate, delete", run: func(t *trial) {
		bundle := "com.example.made." + t.client.name
		made := t.call("app_create", object{"name": "Made by " + t.client.name, "package": bundle})
		key := t.text(made, "app_key")
		t.same("whether it is new", t.member(made, "is_new_created"), true)
		again := t.call("app_create", object{"name": "Made by " + t.client.name, "package": bundle})
		t.same("the app of the same package", []any{t.text(again, "app_key"), t.member(again, "is_new_created")}, []any{key, false})
		t.call("app_delete", object{"key": key})
		if o, _ := made.(map[string]any); o["master_secret"] != nil { // Java's client does not tell it
			t.gone(key, t.text(made, "master_secret"))
		}
		anew := t.call("app_create", object{"name": "Made by " + t.client.name, "package": bundle})
		if t.member(anew, "is_new_created") != true || t.text(anew, "app_key") == key {
			t.fail("a deleted app is answered again: %v", anew)
		}
	}},
	{endpoint: endpointAdmin, name: "certificates", run: func(t *trial) {
		bundle := "com.example.certified." + t.client.name
		file, err := t.at.certificate(t.ctx, bundle, t.client.name)
		if err != nil {
			t.fail("%v", err)
		}
		key := t.text(t.call("app_create", object{"name": "Certified", "package": bundle}), "app_key")
		t.call("app_certificate", object{"key": key, "file": file, "password": "secret"})
		t.call("app_delete", object{"key": key})
	}},
}
