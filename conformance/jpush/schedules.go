package main

import "time"

const endpointSchedules = "/v3/schedules"

// china is the clock of schedules unless a deployment configures another.
var china = time.FixedZone("China", 8*60*60)

const scheduleTime = "2006-01-02 15:04:05"

// scheduled makes a schedule that is due after a while.
func (t *trial) scheduled(name string, after time.Duration, push object) (id string) {
	made := t.call("schedule_create", object{"name": name, "time": time.Now().Add(after).In(china).Format(scheduleTime), "push": push})
	t.same("the name that came back", t.text(made, "name"), name)
	return t.text(made, "schedule_id")
}

// someSchedule has the form of a schedule's id, and is nobody's.
const someSchedule = "0eac1b80-c2ac-4b69-948b-c65b34b96512"

var scheduleCases = []kase{
	{endpoint: endpointSchedules, name: "create, get, list, delete", run: func(t *trial) {
		id := t.scheduled("morning", 48*time.Hour, to(t.app.production, object{"ios": object{"alert": "later"}}))
		got := t.call("schedule_get", object{"id": id})
		t.same("id and name", []any{t.text(got, "schedule_id"), t.text(got, "name")}, []string{id, "morning"})
		if list, _ := t.member(t.call("schedule_list", nil), "schedules").([]any); len(list) != 1 || t.text(list[0], "schedule_id") != id {
			t.fail("the list is %v", list)
		}
		t.call("schedule_delete", object{"id": id})
		t.refused("schedule_get", object{"id": id}, 404, 8104)
	}},
	{endpoint: endpointSchedules, name: "change the name", run: func(t *trial) {
		id := t.scheduled("morning", 48*time.Hour, to(t.app.production, object{"ios": object{"alert": "later"}}))
		t.call("schedule_update", object{"id": id, "name": "evening"})
		t.same("the name", t.text(t.call("schedule_get", object{"id": id}), "name"), "evening")
		t.call("schedule_delete", object{"id": id})
	}},
	{endpoint: endpointSchedules, name: "fires on time, once", run: func(t *trial) {
		p := t.app.production
		t.scheduled("soon", 2*time.Second, to(p, object{"ios": object{"alert": "on time", "badge": 8}}))
		n := t.shownText(p, "on time")
		t.shown(p, n.MessageID, object{"aps": object{"alert": "on time", "badge": 8}})
	}},
	{endpoint: endpointSchedules, name: "its messages", run: func(t *trial) {
		p := t.app.production
		id := t.scheduled("soon", 2*time.Second, to(p, object{"ios": object{"alert": "on time again"}}))
		t.call("schedule_message_ids", object{"id": id}) // ends the case at once where the client cannot
		n := t.shownText(p, "on time again")
		t.until("the schedule's messages", func() any {
			return t.member(t.call("schedule_message_ids", object{"id": id}), "msgids")
		}, []string{n.MessageID})
	}},
	{endpoint: endpointSchedules, name: "refusals with their codes", run: func(t *trial) {
		t.refused("schedule_get", object{"id": someSchedule}, 404, 8104)
		t.refused("schedule_delete", object{"id": someSchedule}, 404, 8104)
		t.refusedWith("0123456789abcdef01234567", "schedule_get", object{"id": someSchedule}, 401, 8101)
	}},
}
