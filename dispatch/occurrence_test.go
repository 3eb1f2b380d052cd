package dispatch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

var china = time.FixedZone("UTC+8", 8*60*60)

func wall(s string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04:05", s, china)
	if err != nil {
		panic(err)
	}
	return at
}

func periodical(start, end string, clock time.Duration, unit dispatch.Unit, frequency int, points ...int) dispatch.Trigger {
	return dispatch.Trigger{Kind: dispatch.Periodical, Start: wall(start), End: wall(end), Clock: clock, Unit: unit, Frequency: frequency, Points: points, Offset: 8 * 60 * 60}
}

const morning = 9*time.Hour + 30*time.Minute

// occurrences follows a trigger from the beginning of time.
func occurrences(t dispatch.Trigger) (all []time.Time) {
	for at, ok := t.Next(time.Time{}); ok; at, ok = t.Next(at) {
		all = append(all, at)
	}
	return all
}

func TestOccurrences(t *testing.T) {
	for name, c := range map[string]struct {
		trigger dispatch.Trigger
		want    string // month-day of each; the time is the trigger's
	}{
		"every day": {
			periodical("2026-12-30 00:00:00", "2027-01-02 00:00:00", morning, dispatch.Day, 1), "12-30 12-31 01-01"},
		"both ends are included": {
			periodical("2026-12-30 09:30:00", "2027-01-02 09:30:00", morning, dispatch.Day, 1), "12-30 12-31 01-01 01-02"},
		"a start after the day's time": {
			periodical("2026-12-30 09:30:01", "2027-01-02 09:29:59", morning, dispatch.Day, 1), "12-31 01-01"},
		"days are counted from start's, even if its time is over": {
			periodical("2026-12-30 12:00:00", "2027-01-05 00:00:00", morning, dispatch.Day, 2), "01-01 01-03"},
		"the day is China's: in UTC it is still the 31st": {
			periodical("2027-01-01 00:00:00", "2027-01-01 23:59:59", 0, dispatch.Day, 1), "01-01"},
		"leap day": {
			periodical("2028-02-28 00:00:00", "2028-03-01 23:00:00", morning, dispatch.Day, 1), "02-28 02-29 03-01"},
		"no leap day": {
			periodical("2027-02-28 00:00:00", "2027-03-01 23:00:00", morning, dispatch.Day, 1), "02-28 03-01"},
		"weekdays": { // 2026-11-23 is a Monday
			periodical("2026-11-23 00:00:00", "2026-12-06 23:59:59", morning, dispatch.Week, 1, 1, 3, 7), "11-23 11-25 11-29 11-30 12-02 12-06"},
		"every second week, from the middle of the first": {
			periodical("2026-11-25 00:00:00", "2026-12-23 00:00:00", morning, dispatch.Week, 2, 1, 3), "11-25 12-07 12-09 12-21"},
		"a week over the turn of the year": {
			periodical("2026-12-28 00:00:00", "2027-01-11 00:00:00", morning, dispatch.Week, 1, 5), "01-01 01-08"},
		"the 31st": {
			periodical("2026-01-01 00:00:00", "2026-12-31 23:59:59", morning, dispatch.Month, 1, 31), "01-31 03-31 05-31 07-31 08-31 10-31 12-31"},
		"the 29th in a leap year": {
			periodical("2028-01-01 00:00:00", "2028-04-01 00:00:00", morning, dispatch.Month, 1, 29), "01-29 02-29 03-29"},
		"the 29th otherwise": {
			periodical("2027-01-01 00:00:00", "2027-04-01 00:00:00", morning, dispatch.Month, 1, 29), "01-29 03-29"},
		"every third month, also without its day": {
			periodical("2026-11-15 00:00:00", "2027-11-01 00:00:00", morning, dispatch.Month, 3, 10, 30), "11-30 02-10 05-10 05-30 08-10 08-30"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.trigger.Validate(); err != nil {
				t.Fatal(err)
			}
			all := occurrences(c.trigger)
			var got []string
			for _, at := range all {
				got = append(got, at.In(china).Format("01-02"))
				if clock := at.Sub(wall(at.In(china).Format("2006-01-02") + " 00:00:00")); clock != c.trigger.Clock {
					t.Errorf("%v is at %v of its day", at, clock)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %s\nwant %s", strings.Join(got, " "), c.want)
			}
			if last := c.trigger.Last(); !last.Equal(all[len(all)-1]) {
				t.Errorf("the last is %v, want %v", last, all[len(all)-1])
			}
		})
	}
}

func TestSingleOccurrence(t *testing.T) {
	at := wall("2026-11-23 09:30:00")
	for _, kind := range []dispatch.TriggerKind{dispatch.Single, dispatch.Intelligent} {
		trigger := dispatch.Trigger{Kind: kind, At: at}
		if all := occurrences(trigger); len(all) != 1 || !all[0].Equal(at) {
			t.Errorf("%s: got %v", kind, all)
		}
		if _, ok := trigger.Latest(at.Add(-1)); ok {
			t.Errorf("%s: it is said to have been due before its time", kind)
		}
		if got, ok := trigger.Latest(at); !ok || !got.Equal(at) {
			t.Errorf("%s: latest at its time is %v, %v", kind, got, ok)
		}
	}
}

