package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// Limits of schedules (spec/rest-api.md §10).
const (
	MaxScheduleName     = 255 // bytes
	DefaultMaxSchedules = 100 // unfinished ones of an app
	SchedulePage        = 50
)

// ErrMoved is what a store returns when a schedule is no longer what it was
// when it was read: it was changed, has fired, or is gone.
var ErrMoved = errors.New("dispatch: the schedule has moved on")

// Schedule is a push that is sent later, once or again and again.
type Schedule struct {
	ID      string // a UUID
	AppID   int64
	Name    string
	Enabled bool
	Trigger Trigger
	// Push is sent at each occurrence; its audience is resolved then. Its CID
	// has no meaning.
	Push Request
	// TriggerBody and PushBody are how the caller wrote them, for the answers.
	TriggerBody, PushBody json.RawMessage

	CreatedAt time.Time
	// NextAt is when it fires next; zero if it is finished or not enabled.
	NextAt time.Time
	// LastAt is its trigger's last occurrence. After it a schedule that is not
	// enabled counts as finished.
	LastAt time.Time
	// FinishedAt is when it fired for the last time; zero before.
	FinishedAt time.Time
	Revision   int64 // rises with each change and each firing
	// Damaged says that the stored row cannot be read, and why. Trigger and Push
	// have no meaning then.
	Damaged error
}

// Finished reports whether nothing is left to be sent, or to be enabled.
func (s *Schedule) Finished(now time.Time) bool {
	return !s.FinishedAt.IsZero() || !s.Enabled && !s.LastAt.After(now)
}

// ScheduleChange replaces the members that are not nil.
type ScheduleChange struct {
	Name    *string
	Enabled *bool
	Trigger *Trigger
	Push    *Request
	// The bodies go with Trigger and Push.
	TriggerBody, PushBody json.RawMessage
}

// ScheduleStore keeps schedules and what became of their occurrences.
type ScheduleStore interface {
	// CreateSchedule stores a schedule unless the app has max unfinished ones
	// (aurora.Full). If the CID, unless "", was used within a day it stores
	// nothing and returns the id and name of the first, and no error.
	CreateSchedule(ctx context.Context, s Schedule, cid string, max int) (Schedule, error)
	// UsedScheduleCID returns id and name of the schedule that used a CID
	// within a day.
	UsedScheduleCID(ctx context.Context, appID int64, cid string) (first Schedule, used bool, err error)
	// Schedule returns aurora.NotFound unless the schedule is the app's.
	Schedule(ctx context.Context, appID int64, id string) (Schedule, error)
	// Schedules returns a page of the app's unfinished schedules by creation,
	// and how many there are in all.
	Schedules(ctx context.Context, appID int64, now time.Time, offset, limit int) (page []Schedule, total int, err error)
	// ChangeSchedule replaces a schedule if it still has the revision. ErrMoved.
	ChangeSchedule(ctx context.Context, s Schedule) error
	// DeleteSchedule returns aurora.NotFound unless the schedule is the app's.
	DeleteSchedule(ctx context.Context, appID int64, id string) error
	// DueSchedules returns up to max schedules whose time has come, beginning
	// after one (by NextAt and ID) that the caller has seen.
	DueSchedules(ctx context.Context, now time.Time, after Schedule, max int) ([]Schedule, error)
	// NextDue returns when the next schedule fires; zero if there is none.
	NextDue(ctx context.Context) (time.Time, error)
	// FireSchedule moves a schedule to its next time or finishes it, records
	// what became of the occurrence, and stores the message with its jobs, all
	// in one transaction and only if the schedule has the revision. ErrMoved.
	FireSchedule(ctx context.Context, f Firing) error
	// Firings returns what became of the occurrences of a schedule, in order.
	Firings(ctx context.Context, scheduleID string) ([]Fired, error)
}

