package api_test

import (
	"strconv"
	"testing"

	"github.com/aurora-push/aurora/api"
)

// Every answer to a server tells its limit in the headers that JPush's clients
// read, also a refusal, and one call too many is refused.
func TestRateLimitHeaders(t *testing.T) {
	w := startWorld(t, api.Limits{Reports: 2})
	report := request{path: "/v3/received?msg_ids=1"}.as(w.app)
	for i, want := range []struct {
		status    int
		remaining string
	}{{200, "1"}, {200, "0"}, {429, "0"}} {
		a := w.call(t, report)
		if a.status != want.status || a.header.Get("X-Rate-Limit-Limit") != "2" || a.header.Get("X-Rate-Limit-Quota") != "2" || a.header.Get("X-Rate-Limit-Remaining") != want.remaining {
			t.Errorf("call %d was answered %d with %v", i+1, a.status, a.header)
		}
		if n, err := strconv.Atoi(a.header.Get("X-Rate-Limit-Reset")); err != nil || n < 1 || n > 60 {
			t.Errorf("X-Rate-Limit-Reset is %q", a.header.Get("X-Rate-Limit-Reset"))
		}
	}
	w.refused(t, report, 429, 2002)
	for _, r := range []request{{path: "/v3/push", body: `{}`}, {path: "/v3/devices/INVALID_ID"}} {
		if a := w.call(t, r.as(w.app)); a.header.Get("X-Rate-Limit-Limit") == "" {
			t.Errorf("%s was answered %d without rate headers", r.path, a.status)
		}
	}
}
