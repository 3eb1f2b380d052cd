package api

import (
	"net/http"
	"strconv"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// validateAnswer is JPush's answer and a count beside it.
type validateAnswer struct {
	pushAnswer
	Audience reachAnswer `json:"audience"`
}

// reachAnswer is whom a push would reach if it were sent now.
type reachAnswer struct {
	Targeted  uint64                   `json:"targeted"`
	Reachable uint64                   `json:"reachable"`
	Dropped   map[dispatch.Drop]uint64 `json:"dropped"`
	InApp     *uint64                  `json:"in_app,omitempty"` // with an in-app message: whom it is for
}

func reachOf(r dispatch.Reach, inApp bool) reachAnswer {
	a := reachAnswer{r.Targeted, r.Reachable, r.Dropped, nil}
	if inApp {
		a.InApp = &r.InApp
	}
	return a
}

// wantsCount reads the query of a validation. JPush's clients read its answer
// strictly, so that a count must be asked for (spec/rest-api.md R6).
func wantsCount(r *http.Request) (bool, error) {
	q := r.URL.Query().Get("count")
	if q == "" {
		return false, nil
	}
	count, err := strconv.ParseBool(q)
	if err != nil {
		return false, aurora.Errorf(aurora.Invalid, "count must be true or false.")
	}
	return count, nil
}

// countAudience is POST /v1/audience/count: an audience alone, as if a
// notification were sent to it.
func (s *server) countAudience(r *http.Request, app aurora.App) (any, error) {
	body, err := readBody(r, MaxBody)
	if err != nil {
		return nil, err
	}
	top, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	request, err := decodeCount(top)
	if err != nil {
		return nil, err
	}
	reach, err := s.Dispatcher.Count(r.Context(), app, request)
	return reachOf(reach, false), err
}

func decodeCount(top object) (r dispatch.Request, err error) {
	if top.raw("audience") == nil {
		return r, aurora.Errorf(aurora.Missing, "audience is missing: \"all\", or an object as in a push.")
	}
	if top.raw("platform") != nil {
		if r.Message.Platforms, err = decodePlatform(top); err != nil {
			return r, err
		}
	}
	if r.Audience, _, err = decodeAudience(top); err != nil {
		return r, err
	}
	r.AllowEmpty = true
	r.Message.Options.Production = true
	name, ok, err := top.text("environment")
	if err != nil || !ok {
		return r, err
	}
	env, err := aurora.ParseEnvironment(name)
	r.Message.Options.Production = env == aurora.Production
	return r, err
}
