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
		if known && report.Message.Content.LiveActivity != nil {
			n["live_acivity_sent"], n["live_acivity_received"] = report.Accepted, someOf(report.Received)
		}
		if known && notifies(report) {
			n["ios_apns_sent"], n["ios_apns_received"] = report.Accepted, someOf(report.Received)
		}
		if a := report.InApp; known && a != nil {
			n["jpush_received"], n["ios_msg_received"], n["quickapp_jpush_received"] = countOf(a.Received, aurora.Android), countOf(a.Received, aurora.IOS), countOf(a.Received, aurora.QuickApp)
			n["hmos_msg_sent"], n["hmos_msg_received"] = countOf(a.Handed, aurora.HMOS), countOf(a.Received, aurora.HMOS)
		}
		return n
	})
}

// messages is GET /v3/messages: exactly four members an item.
func (s *server) messages(r *http.Request, app aurora.App) (any, error) {
	return s.forEach(r, app, func(id string, known bool, report ledger.Report) any {
		ios := numbers{"apns_sent": nil, "apns_target": nil, "apns_received": nil, "click": nil, "target": nil, "received": nil}
		android := numbers{"received": nil, "target": nil, "online_push": nil, "click": nil, "msg_click": nil}
		if known && notifies(report) {
			ios["apns_target"], ios["apns_sent"], ios["apns_received"], ios["click"] = apnsTarget(report), report.Accepted, someOf(report.Received), report.Opened
		}
		if a := report.InApp; known && a != nil {
			ios["target"], ios["received"] = countOf(a.Targeted, aurora.IOS), countOf(a.Received, aurora.IOS)
			android["target"], android["received"] = countOf(a.Targeted, aurora.Android), countOf(a.Received, aurora.Android)
			android["online_push"], android["msg_click"] = countOf(a.Handed, aurora.Android), countOf(a.Opened, aurora.Android)
		}
		return numbers{
			"msg_id":   id,
			"ios":      ios,
			"android":  android,
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
		detail(n, report)
	}
	return n
}

// detail fills in one item of messagesDetail. JPush counts its own connection
// for all platforms in jpush; Aurora's is that of in-app messages.
func detail(n numbers, report ledger.Report) {
	ios, details := numbers{"apns_target": nil, "apns_sent": nil, "apns_received": nil, "apns_click": nil, "msg_target": nil, "msg_received": nil}, numbers{}
	n["ios"], n["details"] = ios, details
	if report.Message.Content.LiveActivity != nil {
		one := numbers{"target": report.Targeted, "sent": report.Accepted, "received": report.Received}
		details["live_activity"] = numbers{"target": report.Targeted, "sent": report.Accepted, "received": report.Received, "sub_ios": numbers{"apns": one}}
	}
	if notifies(report) {
		target := apnsTarget(report)
		ios["apns_target"], ios["apns_sent"], ios["apns_received"], ios["apns_click"] = target, report.Accepted, someOf(report.Received), report.Opened
		details["notification"] = numbers{"target": report.Targeted, "sent": report.Accepted, "received": report.Received, "display": report.Received, "click": report.Opened,
			"sub_ios": numbers{"apns": numbers{"target": target, "sent": report.Accepted, "received": report.Received, "click": report.Opened}}}
	}
	if v := report.VoIP; v != nil {
		notification, ok := details["notification"].(numbers)
		if !ok {
			notification = numbers{"target": v.Targeted, "sent": v.Accepted, "sub_ios": numbers{}}
			details["notification"] = notification
		}
		notification["sub_ios"].(numbers)["voip"] = numbers{"target": v.Targeted, "sent": v.Accepted}
	}
	a := report.InApp
	if a == nil {
		return
	}
	ios["msg_target"], ios["msg_received"] = countOf(a.Targeted, aurora.IOS), countOf(a.Received, aurora.IOS)
	n["jpush"] = numbers{"target": ledger.Sum(a.Targeted), "online_push": ledger.Sum(a.Handed), "received": ledger.Sum(a.Received), "click": nil, "msg_click": someOf(ledger.Sum(a.Opened))}
	message := numbers{"target": ledger.Sum(a.Targeted), "sent": ledger.Sum(a.Handed), "received": ledger.Sum(a.Received), "click": ledger.Sum(a.Opened)}
	details["message"] = message
	for _, p := range []aurora.Platform{aurora.Android, aurora.IOS, aurora.QuickApp, aurora.HMOS} {
		if _, ok := a.Targeted[p]; !ok {
			continue
		}
		one := numbers{"target": a.Targeted[p], "sent": a.Handed[p], "received": a.Received[p], "click": a.Opened[p]}
		if p == aurora.IOS {
			one = numbers{"jg_ios": one}
		}
		message["sub_"+string(p)] = one
	}
}

// notifies reports whether a push has a notification: a live activity is none.
func notifies(report ledger.Report) bool {
	return report.Message.Content.Notifies() && report.Message.Content.LiveActivity == nil
}

// apnsTarget is how many of a notification's devices are iPhones.
func apnsTarget(report ledger.Report) uint64 {
	n := report.Targeted
	for _, f := range report.FailedBy {
		if f.Reason == aurora.ReasonNoChannel { // the others have no channel yet
			n -= f.Count
		}
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
// each of up to 1,000 devices. Delivered means taken by APNs, or for an in-app
// message acknowledged by the device.
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
	// The date is not needed; PHP's and C#'s clients call it data.
	if err := (shape{"date": isTextOf(maxIDLength), "data": isTextOf(maxIDLength)}).check(o); err != nil {
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
	for _, delivered := range []aurora.Mark{aurora.Accepted, aurora.InApp(d.Platform, aurora.Received)} {
		if _, ok := marks[delivered]; ok {
			return deliveryStatus{statusDelivered}, nil
		}
	}
	for _, targeted := range []aurora.Mark{aurora.Targeted, aurora.InApp(d.Platform, aurora.Targeted)} {
		if _, ok := marks[targeted]; ok {
			return deliveryStatus{statusNotDelivered}, nil
		}
	}
	return deliveryStatus{statusNotTargeted}, nil
}
