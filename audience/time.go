package audience

import (
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Times of devices count in whole days of UTC: a device that was seen at any
// time yesterday was seen one day ago.

const dateForm = "2006-01-02"

// lastDate is the day that Date was asked for last: mostly it is today, and
// every registration asks.
var lastDate atomic.Pointer[struct {
	day  int
	text string
}]

// Date returns the day of a moment as terms have it.
func Date(t time.Time) string {
	day := dayOf(t)
	if last := lastDate.Load(); last != nil && last.day == day {
		return last.text
	}
	text := t.UTC().Format(dateForm)
	lastDate.Store(&struct {
		day  int
		text string
	}{day, text})
	return text
}

func parseDate(text string) (time.Time, error) { return time.Parse(dateForm, text) }

var errAge = errors.New("not an age")

// maxAge is the longest age, in days: some 100 years.
const maxAge = 36500

// parseAge reads days or weeks, such as "30d" or "2w", and returns days.
func parseAge(text string) (int, error) {
	unit := map[string]int{"d": 1, "w": 7}[text[max(len(text)-1, 0):]]
	if unit == 0 {
		return 0, errAge
	}
	digits := text[:len(text)-1]
	n, err := strconv.Atoi(digits)
	if err != nil || strings.Trim(digits, "0123456789") != "" || n*unit > maxAge || n > maxAge {
		return 0, errAge
	}
	return n * unit, nil
}

// dayOf numbers the days of UTC.
func dayOf(t time.Time) int {
	const day = 24 * 60 * 60
	seconds := t.Unix()
	return int((seconds - (seconds%day+day)%day) / day)
}

// At fixes what the ages of an expression mean at a moment: it returns one that
// selects the same devices then, and the same at any later time, if they change
// no more. All its times are "this day or later", the only form that is
// evaluated: every device has a day on which it registered and one on which it
// was last seen.
func (e Expr) At(now time.Time) Expr {
	if e.Op == OpTerm && grammar[e.Term.Field].kind == timeKind {
		return e.Term.at(now)
	}
	if len(e.Args) == 0 {
		return e
	}
	args := make([]Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = a.At(now)
	}
	return Expr{Op: e.Op, Args: args}
}

func (t Term) at(now time.Time) Expr {
	var day time.Time
	rel := t.Rel
	if days, err := parseAge(t.Value); err == nil {
		// Whoever was seen longer ago was seen on an earlier day.
		day = now.UTC().AddDate(0, 0, -days)
		rel = [...]Rel{Less: More, AtMost: AtLeast, AtLeast: AtMost, More: Less}[rel]
	} else if day, err = parseDate(t.Value); err != nil {
		return Expr{Op: OpTerm, Term: t} // not of the text form, and true of nobody
	}
	since := func(day time.Time) Expr { return Expr{Op: OpTerm, Term: Term{t.Field, Date(day), AtLeast}} }
	next := day.AddDate(0, 0, 1)
	switch rel {
	case AtLeast:
		return since(day)
	case More:
		return since(next)
	case Less:
		return Not(since(day))
	case AtMost:
		return Not(since(next))
	}
	return And(since(day), Not(since(next)))
}
