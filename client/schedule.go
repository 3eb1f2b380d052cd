package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// chinaTime is the zone of JPush's times on the wire (docs/rest.md, "Schedules").
var chinaTime = time.FixedZone("UTC+8", 8*60*60)

// Trigger says when a schedule sends. One of its members is given.
type Trigger struct {
	// At is the time of the only occurrence, in whole seconds, at most a year
	// ahead.
	At time.Time
	// Every repeats.
	Every *Every
	// Intelligent is JPush's experimental trigger: at BackupTime, or at once if
	// there is none.
	Intelligent *Intelligent
}

// Intelligent leaves the time to the server.
type Intelligent struct {
	BackupTime time.Time // zero means at once
}

// Every is a trigger that repeats between two times, both included and at most
// a year apart.
type Every struct {
	Start, End time.Time
	// Clock is the time of day in UTC+8, in whole seconds since midnight.
	Clock time.Duration
	Unit  Unit
	// Frequency is 1 to 100: 2 means every second day, week (from Monday) or
	// month, counted from the one that holds Start. 0 means 1.
	Frequency int
	// Points are none for [Day], "MON" to "SUN" for [Week], "01" to "31" for
	// [Month]. A day that a month does not have is skipped.
	Points []string
}

// Unit is what a repeating trigger counts.
type Unit string

// The units.
const (
	Day   Unit = "day"
	Week  Unit = "week"
	Month Unit = "month"
)

// periodical is Every on the wire.
type periodical struct {
	Start     string   `json:"start"`
	End       string   `json:"end"`
	Time      string   `json:"time"`
	Unit      Unit     `json:"time_unit"`
	Frequency int      `json:"frequency"`
	Point     []string `json:"point,omitempty"`
}

type triggerBody struct {
	Single      *singleTrigger      `json:"single,omitempty"`
	Periodical  *periodical         `json:"periodical,omitempty"`
	Intelligent *intelligentTrigger `json:"intelligent,omitempty"`
}

type singleTrigger struct {
	Time string `json:"time"`
}

type intelligentTrigger struct {
	BackupTime string `json:"backup_time,omitempty"`
}

func wireTime(t time.Time) string { return t.In(chinaTime).Format(time.DateTime) }

// MarshalJSON writes JPush's form.
func (t Trigger) MarshalJSON() ([]byte, error) {
	var b triggerBody
	if !t.At.IsZero() {
		b.Single = &singleTrigger{wireTime(t.At)}
	}
	if e := t.Every; e != nil {
		if e.Clock < 0 || e.Clock >= 24*time.Hour || e.Clock%time.Second != 0 {
			return nil, fmt.Errorf("Every.Clock is %v; it must be whole seconds of a day: %w", e.Clock, ErrInvalid)
		}
		b.Periodical = &periodical{wireTime(e.Start), wireTime(e.End), time.Time{}.Add(e.Clock).Format(time.TimeOnly), e.Unit, max(e.Frequency, 1), e.Points}
	}
	if i := t.Intelligent; i != nil {
		b.Intelligent = &intelligentTrigger{}
		if !i.BackupTime.IsZero() {
			b.Intelligent.BackupTime = wireTime(i.BackupTime)
		}
	}
	return json.Marshal(b)
}

// UnmarshalJSON reads JPush's form.
func (t *Trigger) UnmarshalJSON(text []byte) (err error) {
	var b triggerBody
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	*t = Trigger{}
	at := func(text string, into *time.Time) {
		if err == nil && text != "" {
			*into, err = time.ParseInLocation(time.DateTime, text, chinaTime)
		}
	}
	if b.Single != nil {
		at(b.Single.Time, &t.At)
	}
	if b.Intelligent != nil {
		t.Intelligent = &Intelligent{}
		at(b.Intelligent.BackupTime, &t.Intelligent.BackupTime)
	}
	if p := b.Periodical; p != nil {
		t.Every = &Every{Unit: p.Unit, Frequency: p.Frequency, Points: p.Point}
		at(p.Start, &t.Every.Start)
		at(p.End, &t.Every.End)
		if err == nil {
			var clock time.Time
			clock, err = time.Parse(time.TimeOnly, p.Time)
			t.Every.Clock = time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute + time.Duration(clock.Second())*time.Second
		}
	}
	return err
}

// NewSchedule is a schedule to be made.
type NewSchedule struct {
	Name    string // up to 255 bytes
	Trigger Trigger
	Push    Push // its CID is left out: every occurrence is a push of its own
	// CID makes creating it again harmless for a day. Empty means a fresh one.
	CID string
}

