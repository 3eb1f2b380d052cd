package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// table collects the verdicts: endpoint × client.
type table struct {
	clients []string
	rows    []*row
	skipped []string
}

// row is an endpoint with its cases' verdicts for each client.
type row struct {
	endpoint string
	cells    map[string][]entry
}

type entry struct {
	name string
	verdict
}

func (t *table) skip(client string, err error) {
	t.skipped = append(t.skipped, fmt.Sprintf("%s: %v", client, err))
}

func (t *table) add(client string, k kase, v verdict) {
	if !slices.Contains(t.clients, client) {
		t.clients = append(t.clients, client)
	}
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.endpoint == k.endpoint })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &row{endpoint: k.endpoint, cells: map[string][]entry{}})
	}
	t.rows[i].cells[client] = append(t.rows[i].cells[client], entry{k.name, v})
}

func (t *table) failed() bool {
	for _, r := range t.rows {
		for _, entries := range r.cells {
			if slices.ContainsFunc(entries, func(e entry) bool { return e.outcome == failed }) {
				return true
			}
		}
	}
	return false
}

// cell sums up one client at one endpoint.
func (r *row) cell(client string) string {
	counts := map[outcome]int{}
	for _, e := range r.cells[client] {
		counts[e.outcome]++
	}
	tried := counts[passed] + counts[failed]
	switch {
	case counts[unserved] > 0:
		return "not served yet"
	case counts[failed] > 0:
		return fmt.Sprintf("FAIL %d of %d", counts[failed], tried)
	case tried == 0:
		return "–"
	}
	return fmt.Sprintf("pass %d", tried)
}

func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "endpoint\t%s\n", strings.Join(t.clients, "\t"))
	for _, r := range t.rows {
		fmt.Fprint(w, r.endpoint)
		for _, c := range t.clients {
			fmt.Fprintf(w, "\t%s", r.cell(c))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	t.explain(out, "Failed", failed)
	t.explain(out, "Not made, because the client cannot (–)", unsupported)
	t.explain(out, "Not served yet", unserved)
	for _, s := range t.skipped {
		fmt.Fprintf(out, "\nSKIPPED  %s\n", s)
	}
}

// explain lists every case with that outcome and its reason.
func (t *table) explain(out io.Writer, title string, wanted outcome) {
	said := false
	for _, r := range t.rows {
		for _, c := range t.clients {
			for _, e := range r.cells[c] {
				if e.outcome != wanted {
					continue
				}
				if !said {
					fmt.Fprintf(out, "\n%s:\n", title)
					said = true
				}
				fmt.Fprintf(out, "  %s · %s · %s: %s\n", r.endpoint, e.name, c, e.why)
			}
		}
	}
}

// shorten keeps the beginning of a sentence.
func shorten(s string, most int) string {
	r := []rune(strings.ReplaceAll(s, "\n", " "))
	if len(r) <= most {
		return string(r)
	}
	return string(r[:most]) + "…"
}
