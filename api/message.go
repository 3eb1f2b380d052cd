package api

import (
	"net/http"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

// messageAnswer is a report with its reasons: additive to JPush's API.
type messageAnswer struct {
	MessageID string         `json:"msg_id"`
	State     string         `json:"state"`
	Targeted  uint64         `json:"targeted"`
	Accepted  uint64         `json:"accepted"`
	Failed    uint64         `json:"failed"`
	Pending   uint64         `json:"pending"`
	Received  uint64         `json:"received"`
	Opened    uint64         `json:"opened"`
	FailedBy  []failedReason `json:"failed_by"`
	InApp     *inAppAnswer   `json:"in_app,omitempty"`
	VoIP      *voipAnswer    `json:"voip,omitempty"`
	// Stopped is there if the push was stopped.
	Stopped *stoppedAnswer `json:"stopped,omitempty"`
}

type stoppedAnswer struct {
	At     string `json:"at"`
	Left   uint64 `json:"left"`   // devices that it had been sent to
	Spared uint64 `json:"spared"` // devices that it was not sent to any more
}

// inAppAnswer is the report of an in-app message, apart from its notification.
type inAppAnswer struct {
	Targeted uint64         `json:"targeted"`
	Handed   uint64         `json:"handed"`   // to the device, in an answer to it
	Received uint64         `json:"received"` // acknowledged
	Opened   uint64         `json:"opened"`
	Waiting  uint64         `json:"waiting"`
	Failed   uint64         `json:"failed"`
	FailedBy []failedReason `json:"failed_by"`
}

// voipAnswer is the report of what went to PushKit, apart from the notification.
type voipAnswer struct {
	Targeted uint64         `json:"targeted"`
	Accepted uint64         `json:"accepted"`
	Failed   uint64         `json:"failed"`
	Pending  uint64         `json:"pending"`
	FailedBy []failedReason `json:"failed_by"`
}

type failedReason struct {
	Reason  string `json:"reason"`
	Devices uint64 `json:"devices"`
	Text    string `json:"text"`
}

// message is GET /v1/messages/{id}: where a message stands.
func (s *server) message(r *http.Request, app aurora.App) (any, error) {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	report, err := s.Reports.Report(r.Context(), app.ID, id)
	if err != nil {
		return nil, err
	}
	a := messageAnswer{id.String(), string(report.State), report.Targeted, report.Accepted, report.Failed, report.Pending, report.Received, report.Opened, reasons(report.FailedBy), nil, nil, nil}
	if i := report.InApp; i != nil {
		a.InApp = &inAppAnswer{ledger.Sum(i.Targeted), ledger.Sum(i.Handed), ledger.Sum(i.Received), ledger.Sum(i.Opened), i.Waiting, i.Failed, reasons(i.FailedBy)}
	}
	if v := report.VoIP; v != nil {
		a.VoIP = &voipAnswer{v.Targeted, v.Accepted, v.Failed, v.Pending, reasons(v.FailedBy)}
	}
	if at := report.Message.StoppedAt; !at.IsZero() {
		a.Stopped = &stoppedAnswer{at.UTC().Format(time.RFC3339), report.Left(), report.FailedFor(aurora.ReasonStopped)}
	}
	return a, nil
}

func reasons(counts []ledger.ReasonCount) []failedReason {
	list := []failedReason{}
	for _, f := range counts {
		list = append(list, failedReason{f.Reason, f.Count, aurora.ExplainReason(f.Reason)})
	}
	return list
}
