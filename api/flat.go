package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// Some of JPush's families have an envelope of their own, for refusals too:
// code, message and data beside each other (spec/rest-api.md §2.2).
type flatAnswer struct {
	Code    int    `json:"code"` // 0 for success
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// Assets keeps what pushes refer to.
type Assets interface {
	CreatePlan(ctx context.Context, appID int64, name, description string) error
	DescribePlan(ctx context.Context, appID int64, name, description string) error
	Plans(ctx context.Context, appID int64, text string, page, size int) (list []dispatch.Plan, total int, err error)
	CreateImage(ctx context.Context, m dispatch.Image) error
	ChangeImage(ctx context.Context, m dispatch.Image) (dispatch.Image, error)
}

// TestDevices keeps the devices that test pushes reach.
type TestDevices interface {
	PutTestDevice(ctx context.Context, appID int64, registrationID, name string, change bool) error
	DropTestDevice(ctx context.Context, appID int64, registrationID string) error
	ListTestDevices(ctx context.Context, appID int64) ([]registry.TestDevice, error)
}

// quota is GET /v3/push/quota. Aurora has no part in the quotas of handset
// vendors; -1 means unlimited.
func (s *server) quota(*http.Request, aurora.App) (any, error) {
	type count struct {
		Total int `json:"total"`
		Used  int `json:"used"`
	}
	unlimited := map[string]count{"system": {-1, 0}, "operation": {-1, 0}}
	return flatAnswer{Data: map[string]any{"xiaomi_quota": unlimited, "oppo_quota": unlimited, "vivo_quota": unlimited}}, nil
}

// createPlan is POST /v3/push_plan/create.
func (s *server) createPlan(r *http.Request, app aurora.App) (any, error) {
	name, description, err := planBody(r)
	if err != nil {
		return nil, err
	}
	return flatAnswer{}, s.Assets.CreatePlan(r.Context(), app.ID, name, description)
}

// changePlan is PUT /v3/push_plan/update.
func (s *server) changePlan(r *http.Request, app aurora.App) (any, error) {
	name, description, err := planBody(r)
	if err != nil {
		return nil, err
	}
	return flatAnswer{}, s.Assets.DescribePlan(r.Context(), app.ID, name, description)
}

func planBody(r *http.Request) (name, description string, err error) {
	top, err := jsonBody(r)
	if err == nil {
		name, _, err = top.text("name")
	}
	if err == nil {
		description, _, err = top.text("description")
	}
	return name, description, err
}

// jsonBody reads a body that must be a JSON object.
func jsonBody(r *http.Request) (object, error) {
	body, err := readBody(r, MaxBody)
	if err != nil {
		return object{}, err
	}
	return parseBody(body)
}

type planAnswer struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Pushes      int64  `json:"push_count"`
	Created     string `json:"create_time"`
	LastUsed    string `json:"last_used_time"`
	Source      int    `json:"send_source"` // 0: made by the API
}

// plans is GET /v3/push_plan/list.
func (s *server) plans(r *http.Request, app aurora.App) (any, error) {
	q := r.URL.Query()
	page, err := pageNumber(q.Get("page"), "page", 1, 1<<20)
	if err != nil {
		return nil, err
	}
	size, err := pageNumber(q.Get("page_size"), "page_size", 50, 50)
	if err != nil {
		return nil, err
	}
	if len(q.Get("info")) > dispatch.MaxPlanText {
		return nil, aurora.Errorf(aurora.Invalid, "info is longer than %d bytes, which no plan's name or description is.", dispatch.MaxPlanText)
	}
	if source := q.Get("send_source"); source != "" && source != "0" && source != "1" {
		return nil, aurora.Errorf(aurora.Invalid, "send_source must be 0 (made by the API) or 1 (made in a console).")
	}
	list, total, err := s.Assets.Plans(r.Context(), app.ID, q.Get("info"), page, size)
	if q.Get("send_source") == "1" { // made in a console: Aurora's makes none
		list, total = nil, 0
	}
	answers := make([]planAnswer, len(list))
	for i, p := range list {
		answers[i] = planAnswer{p.Name, p.Description, p.Pushes, inChina(p.CreatedAt), inChina(p.LastUsedAt), 0}
	}
	return flatAnswer{Data: struct {
		Total  int          `json:"total"`
		Page   int          `json:"page"`
		Size   int          `json:"page_size"`
		Detail []planAnswer `json:"detail"`
	}{total, page, size, answers}}, err
}

func pageNumber(text, name string, fallback, max int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > max {
		return 0, aurora.Errorf(aurora.Invalid, "%s must be 1 to %d.", name, max)
	}
	return n, nil
}

// inChina writes a time as JPush does; "" if it is none.
func inChina(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(chinaTime).Format(time.DateTime)
}

// addTestDevice is POST /v3/test/model/add.
func (s *server) addTestDevice(r *http.Request, app aurora.App) (any, error) {
	return s.putTestDevice(r, app, false)
}

// changeTestDevice is PUT /v3/test/model/update.
func (s *server) changeTestDevice(r *http.Request, app aurora.App) (any, error) {
	return s.putTestDevice(r, app, true)
}

// putTestDevice reads registration_id and name. The members are Aurora's
// reading: no source of the API tells them.
func (s *server) putTestDevice(r *http.Request, app aurora.App, change bool) (any, error) {
	top, err := jsonBody(r)
	if err != nil {
		return nil, err
	}
	id, ok, err := top.text("registration_id")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, aurora.Errorf(aurora.Missing, "registration_id is missing.")
	}
	name, ok, err := top.text("device_name")
	if err == nil && !ok {
		name, _, err = top.text("name")
	}
	if err != nil {
		return nil, err
	}
	return flatAnswer{}, s.Tests.PutTestDevice(r.Context(), app.ID, id, name, change)
}

// dropTestDevice is DELETE /v3/test/model/delete/{id}.
func (s *server) dropTestDevice(r *http.Request, app aurora.App) (any, error) {
	id := r.PathValue("id")
	if err := aurora.ValidateRegistrationID(id); err != nil {
		return nil, err
	}
	return flatAnswer{}, s.Tests.DropTestDevice(r.Context(), app.ID, id)
}

// testDevices is GET /v3/test/model/list.
func (s *server) testDevices(r *http.Request, app aurora.App) (any, error) {
	list, err := s.Tests.ListTestDevices(r.Context(), app.ID)
	type item struct {
		ID      string `json:"registration_id"`
		Name    string `json:"device_name"`
		Created string `json:"create_time"`
	}
	items := make([]item, len(list))
	for i, d := range list {
		items[i] = item{d.RegistrationID, d.Name, inChina(d.CreatedAt)}
	}
	return flatAnswer{Data: struct {
		Total  int    `json:"total"`
		Detail []item `json:"detail"`
	}{len(items), items}}, err
}
