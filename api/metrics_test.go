package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aurora-push/aurora/server"
)

// A device that waits for a message asked to: its second is none of the
// server's.
func TestWaitingIsNoSlowness(t *testing.T) {
	w := startWorld(t)
	w.restart(t, func(c *server.Config) { c.AdminListen = "127.0.0.1:0" })
	p := w.register(t, w.app, "")
	w.accepted(t, request{path: "/v1/devices/" + p.id + "/messages?wait=1", user: p.id, password: p.secret}, nil)
	resp, err := http.Get("http://" + w.s.AdminAddr().String() + "/metrics")
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	for _, want := range []string{`le="0.5"} 1`, `le="+Inf"} 1`} {
		if want := `aurora_http_request_seconds_bucket{method="GET",route="/v1/devices/{id}/messages",status="200",` + want; !strings.Contains(string(text), want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
}
