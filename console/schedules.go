package console

import (
	"net/http"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

type schedulesPage struct {
	Schedules []scheduleView
	Total     int
}

// scheduleView is a schedule with what templates need to say about it.
type scheduleView struct {
	dispatch.Schedule
	Words    words
	Audience string
}

// Environment names the APNs environment that the push is for.
func (v scheduleView) Environment() aurora.Environment { return v.Push.Message.Environment() }

func (c *console) schedules(w http.ResponseWriter, r *http.Request, v visit) error {
	list, total, err := c.Schedules.Schedules(r.Context(), v.app.ID, 1)
	if err != nil {
		return err
	}
	page := schedulesPage{Total: total}
	for _, s := range list {
		page.Schedules = append(page.Schedules, scheduleView{s, wordsOf(s.Push.Message.Content), whom(s.Push.Audience.String())})
	}
	return c.page(w, r, v, http.StatusOK, "schedules", "Scheduled", page)
}

// changeSchedule pauses, resumes or deletes one.
func (c *console) changeSchedule(w http.ResponseWriter, r *http.Request, v visit) error {
	id, back := r.PathValue("id"), "/apps/"+v.app.Key+"/schedules"
	enabled := false
	switch r.PostForm.Get("action") {
	case "delete":
		if err := c.Schedules.Delete(r.Context(), v.app.ID, id); err != nil {
			return err
		}
		return c.done(w, r, back, "The schedule was deleted.")
	case "resume":
		enabled = true
	case "pause":
	default:
		return aurora.Errorf(aurora.Invalid, "Choose what to do with the schedule.")
	}
	if _, err := c.Schedules.Change(r.Context(), v.app.ID, id, dispatch.ScheduleChange{Enabled: &enabled}); err != nil {
		return err
	}
	if enabled {
		return c.done(w, r, back, "The schedule goes on.")
	}
	return c.done(w, r, back, "The schedule is paused.")
}
