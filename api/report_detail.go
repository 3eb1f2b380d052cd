package api

import (
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

// forEach answers a report route: one item for each id, in order; an id that is
// not the app's has an item made from an empty report.
func (s *server) forEach(r *http.Request, app aurora.App, item func(id string, known bool, report ledger.Report) any) (any, error) {
	ids, err := messageIDs(r.URL.Query().Get("msg_ids"))
	if err != nil {
		return nil, err
	}
	items := make([]any, len(ids))
	for i, id := range ids {
		report, err := s.Reports.Report(r.Context(), app.ID, id)
		unknown := aurora.KindOf(err) == aurora.NotFound
		if err != nil && !unknown {
			return nil, err
		}
		items[i] = item(id.String(), !unknown, report)
	}
	return items, nil
}

// numbers are counters by their names in JPush's words; null means not applicable or none.
type numbers map[string]any

// someOf returns the number, or null for none.
func someOf(n uint64) any {
	if n == 0 {
		return nil
	}
	return n
}

// receivedDetail is GET /v3/received/detail.
func (s *server) receivedDetail(r *http.Request, app aurora.App) (any, error) {
	return s.forEach(r, app, func(id string, known bool, report ledger.Report) any {
		n := numbers{"msg_id": id}
		for _, none := range []string{"jpush_received", "android_pns_sent", "android_pns_received", "ios_apns_sent", "ios_apns_received", "ios_msg_received",
			"live_acivity_sent", "live_acivity_received", "wp_mpns_sent", "quickapp_jpush_received", "quickapp_pns_sent",
			"hmos_hmpns_sent", "hmos_hmpns_received", "hmos_msg_sent", "hmos_msg_received"} { // the misspelling is on the wire
			n[none] = nil
		}
		if known {
			n["ios_apns_sent"], n["ios_apns_received"] = report.Accepted, someOf(report.Received)
		}
		return n
	})
}

// messages is GET /v3/messages: exactly four members an item.
func (s *server) messages(r *http.Request, app aurora.App) (any, error) {
	return s.forEach(r, app, func(id string, known bool, report ledger.Report) any {
		ios := numbers{"apns_sent": nil, "apns_target": nil, "apns_received": nil, "click": nil, "target": nil, "received": nil}
		if known {
			ios["apns_target"], ios["apns_sent"], ios["apns_received"], ios["click"] = report.Targeted, report.Accepted, someOf(report.Received), report.Opened
		}
		return numbers{
			"msg_id":   id,
			"ios":      ios,
			"android":  numbers{"received": nil, "target": nil, "online_push": nil, "click": nil, "msg_click": nil},
			"winphone": numbers{"mpns_target": nil, "mpns_sent": nil, "click": nil},
		}
	})
}

// messagesDetail is GET /v3/messages/detail: exactly eight members an item.
func (s *server) messagesDetail(r *http.Request, app aurora.App) (any, error) {
	return s.forEach(r, app, func(id string, known bool, report ledger.Report) any {
		n := detailNumbers(known, report)
		n["msg_id"] = id
		return n
	})
}

// detailNumbers are the members of an item besides its id.
func detailNumbers(known bool, report ledger.Report) numbers {
	n := numbers{
		"ios": nil, "winphone": nil, "quickapp_jpush": nil, "quickapp_pns": nil,
		"jpush":       numbers{"target": nil, "online_push": nil, "received": nil, "click": nil, "msg_click": nil},
		"android_pns": numbers{"pns_target": nil, "pns_sent": nil},
		"details":     numbers{},
	}
	if known {
		n["ios"] = numbers{"apns_target": report.Targeted, "apns_sent": report.Accepted, "apns_received": someOf(report.Received), "apns_click": report.Opened, "msg_target": nil, "msg_received": nil}
		n["details"] = numbers{"notification": numbers{"target": report.Targeted, "sent": report.Accepted, "received": report.Received, "display": report.Received, "click": report.Opened,
			"sub_ios": numbers{"apns": numbers{"target": report.Targeted, "sent": report.Accepted, "received": report.Received, "click": report.Opened}}}}
	}
	return n
}

// The delivery states of JPush's POST /v3/status/message.
const (
	statusDelivered    = 0
	statusNotDelivered = 1
	statusForeign      = 2 // the id is not this app's
	statusNotTargeted  = 3
)

type deliveryStatus struct {
	Status int `json:"status"`
}

// messageStatus is POST /v3/status/message: what became of one message for
// each of up to 1,000 devices. Delivered means taken by APNs.
func (s *server) messageStatus(r *http.Request, app aurora.App) (any, error) {
	o, err := deviceBody(r)
	if err != nil {
		return nil, err
	}
	raw := o.raw("msg_id")
	if raw == nil {
		return nil, aurora.Errorf(aurora.Missing, "msg_id is missing.")
	}
	id, err := reportedID(strings.Trim(string(raw), `"`))
	if err != nil {
		return nil, err
	}
	ids, err := registrationIDs(o, "registration_ids", 1)
	if err != nil {
		return nil, err
	}
	if _, err := s.Reports.Report(r.Context(), app.ID, id); err != nil && aurora.KindOf(err) != aurora.NotFound {
		return nil, err
	} else if err != nil {
		id = 0 // another app's message targeted none of this one's devices
	}
	answer := make(map[string]deliveryStatus, len(ids))
	for _, rid := range ids {
		if answer[rid], err = s.statusFor(r, app, rid, id); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func (s *server) statusFor(r *http.Request, app aurora.App, registrationID string, id aurora.MessageID) (deliveryStatus, error) {
	d, err := s.Labels.Device(r.Context(), app.ID, registrationID)
	if aurora.KindOf(err) == aurora.NotFound {
		return deliveryStatus{statusForeign}, nil
	}
	if err != nil {
		return deliveryStatus{}, err
	}
	marks, err := s.Reports.Marks(r.Context(), d, id)
	if err != nil {
		return deliveryStatus{}, err
	}
	if _, ok := marks[aurora.Accepted]; ok {
		return deliveryStatus{statusDelivered}, nil
	}
	if _, ok := marks[aurora.Targeted]; ok {
		return deliveryStatus{statusNotDelivered}, nil
	}
	return deliveryStatus{statusNotTargeted}, nil
}
