package apns

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// call uses the management API and decodes the answer into out, if not nil.
func call(t testing.TB, s *Server, method, path, body string, out any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.ManageURL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatalf("%s %s: %s: %v", method, path, data, err)
		}
	}
	return res.StatusCode
}

func TestManageShowsWhatArrived(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	send := sender(t, s, token)
	send(1, "apns-collapse-id", "x", "apns-expiration", "0")
	phone.ack(phone.next(), "ok")
	send(2, "apns-priority", "9")
	phone.quiet()

	var list []Notification
	call(t, s, "GET", "/v1/notifications?apns_id="+strings.ToUpper(uuid(1)), "", &list)
	if len(list) != 1 {
		t.Fatalf("%d notifications", len(list))
	}
	n := list[0]
	if n.Token != token || n.Phone != "p1" || n.CollapseID != "x" || n.Expiration == nil || *n.Expiration != 0 || string(n.Payload) != body("1") ||
		n.Status != 200 || len(n.Trace) != 4 || n.Trace[0].What != Received || n.Trace[3].What != Acknowledged {
		t.Errorf("%+v", n)
	}
	call(t, s, "GET", "/v1/notifications?limit=1&token="+token, "", &list)
	if len(list) != 1 || list[0].APNsID != uuid(2) || list[0].Status != 400 || list[0].Reason != "BadPriority" {
		t.Errorf("the latest: %+v", list)
	}
	var devices []DeviceState
	call(t, s, "GET", "/v1/devices", "", &devices)
	if len(devices) != 2 || devices[0].Phone != "p1" || !devices[0].Online || devices[0].State != "live" {
		t.Errorf("%+v", devices)
	}
	var connections []ConnectionState
	call(t, s, "GET", "/v1/connections", "", &connections)
	if len(connections) != 1 || connections[0].Credential != "certificate" || connections[0].Requests != 2 ||
		connections[0].Answers["200"] != 1 || connections[0].Answers["400"] != 1 || connections[0].TLS != "1.3" {
		t.Errorf("%+v", connections)
	}
	var journal struct{ Counters map[string]uint64 }
	call(t, s, "GET", "/v1/journal", "", &journal)
	for name, want := range map[string]uint64{"received": 2, "accepted": 1, "rejected": 1, "rejected.BadPriority": 1, "delivered": 1, "acknowledged": 1, "registered": 2} {
		if journal.Counters[name] != want {
			t.Errorf("%s is %d, want %d", name, journal.Counters[name], want)
		}
	}
}

func TestManageChanges(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	w := dialWire(t, s, Production, mustIssue(t, s, IssueRequest{}))
	w.token = token
	w.greet()
	w.answer(w.request(small))

	// C03, C04: the limit falls in the middle, to nothing, and comes back.
	for _, limit := range []uint32{1, 0, 100} {
		if status := call(t, s, "POST", "/v1/policy", `{"streams":`+jsonOf(limit)+`}`, nil); status != 200 {
			t.Fatal(status)
		}
		if got := w.limit(); got != limit {
			t.Fatalf("SETTINGS say %d, want %d", got, limit)
		}
	}
	var policy Policy
	call(t, s, "POST", "/v1/policy", `{"profile":"harsh","uninstall_delay":"5s"}`, &policy)
	want := HarshPolicy()
	want.UninstallDelay = Duration(5 * time.Second)
	if policy != want {
		t.Errorf("%+v", policy)
	}
	w.limit()
	call(t, s, "POST", "/v1/policy", `{"profile":"default"}`, nil)

	var clock clockState
	call(t, s, "POST", "/v1/clock", `{"frozen":true,"jump":"48h"}`, &clock)
	if ahead := time.Until(clock.Now); clock.Scale != 0 || ahead < 47*time.Hour || ahead > 49*time.Hour {
		t.Errorf("%+v", clock)
	}
	call(t, s, "POST", "/v1/clock", `{"reset":true}`, &clock)

	var faults []Fault
	if status := call(t, s, "POST", "/v1/faults", `{"status":503,"reason":"Shutdown","count":1}`, &faults); status != 201 || len(faults) != 1 {
		t.Errorf("%d %+v", status, faults)
	}
	if status := w.answer(w.request(small)); status != "503" {
		t.Error(status)
	}
	expect[*h2DataFrame](w)

	var connections []ConnectionState
	call(t, s, "GET", "/v1/connections", "", &connections)
	path := "/v1/connections/" + jsonOf(connections[0].ID)
	if status := call(t, s, "POST", path+"/settings", `{"streams":7,"header_table_size":4096}`, nil); status != 200 {
		t.Fatal(status)
	}
	if got := w.limit(); got != 7 {
		t.Errorf("SETTINGS say %d, want 7", got)
	}
	if status := call(t, s, "POST", "/v1/connections/999/settings", `{}`, nil); status != 404 {
		t.Errorf("a connection that does not exist: %d", status)
	}
	if status := call(t, s, "POST", path+"/goaway", `{"reason":"Shutdown"}`, nil); status != 200 {
		t.Fatal(status)
	}
	if f := expect[*h2GoAwayFrame](w); string(f.DebugData()) != `{"reason":"Shutdown"}` {
		t.Errorf("%+v", f)
	}
	w.ended()

	for path, body := range map[string]string{
		"/v1/policy": `{"stream":1}`, "/v1/clock": `{"jump":1}`, "/v1/faults": `{"status":1}`, "/v1/issue": `{"bundle_id":"a/b"}`,
		"/v1/revoke": `{"id":"no such"}`,
	} {
		var problem struct{ Error struct{ Message string } }
		if status := call(t, s, "POST", path, body, &problem); status != 400 || problem.Error.Message == "" {
			t.Errorf("%s %s: %d %+v", path, body, status, problem)
		}
	}
}

