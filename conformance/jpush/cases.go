package main

import "slices"

// cases are all calls, in the order in which they are made.
var cases = slices.Concat(pushCases, refusalCases(), labelCases, reportCases, scheduleCases, familyCases)

const (
	endpointPush     = "POST /v3/push"
	endpointValidate = "POST /v3/push/validate"
	endpointCID      = "GET /v3/push/cid"
	endpointBatch    = "POST /v3/push/batch/…/single"
	endpointWithdraw = "DELETE /v3/push/{msg_id}"
)

// to is a push to one phone by its registration id, in its environment.
func to(p *phone, more object) object {
	return object{
		"platform": []string{"ios"},
		"audience": object{"registration_id": []string{p.registrationID}},
		"options":  object{"apns_production": p.environment == "production"},
	}.with(more)
}

// unknownID is well-formed, and no device's.
const unknownID = "1a0018970a000000000"

var pushCases = []kase{
	{endpoint: endpointPush, name: "ios block complete", run: func(t *trial) {
		p := t.app.production
		id := t.push(to(p, object{"ios": object{
			"alert": "Your table is ready", "sound": "chime.caf", "badge": 5, "category": "TABLE", "mutable-content": true,
			"extras": object{"table": "7", "guest": "Mia 米娅"},
		}}))
		n := t.shown(p, id, object{
			"aps":   object{"alert": "Your table is ready", "sound": "chime.caf", "badge": 5, "category": "TABLE", "mutable-content": 1},
			"table": "7", "guest": "Mia 米娅",
		})
		t.same("the text on the screen", n.Body, "Your table is ready")
		t.same("the sound the phone played", n.Sound, "chime.caf")
		t.same("the badge", number(p.badge()), 5)
		r := t.sent(p, id, object{
			"aps":   object{"alert": "Your table is ready", "sound": "chime.caf", "badge": 5, "category": "TABLE", "mutable-content": 1},
			"table": "7", "guest": "Mia 米娅",
		})
		t.same("apns-push-type", r.PushType, "alert")
		t.same("apns-priority", number(r.Priority), 10)
	}},
	{endpoint: endpointPush, name: "ios block of old", run: func(t *trial) {
		p := t.app.production
		aps := object{"alert": "Your room is ready", "sound": "chime.caf", "badge": 6, "category": "ROOM"}
		id := t.push(to(p, object{"ios": aps.with(object{"extras": object{"room": "12"}})}))
		n := t.shown(p, id, object{"aps": aps, "room": "12"})
		t.same("text, sound and badge", []any{n.Body, n.Sound, number(p.badge())}, []any{"Your room is ready", "chime.caf", 6})
	}},
	{endpoint: endpointPush, name: "badge +1", run: func(t *trial) {
		p := t.app.production
		first := t.push(to(p, object{"ios": object{"alert": "one", "badge": 40}}))
		t.shown(p, first, object{"aps": object{"alert": "one", "badge": 40}})
		id := t.push(to(p, object{"ios": object{"alert": "one more", "badge": "+1"}}))
		t.shown(p, id, object{"aps": object{"alert": "one more", "badge": 41}})
		t.same("the badge", number(p.badge()), 41)
	}},
	{endpoint: endpointPush, name: "alert object", run: func(t *trial) {
		alert := object{"title": "Reader", "subtitle": "Today", "body": "A new chapter"}
		id := t.push(to(t.app.production, object{"ios": object{"alert": alert}}))
		n := t.shown(t.app.production, id, object{"aps": object{"alert": alert}})
		t.same("what the screen says", []any{n.Title, n.Subtitle, n.Body}, []string{"Reader", "Today", "A new chapter"})
	}},
	{endpoint: endpointPush, name: "thread and interruption level", run: func(t *trial) {
		id := t.push(to(t.app.production, object{"ios": object{"alert": "now", "thread-id": "orders", "interruption-level": "time-sensitive"}}))
		n := t.shown(t.app.production, id, object{"aps": object{"alert": "now", "thread-id": "orders", "interruption-level": "time-sensitive"}})
		t.same("thread and level on the phone", []any{n.Thread, n.Level}, []string{"orders", "time-sensitive"})
	}},
	{endpoint: endpointPush, name: "critical sound", run: func(t *trial) {
		sound := object{"critical": 1, "name": "siren.caf", "volume": 0.5}
		id := t.push(to(t.app.production, object{"ios": object{"alert": "fire", "sound": sound}}))
		t.shown(t.app.production, id, object{"aps": object{"alert": "fire", "sound": sound}})
	}},
	{endpoint: endpointPush, name: "extras of every type", run: func(t *trial) {
		extras := object{"text": "t", "number": 3, "flag": true, "object": object{"a": "b"}}
		id := t.push(to(t.app.production, object{"ios": object{"alert": "typed", "extras": extras}}))
		t.shown(t.app.production, id, extras.with(object{"aps": object{"alert": "typed"}}))
	}},
	{endpoint: endpointPush, name: "silent: content-available alone", run: func(t *trial) {
		id := t.push(to(t.app.production, object{"ios": object{"content-available": true, "extras": object{"sync": "1"}}}))
		r := t.sent(t.app.production, id, object{"aps": object{"content-available": 1}, "sync": "1"})
		t.same("apns-push-type and -priority", []any{r.PushType, number(r.Priority)}, []any{"background", 5})
	}},
	{endpoint: endpointPush, name: "content-available with an empty alert", run: func(t *trial) { // Java's builder insists on an alert
		id := t.push(to(t.app.production, object{"ios": object{"alert": "", "content-available": true}}))
		t.sent(t.app.production, id, object{"aps": object{"alert": "", "content-available": 1}})
	}},
	{endpoint: endpointPush, name: "development", run: func(t *trial) {
		id := t.push(object{"platform": "all", "audience": "all", "alert": "for builds", "options": object{"apns_production": false}})
		t.shown(t.app.development, id, object{"aps": object{"alert": "for builds"}})
		t.nothing(t.app.production, id)
	}},
	{endpoint: endpointPush, name: "everyone, shared alert, other platforms' blocks", run: func(t *trial) {
		id := t.push(object{
			"platform": []string{"ios", "android"}, "audience": "all", "alert": "to all",
			"android": object{"alert": "to Android", "title": "Reader", "builder_id": 3},
			"options": object{"apns_production": true},
		})
		t.shown(t.app.production, id, object{"aps": object{"alert": "to all"}})
		t.nothing(t.app.development, id)
	}},
	{endpoint: endpointPush, name: "tag, tag_and, tag_not, alias", run: func(t *trial) {
		p := t.app.production
		t.call("device_set", object{"id": p.registrationID, "add": []string{"北京", "vip"}, "alias": "reader-17"})
		for _, audience := range []object{
			{"tag": []string{"北京", "nobody"}}, {"tag_and": []string{"北京", "vip"}}, {"alias": []string{"reader-17"}},
			{"tag": []string{"vip"}, "alias": []string{"reader-17"}},
		} {
			id := t.push(to(p, object{"audience": audience, "ios": object{"alert": "chosen"}}))
			t.shown(p, id, object{"aps": object{"alert": "chosen"}})
		}
		t.refused("push", to(p, object{"audience": object{"tag": []string{"nobody"}}, "ios": object{"alert": "none"}}), 400, 1011)
		id := t.push(to(p, object{"audience": object{"tag_not": []string{"vip"}}, "ios": object{"alert": "not for vip"}, "options": object{"apns_production": false}}))
		t.shown(t.app.development, id, object{"aps": object{"alert": "not for vip"}})
		t.nothing(p, id)
	}},
	{endpoint: endpointPush, name: "time_to_live and collapse id", run: func(t *trial) {
		p := t.app.production
		id := t.push(to(p, object{"ios": object{"alert": "soon over"}, "options": object{"apns_production": true, "time_to_live": 0, "apns_collapse_id": "score"}}))
		r := t.sent(p, id, object{"aps": object{"alert": "soon over"}})
		if r.Expiration == nil || *r.Expiration != 0 {
			t.fail("apns-expiration is not 0")
		}
		t.same("apns-collapse-id", r.CollapseID, "score")
	}},
	{endpoint: endpointPush, name: "sendno comes back", run: func(t *trial) {
		answer := t.call("push", to(t.app.production, object{"ios": object{"alert": "numbered"}, "options": object{"apns_production": true, "sendno": 4711}}))
		t.same("sendno", t.text(answer, "sendno"), "4711")
	}},
	{endpoint: endpointPush, name: "a repeated cid sends once", run: func(t *trial) {
		p := t.app.production
		cid := t.text(t.call("cid", object{"count": 1}), "cidlist", 0)
		push := to(p, object{"ios": object{"alert": "once"}, "cid": cid})
		first, second := t.push(push), t.push(push)
		t.same("the second msg_id", second, first)
		last := t.push(to(p, object{"ios": object{"alert": "after"}}))
		t.shown(p, last, object{"aps": object{"alert": "after"}})
		t.sent(p, first, object{"aps": object{"alert": "once"}})
	}},
	{endpoint: endpointPush, name: "a wrong secret", run: func(t *trial) {
		t.refusedWith("0123456789abcdef01234567", "push", to(t.app.production, object{"ios": object{"alert": "x"}}), 401, 1004)
	}},

	{endpoint: endpointPush + " (shortcuts)", name: "everyone", run: func(t *trial) {
		id := t.messageID(t.call("notification_all", object{"alert": "short and for all"}))
		t.shown(t.app.development, id, object{"aps": object{"alert": "short and for all"}})
	}},
	{endpoint: endpointPush + " (shortcuts)", name: "iOS by alias and by registration id: text, alert model, JSON", run: func(t *trial) {
		p := t.app.development
		t.call("device_set", object{"id": p.registrationID, "alias": "builder-1"})
		for _, call := range []string{"ios_alias", "ios_registration_id"} {
			for _, form := range []string{"text", "model", "json"} {
				alert := any("short")
				if form != "text" {
					alert = object{"title": "Reader", "subtitle": "Today", "body": "short"}
				}
				before := p.badge()
				id := t.messageID(t.call(call, object{"alert": "short", "form": form, "extras": object{"k": "v"}, "alias": "builder-1", "id": p.registrationID}))
				// The shortcuts ask for badge "+1" and an empty sound, which is none.
				t.shown(p, id, object{"aps": object{"alert": alert, "badge": before + 1}, "k": "v"})
			}
		}
	}},
	{endpoint: endpointPush + " (shortcuts)", name: "Android only reaches no iPhone", run: func(t *trial) {
		for _, call := range []string{"android_alias", "android_registration_id"} {
			t.refused(call, object{"alert": "droid", "title": "t", "alias": "builder-1", "id": t.app.development.registrationID}, 400, 1011)
		}
	}},

	{endpoint: endpointValidate, name: "checks, and sends nothing", run: func(t *trial) {
		p := t.app.production
		id := t.messageID(t.call("validate", to(p, object{"ios": object{"alert": "only checked"}})))
		t.shown(p, t.push(to(p, object{"ios": object{"alert": "sent"}})), object{"aps": object{"alert": "sent"}})
		t.nothing(p, id)
	}},
	{endpoint: endpointValidate, name: "refuses as a push does", run: func(t *trial) {
		t.refused("validate", to(t.app.production, object{"audience": object{"alias": []string{"nobody-at-all"}}, "ios": object{"alert": "x"}}), 400, 1011)
	}},

	{endpoint: endpointCID, name: "ids of this app", run: func(t *trial) {
		for _, kind := range []string{"push", "schedule"} {
			list, _ := t.member(t.call("cid", object{"count": 3, "type": kind}), "cidlist").([]any)
			t.same("the number of ids", number(len(list)), 3)
			for _, cid := range list {
				if s, _ := cid.(string); len(s) != 24+1+36 || s[:24] != t.app.key {
					t.fail("cid is %v", cid)
				}
			}
		}
	}},

	{endpoint: endpointBatch, name: "by registration id", run: func(t *trial) { t.batch("batch_registration_id", t.app.production.registrationID, unknownID) }},
	{endpoint: endpointBatch, name: "by alias", run: func(t *trial) {
		t.call("device_set", object{"id": t.app.production.registrationID, "alias": "batch-reader"})
		t.batch("batch_alias", "batch-reader", "nobody-at-all")
	}},

	{endpoint: endpointWithdraw, name: "own message, and an unknown one", run: func(t *trial) {
		p := t.app.production
		id := t.push(to(p, object{"ios": object{"alert": "taken back"}}))
		t.shown(p, id, object{"aps": object{"alert": "taken back"}})
		t.call("withdraw", object{"msg_id": id})
		t.refused("withdraw", object{"msg_id": "123456789"}, 400, 1003)
	}},
}

