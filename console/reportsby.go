package console

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// property is what a report tells devices apart by.
type property struct {
	Code  string // in addresses
	Name  string
	field audience.Field
}

var properties = []property{{"version", "Version of the app", "version"}, {"system", "Version of the system", "os"}}

const (
	splitDays  = 30 // days of the devices' part
	splitLines = 4  // values that have a line in a chart
)

type byFigures struct {
	Pushes  ledger.Split
	Devices []registry.SeenBy
}

type byPage struct {
	byFigures
	Span       span
	Spans      []span
	Property   property
	Properties []property
	Periods    []string // names of the pushes' periods
	Days       []string
	Opened     chart
	Active     chart
}

// Chosen reports whether the report is over this span.
func (p byPage) Chosen(s span) bool { return s.Code == p.Span.Code }

// By reports whether the report is by this property.
func (p byPage) By(q property) bool { return q.Code == p.Property.Code }

// HasPushes reports whether anything was sent in the time.
func (p byPage) HasPushes() bool {
	return slices.ContainsFunc(p.Pushes.Rows, func(r ledger.SplitRow) bool { return r.Total.Targeted > 0 })
}

// Lines are the rows of pushes that have a line in the chart.
func (p byPage) Lines() []ledger.SplitRow {
	return p.Pushes.Rows[:lineCount(len(p.Pushes.Rows), func(i int) string { return p.Pushes.Rows[i].Value })]
}

// DeviceLines are the rows of devices that have one.
func (p byPage) DeviceLines() []registry.SeenBy {
	return p.Devices[:lineCount(len(p.Devices), func(i int) string { return p.Devices[i].Value })]
}

func lineCount(rows int, value func(int) string) (n int) {
	for n < min(rows, splitLines) && value(n) != "" {
		n++
	}
	return n
}

func (c *console) reportsBy(w http.ResponseWriter, r *http.Request, v visit) error {
	p := byPage{Span: spanOf(r.URL.Query().Get("span")), Spans: spans, Property: properties[0], Properties: properties}
	for _, q := range properties {
		if q.Code == r.URL.Query().Get("by") {
			p.Property = q
		}
	}
	starts := p.Span.starts(c.now())
	figures, err := keep(r.Context(), &c.figures, fmt.Sprint("by ", v.app.ID, p.Property.Code, p.Span.Code, starts[0].Unix()), func() (f byFigures, err error) {
		err = atOnce(func() (err error) {
			f.Pushes, err = c.Pushes.By(r.Context(), v.app.ID, p.Property.field, starts)
			return err
		}, func() (err error) {
			f.Devices, err = c.Figures.SeenBy(r.Context(), v.app.ID, p.Property.field, splitDays, mostValues)
			return err
		})
		return f, err
	})
	if err != nil {
		return err
	}
	p.byFigures = figures
	days := make([]time.Time, splitDays)
	for i := range days {
		days[i] = registry.Day.Start(c.now(), i-splitDays+1)
	}
	switch r.URL.Query().Get("csv") {
	case "":
	case "pushes":
		return sendCSV(w, "pushes-by-"+p.Property.Code, p.pushTable(starts))
	case "devices":
		return sendCSV(w, "devices-by-"+p.Property.Code, p.deviceTable(days))
	default:
		return errNoPage
	}
	p.draw(languageOf(r), starts, days)
	return c.page(w, r, v, http.StatusOK, "versions", "Reports by version", p)
}

func (p *byPage) draw(l *language, starts, days []time.Time) {
	for _, start := range starts {
		p.Periods = append(p.Periods, l.period(p.Span, start))
	}
	for _, day := range days {
		p.Days = append(p.Days, l.period(spans[1], day))
	}
	classes := []string{"line-a", "line-b", "line-c", "line-d"}
	var opened, active []line
	for i, row := range p.Lines() {
		opened = append(opened, line{row.Value, classes[i], func(at int) uint64 { return row.Periods[at].Opened }})
	}
	for i, row := range p.DeviceLines() {
		active = append(active, line{row.Value, classes[i], func(at int) uint64 { return row.Days[at].Active }})
	}
	p.Opened = plotOf(len(starts), func(i int) string { return p.Periods[i] }, opened...)
	p.Active = plotOf(len(days), func(i int) string { return p.Days[i] }, active...)
}

func sendCSV(w http.ResponseWriter, name string, rows [][]string) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.csv"`, name))
	out := csv.NewWriter(w)
	out.WriteAll(rows) // the visitor may be gone; nobody is left to tell
	return nil
}

func digits(n uint64) string { return strconv.FormatUint(n, 10) }

// pushTable is the pushes' part as rows; the first names the columns.
func (p byPage) pushTable(starts []time.Time) [][]string {
	rows := [][]string{{"start", p.Property.Code, "targeted", "accepted", "failed", "received", "opened"}}
	for at, start := range starts {
		for _, r := range p.Pushes.Rows {
			if f := r.Periods[at]; f.Targeted > 0 {
				rows = append(rows, []string{start.Format(time.RFC3339), cell(r.Value), digits(f.Targeted), digits(f.Accepted), digits(f.Failed), digits(f.Received), digits(f.Opened)})
			}
		}
	}
	return rows
}

// deviceTable is the devices' part as rows.
func (p byPage) deviceTable(days []time.Time) [][]string {
	rows := [][]string{{"day", p.Property.Code, "new", "online", "active"}}
	for at, day := range days {
		for _, r := range p.Devices {
			if u := r.Days[at]; u.New+u.Online+u.Active > 0 {
				rows = append(rows, []string{day.Format(time.DateOnly), cell(r.Value), digits(u.New), digits(u.Online), digits(u.Active)})
			}
		}
	}
	return rows
}
