package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

const quarantinedPerPage = 50

type quarantinePage struct {
	Devices []registry.Quarantined
	Total   uint64 // in quarantine, whatever is filtered
	Reason  string
	Since   string // a day, such as 2030-01-31; "" for any
	Until   string // the last day that counts
	Filter  string // for links: what is filtered, as a query
	More    string // continue after this place; "" at the end
	Newest  bool
	Problem string
}

// Reasons are those that bring a device into quarantine, and the one that is
// filtered by.
func (p quarantinePage) Reasons() []string {
	known := []string{"Unregistered", "BadDeviceToken", "ExpiredToken", "DeviceTokenNotForTopic"}
	if slices.Contains(known, p.Reason) {
		return known
	}
	if p.Reason == "" {
		return known
	}
	return append(known, p.Reason)
}

// quarantineQuery reads what the page shows; days are those of UTC.
func quarantineQuery(q url.Values) (p quarantinePage, f registry.QuarantineFilter, err error) {
	p = quarantinePage{Reason: strings.TrimSpace(q.Get("reason")), Since: q.Get("since"), Until: q.Get("until")}
	p.Filter = encode("reason", p.Reason, "since", p.Since, "until", p.Until)
	f.Reason = p.Reason
	for text, into := range map[*string]*time.Time{&p.Since: &f.Since, &p.Until: &f.Until} {
		if *text == "" {
			continue
		}
		if *into, err = time.Parse(time.DateOnly, *text); err != nil {
			return p, f, aurora.Errorf(aurora.Invalid, "A day is written as in 2030-01-31.")
		}
	}
	if !f.Until.IsZero() {
		f.Until = f.Until.AddDate(0, 0, 1)
	}
	return p, f, nil
}

// placeOf reads where a page of the list begins; what is no place begins at the
// newest.
func placeOf(text string) registry.QuarantinePlace {
	at, number, _ := strings.Cut(text, "-")
	ms, err := strconv.ParseInt(at, 10, 64)
	n, wrong := strconv.ParseUint(number, 10, 32)
	if err != nil || wrong != nil || ms < 1 || ms > 1<<48 {
		return registry.QuarantinePlace{}
	}
	return registry.QuarantinePlace{At: time.UnixMilli(ms), Number: uint32(n)}
}

func (c *console) quarantine(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showQuarantine(w, r, v, nil)
}

func (c *console) showQuarantine(w http.ResponseWriter, r *http.Request, v visit, refusal error) error {
	ctx, after := r.Context(), placeOf(r.URL.Query().Get("after"))
	p, f, err := quarantineQuery(r.URL.Query())
	p.Newest = after.At.IsZero()
	if err == nil {
		p.Devices, err = c.Quarantine.Quarantined(ctx, v.app.ID, f, after, quarantinedPerPage)
	}
	if err != nil {
		return c.refuse(w, r, v, err, "quarantine", "Quarantine", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	if len(p.Devices) == quarantinedPerPage {
		last := p.Devices[quarantinedPerPage-1]
		p.More = fmt.Sprintf("%d-%d", last.RetiredAt.UnixMilli(), last.Number)
	}
	if p.Total, err = c.Quarantine.CountQuarantined(ctx, v.app.ID); err != nil {
		return err
	}
	if refusal == nil {
		return c.page(w, r, v, http.StatusOK, "quarantine", "Quarantine", p)
	}
	return c.refuse(w, r, v, refusal, "quarantine", "Quarantine", func(problem string) any {
		p.Problem = problem
		return p
	})
}

// restore takes devices out of quarantine: one, those that are ticked, or all
// that the filter in the address selects.
func (c *console) restore(w http.ResponseWriter, r *http.Request, v visit) error {
	p, f, err := quarantineQuery(r.URL.Query())
	if err != nil {
		return err
	}
	ctx, form := r.Context(), r.PostForm
	back := "/apps/" + v.app.Key + "/quarantine?" + p.Filter
	if form.Get("do") == "all" {
		restored, more, err := c.Quarantine.RestoreAll(ctx, v.app, f)
		switch {
		case err != nil:
			return c.showQuarantine(w, r, v, err)
		case more && restored > 0:
			return c.done(w, r, back, "Many devices were restored, and there are more: restore again to go on.")
		}
		return c.restored(w, r, back, restored)
	}
	ids := form["id"]
	if one := form.Get("one"); one != "" {
		ids = []string{one}
	}
	if form.Get("from") == "device" && len(ids) == 1 {
		back = "/apps/" + v.app.Key + "/devices/" + url.PathEscape(ids[0])
	}
	if len(ids) == 0 {
		return c.showQuarantine(w, r, v, aurora.Errorf(aurora.Invalid, "Tick the devices to restore."))
	}
	restored, err := c.Quarantine.Restore(ctx, v.app, ids)
	if _, unknown := errors.AsType[*registry.UnknownDevices](err); unknown {
		err = aurora.Errorf(aurora.NotFound, "A device that you chose is gone, and none was restored. Choose again.")
	}
	if err != nil {
		return c.showQuarantine(w, r, v, err)
	}
	return c.restored(w, r, back, restored)
}

func (c *console) restored(w http.ResponseWriter, r *http.Request, back string, devices int) error {
	switch devices {
	case 0:
		return c.done(w, r, back, "Nothing was restored: the devices are not in quarantine any more, or another device has their token by now.")
	case 1:
		return c.done(w, r, back, "The device was restored. Pushes go to it again.")
	}
	return c.done(w, r, back, "The devices were restored. Pushes go to them again.")
}
