package api

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNoRouteWithoutCredentials: whatever is served, nobody gets an answer or
// reaches a service without saying who they are. The handler has no services
// here, so a route that asked one first would panic.
func TestNoRouteWithoutCredentials(t *testing.T) {
	h := New(Config{})
	for _, r := range routes {
		path := "/" + strings.Join(r.pattern, "/")
		if path == "/v1/devices" {
			continue // an installation introduces itself there
		}
		for _, header := range []string{"", "Basic", "Basic !!!", "Basic Og==", "Bearer abc", "Basic YWJj"} {
			req := httptest.NewRequest(r.method, strings.NewReplacer("{", "", "}", "").Replace(path), strings.NewReader("{"))
			if header != "" {
				req.Header.Set("Authorization", header)
			}
			rec := httptest.NewRecorder()
			if header == "Basic Og==" && r.family == deviceFamily {
				continue // an empty registration id is looked up
			}
			h.ServeHTTP(rec, req)
			var body errorBody
			err := json.Unmarshal(rec.Body.Bytes(), &body)
			if r.family == flatFamily {
				err = json.Unmarshal(rec.Body.Bytes(), &body.Error)
			}
			if err != nil || body.Error.Code == 0 || body.Error.Message == "" {
				t.Errorf("%s %s with %q: %v: %s", r.method, path, header, err, rec.Body)
			}
			malformed := rec.Code == 400 && (body.Error.Code == 1008 || body.Error.Code == 7008) && header == "Basic Og=="
			if rec.Code != 401 && !malformed {
				t.Errorf("%s %s with %q was answered %d: %s", r.method, path, header, rec.Code, rec.Body)
			}
			if rec.Code == 401 && rec.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s does not say how to authenticate", r.method, path)
			}
		}
	}
}
