package console

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

const (
	auditPerPage = 100
	auditBatch   = 1000    // entries read at once for an export
	auditMost    = 200_000 // entries of one export
)

type auditPage struct {
	Query   account.AuditQuery
	Action  string
	Actor   string
	App     string // AppKey
	Entries []aurora.AuditEntry
	More    int64
	Filter  string // for links: what is filtered, as a query
	names   map[int64]string
}

// AppName names the app of an entry.
func (p auditPage) AppName(id int64) string { return p.names[id] }

// auditQuery reads the filter of the page and of the export.
func (c *console) auditQuery(r *http.Request, v visit) (auditPage, error) {
	q := r.URL.Query()
	p := auditPage{Action: strings.TrimSpace(q.Get("action")), Actor: strings.TrimSpace(q.Get("actor")), App: q.Get("app"), names: map[int64]string{}}
	p.Query = account.AuditQuery{AccountID: v.account.ID, Action: p.Action, Actor: p.Actor}
	apps, err := c.Account.Apps(r.Context(), v.account.ID)
	for _, a := range apps {
		p.names[a.ID] = a.Name
		if a.Key == p.App {
			p.Query.AppID = a.ID
		}
	}
	p.Filter = encode("action", p.Action, "actor", p.Actor, "app", p.App)
	return p, err
}

func (c *console) audit(w http.ResponseWriter, r *http.Request, v visit) error {
	p, err := c.auditQuery(r, v)
	if err != nil {
		return err
	}
	if p.Query.Before, err = strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err != nil {
		p.Query.Before = 0
	}
	p.Query.Limit = auditPerPage
	if p.Entries, err = c.People.Audit(r.Context(), p.Query); err != nil {
		return err
	}
	if len(p.Entries) == auditPerPage {
		p.More = p.Entries[len(p.Entries)-1].ID
	}
	return c.page(w, r, v, http.StatusOK, "audit", "Audit log", p)
}

// auditExport streams the log, newest first, as CSV or as JSON lines.
func (c *console) auditExport(w http.ResponseWriter, r *http.Request, v visit) error {
	p, err := c.auditQuery(r, v)
	if err != nil {
		return err
	}
	p.Query.Limit = auditBatch
	entries, err := c.People.Audit(r.Context(), p.Query) // before the first byte, so that a refusal can be told
	if err != nil {
		return err
	}
	write, flush := auditLines(w, r.PathValue("form"), p.names)
	if write == nil {
		return errNoPage
	}
	for sent := 0; len(entries) > 0 && sent < auditMost; sent += len(entries) {
		for _, e := range entries {
			write(e)
		}
		flush()
		p.Query.Before = entries[len(entries)-1].ID
		if entries, err = c.People.Audit(r.Context(), p.Query); err != nil {
			c.log.Error("console: the export of the audit log broke off", "err", err)
			panic(http.ErrAbortHandler) // a short file must not look whole
		}
	}
	return nil
}

func auditLines(w http.ResponseWriter, form string, apps map[int64]string) (write func(aurora.AuditEntry), flush func()) {
	h := w.Header()
	switch form {
	case "audit.csv":
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
		out := csv.NewWriter(w)
		out.Write([]string{"id", "at", "actor", "name", "address", "action", "subject", "detail", "app"})
		return func(e aurora.AuditEntry) {
			out.Write([]string{strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339Nano), string(e.Actor.Kind), cell(e.Actor.Name), cell(e.Actor.Address), e.Action, cell(e.Subject), cell(e.Detail), cell(apps[e.AppID])})
		}, out.Flush
	case "audit.jsonl":
		h.Set("Content-Type", "application/jsonl; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
		out := json.NewEncoder(w)
		return func(e aurora.AuditEntry) {
			out.Encode(map[string]any{"id": e.ID, "at": e.At.UTC(), "actor": e.Actor.Kind, "name": e.Actor.Name, "address": e.Actor.Address, "action": e.Action, "subject": e.Subject, "detail": e.Detail, "app": apps[e.AppID]})
		}, func() {}
	}
	return nil, nil
}

// cell keeps a spreadsheet from taking a text for a formula, as OWASP's page on
// CSV injection advises; of "=+-@" some take the full-width forms too.
func cell(text string) string {
	if strings.ContainsAny(fmt.Sprintf("%.1s", text), "=+-@\t\r\n＝＋－＠") {
		return "'" + text
	}
	return text
}
