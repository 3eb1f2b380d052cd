package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/docs"
)

var (
	documentedRow = regexp.MustCompile(`(?m)^\| <a id="(?:admin-)?(\d+)"></a>(\d+) \| ([\d, ]+) \|`)
	numberedValue = regexp.MustCompile(`number(?:ed)?\{([\w.]+), (\w+)[,}]`)
	constant      = regexp.MustCompile(`(?m)^\t(\w+)\s+= (\d+)$`)
)

// The page of error numbers has every number that the code can answer, with its
// statuses, and no other.
func TestErrorsAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, row := range documentedRow.FindAllStringSubmatch(docs.Errors, -1) {
		if row[1] != row[2] {
			t.Errorf("the anchor of %s is %s", row[2], row[1])
		}
		for status := range strings.SplitSeq(row[3], ", ") {
			if key := row[2] + " with " + status; documented[key] {
				t.Errorf("%s is documented twice", key)
			} else {
				documented[key] = true
			}
		}
	}
	answered := api.Numbers()
	for key := range numberedInSources(t) {
		answered[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(answered)) {
		if !documented[key] {
			t.Errorf("code %s is answered and not in docs/errors.md", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(documented)) {
		if !answered[key] {
			t.Errorf("code %s is in docs/errors.md and never answered", key)
		}
	}
}

// numberedInSources are the numbers that stand in the package's sources.
func numberedInSources(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	check(t, err)
	var sources strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		check(t, err)
		sources.Write(text)
	}
	constants := map[string]string{"http.StatusOK": "200", "http.StatusBadRequest": "400", "http.StatusUnauthorized": "401", "http.StatusForbidden": "403", "http.StatusNotFound": "404", "http.StatusMethodNotAllowed": "405", "http.StatusTooManyRequests": "429"}
	for _, c := range constant.FindAllStringSubmatch(sources.String(), -1) {
		constants[c[1]] = c[2]
	}
	found := map[string]bool{"1001 with 405": true, "4001 with 405": true} // which refuseRoute chooses
	for _, use := range numberedValue.FindAllStringSubmatch(sources.String(), -1) {
		status, code := use[1], use[2]
		if constants[status] != "" {
			status = constants[status]
		}
		if constants[code] != "" {
			code = constants[code]
		}
		if _, err := strconv.Atoi(status + code); err != nil {
			continue // a variable, which the table of kinds or the line above covers
		}
		found[code+" with "+status] = true
	}
	if len(found) < 10 {
		t.Fatalf("only %v were found in the sources", found)
	}
	return found
}

// Every refusal's link leads to the row of its number.
func TestErrorPageHasTheNumbers(t *testing.T) {
	w := httptest.NewRecorder()
	api.ServeReference(w, httptest.NewRequest(http.MethodGet, "/reference/errors", nil))
	for key := range api.Numbers() {
		code, _, _ := strings.Cut(key, " ")
		if !strings.Contains(w.Body.String(), fmt.Sprintf(`<tr id="%s"><td>%s</td>`, code, code)) {
			t.Errorf("%s has no row on the page", code)
		}
	}
	for _, ghost := range []string{"`", "&lt;a id", "<a id", "|"} {
		if strings.Contains(w.Body.String(), ghost) {
			t.Errorf("the page shows %q", ghost)
		}
	}
}

// jpush are the numbers of spec/rest-api.md §6.
var jpush = []int{
	1000, 1001, 1002, 1003, 1004, 1005, 1008, 1009, 1011, 1012, 1020, 1030, 1035, 2002, 2003, 2004, 2005, 2006, 2007, 2008,
	7000, 7001, 7002, 7004, 7008, 7013, 7015, 7030, 8000, 8100, 8101, 8104, 8200, 8203, 10, 3001, 3002, 3004, 3005,
	4001, 4002, 4003, 4004, 4005, 4006, 4007, 1010, 1013, 1014, 1015,
}

var neverAnswered = regexp.MustCompile(`(?m)^\| (\d+) \| \d+ \| .{20}`)

// Each of JPush's numbers is answered, or the page says why it is not.
func TestEveryNumberOfJPush(t *testing.T) {
	_, without, _ := strings.Cut(docs.Errors, "## JPush's numbers that do not occur")
	without, _, _ = strings.Cut(without, "\n## ")
	explained := map[string]bool{}
	for _, row := range neverAnswered.FindAllStringSubmatch(without, -1) {
		explained[row[1]] = true
	}
	answered := map[string]bool{}
	for key := range api.Numbers() {
		code, _, _ := strings.Cut(key, " ")
		answered[code] = true
	}
	for key := range numberedInSources(t) {
		code, _, _ := strings.Cut(key, " ")
		answered[code] = true
	}
	for _, n := range jpush {
		code := strconv.Itoa(n)
		if answered[code] == explained[code] {
			t.Errorf("%s is answered: %v, and explained as one that is not: %v", code, answered[code], explained[code])
		}
	}
}