// Schedule is a push that is sent later, once or again and again.
type Schedule struct {
	ID      string          `json:"schedule_id"`
	Name    string          `json:"name"`
	Enabled bool            `json:"enabled"` // false while it is paused
	Trigger Trigger         `json:"trigger"`
	Push    json.RawMessage `json:"push"` // as it was sent, in JPush's form
}

// CreateSchedule makes a schedule and returns its id. The push is checked now;
// its audience is resolved when it is sent. An app may have 100 unfinished ones.
func (c *Client) CreateSchedule(ctx context.Context, n NewSchedule) (id string, err error) {
	cid, err := c.cid(ctx, n.CID)
	if err != nil {
		return "", err
	}
	var a struct {
		ID string `json:"schedule_id"`
	}
	err = c.call(ctx, post("/v3/schedules", struct {
		Name    string   `json:"name"`
		Enabled bool     `json:"enabled"`
		Trigger Trigger  `json:"trigger"`
		Push    pushBody `json:"push"`
		CID     string   `json:"cid"`
	}{n.Name, true, n.Trigger, n.Push.body(""), cid}), &a)
	return a.ID, err
}

// Schedule returns a schedule. [ErrNotFound] if the app has no such one.
func (c *Client) Schedule(ctx context.Context, id string) (Schedule, error) {
	var s Schedule
	return s, c.call(ctx, get("/v3/schedules/{}", nil).to(id), &s)
}

// maxSchedulePage bounds an answer with 50 schedules, each a push of up to a MiB.
const maxSchedulePage = 64 << 20

// Schedules yields the app's unfinished schedules in the order of their
// creation. An error is yielded and ends it.
func (c *Client) Schedules(ctx context.Context) iter.Seq2[Schedule, error] {
	return func(yield func(Schedule, error) bool) {
		for page, pages := 1, 1; page <= pages; page++ {
			var a struct {
				Pages     int        `json:"total_pages"`
				Schedules []Schedule `json:"schedules"`
			}
			r := get("/v3/schedules", url.Values{"page": {strconv.Itoa(page)}})
			r.limit = maxSchedulePage
			if err := c.call(ctx, r, &a); err != nil {
				yield(Schedule{}, err)
				return
			}
			for _, s := range a.Schedules {
				if !yield(s, nil) {
					return
				}
			}
			pages = a.Pages
		}
	}
}

// ScheduleChange is what to change; nil leaves a member as it is.
type ScheduleChange struct {
	Name    *string
	Enabled *bool    // false pauses; what passes during a pause is not made up for
	Trigger *Trigger // of the same kind as before
	Push    *Push
}

// ChangeSchedule changes a schedule and returns what it is then. A finished one
// cannot be changed.
func (c *Client) ChangeSchedule(ctx context.Context, id string, change ScheduleChange) (Schedule, error) {
	b := struct {
		Name    *string   `json:"name,omitempty"`
		Enabled *bool     `json:"enabled,omitempty"`
		Trigger *Trigger  `json:"trigger,omitempty"`
		Push    *pushBody `json:"push,omitempty"`
	}{change.Name, change.Enabled, change.Trigger, nil}
	if change.Push != nil {
		push := change.Push.body("")
		b.Push = &push
	}
	var s Schedule
	return s, c.call(ctx, put("/v3/schedules/{}", b).to(id), &s)
}

// DeleteSchedule deletes a schedule; what it has sent stays on record.
func (c *Client) DeleteSchedule(ctx context.Context, id string) error {
	return c.call(ctx, remove("/v3/schedules/{}", nil).to(id), nil)
}

// Firing is one occurrence of a schedule.
type Firing struct {
	MessageID string    // "" if it was not sent
	Problem   string    // why it was not sent
	At        time.Time // zero if every occurrence was sent: the server does not tell it then
}

// Firings returns what a schedule has come to so far, oldest first.
func (c *Client) Firings(ctx context.Context, id string) ([]Firing, error) {
	var a struct {
		IDs []string `json:"msgids"`
	}
	if err := c.call(ctx, get("/v3/schedules/{}/msg_ids", nil).to(id), &a); err != nil {
		return nil, err
	}
	list := make([]Firing, len(a.IDs))
	for i, text := range a.IDs {
		var d struct {
			MessageID string `json:"msg_id"`
			Error     struct {
				Message string `json:"message"`
			} `json:"error"`
			At int64 `json:"ts"`
		}
		if len(text) == 0 || text[0] != '{' {
			list[i].MessageID = text
		} else if err := json.Unmarshal([]byte(text), &d); err != nil {
			return nil, fmt.Errorf("client: the answer holds an occurrence that cannot be read: %w", err)
		} else {
			list[i] = Firing{d.MessageID, d.Error.Message, time.Unix(d.At, 0)}
		}
	}
	return list, nil
}
