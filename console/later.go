package console

import (
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on a server without them, too
	"unicode"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// clockForm is how a browser's field for date and time writes them.
const clockForm = "2006-01-02T15:04"

// at reads when the draft is to be sent; the zero time is now.
func (d draft) at(bad problems, now time.Time) time.Time {
	if d.When != "later" {
		return time.Time{}
	}
	zone, err := time.LoadLocation(d.Zone)
	if err != nil || d.Zone == "" || d.Zone == "Local" { // the server's own zone is nobody's business
		bad.add("zone", aurora.Errorf(aurora.Invalid, "Choose a time zone such as Asia/Shanghai, Europe/Berlin or UTC."))
		return time.Time{}
	}
	t, err := time.ParseInLocation(clockForm, d.At, zone)
	switch {
	case err != nil:
		bad.add("at", aurora.Errorf(aurora.Invalid, "Give date and time, such as 2026-05-01T09:30."))
		return time.Time{}
	case !t.After(now):
		bad.add("at", aurora.Errorf(aurora.Invalid, "This time is over. Choose a later one, or send now."))
	case t.After(now.AddDate(1, 0, 0)):
		bad.add("at", aurora.Errorf(aurora.Invalid, "Choose a time within a year."))
	}
	return t
}

// restSchedule is the body of POST /v3/schedules.
type restSchedule struct {
	Name    string      `json:"name"`
	Enabled bool        `json:"enabled"`
	Trigger restTrigger `json:"trigger"`
	Push    restPush    `json:"push"`
}

type restTrigger struct {
	Single restSingle `json:"single"`
}

type restSingle struct {
	Time string `json:"time"`
}

// chinaTime is the zone of every time in the v3 families (spec/rest-api.md §10.1).
var chinaTime = time.FixedZone("", 8*60*60)

func triggerAt(t time.Time) restTrigger {
	return restTrigger{restSingle{t.In(chinaTime).Format(time.DateTime)}}
}

// scheduleName is what a schedule made here is called in lists.
func (p push) scheduleName() string {
	name := strings.Join(strings.Fields(wordsOf(p.Message.Content).Headline()), " ")
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name)
	for len(name) > dispatch.MaxScheduleName {
		runes := []rune(name)
		name = string(runes[:len(runes)/2])
	}
	if name == "" {
		return "console"
	}
	return name
}

// schedule is the draft as it is handed over: for its time, or for now if its
// trigger has no kind. Its id comes from the same sum as the CID, so a double
// click makes one.
func (d draft) schedule(app aurora.App, p push) dispatch.Schedule {
	n := dispatch.Schedule{
		ID: d.cid(app.Key)[len(app.Key)+1:], Name: p.scheduleName(), Enabled: true,
		Push: dispatch.Request{Message: p.Message, Audience: p.Audience},
		// The answers of the REST API show it as a caller would have written it.
		PushBody: compact(restOf(p)),
	}
	if !p.At.IsZero() {
		n.Trigger = dispatch.Trigger{Kind: dispatch.Single, At: p.At, Offset: 8 * 60 * 60}
		n.TriggerBody = compact(triggerAt(p.At))
		n.Push.Message.Source, n.Push.AllowEmpty = "schedule", true
	}
	return n
}
