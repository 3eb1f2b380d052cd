package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	"github.com/aurora-push/aurora/server/servertest"
	"github.com/aurora-push/aurora/store/storetest"
)

func newRelay(t *testing.T, target string) *servertest.Relay {
	t.Helper()
	r, err := servertest.NewRelay(target)
	check(t, err)
	t.Cleanup(r.Close)
	return r
}

// apnsHealth is what a server's /readyz says about APNs.
func apnsHealth(t *testing.T, s *server.Server) string {
	t.Helper()
	resp, err := http.Get(s.URL() + "/readyz")
	check(t, err)
	defer resp.Body.Close()
	var answer struct {
		Ready bool
		APNs  string
	}
	check(t, json.NewDecoder(resp.Body).Decode(&answer))
	if !answer.Ready {
		t.Error("a server that does not reach APNs is not ready; it can take calls")
	}
	return answer.APNs
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begin := time.Now(); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// Of three servers one cannot reach APNs: what it is handed the others send,
// once, and no device fails; it says so; and when the path is whole again it
// sends like before. All have the same provider token all the time: APNs
// counts those of one key together.
func TestServerWithoutAPNs(t *testing.T) {
	t.Parallel()
	r := newClusterRig(t, storetest.NewSchema(t))
	policy := r.apns.Policy()
	policy.TokenUpdateScope = "key"
	check(t, r.apns.SetPolicy(policy))
	path := newRelay(t, strings.TrimPrefix(r.config.APNs, "https://"))
	direct := r.config.APNs
	r.config.APNs = "https://" + path.Address()
	cut := r.open()
	defer stop(t, cut)
	check(t, cut.Start(t.Context()))
	const devices = 4500
	r.register(cut, 0, devices)
	ids, err := cut.Registry.Devices(t.Context(), r.app.ID, registry.Query{Limit: 20, Before: 20})
	check(t, err)
	send := func(alert string, to any) {
		t.Helper()
		_, _, err := r.call("POST", cut.URL()+"/v3/push", push(to, alert, ""))
		check(t, err)
	}
	send("alone", "all")
	r.await(map[string]int{"alone": devices}, 30*time.Second)

	r.config.APNs = direct
	others := []*server.Server{r.open(), r.open()}
	for _, s := range others {
		check(t, s.Start(t.Context()))
	}
	until(t, "it hears of the others", func() bool { sys, err := cut.System(t.Context()); return err == nil && len(sys.Nodes) == 3 })
	path.Reset()
	want := map[string]int{"to all, cut off": devices, "spread, cut off": devices}
	send("to all, cut off", "all")
	send("spread, cut off", "all")
	for i, d := range ids {
		alert := "single " + string(rune('a'+i))
		want[alert] = 1
		send(alert, map[string]any{"registration_id": []string{d.RegistrationID}})
	}
	seen := r.await(want, 30*time.Second)
	for alert := range want {
		for token, times := range seen[alert] {
			if times != 1 {
				t.Fatalf("%q reached %s %d times", alert, token, times)
			}
		}
	}
	if said := apnsHealth(t, cut); !strings.Contains(said, "APNs for production has not been reached since") || !strings.Contains(said, "other servers send meanwhile") {
		t.Errorf("its health says %q", said)
	}
	if said := apnsHealth(t, others[0]); said != "" {
		t.Errorf("the health of one that reaches APNs says %q", said)
	}

	path.Heal()
	until(t, "its health says that APNs is reached again", func() bool { return apnsHealth(t, cut) == "" })
	for _, s := range others {
		stop(t, s)
	}
	send("again", "all")
	r.await(map[string]int{"again": devices}, 30*time.Second)
	for _, n := range r.apns.Notifications(1 << 20) {
		if n.Status != http.StatusOK && n.Status != 0 {
			t.Fatalf("APNs refused: %d %s", n.Status, n.Reason)
		}
	}
	failed, err := cut.AuditOutcomes(t.Context())
	if err != nil || len(failed.Problems) > 0 {
		t.Errorf("the outcomes: %+v, %v", failed, err)
	}
}
