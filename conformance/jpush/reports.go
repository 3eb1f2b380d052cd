package main

const (
	endpointReceived       = "GET /v3/received"
	endpointReceivedDetail = "GET /v3/received/detail"
	endpointMessages       = "GET /v3/messages"
	endpointMessagesDetail = "GET /v3/messages/detail"
	endpointMessageStatus  = "POST /v3/status/message"
)

// reported is a message that the production phone has got.
func (t *trial) reported() string {
	p := t.app.production
	id := t.push(to(p, object{"ios": object{"alert": "counted"}}))
	t.shown(p, id, object{"aps": object{"alert": "counted"}})
	return id
}

// counts asks for a report until a counter of the first of two ids is 1; the
// second id is unknown and must be listed all the same.
func (t *trial) counts(call string, path ...any) {
	if t.client.dropsQuery() {
		t.refused(call, object{"ids": "123456789"}, 400, 3002) // it must still say what is missing
		panic(ended{verdict{unsupported, "the client sends no query, so msg_ids never leaves it; Aurora answers 400/3002"}})
	}
	id := t.reported()
	item := func(n int) []any { return []any{n} }
	t.until(call, func() any {
		answer := t.call(call, object{"ids": id + ",123456789"})
		t.same("msg_id of the first item", t.text(answer, append(item(0), "msg_id")...), id)
		t.same("msg_id of the second item", t.text(answer, append(item(1), "msg_id")...), "123456789")
		return t.member(answer, append(item(0), path...)...)
	}, 1)
}

var reportCases = []kase{
	{endpoint: endpointReceived, name: "accepted by APNs; unknown ids have an item", run: func(t *trial) { t.counts("received", "ios_apns_sent") }},
	{endpoint: endpointReceived, name: "spaces between ids", run: func(t *trial) {
		if t.client.dropsQuery() {
			panic(ended{verdict{unsupported, "the client sends no query"}})
		}
		answer := t.call("received", object{"ids": "123456789, 123456790"})
		t.same("msg_id of the second item", t.text(answer, 1, "msg_id"), "123456790")
	}},
	{endpoint: endpointReceived, name: "refusals with their codes", run: func(t *trial) {
		t.refusedWith("0123456789abcdef01234567", "received", object{"ids": "123456789"}, 401, 3001)
	}},
	{endpoint: endpointReceivedDetail, name: "accepted by APNs; unknown ids have an item", run: func(t *trial) { t.counts("received_detail", "ios_apns_sent") }},
	{endpoint: endpointMessages, name: "targets", run: func(t *trial) { t.counts("messages", "ios", "apns_target") }},
	{endpoint: endpointMessages, name: "accepted by APNs", run: func(t *trial) { t.counts("messages", "ios", "apns_sent") }},
	{endpoint: endpointMessagesDetail, name: "accepted by APNs; unknown ids have an item", run: func(t *trial) { t.counts("messages_detail", "ios", "apns_sent") }},
	{endpoint: endpointMessageStatus, name: "delivered, not targeted, not the app's", run: func(t *trial) {
		id := t.reported()
		ids := []string{t.app.production.registrationID, t.app.development.registrationID, unknownID}
		t.until("message_status", func() any {
			return t.call("message_status", object{"msg_id": id, "ids": ids})
		}, object{ids[0]: object{"status": 0}, ids[1]: object{"status": 3}, ids[2]: object{"status": 2}})
	}},
}
