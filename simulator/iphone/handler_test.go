package iphone

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mounted serves the phone's page below /phone/, as the demo does.
func mounted(t *testing.T, p *Phone) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/phone/", http.StripPrefix("/phone", p.Handler()))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL + "/phone/"
}

func post(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(header); n += 2 {
		request.Header.Set(header[n], header[n+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestEveryControlDoesWhatItSays(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Permission = AskUser })
	base := mounted(t, r.Phone)
	r.wait(t, "connected", func(s State) bool { return s.Session == Connected })
	do := func(action, body string, ok func(State) bool) {
		t.Helper()
		if status, text := post(t, base+"control/"+action, body); status != http.StatusNoContent {
			t.Fatalf("%s: %d %s", action, status, text)
		}
		r.wait(t, action, ok)
	}
	app := `{"bundle_id":"com.example.shop"}`
	do("open", app, func(s State) bool { return s.Foreground == testBundle && s.Prompt != nil })
	do("permission", `{"allow":true}`, func(s State) bool { return s.Prompt == nil && s.Apps[0].Permission == Allowed })
	do("alias", `{"bundle_id":"com.example.shop","alias":"ann"}`, func(s State) bool { return s.Apps[0].Alias == "ann" })
	do("tags", `{"bundle_id":"com.example.shop","tags":["a"]}`, func(s State) bool { return len(s.Apps[0].Tags) == 1 })
	do("home", `{}`, func(s State) bool { return s.Screen == "home" })
	r.courier.push(t, salePayload)
	do("tap", `{"id":"77"}`, func(s State) bool { return s.Screen == "app" && len(s.Apps[0].Messages) == 1 })
	do("style", `{"style":"alert"}`, func(s State) bool { return s.AlertStyle == Alert })
	do("home", `{}`, func(s State) bool { return s.Screen == "home" })
	r.courier.push(t, salePayload)
	do("close-alert", `{}`, func(s State) bool { return s.Alert == nil })
	r.courier.push(t, salePayload)
	do("view-alert", `{}`, func(s State) bool { return s.Alert == nil && s.Screen == "app" })
	do("lock", `{}`, func(s State) bool { return s.Screen == "lock" })
	r.courier.push(t, salePayload)
	do("clear", `{}`, func(s State) bool { return len(s.NotificationCenter) == 0 })
	do("unlock", `{}`, func(s State) bool { return s.Screen == "app" })
	do("kill", app, func(s State) bool { return s.Apps[0].Process == Killed && s.Screen == "home" })
	do("airplane", `{"on":true}`, func(s State) bool { return s.Airplane && s.Session == Offline })
	do("airplane", `{"on":false}`, func(s State) bool { return !s.Airplane && s.Session == Connected })
	do("permission", `{"allow":false}`, func(s State) bool { return s.Apps[0].Permission == Denied })
	do("permission", `{"bundle_id":"com.example.shop","permission":"provisional"}`, func(s State) bool { return s.Apps[0].Permission == Provisional })
	do("permission", `{"allow":true}`, func(s State) bool { return s.Apps[0].Permission == Allowed })
	do("low-power", `{"on":true}`, func(s State) bool { return s.LowPower && r.courier.received(`"state":"low"`) })
	do("mute", `{"on":true}`, func(s State) bool { return s.Muted })
	do("focus", `{"focus":{"on":true,"allowed":["com.example.shop"],"time_sensitive":true}}`, func(s State) bool { return s.Focus.On && s.Focus.TimeSensitive })
	do("settings", `{"bundle_id":"com.example.shop","settings":{"alerts":true,"sounds":false,"badges":true,"time_sensitive":true,"style":"none"}}`, func(s State) bool { return s.Apps[0].Settings.Style == NoAlert })
	do("open", app, func(s State) bool { return s.Foreground == testBundle })
	do("home", `{}`, func(s State) bool { return s.Screen == "home" })
	r.courier.push(t, messagePayload)
	do("act", `{"id":"5","action":"REPLY","text":"yes"}`, func(s State) bool { m := s.Apps[0].Messages; return m[len(m)-1].Text == "yes" })
	r.courier.push(t, invitationPayload)
	do("dismiss", `{"id":"6"}`, func(s State) bool { return len(s.NotificationCenter) == 0 })
	do("update", `{"bundle_id":"com.example.shop","build":{"live_activities":true,"extension":null}}`, func(s State) bool { return s.Apps[0].Build.LiveActivities && s.Apps[0].ActivityToken != "" })
	do("activity", `{"bundle_id":"com.example.shop","type":"Delivery","state":{"minutes":5}}`, func(s State) bool { return len(s.Activities) == 1 })
	do("update", `{"bundle_id":"com.example.shop","build":{"live_activities":true,"voip":true,"extension":null}}`, func(s State) bool { return s.Apps[0].VoIPToken != "" })
	r.courier.push(t, `{"caller":"Ann"}`, func(m map[string]any) { m["push_type"], m["bundle_id"] = "voip", testBundle+voipTopic })
	do("answer-call", `{"id":"c1"}`, func(s State) bool { return len(s.Calls) == 1 && s.Calls[0].Answered })
	do("end-call", `{"id":"c1"}`, func(s State) bool { return len(s.Calls) == 0 })
	do("terminate", app, func(s State) bool { return s.Apps[0].Process == NotRunning })
	token := r.State().Apps[0].Token
	do("rotate", app, func(s State) bool { now := s.Apps[0].Token; return now != "" && now != token })
	do("reinstall", app, func(s State) bool { return s.Apps[0].Permission == NotDetermined && len(s.Activities) == 0 })
}

func TestControlsRefuse(t *testing.T) {
	p := New(Config{ID: "p"})
	defer p.Close()
	base := mounted(t, p)
	for name, test := range map[string]struct {
		action, body string
		header       []string
		status       int
		says         string
	}{
		"another site":     {"lock", `{}`, []string{"Sec-Fetch-Site", "cross-site"}, 403, "other sites"},
		"an old browser":   {"lock", `{}`, []string{"Origin", "https://evil.example"}, 403, "other sites"},
		"unknown control":  {"explode", `{}`, nil, 404, "explode"},
		"no JSON":          {"lock", `now`, nil, 400, "JSON object"},
		"misspelt field":   {"tap", `{"ID2":"x"}`, nil, 400, "ID2"},
		"too much":         {"alias", `{"alias":"` + strings.Repeat("x", maxControlBody) + `"}`, nil, 400, "too large"},
		"unknown app":      {"open", `{"bundle_id":"com.example.none"}`, nil, 409, "not installed"},
		"unknown entry":    {"tap", `{"id":"none"}`, nil, 409, "no such notification"},
		"unknown style":    {"style", `{"style":"hologram"}`, nil, 409, "hologram"},
		"no settings":      {"settings", `{"bundle_id":"x"}`, nil, 409, "settings are missing"},
		"no build":         {"update", `{"bundle_id":"x"}`, nil, 409, "build is missing"},
		"no permission":    {"permission", `{"bundle_id":"com.example.none","permission":"allowed"}`, nil, 409, "not installed"},
		"nothing to close": {"close-alert", `{}`, nil, 409, "no alert"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := post(t, base+"control/"+test.action, test.body, test.header...)
			if status != test.status || !strings.Contains(text, test.says) {
				t.Fatalf("got %d %s, want %d and %q", status, text, test.status, test.says)
			}
		})
	}
	if p.State().Locked {
		t.Fatal("a refused request has locked the phone")
	}
}

func TestThePageIsSelfContained(t *testing.T) {
	p := New(Config{ID: "p"})
	defer p.Close()
	base := mounted(t, p)
	get := func(path string) (*http.Response, string) {
		t.Helper()
		response, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(body)
	}
	response, page := get("")
	if policy := response.Header.Get("Content-Security-Policy"); response.StatusCode != 200 || !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Fatalf("%d with policy %q", response.StatusCode, policy)
	}
	if found := regexp.MustCompile(`(?i)<script>|<style|\son\w+=|\sstyle=|https?://`).FindString(page); found != "" {
		t.Errorf("the page holds %q, which the policy would refuse", found)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 5 {
		t.Fatalf("only %d links found", len(links))
	}
	for _, link := range links {
		if response, body := get(link[1]); response.StatusCode != 200 || len(body) == 0 {
			t.Errorf("%s: status %d", link[1], response.StatusCode)
		}
	}
	if response, _ := get("nothing"); response.StatusCode != 404 {
		t.Errorf("an unknown path: status %d", response.StatusCode)
	}
	response, text := get("state")
	var s State
	if err := json.Unmarshal([]byte(text), &s); err != nil || response.Header.Get("Content-Type") != "application/json" || s.ID != "p" {
		t.Errorf("state: %v in %s", err, text)
	}
}

func TestEventsFollowThePhone(t *testing.T) {
	p := New(Config{ID: "p"})
	base := mounted(t, p)
	response, err := http.Get(base + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	stuck := time.AfterFunc(20*time.Second, func() { response.Body.Close() })
	defer stuck.Stop()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	next := func() (s State) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &s); err != nil {
					t.Fatal(err)
				}
				return s
			}
		}
		t.Fatal("the stream ended:", lines.Err())
		return s
	}
	if s := next(); s.Locked || len(s.Log) != 0 {
		t.Fatalf("first: %+v", s)
	}
	p.Lock()
	if s := next(); !s.Locked || len(s.Log) != 1 {
		t.Fatalf("after Lock: %+v", s)
	}
	p.Unlock()
	if s := next(); s.Locked || len(s.Log) != 1 || s.Log[0].Text != "unlocks the phone" {
		t.Fatalf("after Unlock, with the new line only: %+v", s)
	}
	p.Close()
	for lines.Scan() { // the phone was switched off: the stream ends by itself
	}
	if !stuck.Stop() {
		t.Fatal("the stream did not end with the phone")
	}
}
