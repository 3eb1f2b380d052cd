package registry

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// Unit is how long the periods of statistics are.
type Unit byte

// The units. Days and months are those of UTC+8, as JPush's are; hours are the
// same in both.
const (
	Hour  Unit = 'H'
	Day   Unit = 'D'
	Month Unit = 'M'
)

// Units lists all units.
var Units = []Unit{Hour, Day, Month}

// Zone is the time zone of statistics (spec/rest-api.md §4).
var Zone = time.FixedZone("UTC+8", 8*60*60)

// Period is an hour, a day or a month; periods of one unit sort by time.
type Period string

// Period returns the unit's period that a moment lies in.
func (u Unit) Period(t time.Time) Period {
	layout := map[Unit]string{Hour: "2006010215", Day: "20060102", Month: "200601"}[u]
	return Period(string(u) + t.In(Zone).Format(layout))
}

// Start returns the beginning of the period that a moment lies in, moved by a
// number of units.
func (u Unit) Start(t time.Time, move int) time.Time {
	t = t.In(Zone)
	switch u {
	case Hour:
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour()+move, 0, 0, 0, Zone)
	case Day:
		return time.Date(t.Year(), t.Month(), t.Day()+move, 0, 0, 0, 0, Zone)
	}
	return time.Date(t.Year(), t.Month()+time.Month(move), 1, 0, 0, 0, 0, Zone)
}

// Users are the devices of one platform in one period.
type Users struct{ New, Online, Active uint64 }

// PeriodUsers are the devices of one period by platform; platforms without any
// are left out.
type PeriodUsers struct {
	Start     time.Time // in Zone
	Platforms map[aurora.Platform]Users
}

// Users returns the numbers of count periods from the one that start lies in.
func (s *Service) Users(ctx context.Context, appID int64, unit Unit, start time.Time, count int) ([]PeriodUsers, error) {
	if count < 1 {
		return nil, nil
	}
	list := make([]PeriodUsers, count)
	at := map[Period]int{}
	for i := range list {
		list[i] = PeriodUsers{unit.Start(start, i), map[aurora.Platform]Users{}}
		at[unit.Period(list[i].Start)] = i
	}
	found, err := s.store.CountSeen(ctx, appID, unit.Period(list[0].Start), unit.Period(list[count-1].Start))
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		i, ok := at[f.Period]
		if !ok {
			continue
		}
		u := list[i].Platforms[f.Platform]
		switch f.Kind {
		case Registered:
			u.New = f.Devices
		case Online:
			u.Online = f.Devices
		case Active:
			u.Active = f.Devices
		}
		list[i].Platforms[f.Platform] = u
	}
	return list, nil
}
