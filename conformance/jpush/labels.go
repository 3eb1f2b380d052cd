package main

import (
	"encoding/json"
	"slices"
	"strconv"
)

func decodeNumber(n int) any { return json.Number(strconv.Itoa(n)) }

const (
	endpointDevice       = "GET /v3/devices/{id}"
	endpointDeviceChange = "POST /v3/devices/{id}"
	endpointDeviceStatus = "POST /v3/devices/status"
	endpointAlias        = "GET /v3/aliases/{alias}"
	endpointAliasDelete  = "DELETE /v3/aliases/{alias}"
	endpointAliasChange  = "POST /v3/aliases/{alias}"
	endpointTags         = "GET /v3/tags"
	endpointTagHas       = "GET /v3/tags/{tag}/registration_ids/{id}"
	endpointTagChange    = "POST /v3/tags/{tag}"
	endpointTagDelete    = "DELETE /v3/tags/{tag}"
)

// labelled gives the production phone exactly these tags and this alias.
func (t *trial) labelled(alias string, tags ...string) *phone {
	p := t.app.production
	t.call("device_set", object{"id": p.registrationID, "alias": "", "clear_tags": true})
	t.call("device_set", object{"id": p.registrationID, "alias": alias, "add": tags})
	return p
}

// labels is what the client says of a device: sorted tags, then alias.
func (t *trial) labels(p *phone) any {
	d, ok := t.call("device", object{"id": p.registrationID}).(map[string]any)
	tags, list := d["tags"].([]any)
	if !ok || !list {
		t.fail("the client's answer has no tags: %v", d)
	}
	slices.SortFunc(tags, compareText)
	return append(tags, d["alias"])
}

func compareText(a, b any) int {
	x, _ := a.(string)
	y, _ := b.(string)
	return slices.Compare([]byte(x), []byte(y))
}

