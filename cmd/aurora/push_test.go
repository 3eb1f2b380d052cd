package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// report is what `aurora push --watch` prints.
type report struct {
	MessageID string `json:"msg_id"`
	State     string `json:"state"`
	Targeted  int    `json:"targeted"`
	Accepted  int    `json:"accepted"`
	Failed    int    `json:"failed"`
	Pending   int    `json:"pending"`
	Received  int    `json:"received"`
	Opened    int    `json:"opened"`
	FailedBy  []struct {
		Reason  string `json:"reason"`
		Devices int    `json:"devices"`
		Text    string `json:"text"`
	} `json:"failed_by"`
}

func TestPush(t *testing.T) {
	i := install(t)
	a := i.newApp()
	i.certify(a)
	first := i.phone(a, 0)
	i.phone(a, 1)
	push := func(args ...string) []string {
		return append([]string{"push", "--server", i.url, "--app", a.AppKey, "--secret-file", "secret", "--alert", "Hello <you> & 你"}, args...)
	}
	var receipt struct {
		SendNo    string `json:"sendno"`
		MessageID string `json:"msg_id"`
	}
	i.ok(&receipt, "", push("--all")...)
	if receipt.SendNo == "" || receipt.MessageID == "" {
		t.Errorf("%+v", receipt)
	}
	for _, tt := range []struct {
		args []string
		want int
	}{
		{push("--all", "--watch"), 2},
		{push("--tag", "n0", "--tag", "n1", "--watch"), 2},
		{push("--tag", "n0,nobody", "--watch"), 1},
		{push("--alias", "a1", "--sound", "default", "--badge", "+1", "--watch"), 1},
		{push("--registration-id", first, "--watch"), 1},
		{push("--tag", "vip", "--alias", "a0", "--watch"), 1},
		{push("--expression", "(n0 || n1) && !alias:a1 && seen<=1d", "--watch"), 1},
		{push("--expression", "n0 || n1", "--tag", "n1", "--watch"), 1},
	} {
		var r report
		i.ok(&r, "", tt.args...)
		if r.State != "done" || r.Targeted != tt.want || r.Accepted != tt.want || r.Failed+r.Pending != 0 {
			t.Errorf("%v: %+v", tt.args, r)
		}
		if n := i.count(r.MessageID); n != tt.want {
			t.Errorf("%v: APNs got %d notifications", tt.args, n)
		}
	}
	sent := i.recorded()[0].Payload.APS
	if sent["alert"] != "Hello <you> & 你" {
		t.Errorf("sent %v", sent)
	}
	var r report
	i.ok(&r, "", push("--all", "--production=false", "--watch")...)
	if r.Failed != 2 || len(r.FailedBy) != 1 || r.FailedBy[0].Reason != "OtherEnvironment" || r.FailedBy[0].Text == "" {
		t.Errorf("to the other environment: %+v", r)
	}

	i.fails("", push(), "--all", "--tag")
	i.fails("", push("--tag", "nobody"), "selects no device", "1011")
	i.fails("", push("--registration-id", "INVALID_REGISTRATION_ID"), "not a registration id", "1003")
	i.fails("", push("--all", "--badge", "many"), "badge", "1003")
	i.fails("", append(push("--all"), "--server", "nowhere"), "http or https URL")
	check(t, os.WriteFile(filepath.Join(i.dir, "wrong"), []byte("0123456789abcdef01234567"), 0o600))
	i.fails("", append(push("--all"), "--secret-file", "wrong"), "Master Secret", "1004")
	i.fails("", append(push("--all"), "--app", "0123456789abcdef01234567"), "AppKey", "1004")
	i.fails("", append(push("--all"), "--app", "short"), "24 letters and digits", "1008")
	i.server.stop()
	i.fails("", push("--all"), i.url)
}

// count is how many notifications of a message APNs accepted.
func (i *installation) count(messageID string) (n int) {
	i.t.Helper()
	for _, r := range i.recorded() {
		if r.Payload.MessageID.String() == messageID && r.Status == 200 {
			n++
		}
	}
	return n
}

// tryPush sends a push and reports whether it was answered with 200.
func (i *installation) tryPush(a app, body string, into any) bool {
	r, err := http.NewRequestWithContext(i.t.Context(), "POST", i.url+"/v3/push", strings.NewReader(body))
	if err != nil {
		return false
	}
	r.SetBasicAuth(a.AppKey, a.MasterSecret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(into) == nil
}

// TestKillLosesNothing: a push that was answered with 200 is delivered even if
// the server is killed at that moment.
func TestKillLosesNothing(t *testing.T) {
	i := install(t)
	a := i.newApp()
	i.certify(a)
	id := i.phone(a, 0)
	var mu sync.Mutex
	var accepted []string
	var senders sync.WaitGroup
	killed := make(chan struct{})
	for n := range 8 {
		senders.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-killed:
					return
				default:
				}
				var got struct {
					ID string `json:"msg_id"`
				}
				if !i.tryPush(a, fmt.Sprintf(`{"platform":"all","audience":{"registration_id":[%q]},"notification":{"alert":"%d/%d"}}`, id, n, k), &got) {
					return // the server is gone
				}
				mu.Lock()
				accepted = append(accepted, got.ID)
				enough := len(accepted) == 150
				mu.Unlock()
				if enough {
					close(killed)
				}
			}
		})
	}
	<-killed
	i.server.kill()
	senders.Wait()
	i.serve()
	deadline := time.Now().Add(patience)
	repeated := 0
	for _, id := range accepted {
		var r report
		for r.State != "done" {
			if time.Now().After(deadline) {
				t.Fatalf("message %s after the restart: %+v", id, r)
			}
			i.request("GET", "/v1/messages/"+id, a.AppKey, a.MasterSecret, "", &r)
		}
		if r.Targeted != 1 || r.Accepted != 1 || r.Failed != 0 {
			t.Errorf("message %s: %+v", id, r)
		}
	}
	seen := map[string]int{}
	for _, n := range i.recorded() {
		seen[n.Payload.MessageID.String()]++
	}
	for _, id := range accepted {
		if seen[id] == 0 {
			t.Errorf("message %s never reached APNs", id)
		}
		repeated += max(seen[id]-1, 0)
	}
	t.Logf("%d pushes, %d repeated", len(accepted), repeated)
	if strings.Contains(i.server.text(), "ERROR") {
		t.Errorf("the restarted server complains:\n%s", i.server.text())
	}
}
