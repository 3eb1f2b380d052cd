package dispatch

import (
	"slices"
	"time"

	"github.com/aurora-push/aurora"
)

// TriggerKind is how a schedule finds its times (spec/rest-api.md §10.1).
type TriggerKind string

// The kinds of trigger.
const (
	Single     TriggerKind = "single"
	Periodical TriggerKind = "periodical"
	// Intelligent is meant to become the best time for each reader. It runs as
	// a single one at its backup time.
	Intelligent TriggerKind = "intelligent"
)

// Unit is what a periodical trigger counts.
type Unit string

// The units.
const (
	Day   Unit = "day"
	Week  Unit = "week"
	Month Unit = "month"
)

// MaxFrequency is the largest number of units from one round to the next
// (spec/rest-api.md §10.1).
const MaxFrequency = 100

// Trigger says when a schedule fires. Its rules are pure: they know no clock.
//
// A periodical trigger fires at Clock on each day that has a round of its unit
// and that its points name, from Start to End, both included. Rounds are every
// Frequency days, weeks (from Monday) or months, counted from the one that
// holds Start. A point that a month does not have, such as the 31st of April,
// is skipped.
type Trigger struct {
	Kind TriggerKind
	// At is when a single or intelligent trigger fires. An intelligent one
	// without it fires at once.
	At time.Time

	Start, End time.Time
	Clock      time.Duration // since midnight
	Unit       Unit
	Frequency  int
	Points     []int // of a week: 1 Monday to 7 Sunday; of a month: 1 to 31
	// Offset is the calendar's distance from UTC, in seconds east. It has no
	// daylight saving time, so every day has every time once.
	Offset int
}

// Validate refuses a trigger whose values are out of range or that has no
// occurrence at all.
func (t Trigger) Validate() error {
	if t.Kind != Periodical {
		return nil
	}
	if t.End.Before(t.Start) {
		return aurora.Errorf(aurora.Invalid, "trigger.periodical.end is before start.")
	}
	if t.End.After(t.Start.In(time.FixedZone("", t.Offset)).AddDate(1, 0, 0)) {
		return aurora.Errorf(aurora.Invalid, "trigger.periodical spans more than a year from start to end.")
	}
	// A fraction of a second would not survive being stored.
	if t.Clock < 0 || t.Clock >= 24*time.Hour || t.Clock%time.Second != 0 {
		return aurora.Errorf(aurora.Invalid, "trigger.periodical.time must be a time of day, from 00:00:00 to 23:59:59.")
	}
	if t.Frequency < 1 || t.Frequency > MaxFrequency {
		return aurora.Errorf(aurora.Invalid, "trigger.periodical.frequency must be 1 to %d.", MaxFrequency)
	}
	if err := t.validatePoints(); err != nil {
		return err
	}
	if _, ok := t.Next(t.Start.Add(-1)); !ok {
		return aurora.Errorf(aurora.Invalid, "trigger.periodical has no occurrence between its start and its end.")
	}
	return nil
}

func (t Trigger) validatePoints() error {
	last, ok := map[Unit]int{Day: 0, Week: 7, Month: 31}[t.Unit]
	if !ok {
		return aurora.Errorf(aurora.Invalid, "trigger.periodical.time_unit must be day, week or month.")
	}
	if t.Unit == Day && len(t.Points) > 0 {
		return aurora.Errorf(aurora.Invalid, "trigger.periodical.point has no meaning with the unit day. Leave it out, or use week.")
	}
	if t.Unit != Day && len(t.Points) == 0 {
		return aurora.Errorf(aurora.Missing, "trigger.periodical.point is missing: MON to SUN for week, \"01\" to \"31\" for month.")
	}
	for _, p := range t.Points {
		if p < 1 || p > last {
			return aurora.Errorf(aurora.Invalid, "trigger.periodical.point must hold MON to SUN for week, \"01\" to \"31\" for month.")
		}
	}
	return nil
}

// begin gives an intelligent trigger without a time the next moment, in the
// precision in which moments are stored.
func (t *Trigger) begin(now time.Time) {
	if t.Kind == Intelligent && t.At.IsZero() {
		t.At = now.Truncate(time.Millisecond).Add(time.Millisecond)
	}
}

// Next returns the first occurrence after a moment; false if there is none.
// It looks at each day of a span that Validate bounds to a year.
func (t Trigger) Next(after time.Time) (time.Time, bool) {
	if t.Kind != Periodical && t.At.After(after) {
		return t.At, true
	}
	if t.Kind != Periodical {
		return time.Time{}, false
	}
	for day := t.dayOf(latest(t.Start, after)); day <= t.dayOf(t.End); day++ {
		if at := t.on(day); t.occurs(day, at) && at.After(after) {
			return at, true
		}
	}
	return time.Time{}, false
}

// Latest returns the last occurrence at or before a moment; false if there is
// none.
func (t Trigger) Latest(until time.Time) (time.Time, bool) {
	if t.Kind != Periodical {
		return t.At, !t.At.After(until)
	}
	if until.After(t.End) {
		until = t.End
	}
	for day := t.dayOf(until); day >= t.dayOf(t.Start); day-- {
		if at := t.on(day); t.occurs(day, at) && !at.After(until) {
			return at, true
		}
	}
	return time.Time{}, false
}

// Last returns the very last occurrence of a valid trigger.
func (t Trigger) Last() time.Time {
	if t.Kind != Periodical {
		return t.At
	}
	at, _ := t.Latest(t.End)
	return at
}

// dayOf returns the number of a moment's day in the trigger's calendar; 0 is
// the first of January 1970, a Thursday.
func (t Trigger) dayOf(at time.Time) int64 {
	return floorDiv(at.Unix()+int64(t.Offset), secondsOfDay)
}

// on returns the moment on a day at which the trigger would fire.
func (t Trigger) on(day int64) time.Time {
	return time.Unix(day*secondsOfDay-int64(t.Offset), 0).Add(t.Clock).UTC()
}

const secondsOfDay = 24 * 60 * 60

// occurs reports whether a day, on which at is the time, has an occurrence.
func (t Trigger) occurs(day int64, at time.Time) bool {
	if at.Before(t.Start) || at.After(t.End) {
		return false
	}
	first, every := t.dayOf(t.Start), int64(t.Frequency)
	switch t.Unit {
	case Day:
		return (day-first)%every == 0
	case Week:
		week, weekday := monday(day)
		start, _ := monday(first)
		return (week-start)%every == 0 && slices.Contains(t.Points, weekday)
	default:
		month, date := monthOf(day)
		start, _ := monthOf(first)
		return (month-start)%every == 0 && slices.Contains(t.Points, date)
	}
}

// monday returns the number of a day's week and its weekday, from 1 for Monday.
func monday(day int64) (week int64, weekday int) {
	week = floorDiv(day+3, 7)
	return week, int(day+3-7*week) + 1
}

// monthOf returns the number of a day's month and its date, from 1.
func monthOf(day int64) (month int64, date int) {
	y, m, d := time.Unix(day*secondsOfDay, 0).UTC().Date()
	return int64(y)*12 + int64(m), d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
