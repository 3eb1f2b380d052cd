package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

// pulse measures how fast a message is sent, from one look to the next.
type pulse struct {
	at            time.Time
	settled, rate uint64
}

// measure fills in the rate. The first look takes the average since the
// message was accepted; looks within a second of each other share one.
func (p *pulse) measure(v *reportView, now time.Time) {
	if v.State != ledger.Sending {
		return
	}
	since := p.at
	if since.IsZero() {
		since = v.Message.AcceptedAt
	}
	if took := now.Sub(since); p.at.IsZero() || took >= time.Second {
		p.rate = uint64(float64(v.Settled()-min(p.settled, v.Settled())) / max(took, time.Millisecond).Seconds())
		p.at, p.settled = now, v.Settled()
	}
	if v.Rate = p.rate; p.rate > 0 {
		v.Left = time.Duration(float64(v.Pending) / float64(p.rate) * float64(time.Second)).Round(time.Second)
	}
}

// stop ends a message for the devices whose turn has not come.
func (c *console) stop(w http.ResponseWriter, r *http.Request, v visit) error {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return errNoPage
	}
	if err := c.Dispatch.Stop(r.Context(), v.app.ID, id); err != nil {
		return err
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/messages/"+id.String(), "The push is stopped. What APNs has taken is delivered.")
}

// markedPage lists the devices behind one number of a report.
type markedPage struct {
	Report  reportView
	Name    string // English
	Reason  string // of a failure
	IDs     []string
	With    string
	Without string
	More    int64 // continue after this device number; -1 at the end
}

const markedPerPage = 50

// markNames are the numbers that can be looked into.
var markNames = map[aurora.Mark]string{aurora.Targeted: "Targeted", aurora.Accepted: "Accepted", aurora.Received: "Received", aurora.Opened: "Opened"}

func (c *console) markedDevices(w http.ResponseWriter, r *http.Request, v visit) error {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return errNoPage
	}
	q := r.URL.Query()
	page := markedPage{With: q.Get("with"), Without: q.Get("without")}
	with, without := aurora.Mark(page.With), aurora.Mark(page.Without)
	page.Name = markNames[with]
	if reason, failed := with.FailedReason(); failed {
		page.Reason = reason
	}
	if page.Name == "" && page.Reason == "" || without != "" && markNames[without] == "" {
		return errNoPage
	}
	after, err := strconv.ParseInt(q.Get("after"), 10, 64)
	if err != nil {
		after = -1 // what is not a number begins
	}
	rep, err := c.Ledger.Report(r.Context(), v.app.ID, id)
	if err != nil {
		return err
	}
	page.Report = viewReport(rep)
	page.IDs, page.More, err = c.Ledger.MarkedDevices(r.Context(), v.app.ID, id, ledger.Selection{With: with, Without: without, After: max(after, -1), Limit: markedPerPage})
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "messages-devices", "Devices", page)
}
