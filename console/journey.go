package console

import (
	"context"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// journey is the way from a new app to the first opened push. A step is done
// because it happened, never because somebody ticked it.
type journey struct {
	Steps []milestone
	Done  int
}

// Bar is the length of the progress bar.
func (j journey) Bar() string { return width(uint64(j.Done), uint64(len(j.Steps))) }

// beforePush are the steps that a push needs: app, credential, SDK, token.
const beforePush = 4

// Ready reports whether a push would reach somebody.
func (j journey) Ready() bool {
	for _, s := range j.Steps[:beforePush] {
		if !s.Done {
			return false
		}
	}
	return true
}

type milestone struct {
	Name, Text string
	Done       bool
	Next       bool   // the first that is not done
	Note       string // what was seen: the newest device, the newest message
	At         time.Time
	Link       string // below the app's page
	Action     string // the link's words
}

// recent is how many of the newest messages are asked for receipts.
const recent = 50

// glance is how an app stands now.
type glance struct {
	Devices, Development, Production uint64 // all; with a live token of each environment
	Reports                          []reportView
	Slots                            []slot // credentials that need care
}

// glanceReports are how many of the newest messages the first page shows.
const glanceReports = 5

func (c *console) path(ctx context.Context, l *language, app aurora.App) (p journey, now glance, err error) {
	credentials, err := c.Account.Credentials(ctx, app.ID)
	if err != nil {
		return p, now, err
	}
	devices, err := c.Registry.Devices(ctx, app.ID, registry.Query{Limit: 1})
	if err != nil {
		return p, now, err
	}
	for _, n := range []struct {
		count *uint64
		who   audience.Expr
	}{{&now.Devices, audience.All()}, {&now.Development, live(aurora.Development)}, {&now.Production, live(aurora.Production)}} {
		if *n.count, err = c.Registry.Count(ctx, app.ID, n.who); err != nil {
			return p, now, err
		}
	}
	reports, err := c.Ledger.Messages(ctx, app.ID, 0, recent)
	if err != nil {
		return p, now, err
	}
	for _, r := range reports[:min(len(reports), glanceReports)] {
		now.Reports = append(now.Reports, viewReport(r))
	}
	for _, s := range c.slots(credentials) {
		if s.Filled && s.State != "validated" {
			now.Slots = append(now.Slots, s)
		}
	}
	p.Steps = []milestone{
		{Name: l.say("Create the app"), Done: true, At: app.CreatedAt, Note: "AppKey " + app.Key},
		c.credentialStep(l, credentials),
		sdkStep(l, devices),
		tokenStep(l, devices, now.Development+now.Production),
		pushStep(l, reports),
		receivedStep(l, reports),
		openedStep(l, reports),
	}
	next := true
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Done {
			p.Done++
		} else {
			s.Next, next = next, false
		}
	}
	return p, now, nil
}

func (c *console) credentialStep(l *language, credentials []aurora.Credential) milestone {
	m := milestone{Name: l.say("Validate a push credential"), Text: l.say("Upload the certificate (.p12) or key (.p8) that Apple gave you. Aurora asks APNs whether it is accepted."), Link: "credential", Action: l.say("Upload a credential")}
	var slots []string
	for _, cred := range credentials {
		if cred.Usable(c.now()) {
			m.Done, m.At = true, cred.ValidatedAt
			slots = append(slots, l.environment(cred.Environment))
		}
	}
	if m.Done {
		m.Note = l.say("Works for: %s", strings.Join(slots, ", "))
	}
	return m
}

func sdkStep(l *language, devices []aurora.Device) milestone {
	m := milestone{Name: l.say("Add the SDK"), Text: l.say("Put the SDK into your app with the code below and start it. The app registers by itself; neither permission nor token is needed for that."), Link: "#sdk", Action: l.say("Get the file and the code")}
	if len(devices) > 0 {
		d := devices[0]
		m.Done, m.At = true, d.RegisteredAt
		m.Note = l.say("Newest registration: %s", deviceName(d))
	}
	return m
}

func tokenStep(l *language, devices []aurora.Device, reachable uint64) milestone {
	m := milestone{Name: l.say("A phone can be reached"), Text: l.say("iOS gives the app a push token, and the SDK reports it."), Link: "devices", Action: l.say("See devices")}
	switch {
	case reachable > 0:
		m.Done = true
		m.Note = l.count(reachable, "%s device has a live token", "%s devices have a live token")
	case len(devices) > 0:
		m.Note = l.say("A device registered (%s) but has no push token yet. Does the app call registerForRemoteNotifications?", devices[0].RegistrationID)
	}
	return m
}

func pushStep(l *language, reports []ledger.Report) milestone {
	m := milestone{Name: l.say("Send the first push"), Text: l.say("From this console, or from your server with one REST call."), Link: "send", Action: l.say("Write a message")}
	if len(reports) == 0 {
		return m
	}
	newest := reports[0].Message
	m.Done, m.At = true, newest.AcceptedAt
	m.Note = l.say("Newest: %s", l.headline(newest.Content))
	return m
}

func receivedStep(l *language, reports []ledger.Report) milestone {
	m := milestone{Name: l.say("It arrives on the phone"), Text: l.say("The SDK reports that the message was received."), Link: "messages", Action: l.say("See messages")}
	for _, r := range reports {
		if r.Received > 0 {
			m.Done = true
			m.Note = l.say("“%s” was received by %s", l.headline(r.Message.Content), l.count(r.Received, "%s device", "%s devices"))
			break
		}
	}
	return m
}

func openedStep(l *language, reports []ledger.Report) milestone {
	m := milestone{Name: l.say("Somebody opens it"), Text: l.say("The SDK reports that the app was opened through the message."), Link: "messages", Action: l.say("See messages")}
	for _, r := range reports {
		if r.Opened > 0 {
			m.Done = true
			m.Note = l.say("“%s” was opened on %s", l.headline(r.Message.Content), l.count(r.Opened, "%s device", "%s devices"))
			break
		}
	}
	return m
}

func live(env aurora.Environment) audience.Expr { return audience.Is(audience.Token, env.String()) }

// headline stands for a message; a silent one has no words of its own.
func (l *language) headline(c aurora.Content) string {
	if h := wordsOf(c).Headline(); h != "" {
		return h
	}
	return l.say("Silent push")
}

func (l *language) environment(env aurora.Environment) string {
	if env == aurora.Production {
		return l.say("Production")
	}
	return l.say("Development")
}

// deviceName is what a person recognises a device by.
func deviceName(d aurora.Device) string {
	switch {
	case d.Alias != "" && d.Profile.Model != "":
		return d.Alias + " (" + d.Profile.Model + ")"
	case d.Alias != "":
		return d.Alias
	case d.Profile.Model != "":
		return d.Profile.Model
	}
	return d.RegistrationID
}
