package api

import (
	"net/http"

	"github.com/aurora-push/aurora"
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
	a := messageAnswer{id.String(), string(report.State), report.Targeted, report.Accepted, report.Failed, report.Pending, report.Received, report.Opened, []failedReason{}}
	for _, f := range report.FailedBy {
		a.FailedBy = append(a.FailedBy, failedReason{f.Reason, f.Count, aurora.ExplainReason(f.Reason)})
	}
	return a, nil
}
