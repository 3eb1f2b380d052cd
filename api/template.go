package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aurora-push/aurora"
)

// templatePush is POST /v3/push/template. JPush's templates are made in its
// console; Aurora has none, so what is well formed is refused for that, and
// nobody takes an answer for a push.
func (s *server) templatePush(r *http.Request, app aurora.App) (any, error) {
	return s.template(r, app, false)
}

// templateSchedule is POST /v3/push/template/schedule.
func (s *server) templateSchedule(r *http.Request, app aurora.App) (any, error) {
	return s.template(r, app, true)
}

const maxTemplateParams = 1000

func (s *server) template(r *http.Request, _ aurora.App, scheduled bool) (any, error) {
	top, err := jsonBody(r)
	if err != nil {
		return nil, err
	}
	id, ok, err := top.text("id")
	if err != nil {
		return nil, err
	}
	if !ok || id == "" {
		return nil, aurora.Errorf(aurora.Missing, "id is missing: the template's.")
	}
	if scheduled {
		if _, ok, err := top.text("schedule_name"); err != nil || !ok {
			return nil, missingOr(err, "schedule_name is missing.")
		}
		if top.raw("trigger") == nil {
			return nil, aurora.Errorf(aurora.Missing, "trigger is missing: an object with single, periodical or intelligent.")
		}
		o, _, err := top.object("trigger")
		if err == nil {
			_, err = decodeTrigger(o)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := templateParams(top); err != nil {
		return nil, err
	}
	return nil, aurora.Errorf(aurora.NotFound, "There is no template %.80q: Aurora keeps no templates. Send the text itself with POST /v3/push, and many texts at once with POST /v3/push/batch/alias/single or /regid/single.", id)
}

func missingOr(err error, text string) error {
	if err != nil {
		return err
	}
	return aurora.Errorf(aurora.Missing, "%s", text)
}

// templateParams checks the parameter sets: their number, and the audience of
// each as that of a push.
func templateParams(top object) error {
	var sets []json.RawMessage
	raw := top.raw("params")
	if raw == nil {
		return aurora.Errorf(aurora.Missing, "params is missing: an array of keys, audience and options.")
	}
	if json.Unmarshal(raw, &sets) != nil || len(sets) == 0 || len(sets) > maxTemplateParams {
		return aurora.Errorf(aurora.Invalid, "params must be an array of 1 to %d objects.", maxTemplateParams)
	}
	for i, raw := range sets {
		o, err := parseObject(fmt.Sprintf("params[%d]", i), raw)
		if err != nil {
			return err
		}
		if o.raw("audience") == nil {
			return aurora.Errorf(aurora.Missing, "%s is missing.", o.name("audience"))
		}
		if string(o.raw("audience")) == `"all"` && len(sets) > 1 {
			return aurora.Errorf(aurora.Invalid, "An audience of \"all\" allows one parameter set, and there are %d.", len(sets))
		}
		if _, _, err := decodeAudience(o); err != nil {
			return err
		}
		for _, key := range []string{"keys", "options"} {
			if _, _, err := o.object(key); err != nil {
				return err
			}
		}
	}
	return nil
}