func TestTriggersThatAreRefused(t *testing.T) {
	for name, trigger := range map[string]dispatch.Trigger{
		"end before start":       periodical("2027-01-02 00:00:00", "2027-01-01 00:00:00", 0, dispatch.Day, 1),
		"over a year":            periodical("2027-01-01 00:00:00", "2028-01-01 00:00:01", 0, dispatch.Day, 1),
		"frequency 0":            periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 0, dispatch.Day, 0),
		"frequency 101":          periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 0, dispatch.Day, 101),
		"a time after the day":   periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 24*time.Hour, dispatch.Day, 1),
		"an unknown unit":        periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 0, "year", 1),
		"points of a day":        periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 0, dispatch.Day, 1, 1),
		"no points of a week":    periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 0, dispatch.Week, 1),
		"the 8th day of a week":  periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 0, dispatch.Week, 1, 8),
		"the 32nd of a month":    periodical("2027-01-01 00:00:00", "2027-02-01 00:00:00", 0, dispatch.Month, 1, 32),
		"never: February's 30th": periodical("2027-02-01 00:00:00", "2027-02-28 23:59:59", 0, dispatch.Month, 1, 30),
		"never: between times":   periodical("2027-02-01 10:00:00", "2027-02-02 09:00:00", morning, dispatch.Day, 1),
	} {
		if err := trigger.Validate(); aurora.KindOf(err) != aurora.Invalid && aurora.KindOf(err) != aurora.Missing {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
	if err := periodical("2028-01-01 00:00:00", "2029-01-01 00:00:00", 0, dispatch.Day, 1).Validate(); err != nil {
		t.Errorf("a whole leap year is refused: %v", err)
	}
}

// list is the slow and obvious definition of a periodical trigger: it walks
// from round to round and writes down each of its days.
func list(t dispatch.Trigger) (all []time.Time) {
	zone := time.FixedZone("", t.Offset)
	y, m, d := t.Start.In(zone).Date()
	add := func(day time.Time) {
		at := day.Add(t.Clock)
		if !at.Before(t.Start) && !at.After(t.End) {
			all = append(all, at)
		}
	}
	midnight := time.Date(y, m, d, 0, 0, 0, 0, zone)
	switch t.Unit {
	case dispatch.Day:
		for day := midnight; !day.After(t.End); day = day.AddDate(0, 0, t.Frequency) {
			add(day)
		}
	case dispatch.Week:
		for midnight.Weekday() != time.Monday {
			midnight = midnight.AddDate(0, 0, -1)
		}
		for week := midnight; !week.After(t.End); week = week.AddDate(0, 0, 7*t.Frequency) {
			for _, p := range t.Points {
				add(week.AddDate(0, 0, p-1))
			}
		}
	case dispatch.Month:
		for first := time.Date(y, m, 1, 0, 0, 0, 0, zone); !first.After(t.End); first = first.AddDate(0, t.Frequency, 0) {
			for _, p := range t.Points {
				if day := first.AddDate(0, 0, p-1); day.Month() == first.Month() {
					add(day)
				}
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// FuzzOccurrences compares Next and Latest with the definition.
func FuzzOccurrences(f *testing.F) {
	f.Add(int64(1_795_392_000), int64(86400*300), 34200, uint8(0), 2, uint32(0), 8, int64(1000))
	f.Add(int64(1_795_392_000), int64(86400*366), 0, uint8(1), 3, uint32(0b1000101), 8, int64(0))
	f.Add(int64(1_832_000_000), int64(86400*366), 86399, uint8(2), 1, uint32(1<<30|1<<28), -11, int64(86400*31))
	f.Add(int64(-86400*400), int64(86400*200), 1, uint8(1), 100, uint32(127), 0, int64(-1))
	f.Fuzz(func(t *testing.T, start, span int64, clock int, unit uint8, frequency int, points uint32, hours int, probe int64) {
		if start < -1<<40 || start > 1<<40 || span < 0 || span > 86400*366 || hours < -12 || hours > 14 || probe < -86400*400 || probe > 86400*800 {
			t.Skip()
		}
		trigger := dispatch.Trigger{Kind: dispatch.Periodical, Start: time.Unix(start, 0), End: time.Unix(start+span, 0), Clock: time.Duration(clock) * time.Second,
			Unit: []dispatch.Unit{dispatch.Day, dispatch.Week, dispatch.Month}[unit%3], Frequency: frequency, Offset: hours * 3600}
		for p, last := 1, []int{0, 7, 31}[unit%3]; p <= last; p++ {
			if points>>(p-1)&1 == 1 {
				trigger.Points = append(trigger.Points, p)
			}
		}
		if aurora.KindOf(trigger.Validate()) == aurora.Missing || clock < 0 || clock >= 86400 || frequency < 1 || frequency > 100 {
			if trigger.Validate() == nil {
				t.Fatalf("%+v is accepted", trigger)
			}
			return
		}
		want := list(trigger)
		if valid := trigger.Validate() == nil; valid != (len(want) > 0 && !trigger.End.After(trigger.Start.In(time.FixedZone("", trigger.Offset)).AddDate(1, 0, 0))) {
			t.Fatalf("%+v with %d occurrences is said to be valid: %v", trigger, len(want), valid)
		}
		if got := occurrences(trigger); fmt.Sprint(unix(got)) != fmt.Sprint(unix(want)) {
			t.Fatalf("%+v\ngot  %v\nwant %v", trigger, got, want)
		}
		at := trigger.Start.Add(time.Duration(probe) * time.Second)
		i := slices.IndexFunc(want, func(o time.Time) bool { return o.After(at) })
		if i < 0 {
			i = len(want)
		}
		if next, ok := trigger.Next(at); ok != (i < len(want)) || ok && !next.Equal(want[i]) {
			t.Errorf("%+v: after %v comes %v, %v", trigger, at, next, ok)
		}
		if last, ok := trigger.Latest(at); ok != (i > 0) || ok && !last.Equal(want[i-1]) {
			t.Errorf("%+v: latest until %v is %v, %v", trigger, at, last, ok)
		}
	})
}

func unix(times []time.Time) (all []int64) {
	for _, at := range times {
		all = append(all, at.Unix())
	}
	return all
}
