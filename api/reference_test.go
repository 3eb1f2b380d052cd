package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/api"
)

// Every described operation and schema stands on the page, and each link on it
// leads somewhere.
func TestReferencePage(t *testing.T) {
	w := httptest.NewRecorder()
	api.ServeReference(w, httptest.NewRequest(http.MethodGet, "/reference", nil))
	page := w.Body.String()
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("Content-Security-Policy: %q", policy)
	}
	list, err := description()
	check(t, err)
	for _, d := range list {
		if path := "/" + strings.Join(d.segments, "/"); !strings.Contains(page, `<code class="path">`+path+`</code>`) {
			t.Errorf("%s %s is not on the page", d.method, path)
		}
	}
	for rest := page; ; {
		_, after, found := strings.Cut(rest, `href="#`)
		if !found {
			break
		}
		id, after, _ := strings.Cut(after, `"`)
		if !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("a link leads to #%s, which is nowhere", id)
		}
		rest = after
	}
	for _, ghost := range []string{"`", "<no value>", "%!"} {
		if strings.Contains(page, ghost) {
			t.Errorf("the page shows %q", ghost)
		}
	}
}