// batch sends two to a device and one to nobody; the client must tell them apart.
func (t *trial) batch(call, target, nobody string) {
	p := t.app.production
	var pushes []object
	for _, target := range []string{target, target, nobody} {
		pushes = append(pushes, object{"platform": []string{"ios"}, "target": target, "ios": object{"alert": "one of many", "badge": 3}, "options": object{"apns_production": true}})
	}
	items, ok := t.call(call, object{"pushes": pushes}).([]any)
	if !ok || len(items) != 3 {
		t.fail("the client returned %v", items)
	}
	var refused []any
	for _, item := range items {
		if o, ok := item.(map[string]any); ok && o["error"] != nil {
			refused = append(refused, t.member(item, "error", "code"))
			continue
		}
		t.shown(p, t.messageID(item), object{"aps": object{"alert": "one of many", "badge": 3}})
	}
	t.same("the refused ones' codes", refused, []int{1011})
}

// number is n as the decoder would give it.
func number(n int) any { return decodeNumber(n) }

// refusalCases are payloads that no builder makes, sent with the client's call
// for a payload of one's own (spec/rest-api.md §7.1.4).
func refusalCases() (list []kase) {
	good := object{"platform": "all", "audience": "all", "notification": object{"alert": "x"}}
	for _, bad := range []struct {
		name   string
		change object
		code   int
	}{
		{"no platform", object{"platform": nil}, 1002},
		{"no audience", object{"audience": nil}, 1002},
		{"no content", object{"notification": nil}, 1002},
		{"unknown platform", object{"platform": "wrong"}, 1003},
		{"unknown platform in a list", object{"platform": []string{"ios", "wrong"}}, 1003},
		{"audience of text", object{"audience": "wrong"}, 1003},
		{"audience with a scalar", object{"audience": object{"tag": "text"}}, 1003},
		{"notification of text", object{"notification": "text"}, 1003},
		{"ios of text", object{"notification": object{"ios": "text"}}, 1003},
		{"builder_id of text", object{"notification": object{"android": object{"alert": "a", "builder_id": "3"}}}, 1003},
		{"unknown registration id", object{"audience": object{"registration_id": []string{unknownID}}}, 1011},
		{"unknown alias", object{"audience": object{"alias": []string{"nobody-at-all"}}}, 1011},
	} {
		payload := good.with(bad.change)
		for key, value := range bad.change {
			if value == nil {
				delete(payload, key)
			}
		}
		list = append(list, kase{endpoint: endpointPush + " (refusals)", name: bad.name, run: func(t *trial) { t.refused("push_raw", payload, 400, bad.code) }})
	}
	return list
}
