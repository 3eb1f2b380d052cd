package console

import (
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

type segmentsPage struct {
	Segments   []segmentView
	Name       string
	Expression string
	Edit       string // the segment that the form changes
	Problem    string
}

type segmentView struct {
	registry.Segment
	Devices uint64
	Counted bool
	Trouble string // why it selects nobody
}

// countedSegments bounds what opening the page costs.
const countedSegments = 50

func (c *console) segments(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showSegments(w, r, v, segmentsPage{Edit: r.URL.Query().Get("edit")}, nil)
}

func (c *console) showSegments(w http.ResponseWriter, r *http.Request, v visit, p segmentsPage, refusal error) error {
	ctx := r.Context()
	list, err := c.Editor.Segments(ctx, v.app.ID)
	if err != nil {
		return err
	}
	for i, s := range list {
		view := segmentView{Segment: s, Counted: i < countedSegments}
		if view.Counted {
			e, err := c.Editor.Bind(ctx, v.app.ID, audience.Is(audience.Segment, s.Name), c.now())
			if err == nil {
				view.Devices, err = c.Registry.Count(ctx, v.app.ID, e)
			}
			if err != nil { // it may name a message that is gone; the page must still open
				view.Trouble = c.sentence(r, err)
			}
		}
		if p.Edit == s.Name && refusal == nil {
			p.Name, p.Expression = s.Name, s.Expression
		}
		p.Segments = append(p.Segments, view)
	}
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "segments", "Segments", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "segments", "Segments", p)
}

func (c *console) saveSegment(w http.ResponseWriter, r *http.Request, v visit) error {
	f := r.PostForm
	p := segmentsPage{Name: strings.TrimSpace(f.Get("name")), Expression: strings.TrimSpace(f.Get("expression")), Edit: f.Get("edit")}
	var err error
	if p.Edit != "" {
		_, err = c.Editor.ReplaceSegment(r.Context(), v.app.ID, p.Edit, p.Expression)
	} else {
		_, err = c.Editor.CreateSegment(r.Context(), v.app.ID, p.Name, p.Expression)
	}
	if err != nil {
		return c.showSegments(w, r, v, p, err)
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/segments", "The segment was saved.")
}

func (c *console) deleteSegment(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.Editor.DeleteSegment(r.Context(), v.app.ID, r.PostForm.Get("name")); err != nil {
		return c.showSegments(w, r, v, segmentsPage{}, err)
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/segments", "The segment was deleted.")
}

// changeDevice saves the tags and the alias of a device's form.
func (c *console) changeDevice(w http.ResponseWriter, r *http.Request, v visit) error {
	rid := r.PathValue("rid")
	if aurora.ValidateRegistrationID(rid) != nil {
		return errNoPage
	}
	d, err := c.Registry.Device(r.Context(), v.app.ID, rid)
	if err != nil {
		return err
	}
	var tags []string
	for line := range strings.Lines(r.PostForm.Get("tags")) {
		if tag := strings.TrimSpace(line); tag != "" {
			tags = append(tags, tag)
		}
	}
	alias := strings.TrimSpace(r.PostForm.Get("alias"))
	change := registry.Change{SetTags: &tags}
	if alias != d.Alias {
		change.Alias = &alias
	}
	if err := c.Editor.Apply(r.Context(), v.app.ID, d.Number, change); err != nil {
		return err
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/devices/"+rid, "The device was changed.")
}
