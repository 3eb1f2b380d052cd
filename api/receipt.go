package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// decodeReceipts reads {"receipts":[{"msg_id","event","at"}]}. A msg_id may be
// a string or a number: apps pass on what stood in the payload.
func decodeReceipts(o object) ([]aurora.Receipt, error) {
	raw := o.raw("receipts")
	if raw == nil {
		return nil, aurora.Errorf(aurora.Missing, "receipts is missing: an array of {\"msg_id\",\"event\",\"at\"}.")
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil, aurora.Errorf(aurora.Invalid, "receipts must be an array.")
	}
	list := make([]aurora.Receipt, len(items))
	for i, item := range items {
		m, err := parseObject(fmt.Sprintf("receipts[%d]", i), item)
		if err != nil {
			return nil, err
		}
		if list[i], err = decodeReceipt(m); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func decodeReceipt(o object) (r aurora.Receipt, err error) {
	if r.MessageID, err = aurora.ParseMessageID(strings.Trim(string(o.raw("msg_id")), `"`)); err != nil {
		return r, err
	}
	event, _, err := o.text("event")
	if err != nil {
		return r, err
	}
	if r.Event = aurora.ReceiptEvent(event); r.Event != aurora.ReceivedEvent && r.Event != aurora.OpenedEvent {
		return r, aurora.Errorf(aurora.Invalid, "%s must be \"received\" or \"opened\".", o.name("event"))
	}
	part, _, err := o.text("part")
	if err != nil {
		return r, err
	}
	if r.Part = aurora.Part(part); r.Part != aurora.UnsaidPart && r.Part != aurora.NotificationPart && r.Part != aurora.MessagePart {
		return r, aurora.Errorf(aurora.Invalid, "%s must be \"notification\" or \"message\".", o.name("part"))
	}
	at, ok, err := o.text("at")
	if err != nil || !ok {
		return r, err
	}
	if r.At, err = time.Parse(time.RFC3339, at); err != nil {
		return r, aurora.Errorf(aurora.Invalid, "%s must be a time such as 2030-01-02T03:04:05Z.", o.name("at"))
	}
	return r, nil
}
