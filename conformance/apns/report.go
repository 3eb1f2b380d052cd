package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// verdict is a cell of the table.
type verdict struct {
	state string // pass, differs, FAIL
	text  string
}

// known is a difference that was looked into and is no mistake of the local
// APNs: it is shown, but does not fail the run. docs/foreign-apns-clients.md
// explains each.
type known struct {
	client, testCase string
	says             string // part of what is wrong
	why              string
}

func (t *trial) verdict(k testCase) verdict {
	notes := strings.Join(t.notes, "; ")
	if len(t.wrong) == 0 {
		return verdict{"pass", notes}
	}
	text := strings.Join(append(slices.Clone(t.wrong), t.notes...), "; ")
	var reasons []string
	for _, wrong := range t.wrong {
		i := slices.IndexFunc(knownDifferences, func(d known) bool {
			return d.client == t.client.name && d.testCase == k.name && strings.Contains(wrong, d.says)
		})
		if i < 0 {
			return verdict{"FAIL", text}
		}
		if why := knownDifferences[i].why; !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
	}
	return verdict{"differs", text + " — " + strings.Join(reasons, " ")}
}

// report collects verdicts, skipped clients, and prints both.
type report struct {
	clients []string
	cells   map[string]verdict
	skipped []string
}

func (r *report) add(client, testCase string, v verdict) {
	if r.cells == nil {
		r.cells = map[string]verdict{}
	}
	if !slices.Contains(r.clients, client) {
		r.clients = append(r.clients, client)
	}
	r.cells[client+"/"+testCase] = v
	fmt.Printf("%-8s  %-24s %-7s %s\n", client, testCase, v.state, v.text)
}

func (r *report) skip(client string, err error) {
	r.skipped = append(r.skipped, fmt.Sprintf("SKIPPED %s: %v", client, err))
	fmt.Println(r.skipped[len(r.skipped)-1])
}

func (r *report) failed() bool {
	for _, v := range r.cells {
		if v.state == "FAIL" {
			return true
		}
	}
	return false
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\n%-24s", "")
	for _, c := range r.clients {
		fmt.Fprintf(w, " %-9s", c)
	}
	fmt.Fprintln(w)
	for _, k := range cases {
		fmt.Fprintf(w, "%-24s", k.name)
		for _, c := range r.clients {
			fmt.Fprintf(w, " %-9s", r.cells[c+"/"+k.name].state)
		}
		fmt.Fprintln(w)
	}
	for _, s := range r.skipped {
		fmt.Fprintf(w, "\n%s\n", s)
	}
}
