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
	Text    string           // what was searched for
	Source  string
	Since   time.Time // how far back a search got; zero at the end
}

// Searched reports whether the stretch is a selection.
func (p messagesPage) Searched() bool { return p.Text != "" || p.Source != "" }

// reportView is a report with what templates need to say about it.
type reportView struct {
	ledger.Report
	Words   words
	Expires time.Time
	Rate    uint64        // devices a second, while it is sent
	Left    time.Duration // about, while it is sent; 0 if that cannot be told
}

// Settled is for how many devices there is an outcome.
func (v reportView) Settled() uint64 { return v.Accepted + v.Failed }

// Stopped reports whether its owner ended it.
func (v reportView) Stopped() bool { return !v.Message.StoppedAt.IsZero() }

// Running reports whether there is something to stop.
func (v reportView) Running() bool { return v.State != ledger.Done && !v.Stopped() }

// Shown is the state as people call it.
func (v reportView) Shown() string {
	if v.Stopped() {
		return "stopped"
	}
	if v.State == ledger.Done && v.Targeted > 0 && v.Failed == v.Targeted {
		return "failed" // for every device
	}
	return string(v.State)
}

// PacedUntil is when the last of a push that is spread over time is due; zero
// for others.
func (v reportView) PacedUntil() time.Time {
	if v.Message.Options.Pace == 0 {
		return time.Time{}
	}
	return v.Message.PacedUntil()
}

// InAppSums are the numbers of an in-app message over all platforms.
func (v reportView) InAppSums() []funnelBar {
	in := v.InApp
	targeted := ledger.Sum(in.Targeted)
	return []funnelBar{
		{"inapp-targeted", "Targeted", "devices in the audience", targeted, targeted},
		{"inapp-handed", "Handed over", "fetched by the app", ledger.Sum(in.Handed), targeted},
		{"inapp-received", "Received", "acknowledged by the app", ledger.Sum(in.Received), targeted},
		{"inapp-opened", "Opened", "opened in the app", ledger.Sum(in.Opened), targeted},
	}
}

// Draft is the message as the form would say it, to send it again.
func (v reportView) Draft() draft { return draftOf(v.Message) }

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
	q := r.URL.Query()
	query := ledger.Query{Text: strings.TrimSpace(q.Get("q")), Source: q.Get("source")}
	if s := q.Get("before"); s != "" {
		id, err := aurora.ParseMessageID(s)
		if err != nil {
			return err
		}
		query.Before = id
	}
	page, err := c.findMessages(r, v, query)
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "messages", "Messages", page)
}

// messagesLive follows the newest messages; a search stands still.
func (c *console) messagesLive(w http.ResponseWriter, r *http.Request, v visit) error {
	moved := func(id aurora.MessageID) bool { return id != 0 }
	return c.live(w, r, v, "messages", "messages", moved, func() (any, error) { return c.findMessages(r, v, ledger.Query{}) })
}

func (c *console) findMessages(r *http.Request, v visit, q ledger.Query) (messagesPage, error) {
	page := messagesPage{Newest: q.Before == 0, Text: q.Text, Source: q.Source}
	var reports []ledger.Report
	if page.Searched() {
		q.Limit = messagesPerPage
		found, err := c.Ledger.Search(r.Context(), v.app.ID, q)
		if err != nil {
			return page, err
		}
		reports, page.Older, page.Since = found.Reports, found.Next, found.Since
	} else {
		var err error
		if reports, err = c.Ledger.Messages(r.Context(), v.app.ID, q.Before, messagesPerPage+1); err != nil {
			return page, err
		}
		if len(reports) > messagesPerPage {
			reports = reports[:messagesPerPage]
			page.Older = reports[messagesPerPage-1].Message.ID
		}
	}
	for _, rep := range reports {
		page.Reports = append(page.Reports, viewReport(rep))
	}
	return page, nil
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
	var p pulse
	return func() (any, error) {
		rep, err := c.Ledger.Report(r.Context(), v.app.ID, id)
		view := viewReport(rep)
		p.measure(&view, c.now())
		return view, err
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
