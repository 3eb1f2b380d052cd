package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// timeUnit is a unit of user statistics: how it is written, and how many of its
// periods one answer has at most (spec/rest-api.md §11.7).
type timeUnit struct {
	unit   registry.Unit
	layout string
	max    int
}

var timeUnits = map[string]timeUnit{
	"HOUR":  {registry.Hour, "2006-01-02 15", 24},
	"DAY":   {registry.Day, time.DateOnly, 60},
	"MONTH": {registry.Month, "2006-01", 2},
}

// userNumbers are the devices of a platform in one period.
type userNumbers struct {
	New    uint64 `json:"new"`
	Online uint64 `json:"online"`
	Active uint64 `json:"active"`
}

type usersItem struct {
	Time    string      `json:"time"`
	Android userNumbers `json:"android"`
	IOS     userNumbers `json:"ios"`
}

// usersAnswer has exactly four members: strict clients refuse more.
type usersAnswer struct {
	Unit     string      `json:"time_unit"`
	Start    string      `json:"start"`
	Duration int         `json:"duration"`
	Items    []usersItem `json:"items"`
}

// users is GET /v3/users: new, online and active devices by hour, day or month.
func (s *server) users(r *http.Request, app aurora.App) (any, error) {
	q, err := parseUsersQuery(r)
	if err != nil {
		return nil, err
	}
	return s.usersOf(r, []aurora.App{app}, q)
}

type usersQuery struct {
	timeUnit
	name     string
	start    time.Time
	duration int // as echoed
}

func parseUsersQuery(r *http.Request) (q usersQuery, err error) {
	values := r.URL.Query()
	for _, name := range []string{"time_unit", "start", "duration"} {
		if values.Get(name) == "" {
			return q, aurora.Errorf(aurora.Missing, "%s is missing.", name)
		}
	}
	q.name = strings.ToUpper(values.Get("time_unit"))
	unit, known := timeUnits[q.name]
	if !known {
		return q, aurora.Errorf(aurora.Invalid, "time_unit must be HOUR, DAY or MONTH.")
	}
	q.timeUnit = unit
	if q.start, err = time.ParseInLocation(unit.layout, values.Get("start"), chinaTime); err != nil {
		return q, numbered{http.StatusBadRequest, 3004, "start does not fit time_unit " + q.name + "; write it like " + time.Date(2030, 1, 2, 3, 0, 0, 0, chinaTime).Format(unit.layout) + "."}
	}
	if q.duration, err = strconv.Atoi(values.Get("duration")); err != nil || q.duration < 1 {
		return q, aurora.Errorf(aurora.Invalid, "duration must be a whole number of at least 1: how many units to answer for.")
	}
	q.duration = min(q.duration, unit.max)
	return q, nil
}

// count is how many periods the answer has: hours end with the start's day.
func (q usersQuery) count() int {
	if q.unit == registry.Hour {
		return min(q.duration, 24-q.start.Hour())
	}
	return q.duration
}

// usersOf adds the numbers of several apps up.
func (s *server) usersOf(r *http.Request, apps []aurora.App, q usersQuery) (any, error) {
	a := usersAnswer{q.name, r.URL.Query().Get("start"), q.duration, make([]usersItem, q.count())}
	for i := range a.Items {
		a.Items[i].Time = q.unit.Start(q.start, i).Format(q.layout)
	}
	for _, app := range apps {
		periods, err := s.Statistics.Users(r.Context(), app.ID, q.unit, q.start, q.count())
		if err != nil {
			return nil, err
		}
		for i, p := range periods {
			a.Items[i].Android.add(p.Platforms[aurora.Android])
			a.Items[i].IOS.add(p.Platforms[aurora.IOS])
		}
	}
	return a, nil
}

func (n *userNumbers) add(u registry.Users) {
	n.New += u.New
	n.Online += u.Online
	n.Active += u.Active
}