var labelCases = []kase{
	{endpoint: endpointDevice, name: "tags, alias, none", run: func(t *trial) {
		p := t.labelled("reader-1", "news", "体育")
		t.same("tags and alias", t.labels(p), []any{"news", "体育", "reader-1"})
		t.call("device_set", object{"id": p.registrationID, "alias": "", "clear_tags": true})
		t.same("tags and alias", t.labels(p), []any{nil})
	}},
	{endpoint: endpointDevice, name: "refusals with their codes", run: func(t *trial) {
		t.refused("device", object{"id": "INVALID_REGISTRATION_ID"}, 400, 7002)
		t.refused("device", object{"id": unknownID}, 400, 7002)
		t.refusedWith("0123456789abcdef01234567", "device", object{"id": t.app.production.registrationID}, 401, 7004)
	}},
	{endpoint: endpointDeviceChange, name: "add, remove, clear, alias", run: func(t *trial) {
		p := t.labelled("a", "one", "two")
		t.call("device_set", object{"id": p.registrationID, "add": []string{"three"}, "remove": []string{"one"}, "alias": "b"})
		t.same("tags and alias", t.labels(p), []any{"three", "two", "b"})
		t.call("device_set", object{"id": p.registrationID, "clear_tags": true, "alias": "b"})
		t.same("tags and alias", t.labels(p), []any{"b"})
	}},
	{endpoint: endpointDeviceChange, name: "clearing flags", run: func(t *trial) {
		p := t.labelled("a", "one")
		t.call("device_clear", object{"id": p.registrationID, "alias": true, "tags": true})
		t.same("tags and alias", t.labels(p), []any{nil})
	}},
	{endpoint: endpointDeviceChange, name: "mobile", run: func(t *trial) {
		p := t.app.production
		t.call("mobile", object{"id": p.registrationID, "mobile": "13800000000"})
		if d := t.call("device", object{"id": p.registrationID}).(map[string]any); d["mobile"] != nil { // Java's model has no such member
			t.same("mobile", d["mobile"], "13800000000")
		}
		t.call("mobile", object{"id": p.registrationID, "mobile": ""})
	}},
	{endpoint: endpointDeviceChange, name: "too long an alias", run: func(t *trial) {
		t.refused("device_set", object{"id": t.app.production.registrationID, "alias": "01234567890123456789012345678901234567890", "add": []string{"x"}}, 400, 7002)
	}},
	{endpoint: endpointDeviceStatus, name: "online, unknown", run: func(t *trial) {
		p := t.app.production
		answer := t.call("device_status", object{"ids": []string{p.registrationID, unknownID}})
		t.same("online", t.member(answer, p.registrationID, "online"), true)
		t.member(answer, unknownID)
	}},
	{endpoint: endpointAlias, name: "its devices, by platform, none", run: func(t *trial) {
		p := t.labelled("mia 的")
		one := object{"registration_ids": []string{p.registrationID}}
		none := object{"registration_ids": []string{}}
		t.same("the alias", t.call("alias", object{"alias": "mia 的"}), one)
		t.same("the alias on iOS", t.call("alias", object{"alias": "mia 的", "platform": "ios"}), one)
		if !t.client.dropsQuery() {
			t.same("the alias on Android", t.call("alias", object{"alias": "mia 的", "platform": "android"}), none)
		}
		t.same("an unknown alias", t.call("alias", object{"alias": "nobody-at-all"}), none)
	}},
	{endpoint: endpointAlias, name: "plain alias", run: func(t *trial) {
		p := t.labelled("mia")
		t.same("the alias", t.call("alias", object{"alias": "mia"}), object{"registration_ids": []string{p.registrationID}})
	}},
	{endpoint: endpointAliasDelete, name: "by platform and whole", run: func(t *trial) {
		p := t.labelled("gone-soon")
		t.call("alias_delete", object{"alias": "gone-soon", "platform": "android"})
		if !t.client.dropsQuery() {
			t.same("tags and alias", t.labels(p), []any{"gone-soon"})
		}
		t.call("alias_delete", object{"alias": "gone-soon"})
		t.same("tags and alias", t.labels(p), []any{nil})
	}},
	{endpoint: endpointAliasChange, name: "remove a device", run: func(t *trial) {
		p := t.labelled("shared")
		t.call("alias_remove", object{"alias": "shared", "ids": []string{p.registrationID}})
		t.same("tags and alias", t.labels(p), []any{nil})
	}},
	{endpoint: endpointTags, name: "the app's tags", run: func(t *trial) {
		t.labelled("", "listed", "列出")
		tags, _ := t.member(t.call("tags", nil), "tags").([]any)
		for _, want := range []any{"listed", "列出"} {
			if !slices.Contains(tags, want) {
				t.fail("tag %v is not listed: %v", want, tags)
			}
		}
	}},
	{endpoint: endpointTagHas, name: "yes, no, unknown tag", run: func(t *trial) {
		p := t.labelled("", "in+it")
		t.same("in it", t.call("tag_has", object{"tag": "in+it", "id": p.registrationID}), object{"result": true})
		t.same("the other phone", t.call("tag_has", object{"tag": "in+it", "id": t.app.development.registrationID}), object{"result": false})
		t.same("an unknown tag", t.call("tag_has", object{"tag": "nowhere", "id": p.registrationID}), object{"result": false})
	}},
	{endpoint: endpointTagChange, name: "add and remove devices", run: func(t *trial) {
		p, q := t.labelled("", "crew"), t.app.development
		t.call("tag_change", object{"tag": "crew", "add": []string{q.registrationID}, "remove": []string{p.registrationID}})
		t.same("who left", t.call("tag_has", object{"tag": "crew", "id": p.registrationID}), object{"result": false})
		t.same("who came", t.call("tag_has", object{"tag": "crew", "id": q.registrationID}), object{"result": true})
	}},
	{endpoint: endpointTagChange, name: "refusals with their codes", run: func(t *trial) {
		t.refused("tag_change", object{"tag": "crew", "add": []string{unknownID}}, 400, 7013)
	}},
	{endpoint: endpointTagDelete, name: "by platform and whole", run: func(t *trial) {
		p := t.labelled("", "over")
		has := func() any { return t.call("tag_has", object{"tag": "over", "id": p.registrationID}) }
		t.call("tag_delete", object{"tag": "over", "platform": "android"})
		if !t.client.dropsQuery() {
			t.same("in it", has(), object{"result": true})
		}
		t.call("tag_delete", object{"tag": "over"})
		t.same("in it", has(), object{"result": false})
	}},
	{endpoint: endpointTagDelete, name: "a deleted tag leaves the list", run: func(t *trial) {
		t.labelled("", "short-lived")
		t.call("tag_delete", object{"tag": "short-lived"})
		t.until("whether it is listed", func() any {
			tags, _ := t.call("tags", nil).(map[string]any)["tags"].([]any)
			return slices.Contains(tags, any("short-lived"))
		}, false)
	}},
}
