package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// Schedules keeps pushes that are sent later.
type Schedules interface {
	Create(ctx context.Context, app aurora.App, n dispatch.Schedule, cid string) (dispatch.Schedule, error)
	Schedule(ctx context.Context, appID int64, id string) (dispatch.Schedule, error)
	Schedules(ctx context.Context, appID int64, page int) (list []dispatch.Schedule, total int, err error)
	Change(ctx context.Context, appID int64, id string, c dispatch.ScheduleChange) (dispatch.Schedule, error)
	Delete(ctx context.Context, appID int64, id string) error
	Firings(ctx context.Context, appID int64, id string) ([]dispatch.Fired, error)
}

// scheduleAnswer is a schedule as its caller wrote it (spec/rest-api.md §10.1).
type scheduleAnswer struct {
	ID      string          `json:"schedule_id"`
	Name    string          `json:"name"`
	Enabled bool            `json:"enabled"`
	Trigger json.RawMessage `json:"trigger"`
	Push    json.RawMessage `json:"push"`
}

func scheduleAnswerOf(n dispatch.Schedule) scheduleAnswer {
	return scheduleAnswer{n.ID, n.Name, n.Enabled, n.TriggerBody, n.PushBody}
}

// createSchedule is POST /v3/schedules. The push is checked now; its audience
// is resolved when it is sent.
func (s *server) createSchedule(r *http.Request, app aurora.App) (any, error) {
	top, c, err := scheduleBody(r)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Name == nil:
		return nil, aurora.Errorf(aurora.Missing, "name is missing.")
	case c.Enabled == nil:
		return nil, aurora.Errorf(aurora.Missing, "enabled is missing. It must be true for a new schedule.")
	case c.Trigger == nil:
		return nil, aurora.Errorf(aurora.Missing, "trigger is missing: an object with single, periodical or intelligent.")
	case c.Push == nil:
		return nil, aurora.Errorf(aurora.Missing, "push is missing: what POST /v3/push would take.")
	}
	cid, _, err := top.text("cid")
	if err != nil {
		return nil, err
	}
	if err := checkCID(app, cid); err != nil {
		return nil, err
	}
	n := dispatch.Schedule{ID: newUUID(), Name: *c.Name, Enabled: *c.Enabled, Trigger: *c.Trigger, Push: *c.Push, TriggerBody: c.TriggerBody, PushBody: c.PushBody}
	if n, err = s.Schedules.Create(r.Context(), app, n, cid); err != nil {
		return nil, err
	}
	return struct { // strict: nothing else
		ID   string `json:"schedule_id"`
		Name string `json:"name"`
	}{n.ID, n.Name}, nil
}

// schedules is GET /v3/schedules: those that are not finished, 50 a page.
func (s *server) schedules(r *http.Request, app aurora.App) (any, error) {
	page := 1
	if q := r.URL.Query().Get("page"); q != "" {
		var err error
		if page, err = strconv.Atoi(q); err != nil || page < 1 || page > 1<<20 {
			return nil, aurora.Errorf(aurora.Invalid, "page must be a whole number from 1.")
		}
	}
	list, total, err := s.Schedules.Schedules(r.Context(), app.ID, page)
	if err != nil {
		return nil, err
	}
	answers := make([]scheduleAnswer, len(list))
	for i, n := range list {
		answers[i] = scheduleAnswerOf(n)
	}
	return struct {
		Total     int              `json:"total_count"`
		Pages     int              `json:"total_pages"`
		Page      int              `json:"page"`
		Schedules []scheduleAnswer `json:"schedules"`
	}{total, (total + dispatch.SchedulePage - 1) / dispatch.SchedulePage, page, answers}, nil
}

// scheduleID returns the path's id. One that is no UUID is nobody's.
func scheduleID(r *http.Request) (string, error) {
	id := strings.ToLower(r.PathValue("id"))
	if !uuidForm(id) {
		return "", aurora.Errorf(aurora.NotFound, "There is no such schedule: a schedule_id is a UUID, as POST /v3/schedules answers it.")
	}
	return id, nil
}

// schedule is GET /v3/schedules/{id}.
func (s *server) schedule(r *http.Request, app aurora.App) (any, error) {
	id, err := scheduleID(r)
	if err != nil {
		return nil, err
	}
	n, err := s.Schedules.Schedule(r.Context(), app.ID, id)
	if err != nil {
		return nil, err
	}
	return scheduleAnswerOf(n), nil
}

// changeSchedule is PUT /v3/schedules/{id}: each given member replaces the old
// one whole.
func (s *server) changeSchedule(r *http.Request, app aurora.App) (any, error) {
	id, err := scheduleID(r)
	if err != nil {
		return nil, err
	}
	_, c, err := scheduleBody(r)
	if err != nil {
		return nil, err
	}
	if c.Name == nil && c.Enabled == nil && c.Trigger == nil && c.Push == nil {
		return nil, aurora.Errorf(aurora.Missing, "There is nothing to change. Give name, enabled, trigger or push.")
	}
	n, err := s.Schedules.Change(r.Context(), app.ID, id, c)
	if err != nil {
		return nil, err
	}
	return scheduleAnswerOf(n), nil
}

// deleteSchedule is DELETE /v3/schedules/{id}.
func (s *server) deleteSchedule(r *http.Request, app aurora.App) (any, error) {
	id, err := scheduleID(r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Schedules.Delete(r.Context(), app.ID, id)
}

// scheduleMessages is GET /v3/schedules/{id}/msg_ids: what it has sent. The
// ids stand bare if every occurrence was sent, and otherwise each in a JSON
// document with its error (spec/rest-api.md §10.2).
func (s *server) scheduleMessages(r *http.Request, app aurora.App) (any, error) {
	id, err := scheduleID(r)
	if err != nil {
		return nil, err
	}
	fired, err := s.Schedules.Firings(r.Context(), app.ID, id)
	if err != nil {
		return nil, err
	}
	failed := false
	for _, f := range fired {
		failed = failed || f.Problem != ""
	}
	list := make([]string, len(fired))
	for i, f := range fired {
		if list[i] = f.MessageID.String(); failed {
			list[i] = string(encode(firedDocument(f)))
		}
	}
	return struct {
		Count int      `json:"count"`
		IDs   []string `json:"msgids"`
	}{len(list), list}, nil
}

// firedItem is JPush's document for one occurrence.
type firedItem struct {
	MessageID string `json:"msg_id"`
	Error     struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	NeedRetry bool  `json:"needRetry"`
	At        int64 `json:"ts"` // seconds since 1970
}

func firedDocument(f dispatch.Fired) (d firedItem) {
	d.At = f.At.Unix()
	if f.Problem == "" {
		d.MessageID = f.MessageID.String()
		return d
	}
	d.Error.Code, d.Error.Message = refusals[scheduleFamily][aurora.Internal].code, f.Problem
	return d
}
