package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// span is what a report reaches over.
type span struct {
	Code  string // in addresses
	Name  string
	unit  registry.Unit
	count int
	label string // layout of a period's name
}

var spans = []span{
	{"hours", "24 hours", registry.Hour, 24, "2 Jan 15:04"},
	{"days", "30 days", registry.Day, 30, "2 Jan"},
	{"months", "12 months", registry.Month, 12, "Jan 2006"},
}

const (
	cohortDays = 15 // days that registered devices are followed over
	mostValues = 12 // values of a breakdown that have a line of their own
)

// Chosen reports whether the report is over this span.
func (p reportsPage) Chosen(s span) bool { return s.Code == p.Span.Code }

type reportsPage struct {
	Span    span
	Spans   []span
	Devices []deviceRow
	Pushes  []pushRow
	Total   ledger.Figures
	Partial bool
	Reasons []ledger.ReasonCount
	Cohorts []cohortRow
	Days    []int
	Groups  []group
	Users   chart
	Outcome chart
}

// HasDevices reports whether any device was ever seen in the span.
func (p reportsPage) HasDevices() bool {
	return slices.ContainsFunc(p.Devices, func(r deviceRow) bool { return r.New+r.Online+r.Active > 0 })
}

type deviceRow struct {
	Name                string
	New, Online, Active uint64
}

type pushRow struct {
	Name string
	ledger.Figures
}

type cohortRow struct {
	Name string
	Day  time.Time
	New  uint64
	Kept []keptCell
}

type keptCell struct {
	Share string
	Heat  int // 0 to 10, for the shade
	Known bool
}

type group struct {
	ID, Name string
	Lines    []groupLine
	Total    uint64
}

type groupLine struct {
	Value string
	Count uint64
}

func spanOf(code string) span {
	for _, s := range spans {
		if s.Code == code {
			return s
		}
	}
	return spans[1]
}

// starts returns the beginnings of the span's periods; the last is under way.
func (s span) starts(now time.Time) []time.Time {
	list := make([]time.Time, s.count)
	for i := range list {
		list[i] = s.unit.Start(now, i-s.count+1)
	}
	return list
}

// period names a period in its own time zone, which is that of JPush's reports.
func (l *language) period(s span, start time.Time) string {
	if l.isEnglish() {
		return start.Format(s.label)
	}
	return start.Format(map[registry.Unit]string{registry.Hour: "1月2日 15:04", registry.Day: "1月2日", registry.Month: "2006年1月"}[s.unit])
}

func (c *console) reports(w http.ResponseWriter, r *http.Request, v visit) error {
	p, err := c.lookAtReports(r, v, spanOf(r.URL.Query().Get("span")))
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "reports", "Reports", p)
}

func (c *console) lookAtReports(r *http.Request, v visit, s span) (reportsPage, error) {
	l, starts := languageOf(r), s.starts(c.now())
	return keep(r.Context(), &c.figures, fmt.Sprint("reports ", v.app.ID, s.Code, starts[0].Unix(), l.Code), func() (reportsPage, error) { return c.newReports(r.Context(), v, s, starts, l) })
}

func (c *console) newReports(ctx context.Context, v visit, s span, starts []time.Time, l *language) (p reportsPage, err error) {
	p.Span, p.Spans = s, spans
	var sums ledger.Sums
	p.Groups = []group{{ID: "versions", Name: "Versions of the app"}, {ID: "systems", Name: "Versions of the system"}}
	err = atOnce(func() (err error) {
		sums, err = c.Pushes.Sums(ctx, v.app.ID, starts)
		return err
	}, func() (err error) {
		p.Devices, err = c.deviceRows(ctx, v.app.ID, s, starts, l)
		return err
	}, func() (err error) {
		p.Cohorts, p.Days, err = c.cohorts(ctx, v.app.ID, l)
		return err
	}, func() (err error) {
		for i, g := range p.Groups {
			if p.Groups[i], err = c.breakdown(ctx, v.app.ID, g); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	p.Reasons, p.Partial = sums.Reasons, sums.Partial
	for _, f := range sums.Periods {
		p.Pushes = append(p.Pushes, pushRow{l.period(s, f.Start), f})
		p.Total.Messages += f.Messages
		p.Total.Targeted += f.Targeted
		p.Total.Accepted += f.Accepted
		p.Total.Failed += f.Failed
		p.Total.Received += f.Received
		p.Total.Opened += f.Opened
	}
	p.draw(l)
	return p, nil
}

// atOnce makes calls at the same time and returns their errors.
func atOnce(calls ...func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(calls))
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (c *console) deviceRows(ctx context.Context, appID int64, s span, starts []time.Time, l *language) ([]deviceRow, error) {
	users, err := c.Figures.Users(ctx, appID, s.unit, starts[0], s.count)
	rows := make([]deviceRow, len(users))
	for i, u := range users {
		rows[i].Name = l.period(s, u.Start)
		for _, n := range u.Platforms {
			rows[i].New += n.New
			rows[i].Online += n.Online
			rows[i].Active += n.Active
		}
	}
	return rows, err
}

func (c *console) cohorts(ctx context.Context, appID int64, l *language) (rows []cohortRow, days []int, err error) {
	cohorts, err := c.Figures.Retention(ctx, appID, cohortDays)
	for n := range cohortDays - 1 {
		days = append(days, n+1)
	}
	for _, co := range cohorts {
		if co.New == 0 {
			continue
		}
		row := cohortRow{Name: l.period(spans[1], co.Day), Day: co.Day, New: co.New, Kept: make([]keptCell, cohortDays-1)}
		for i, kept := range co.Kept {
			row.Kept[i] = keptCell{share(kept, co.New), int(10 * kept / co.New), true}
		}
		rows = append(rows, row)
	}
	return rows, days, err
}

var groupFields = map[string]audience.Field{"versions": "version", "systems": "os"}

// breakdown lists the most frequent values, and the rest as one.
func (c *console) breakdown(ctx context.Context, appID int64, g group) (group, error) {
	counts, err := c.Figures.Breakdown(ctx, appID, groupFields[g.ID])
	for value, n := range counts {
		if n > 0 {
			g.Lines = append(g.Lines, groupLine{value, n})
			g.Total += n
		}
	}
	slices.SortFunc(g.Lines, func(a, b groupLine) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), audience.NewestFirst(a.Value, b.Value))
	})
	return g, err
}

