package api

import (
	"context"
	"net/http"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// Segments keeps an app's saved audience expressions.
type Segments interface {
	Segments(ctx context.Context, appID int64) ([]registry.Segment, error)
	Segment(ctx context.Context, appID int64, name string) (registry.Segment, error)
	CreateSegment(ctx context.Context, appID int64, name, expression string) (registry.Segment, error)
	ReplaceSegment(ctx context.Context, appID int64, name, expression string) (registry.Segment, error)
	DeleteSegment(ctx context.Context, appID int64, name string) error
}

type segmentAnswer struct {
	Name       string     `json:"name"`
	Expression string     `json:"expression"`
	CreatedAt  *time.Time `json:"created_at"`
	ChangedAt  *time.Time `json:"changed_at"`
}

func answerOfSegment(g registry.Segment) segmentAnswer {
	return segmentAnswer{g.Name, g.Expression, instant(g.CreatedAt), instant(g.ChangedAt)}
}

// segments is GET /v1/segments.
func (s *server) segments(r *http.Request, app aurora.App) (any, error) {
	found, err := s.Segments.Segments(r.Context(), app.ID)
	list := make([]segmentAnswer, len(found))
	for i, g := range found {
		list[i] = answerOfSegment(g)
	}
	return struct {
		Segments []segmentAnswer `json:"segments"`
	}{list}, err
}

// segment is GET /v1/segments/{segment}.
func (s *server) segment(r *http.Request, app aurora.App) (any, error) {
	g, err := s.Segments.Segment(r.Context(), app.ID, r.PathValue("segment"))
	return answerOfSegment(g), err
}

// createSegment is POST /v1/segments.
func (s *server) createSegment(r *http.Request, app aurora.App) (any, error) {
	o, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	name, err := requiredText(o, "name")
	if err != nil {
		return nil, err
	}
	expression, err := requiredText(o, "expression")
	if err != nil {
		return nil, err
	}
	g, err := s.Segments.CreateSegment(r.Context(), app.ID, name, expression)
	return answerOfSegment(g), err
}

// replaceSegment is PUT /v1/segments/{segment}.
func (s *server) replaceSegment(r *http.Request, app aurora.App) (any, error) {
	o, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	expression, err := requiredText(o, "expression")
	if err != nil {
		return nil, err
	}
	g, err := s.Segments.ReplaceSegment(r.Context(), app.ID, r.PathValue("segment"), expression)
	return answerOfSegment(g), err
}

// deleteSegment is DELETE /v1/segments/{segment}.
func (s *server) deleteSegment(r *http.Request, app aurora.App) (any, error) {
	return empty{}, s.Segments.DeleteSegment(r.Context(), app.ID, r.PathValue("segment"))
}

func requiredText(o object, key string) (string, error) {
	text, ok, err := o.text(key)
	if err == nil && !ok {
		err = aurora.Errorf(aurora.Missing, "%s is missing.", key)
	}
	return text, err
}
