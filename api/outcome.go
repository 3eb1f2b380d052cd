package api

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

// messageDevices is GET /v1/messages/{id}/devices: who is behind a number of
// the report, a page at a time.
func (s *server) messageDevices(r *http.Request, app aurora.App) (any, error) {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	q, err := selectionOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	ids, next, err := s.Reports.MarkedDevices(r.Context(), app.ID, id, q)
	if err != nil {
		return nil, err
	}
	var a struct {
		IDs  []string `json:"registration_ids"`
		Next *int64   `json:"next"`
	}
	a.IDs = append([]string{}, ids...) // never null
	if next >= 0 {
		a.Next = &next
	}
	return a, nil
}

func selectionOf(query url.Values) (q ledger.Selection, err error) {
	q.After, q.Limit = -1, 100
	if query.Get("outcome") == "" {
		return q, aurora.Errorf(aurora.Missing, "outcome is missing: targeted, accepted, received, opened, or failed:REASON.")
	}
	if q.With, err = markOf("outcome", query.Get("outcome")); err != nil {
		return q, err
	}
	if text := query.Get("without"); text != "" {
		if q.Without, err = markOf("without", text); err != nil {
			return q, err
		}
	}
	if text := query.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return q, aurora.Errorf(aurora.Invalid, "after must be the next of the page before.")
		}
		q.After = int64(n)
	}
	if text := query.Get("limit"); text != "" {
		if q.Limit, err = pageNumber(text, "limit", 0, 1000); err != nil {
			return q, err
		}
	}
	return q, nil
}

// maxOutcome is longer than any reason.
const maxOutcome = 100

func markOf(name, text string) (aurora.Mark, error) {
	m := aurora.Mark(text)
	plain := m
	if _, inner, ok := m.InApp(); ok {
		plain = inner
	}
	reason, failed := plain.FailedReason()
	switch {
	case len(text) > maxOutcome:
	case failed && reason != "", m == aurora.InAppWaiting:
		return m, nil
	case plain == aurora.Targeted, plain == aurora.Accepted, plain == aurora.Received, plain == aurora.Opened:
		return m, nil
	}
	return "", aurora.Errorf(aurora.Invalid, "%s must be targeted, accepted, received, opened, or failed: and a reason such as failed:Unregistered.", name)
}

type stepAnswer struct {
	Name   string     `json:"name"`
	State  string     `json:"state"`
	Text   string     `json:"text"`
	Remedy string     `json:"remedy"`
	At     *time.Time `json:"at"`
}

// messageTimeline is GET /v1/messages/{id}/devices/{device}: why this device
// got the message, or did not.
func (s *server) messageTimeline(r *http.Request, app aurora.App) (any, error) {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	device := r.PathValue("device")
	if err := aurora.ValidateRegistrationID(device); err != nil {
		return nil, err
	}
	steps, err := s.Reports.Timeline(r.Context(), app.ID, device, id)
	if err != nil {
		return nil, err
	}
	list := make([]stepAnswer, len(steps))
	for i, st := range steps {
		list[i] = stepAnswer{st.Name, string(st.State), st.Text, st.Remedy, instant(st.At)}
	}
	return struct {
		MessageID    string       `json:"msg_id"`
		Registration string       `json:"registration_id"`
		Steps        []stepAnswer `json:"steps"`
	}{id.String(), device, list}, nil
}