// Shown are the lines that have room; the last may stand for the rest.
func (g group) Shown() []groupLine {
	if len(g.Lines) <= mostValues {
		return g.Lines
	}
	rest := groupLine{}
	for _, l := range g.Lines[mostValues-1:] {
		rest.Count += l.Count
	}
	return append(slices.Clone(g.Lines[:mostValues-1]), rest)
}

// chart is a line chart, drawn by the server: it needs no script, follows the
// theme and is read out by the table behind it.
type chart struct {
	Max    uint64
	Series []series
	First  string
	Last   string
	Empty  bool
}

type series struct {
	Name, Class string
	Points      string // of a polyline in a box of 1000 by 100
}

func (p *reportsPage) draw(l *language) {
	p.Users = newChart(l, len(p.Devices), func(i int) string { return p.Devices[i].Name },
		line{"Online", "line-a", func(i int) uint64 { return p.Devices[i].Online }},
		line{"Active", "line-b", func(i int) uint64 { return p.Devices[i].Active }},
		line{"New", "line-c", func(i int) uint64 { return p.Devices[i].New }})
	p.Outcome = newChart(l, len(p.Pushes), func(i int) string { return p.Pushes[i].Name },
		line{"Accepted", "line-a", func(i int) uint64 { return p.Pushes[i].Accepted }},
		line{"Received", "line-b", func(i int) uint64 { return p.Pushes[i].Received }},
		line{"Opened", "line-c", func(i int) uint64 { return p.Pushes[i].Opened }},
		line{"Failed", "line-d", func(i int) uint64 { return p.Pushes[i].Failed }})
}

type line struct {
	name, class string
	at          func(int) uint64
}

func newChart(l *language, count int, name func(int) string, lines ...line) chart {
	for i := range lines {
		lines[i].name = l.word(lines[i].name)
	}
	return plotOf(count, name, lines...)
}

// plotOf is newChart for lines whose names are nobody's words.
func plotOf(count int, name func(int) string, lines ...line) chart {
	ch := chart{}
	for _, ln := range lines {
		for i := range count {
			ch.Max = max(ch.Max, ln.at(i))
		}
	}
	if ch.Empty = ch.Max == 0; ch.Empty || count < 2 {
		return ch
	}
	ch.First, ch.Last = name(0), name(count-1)
	for _, ln := range lines {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, "%.1f,%.2f ", 1000*float64(i)/float64(count-1), 98-96*float64(ln.at(i))/float64(ch.Max))
		}
		ch.Series = append(ch.Series, series{ln.name, ln.class, strings.TrimSpace(b.String())})
	}
	return ch
}

// reportFile is a report as CSV.
func (c *console) reportFile(w http.ResponseWriter, r *http.Request, v visit) error {
	name, ok := strings.CutSuffix(r.PathValue("file"), ".csv")
	if !ok || !slices.Contains([]string{"devices", "pushes", "errors", "retention", "versions", "systems"}, name) {
		return errNoPage
	}
	s := spanOf(r.URL.Query().Get("span"))
	p, err := c.lookAtReports(r, v, s)
	if err != nil {
		return err
	}
	return sendCSV(w, name, p.table(name, s.starts(c.now())))
}

// table is a report as rows; the first names the columns.
func (p reportsPage) table(name string, starts []time.Time) (rows [][]string) {
	n := func(u uint64) string { return strconv.FormatUint(u, 10) }
	switch name {
	case "devices":
		rows = append(rows, []string{"start", "new", "online", "active"})
		for i, d := range p.Devices {
			rows = append(rows, []string{starts[i].Format(time.RFC3339), n(d.New), n(d.Online), n(d.Active)})
		}
	case "pushes":
		rows = append(rows, []string{"start", "messages", "targeted", "accepted", "failed", "received", "opened"})
		for i, f := range p.Pushes {
			rows = append(rows, []string{starts[i].Format(time.RFC3339), n(f.Messages), n(f.Targeted), n(f.Accepted), n(f.Failed), n(f.Received), n(f.Opened)})
		}
	case "errors":
		rows = append(rows, []string{"reason", "devices", "meaning"})
		for _, e := range p.Reasons {
			rows = append(rows, []string{cell(e.Reason), n(e.Count), aurora.ExplainReason(e.Reason)})
		}
	case "retention":
		head := []string{"registered", "new"}
		for _, d := range p.Days {
			head = append(head, "day "+strconv.Itoa(d))
		}
		rows = append(rows, head)
		for _, co := range p.Cohorts {
			row := []string{co.Day.Format(time.DateOnly), n(co.New)}
			for _, k := range co.Kept {
				row = append(row, k.Share)
			}
			rows = append(rows, row)
		}
	default:
		rows = append(rows, []string{"value", "devices"})
		for _, g := range p.Groups {
			for _, l := range g.Lines {
				if g.ID == name {
					rows = append(rows, []string{cell(l.Value), n(l.Count)})
				}
			}
		}
	}
	return rows
}
