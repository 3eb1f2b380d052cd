package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// scheduleBody reads the members of a schedule that are there.
func scheduleBody(r *http.Request) (top object, c dispatch.ScheduleChange, err error) {
	body, err := readBody(r, MaxBody)
	if err != nil {
		return top, c, err
	}
	if top, err = parseBody(body); err != nil {
		return top, c, err
	}
	if name, ok, err := top.text("name"); err != nil {
		return top, c, err
	} else if ok {
		c.Name = &name
	}
	if enabled, ok, err := top.boolean("enabled"); err != nil {
		return top, c, err
	} else if ok {
		c.Enabled = &enabled
	}
	if trigger, ok, err := top.object("trigger"); err != nil {
		return top, c, err
	} else if ok {
		t, err := decodeTrigger(trigger)
		if err != nil {
			return top, c, err
		}
		c.Trigger, c.TriggerBody = &t, top.raw("trigger")
	}
	push, ok, err := top.object("push")
	if err != nil || !ok {
		return top, c, err
	}
	request, err := decodePushObject(push)
	if err != nil {
		return top, c, err
	}
	request.Message.Source = "schedule"
	c.Push, c.PushBody = &request, top.raw("push")
	return top, c, nil
}

// decodeTrigger reads a trigger, which has exactly one kind.
func decodeTrigger(o object) (t dispatch.Trigger, err error) {
	var found object
	for _, kind := range []dispatch.TriggerKind{dispatch.Single, dispatch.Periodical, dispatch.Intelligent} {
		member, ok, err := o.object(string(kind))
		if err != nil {
			return t, err
		}
		if ok && t.Kind != "" {
			return t, aurora.Errorf(aurora.Invalid, "trigger has both %s and %s. Give one.", t.Kind, kind)
		}
		if ok {
			t.Kind, found = kind, member
		}
	}
	_, t.Offset = time.Time{}.In(chinaTime).Zone()
	switch t.Kind {
	case dispatch.Single:
		t.At, err = found.moment("time")
	case dispatch.Intelligent:
		if found.raw("backup_time") != nil {
			t.At, err = found.moment("backup_time")
		}
	case dispatch.Periodical:
		err = decodePeriodical(found, &t)
	default:
		err = aurora.Errorf(aurora.Missing, "trigger has no kind. Give it single, periodical or intelligent.")
	}
	return t, err
}

func decodePeriodical(o object, t *dispatch.Trigger) (err error) {
	if t.Start, err = o.moment("start"); err != nil {
		return err
	}
	if t.End, err = o.moment("end"); err != nil {
		return err
	}
	if t.Clock, err = o.clock("time"); err != nil {
		return err
	}
	unit, ok, err := o.text("time_unit")
	if err != nil {
		return err
	}
	if !ok {
		return aurora.Errorf(aurora.Missing, "%s is missing: day, week or month.", o.name("time_unit"))
	}
	t.Unit = dispatch.Unit(strings.ToLower(unit))
	n, ok, err := o.integer("frequency")
	if err != nil {
		return err
	}
	if !ok {
		return aurora.Errorf(aurora.Missing, "%s is missing: 1 means every %s.", o.name("frequency"), t.Unit)
	}
	t.Frequency = int(min(max(n, 0), dispatch.MaxFrequency+1)) // out of range stays out of range
	points, _, err := o.texts("point")
	if err != nil {
		return err
	}
	for _, p := range points {
		t.Points = append(t.Points, pointNumber(t.Unit, p))
	}
	return t.Validate()
}

// pointNumber returns a point's number, or 0, which no unit has.
func pointNumber(unit dispatch.Unit, point string) int {
	if unit == dispatch.Week {
		for i, name := range []string{"MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"} {
			if strings.EqualFold(point, name) {
				return i + 1
			}
		}
		return 0
	}
	if len(point) < 1 || len(point) > 2 || strings.Trim(point, "0123456789") != "" {
		return 0
	}
	n, _ := strconv.Atoi(point) // two digits at most
	return n
}

// moment returns a member that must be a time such as "2030-01-31 09:30:00",
// in China time (spec/rest-api.md §4).
func (o object) moment(key string) (time.Time, error) {
	text, ok, err := o.text(key)
	if err != nil {
		return time.Time{}, err
	}
	if !ok {
		return time.Time{}, aurora.Errorf(aurora.Missing, "%s is missing.", o.name(key))
	}
	at, err := time.ParseInLocation(time.DateTime, text, chinaTime)
	if err != nil || at.Format(time.DateTime) != text { // it also reads fractions
		return time.Time{}, aurora.Errorf(aurora.Invalid, "%s must be a time such as \"2030-01-31 09:30:00\" (UTC+8).", o.name(key))
	}
	return at, nil
}

// clock returns a member that must be a time of day such as "09:30:00".
func (o object) clock(key string) (time.Duration, error) {
	text, ok, err := o.text(key)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, aurora.Errorf(aurora.Missing, "%s is missing.", o.name(key))
	}
	at, err := time.Parse(time.TimeOnly, text)
	if err != nil || at.Format(time.TimeOnly) != text {
		return 0, aurora.Errorf(aurora.Invalid, "%s must be a time of day such as \"09:30:00\".", o.name(key))
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second, nil
}
