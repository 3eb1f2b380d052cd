package console

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

const (
	devicesPerPage = 50
	deviceMessages = 20 // newest messages on a device's page
)

type devicesPage struct {
	Text    string
	Devices []aurora.Device
	More    uint32 // continue below this device number; 0 at the end
	Newest  bool
	// MayExport tells that the visitor may have the devices as a file.
	MayExport bool
	// Quarantined is how many devices are in quarantine.
	Quarantined uint64
}

func (c *console) devices(w http.ResponseWriter, r *http.Request, v visit) error {
	q := r.URL.Query()
	before, err := strconv.ParseUint(q.Get("before"), 10, 32)
	if err != nil {
		before = 0 // what is not a number starts at the newest
	}
	page, err := c.findDevices(r, v, strings.TrimSpace(q.Get("q")), int64(before))
	if err != nil {
		return err
	}
	page.MayExport = len(page.Devices) > 0 && v.who.Role.May(aurora.ExportRight)
	if c.Quarantine != nil {
		if page.Quarantined, err = c.Quarantine.CountQuarantined(r.Context(), v.app.ID); err != nil {
			return err
		}
	}
	return c.page(w, r, v, http.StatusOK, "devices", "Devices", page)
}

// devicesLive follows the newest devices; a search stands still.
func (c *console) devicesLive(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.live(w, r, v, "devices", "devices", only(0), func() (any, error) { return c.findDevices(r, v, "", 0) })
}

func (c *console) findDevices(r *http.Request, v visit, text string, before int64) (devicesPage, error) {
	found, err := c.Registry.Devices(r.Context(), v.app.ID, registry.Query{Text: text, Limit: devicesPerPage, Before: before})
	page := devicesPage{Text: text, Devices: found, Newest: before == 0}
	if len(found) == devicesPerPage {
		page.More = found[len(found)-1].Number
	}
	return page, err
}

// devicePage is one device, the tokens it had before, and the newest messages it
// was a target of.
type devicePage struct {
	Device  aurora.Device
	Past    []registry.PastToken
	Reports []reportView
}

// Trouble is why a push would not reach the device now; "" if it would.
func (p devicePage) Trouble() string {
	d := p.Device
	switch {
	case d.RetiredReason != "":
		return aurora.ExplainReason(d.RetiredReason)
	case d.Token == "":
		return aurora.ExplainReason(aurora.ReasonNoToken)
	case d.PushDisabled:
		return aurora.ExplainReason(aurora.ReasonPushDisabled)
	case d.Muted:
		return "The phone's owner does not allow notifications from this app. Pushes arrive but nothing is shown. It can be changed in the phone's Settings under Notifications."
	}
	return ""
}

func (c *console) lookAtDevice(r *http.Request, v visit) view {
	return func() (any, error) {
		rid := r.PathValue("rid")
		if aurora.ValidateRegistrationID(rid) != nil {
			return nil, errNoPage
		}
		d, err := c.Registry.Device(r.Context(), v.app.ID, rid)
		if err != nil {
			return nil, err
		}
		reports, err := c.Ledger.DeviceMessages(r.Context(), v.app.ID, d.RegistrationID, deviceMessages)
		page := devicePage{Device: d}
		if err == nil && c.Quarantine != nil {
			page.Past, err = c.Quarantine.PastTokens(r.Context(), d)
		}
		for _, rep := range reports {
			page.Reports = append(page.Reports, viewReport(rep))
		}
		return page, err
	}
}

func (c *console) device(w http.ResponseWriter, r *http.Request, v visit) error {
	data, err := c.lookAtDevice(r, v)()
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "devices-one", "Device", data)
}

func (c *console) deviceLive(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.live(w, r, v, "devices-one", "device", anything, c.lookAtDevice(r, v))
}

// timelinePage is the way of one message to one device.
type timelinePage struct {
	Device aurora.Device
	Report reportView
	Steps  []ledger.Step
}

// SameDay reports whether a step is so close to the message that the time of
// day says when; others need the date.
func (p timelinePage) SameDay(at time.Time) bool {
	return at.Sub(p.Report.Message.AcceptedAt).Abs() < 12*time.Hour
}

func (c *console) lookAtTimeline(r *http.Request, v visit) (view, aurora.MessageID, error) {
	rid := r.PathValue("rid")
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil || aurora.ValidateRegistrationID(rid) != nil {
		return nil, 0, errNoPage
	}
	return func() (any, error) {
		d, err := c.Registry.Device(r.Context(), v.app.ID, rid)
		if err != nil {
			return nil, err
		}
		rep, err := c.Ledger.Report(r.Context(), v.app.ID, id)
		if err != nil {
			return nil, err
		}
		steps, err := c.Ledger.Timeline(r.Context(), v.app.ID, d.RegistrationID, id)
		return timelinePage{Device: d, Report: viewReport(rep), Steps: steps}, err
	}, id, nil
}

func (c *console) timeline(w http.ResponseWriter, r *http.Request, v visit) error {
	look, _, err := c.lookAtTimeline(r, v)
	if err != nil {
		return err
	}
	data, err := look()
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "devices-timeline", "Timeline", data)
}

func (c *console) timelineLive(w http.ResponseWriter, r *http.Request, v visit) error {
	look, id, err := c.lookAtTimeline(r, v)
	if err != nil {
		return err
	}
	return c.live(w, r, v, "devices-timeline", "timeline", only(id), look)
}
