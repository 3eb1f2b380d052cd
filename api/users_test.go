package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aurora-push/aurora/registry"
)

// GET /v3/users in the exact shape of spec/rest-api.md §11.7.
func TestUsers(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"token":"`+token(1)+`","environment":"production"}`)
	w.register(t, w.app, "")
	w.register(t, w.other, "")
	day := time.Now().In(registry.Zone).Format(time.DateOnly)
	var got struct {
		Unit     string `json:"time_unit"`
		Start    string
		Duration int
		Items    []map[string]json.RawMessage
	}
	w.accepted(t, request{path: "/v3/users?time_unit=day&start=" + day + "&duration=99"}.as(w.app), &got)
	if got.Unit != "DAY" || got.Start != day || got.Duration != 60 || len(got.Items) != 60 {
		t.Errorf("answered %s from %s for %d with %d items, want DAY from %s for 60 with 60", got.Unit, got.Start, got.Duration, len(got.Items), day)
	}
	// New is counted at once; who was seen follows within seconds.
	var ios struct{ New int }
	if err := json.Unmarshal(got.Items[0]["ios"], &ios); err != nil || ios.New != 2 || string(got.Items[0]["time"]) != `"`+day+`"` || len(got.Items[0]) != 3 {
		t.Errorf("the first item is %s, want %s with 2 new devices (%v)", got.Items[0], day, err)
	}
	w.accepted(t, request{path: "/v3/users?time_unit=HOUR&start=2016-05-04%2004&duration=40"}.as(w.app), &got)
	if got.Duration != 24 || len(got.Items) != 20 || got.Start != "2016-05-04 04" || string(got.Items[19]["time"]) != `"2016-05-04 23"` {
		t.Errorf("hours of 2016: %d for %d with %d items, last %s", len(got.Start), got.Duration, len(got.Items), got.Items[19]["time"])
	}
	for query, code := range map[string]int{
		"": 3002,
		"time_unit=WEEK&start=" + day + "&duration=1":   3002,
		"time_unit=HOUR&start=" + day + "&duration=1":   3004,
		"time_unit=DAY&duration=1":                      3002,
		"time_unit=MONTH&start=" + day + "&duration=1":  3004,
		"time_unit=DAY&start=" + day:                    3002,
		"time_unit=DAY&start=" + day + "&duration=0":    3002,
		"time_unit=DAY&start=" + day + "&duration=1e3":  3002,
		"time_unit=DAY&start=2030-13-01&duration=1":     3004,
		"time_unit=DAY&start=" + day + "+00&duration=1": 3004,
	} {
		w.refused(t, request{path: "/v3/users?" + query}.as(w.app), 400, code)
	}
}