func jsonOf(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}

func TestManageIssues(t *testing.T) {
	s := startServer(t, Config{})
	var issued struct {
		P12, P8, Serial string
		KeyID           string `json:"key_id"`
		TeamID          string `json:"team_id"`
	}
	call(t, s, "POST", "/v1/issue", `{"bundle_id":"com.example.App","password":"pw","legacy":true}`, &issued)
	p12, err := base64.StdEncoding.DecodeString(issued.P12)
	if err != nil {
		t.Fatal(err)
	}
	if _, leaf, err := pkcs12.Decode(p12, "pw"); err != nil || leaf.SerialNumber.Text(16) != issued.Serial {
		t.Errorf("%v %v", leaf, err)
	}
	call(t, s, "POST", "/v1/issue", `{"key":true,"team_id":"TEAM123456"}`, &issued)
	if !strings.HasPrefix(issued.P8, "-----BEGIN PRIVATE KEY-----") || len(issued.KeyID) != 10 || issued.TeamID != "TEAM123456" {
		t.Errorf("%+v", issued)
	}
	res, err := http.Get(s.ManageURL() + "/v1/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if data, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(data, s.CAPEM()) {
		t.Errorf("ca.pem: %s %v", data, err)
	}
}

// A web page elsewhere must not be able to reach the management API through a
// browser on this machine.
func TestManageKeepsBrowsersOut(t *testing.T) {
	s := startServer(t, Config{})
	for name, bend := range map[string]func(*http.Request){
		"another name for this address": func(r *http.Request) { r.Host = "evil.example" },
		"another site":                  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"another origin":                func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
	} {
		req, err := http.NewRequestWithContext(t.Context(), "DELETE", s.ManageURL()+"/v1/faults", nil)
		if err != nil {
			t.Fatal(err)
		}
		bend(req)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode < 400 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

func TestPage(t *testing.T) {
	s := startServer(t, Config{})
	for path, kind := range map[string]string{"/": "text/html", "/page.js": "javascript", "/page.css": "text/css", "/icon.svg": "image/svg+xml"} {
		res, err := http.Get(s.ManageURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || len(data) == 0 || !strings.Contains(res.Header.Get("content-type"), kind) {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.Header.Get("content-type"))
		}
		if !strings.HasPrefix(res.Header.Get("content-security-policy"), "default-src 'self';") {
			t.Errorf("%s: %s", path, res.Header.Get("content-security-policy"))
		}
	}
}

func TestLiveFeed(t *testing.T) {
	s, phone, token, _ := live(t, Config{})
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.ManageURL()+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != ": live" {
		t.Fatal(lines.Text())
	}
	sender(t, s, token)(1)
	phone.ack(phone.next(), "ok")
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var n Notification
		if err := json.Unmarshal([]byte(data), &n); err != nil {
			t.Fatal(err)
		}
		if n.APNsID != uuid(1) {
			t.Fatalf("%+v", n)
		}
		if n.Trace[len(n.Trace)-1].What == Acknowledged {
			return
		}
	}
	t.Fatal("the feed ended before the acknowledgement")
}

// The courier is reached by an upgrade, and what the phone says together with
// the request is not lost.
func TestCourierUpgrade(t *testing.T) {
	s := startServer(t, Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.ManageURL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "GET /courier HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: courier\r\n\r\n{\"op\":\"hello\",\"phone\":\"p1\"}\n")
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "courier" {
		t.Fatalf("%+v %v", res, err)
	}
	if line, err := in.ReadString('\n'); err != nil || line != "{\"op\":\"welcome\"}\n" {
		t.Fatalf("%q %v", line, err)
	}
	if status := call(t, s, "GET", "/courier", "", nil); status != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade: %d", status)
	}
}
