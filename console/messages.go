package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
)

const messagesPerPage = 25

// messagesPage is a stretch of an app's messages.
type messagesPage struct {
	Reports []reportView
	Older   aurora.MessageID // continue before this one; 0 at the end
	Newest  bool             // the first stretch, which is live
}

// reportView is a report with what templates need to say about it.
type reportView struct {
	ledger.Report
	Words   words
	Expires time.Time
}

func viewReport(r ledger.Report) reportView {
	return reportView{Report: r, Words: wordsOf(r.Message.Content), Expires: r.Message.ExpiresAt()}
}

// Environment names the APNs environment the message is for.
func (v reportView) Environment() aurora.Environment { return v.Message.Environment() }

// Audience is who was meant; "" is everyone.
func (v reportView) Audience() string { return whom(v.Message.Audience) }

// whom leaves the platform out that every message of this channel is limited
// to; "" is everyone.
func whom(text string) string {
	e, err := audience.Parse(text)
	if err != nil { // an expression of a later version: show it as it is
		return text
	}
	onIOS := audience.Is(audience.Platform, string(aurora.IOS)).String()
	if e.Op == audience.OpAnd && e.Args[len(e.Args)-1].String() == onIOS {
		e = audience.And(e.Args[:len(e.Args)-1]...)
	}
	if e.Op == audience.OpAll || e.String() == onIOS {
		return ""
	}
	return e.String()
}

// Funnel is the message's way in four bars.
func (v reportView) Funnel() []funnelBar {
	return []funnelBar{
		{"targeted", "Targeted", "devices in the audience", v.Targeted, v.Targeted},
		{"accepted", "Accepted", "taken by APNs", v.Accepted, v.Targeted},
		{"received", "Received", "reported by the app", v.Received, v.Targeted},
		{"opened", "Opened", "app opened through it", v.Opened, v.Targeted},
	}
}

type funnelBar struct {
	ID, Name, Text string
	Part, Whole    uint64
}

// Content is the notification as indented JSON.
func (v reportView) Content() string {
	return indent(v.Message.Content)
}

func (c *console) messages(w http.ResponseWriter, r *http.Request, v visit) error {
	before := aurora.MessageID(0)
	if s := r.URL.Query().Get("before"); s != "" {
		id, err := aurora.ParseMessageID(s)
		if err != nil {
			return err
		}
		before = id
	}
	page, err := c.messagesBefore(r, v, before)
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "messages", "Messages", page)
}

func (c *console) messagesLive(w http.ResponseWriter, r *http.Request, v visit) error {
	moved := func(id aurora.MessageID) bool { return id != 0 }
	return c.live(w, r, v, "messages", "messages", moved, func() (any, error) { return c.messagesBefore(r, v, 0) })
}

func (c *console) messagesBefore(r *http.Request, v visit, before aurora.MessageID) (messagesPage, error) {
	reports, err := c.Ledger.Messages(r.Context(), v.app.ID, before, messagesPerPage+1)
	page := messagesPage{Newest: before == 0}
	if len(reports) > messagesPerPage {
		reports = reports[:messagesPerPage]
		page.Older = reports[messagesPerPage-1].Message.ID
	}
	for _, rep := range reports {
		page.Reports = append(page.Reports, viewReport(rep))
	}
	return page, err
}

func (c *console) message(w http.ResponseWriter, r *http.Request, v visit) error {
	look, err := c.lookAtMessage(r, v)
	if err != nil {
		return err
	}
	data, err := look()
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "messages-one", "Message", data)
}

func (c *console) messageLive(w http.ResponseWriter, r *http.Request, v visit) error {
	look, err := c.lookAtMessage(r, v)
	if err != nil {
		return err
	}
	id, _ := aurora.ParseMessageID(r.PathValue("id"))
	return c.live(w, r, v, "messages-one", "report", only(id), look)
}

func (c *console) lookAtMessage(r *http.Request, v visit) (view, error) {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return nil, errNoPage
	}
	return func() (any, error) {
		rep, err := c.Ledger.Report(r.Context(), v.app.ID, id)
		return viewReport(rep), err
	}, nil
}

// messageDevice leads from a typed registration id to what happened there.
func (c *console) messageDevice(w http.ResponseWriter, r *http.Request, v visit) error {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return errNoPage
	}
	rid := strings.TrimSpace(r.URL.Query().Get("registration_id"))
	if err := aurora.ValidateRegistrationID(rid); err != nil {
		return err
	}
	return redirect(w, r, "/apps/"+v.app.Key+"/devices/"+rid+"/messages/"+id.String())
}
