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

func (c *console) path(ctx context.Context, app aurora.App) (journey, error) {
	credentials, err := c.Account.Credentials(ctx, app.ID)
	if err != nil {
		return journey{}, err
	}
	devices, err := c.Registry.Devices(ctx, app.ID, registry.Query{Limit: 1})
	if err != nil {
		return journey{}, err
	}
	reachable, err := c.Registry.Count(ctx, app.ID, audience.Or(live(aurora.Development), live(aurora.Production)))
	if err != nil {
		return journey{}, err
	}
	reports, err := c.Ledger.Messages(ctx, app.ID, 0, recent)
	if err != nil {
		return journey{}, err
	}
	p := journey{Steps: []milestone{
		{Name: "Create the app", Text: "It has an AppKey and a Master Secret.", Done: true, At: app.CreatedAt},
		c.credentialStep(credentials),
		deviceStep(devices, reachable),
		pushStep(reports),
		receivedStep(reports),
		openedStep(reports),
	}}
	next := true
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Done {
			p.Done++
		} else {
			s.Next, next = next, false
		}
	}
	return p, nil
}

func (c *console) credentialStep(credentials []aurora.Credential) milestone {
	m := milestone{Name: "Validate a push credential", Text: "Upload the certificate (.p12) or key (.p8) that Apple gave you. Aurora asks APNs whether it is accepted.", Link: "credential", Action: "Upload a credential"}
	var slots []string
	for _, cred := range credentials {
		if cred.Usable(c.now()) {
			m.Done, m.At = true, cred.ValidatedAt
			slots = append(slots, cred.Environment.String())
		}
	}
	if m.Done {
		m.Note = "Works for " + strings.Join(slots, " and ")
	}
	return m
}

func deviceStep(devices []aurora.Device, reachable uint64) milestone {
	m := milestone{Name: "See the first device", Text: "Put the SDK and PushConfig.plist into your app and start it on a phone.", Link: "#sdk", Action: "Get PushConfig.plist"}
	if len(devices) == 0 {
		return m
	}
	d := devices[0]
	if reachable == 0 {
		m.Note = "A device registered (" + d.RegistrationID + ") but has no push token yet. Does the app call registerForRemoteNotifications?"
		m.Link, m.Action = "devices", "See devices"
		return m
	}
	m.Done, m.At = true, d.RegisteredAt
	m.Note = "Newest: " + deviceName(d)
	return m
}

func pushStep(reports []ledger.Report) milestone {
	m := milestone{Name: "Send the first push", Text: "From this console, or from your server with one REST call.", Link: "send", Action: "Write a message"}
	if len(reports) == 0 {
		return m
	}
	newest := reports[0].Message
	m.Done, m.At = true, newest.AcceptedAt
	m.Note = "Newest: " + wordsOf(newest.Content).Headline()
	return m
}

func receivedStep(reports []ledger.Report) milestone {
	m := milestone{Name: "It arrives on the phone", Text: "The SDK reports that the message was received.", Link: "messages", Action: "See messages"}
	for _, r := range reports {
		if r.Received > 0 {
			m.Done = true
			m.Note = "“" + wordsOf(r.Message.Content).Headline() + "” was received by " + devicesText(r.Received)
			break
		}
	}
	return m
}

func openedStep(reports []ledger.Report) milestone {
	m := milestone{Name: "Somebody opens it", Text: "The SDK reports that the app was opened through the message.", Link: "messages", Action: "See messages"}
	for _, r := range reports {
		if r.Opened > 0 {
			m.Done = true
			m.Note = "“" + wordsOf(r.Message.Content).Headline() + "” was opened on " + devicesText(r.Opened)
			break
		}
	}
	return m
}

func live(env aurora.Environment) audience.Expr { return audience.Is(audience.Token, env.String()) }

func devicesText(n uint64) string {
	if n == 1 {
		return "1 device"
	}
	return number(n) + " devices"
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
