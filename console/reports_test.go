package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// register registers devices of an app and returns the ids.
func (h *house) register(t *testing.T, n int) (ids []string) {
	t.Helper()
	for i := range n {
		id, err := h.Registry.Register(t.Context(), h.app.ID, registry.Registration{InstallID: fmt.Sprintf("install-%04d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS,
			Profile: aurora.Profile{AppVersion: fmt.Sprintf("4.%d.0", i%15), OSVersion: "18.1", Model: "iPhone16,2"},
			Change:  registry.Change{Token: new(fmt.Sprintf("%064x", i)), Environment: new(aurora.Development)}})
		check(t, err)
		ids = append(ids, id)
	}
	return ids
}

// sent sends to everybody of an app that has no credential, and waits until each
// device has its outcome.
func (h *house) sent(t *testing.T, devices int) {
	t.Helper()
	got := h.ask(t, h.session[aurora.OwnerRole], "POST", "/apps/"+h.app.Key+"/send", "audience=all", "title=Gate change", "body=B12", "environment=development", "life=1", "life_unit=hours", "confirmed=1")
	if got.status != http.StatusSeeOther {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		list, err := h.Ledger.Messages(t.Context(), h.app.ID, 0, 1)
		check(t, err)
		if len(list) == 1 && list[0].Failed == uint64(devices) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", list)
		}
	}
}

// TestReports: what happened is in the page, in the tables behind its charts,
// and in its files; an app without anything is told what to do.
func TestReports(t *testing.T) {
	h := openHouse(t)
	owner, path := h.session[aurora.OwnerRole], "/apps/"+h.app.Key+"/reports"
	if empty := h.ask(t, owner, "GET", path+"/versions").body; !strings.Contains(empty, "Nothing was sent in this time.") || !strings.Contains(empty, "None has yet.") {
		t.Errorf("%s", empty)
	}
	empty := h.ask(t, owner, "GET", path).body
	for _, part := range []string{"Getting started", "Nothing was sent in this time.", "Come back in a few days"} {
		if !strings.Contains(empty, part) {
			t.Errorf("an empty report does not say %q", part)
		}
	}
	h.register(t, 30)
	h.sent(t, 30)
	for _, span := range []string{"hours", "days", "months", "nonsense"} {
		body := h.ask(t, owner, "GET", path+"?span="+span).body
		for _, part := range []string{"NoCredential", `<polyline class="line-a"`, "<dd>30 <span"} {
			if !strings.Contains(body, part) {
				t.Errorf("%s: no %q in\n%s", span, part, body)
			}
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // until the index is folded
		if left, err := h.Registry.Pending(t.Context()); err != nil || left == 0 || time.Now().After(deadline) {
			check(t, err)
			break
		}
	}
	for file, want := range map[string]string{"devices": ",30,0,0\n", "pushes": ",1,30,0,30,0,0\n", "errors": "NoCredential,30,", "retention": time.Now().In(time.FixedZone("", 8*3600)).Format(time.DateOnly) + ",30,", "versions": "\n4.0.0,2\n", "systems": "\n18.1,30\n"} {
		got := h.ask(t, owner, "GET", path+"/"+file+".csv?span=days")
		if got.status != http.StatusOK || !strings.Contains(got.body, want) || got.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Errorf("%s.csv: %d %s", file, got.status, got.body)
		}
	}
	versions := h.ask(t, owner, "GET", path+"/versions?span=days").body
	if !strings.Contains(versions, `<th scope="row">4.14.0</th><td class="n">2</td><td class="n">0</td>`) || !strings.Contains(versions, `<th scope="row">4.14.0</th><td class="n">2</td><td class="n">2</td>`) {
		t.Errorf("%s", versions)
	}
	for _, body := range []string{versions, h.ask(t, owner, "GET", path+"?span=days").body} { // as many devices have each
		for _, table := range strings.Split(body, "<table")[1:] {
			places := []int{strings.Index(table, ">4.10.0<"), strings.Index(table, ">4.9.0<"), strings.Index(table, ">4.8.0<")}
			if !slices.IsSorted(places) {
				t.Errorf("4.10.0, 4.9.0 and 4.8.0 stand in the places %v of %s", places, table)
			}
		}
	}
	for query, want := range map[string]string{"by=version&csv=pushes": ",4.14.0,2,0,2,0,0\n", "by=system&csv=pushes": ",18.1,30,0,30,0,0\n", "by=version&csv=devices": ",4.14.0,2,0,0\n", "by=system&csv=devices": ",18.1,30,0,0\n"} {
		if got := h.ask(t, owner, "GET", path+"/versions?"+query); !strings.Contains(got.body, want) || got.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	if got := h.ask(t, owner, "GET", path+"/secrets.csv"); got.status != http.StatusNotFound {
		t.Errorf("%d", got.status)
	}
}