// ScheduleConfig is what Schedules are made of.
type ScheduleConfig struct {
	Service *Service // sends what is due
	Store   ScheduleStore
	Logger  *slog.Logger
	// Max bounds an app's unfinished schedules; 0 means DefaultMaxSchedules.
	Max int
	// Now is the clock on the wall; nil means time.Now.
	Now func() time.Time
}

// Schedules keeps schedules, and sends them while Run runs.
type Schedules struct {
	c    ScheduleConfig
	wake chan struct{}
}

// NewSchedules returns the service; Run makes it fire.
func NewSchedules(c ScheduleConfig) *Schedules {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Max = cmp.Or(c.Max, DefaultMaxSchedules)
	return &Schedules{c: c, wake: make(chan struct{}, 1)}
}

// Create stores a new schedule under the id that it comes with. A CID that was
// used within a day stores nothing and returns id and name of the first.
func (s *Schedules) Create(ctx context.Context, app aurora.App, n Schedule, cid string) (Schedule, error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return Schedule{}, err
	}
	if cid != "" {
		// A repeated request keeps its answer, even if its time is over now.
		if first, used, err := s.c.Store.UsedScheduleCID(ctx, app.ID, cid); used || err != nil {
			return first, err
		}
	}
	now := s.c.Now()
	n.AppID, n.CreatedAt = app.ID, now
	if !n.Enabled {
		return n, aurora.Errorf(aurora.Invalid, "enabled must be true for a new schedule. Create it, then pause it with PUT.")
	}
	n.Trigger.begin(now)
	if err := s.validate(&n); err != nil {
		return n, err
	}
	if err := n.aim(now); err != nil {
		return n, err
	}
	n, err := s.c.Store.CreateSchedule(ctx, n, cid, s.c.Max)
	s.hurry()
	return n, err
}

// Schedule returns one of the app's schedules, or aurora.NotFound.
func (s *Schedules) Schedule(ctx context.Context, appID int64, id string) (Schedule, error) {
	return s.c.Store.Schedule(ctx, appID, id)
}

// Schedules returns a page, from 1, of the app's unfinished schedules, and how
// many there are in all.
func (s *Schedules) Schedules(ctx context.Context, appID int64, page int) ([]Schedule, int, error) {
	return s.c.Store.Schedules(ctx, appID, s.c.Now(), (page-1)*SchedulePage, SchedulePage)
}

// Change replaces parts of an unfinished schedule. A trigger keeps its kind.
// Occurrences that pass while a schedule is not enabled are not made up for,
// and neither is one that was due when the trigger was replaced.
func (s *Schedules) Change(ctx context.Context, appID int64, id string, c ScheduleChange) (Schedule, error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return Schedule{}, err
	}
	for range 10 { // it may fire meanwhile, but hardly ten times
		n, err := s.changeOnce(ctx, appID, id, c)
		if !errors.Is(err, ErrMoved) {
			s.hurry()
			return n, err
		}
	}
	return Schedule{}, aurora.Errorf(aurora.Unavailable, "The schedule is being changed by others at the same time. Try again.")
}

func (s *Schedules) changeOnce(ctx context.Context, appID int64, id string, c ScheduleChange) (Schedule, error) {
	n, err := s.c.Store.Schedule(ctx, appID, id)
	if err != nil {
		return n, err
	}
	now := s.c.Now()
	if n.Damaged != nil {
		return n, aurora.Errorf(aurora.Conflict, "The stored schedule is damaged and cannot be changed. Delete it and create a new one. The server's operator should run `aurora doctor`.")
	}
	if n.Finished(now) {
		return n, aurora.Errorf(aurora.Conflict, "The schedule is finished and cannot be changed. Create a new one.")
	}
	if c.Trigger != nil && c.Trigger.Kind != n.Trigger.Kind {
		return n, aurora.Errorf(aurora.Conflict, "The schedule's trigger is %s and cannot become %s. Create a new schedule.", n.Trigger.Kind, c.Trigger.Kind)
	}
	before := n
	n.apply(c)
	n.Trigger.begin(now)
	if err := s.validate(&n); err != nil {
		return n, err
	}
	switch {
	case !n.Enabled:
		n.NextAt, n.LastAt = time.Time{}, n.Trigger.Last()
	case !before.Enabled, !sameTrigger(before.Trigger, n.Trigger):
		// A schedule that merely is given back as it was stays due if it is due.
		if err := n.aim(now); err != nil {
			return n, err
		}
	}
	return n, s.c.Store.ChangeSchedule(ctx, n)
}

func (s *Schedule) apply(c ScheduleChange) {
	if c.Name != nil {
		s.Name = *c.Name
	}
	if c.Enabled != nil {
		s.Enabled = *c.Enabled
	}
	if c.Trigger != nil {
		s.Trigger, s.TriggerBody = *c.Trigger, c.TriggerBody
	}
	if c.Push != nil {
		s.Push, s.PushBody = *c.Push, c.PushBody
	}
}

func sameTrigger(a, b Trigger) bool {
	same := a.At.Equal(b.At) && a.Start.Equal(b.Start) && a.End.Equal(b.End)
	b.At, b.Start, b.End = a.At, a.Start, a.End
	return same && reflect.DeepEqual(a, b)
}

// Delete ends a schedule and forgets it; what it has sent stays on record.
// aurora.NotFound.
func (s *Schedules) Delete(ctx context.Context, appID int64, id string) error {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return err
	}
	return s.c.Store.DeleteSchedule(ctx, appID, id)
}

// Firings returns what became of a schedule's occurrences so far, in order.
// aurora.NotFound.
func (s *Schedules) Firings(ctx context.Context, appID int64, id string) ([]Fired, error) {
	if _, err := s.c.Store.Schedule(ctx, appID, id); err != nil {
		return nil, err
	}
	return s.c.Store.Firings(ctx, id)
}

func (s *Schedules) validate(n *Schedule) error {
	if err := validateScheduleName(n.Name); err != nil {
		return err
	}
	if err := n.Trigger.Validate(); err != nil {
		return err
	}
	// It is stored as text, and one that could not be read again would never fire.
	if _, err := audience.Parse(n.Push.Audience.String()); err != nil {
		return aurora.Errorf(aurora.Invalid, "The push's audience is too long to be kept: %w.", err)
	}
	return n.Push.Message.Validate()
}

func validateScheduleName(name string) error {
	if strings.TrimSpace(name) == "" {
		return aurora.Errorf(aurora.Missing, "name is missing. Give the schedule a name.")
	}
	if len(name) > MaxScheduleName {
		return aurora.Errorf(aurora.Invalid, "name is %d bytes long; at most %d are allowed.", len(name), MaxScheduleName)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return aurora.Errorf(aurora.Invalid, "name must be printable text without control characters.")
	}
	return nil
}

// aim sets the first occurrence after now.
func (s *Schedule) aim(now time.Time) error {
	if s.Trigger.Kind != Periodical && s.Trigger.At.After(now.AddDate(1, 0, 0)) {
		return aurora.Errorf(aurora.Invalid, "The time of the trigger is more than a year ahead.")
	}
	next, ok := s.Trigger.Next(now)
	if !ok {
		return aurora.Errorf(aurora.Invalid, "The time of the trigger is over. %s", nowText(now, s.Trigger.Offset))
	}
	s.NextAt, s.LastAt = next, s.Trigger.Last()
	return nil
}

// nowText helps callers whose clock or time zone differs.
func nowText(now time.Time, offset int) string {
	zone := time.FixedZone(fmt.Sprintf("UTC%+d", offset/3600), offset)
	return "It is " + now.In(zone).Format("2006-01-02 15:04:05 (MST)") + " now."
}

// hurry makes Run look again now. It is a hint: without it Run looks once a
// second.
func (s *Schedules) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
