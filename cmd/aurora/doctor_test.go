package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDoctor: its exit code says what its lines say, and each bad line says
// what to do.
func TestDoctor(t *testing.T) {
	i := install(t)
	i.ok(nil, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--p12", "push.p12", "--password", "geheim")
	i.ok(nil, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--p8", "key.p8")
	check(t, os.WriteFile(filepath.Join(i.dir, "text"), []byte("hello"), 0o600))
	doctor := func(code int, says string, args ...string) {
		t.Helper()
		r := i.run("", append([]string{"doctor"}, args...)...)
		if r.code != code || !strings.Contains(r.stdout, says) {
			t.Errorf("doctor %v: exit code %d, want %d with %q:\n%s%s", args, r.code, code, says, r.stdout, r.stderr)
		}
		if bad := strings.Contains(r.stdout, "BAD"); bad != (code != 0) {
			t.Errorf("doctor %v: exit code %d and\n%s", args, code, r.stdout)
		}
	}
	doctor(0, bundleID, "--password", "geheim", "push.p12")
	doctor(1, "password does not open", "push.p12")
	doctor(1, "not a PKCS#12", "text")
	doctor(0, "AAAAAAAAAA", "--key-id", "AAAAAAAAAA", "--team-id", "BBBBBBBBBB", "key.p8")
	doctor(1, "key id", "key.p8")
	doctor(1, "holds no Aurora", "--data", "nowhere")
	i.fails("", []string{"doctor"}, "FILE", "--data")
	i.fails("", []string{"doctor", "nowhere.p12"}, "nowhere.p12")

	i.certify(i.newApp())
	doctor(0, "ok", "--data", "data") // while the server runs
	i.apns.stop()
	doctor(1, "cannot be reached", "--data", "data")
}

// TestBench: the last line of each measurement is JSON with the agreed names.
func TestBench(t *testing.T) {
	s := newScript(t)
	apns := s.start("apns", "--bench", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--manage", "127.0.0.1:0", "--data", "apns")
	url := apns.says(`production +(https://\S+)`)
	for _, tt := range []struct {
		args  []string
		names string
		full  string // the member that must equal the number asked for, if one does
	}{
		{[]string{"bench", "apns", "--url", url, "--ca", filepath.Join("apns", "ca.pem"), "--count", "2000"}, "count ok seconds rate cpu_us_per_notification", "ok"},
		{[]string{"bench", "single", "--time", "500ms", "--connections", "8", "--broadcast", "2000"}, "accepted accepted_rate on_wire_rate to_wire_p50_ms to_wire_p99_ms to_wire_max_ms to_answer_p50_ms to_answer_p99_ms seconds cpu_seconds broadcasts broadcast_rate lost repeated", ""},
		{[]string{"bench", "push", "--devices", "2000"}, "devices register_rate send_rate seconds cpu_seconds rss_mb lost repeated", "devices"},
	} {
		r := s.run("", tt.args...)
		lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
		var got map[string]float64
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); r.code != 0 || err != nil {
			t.Errorf("%v: exit code %d, %v:\n%s%s", tt.args, r.code, err, r.stdout, r.stderr)
			continue
		}
		for name := range strings.FieldsSeq(tt.names) {
			if _, ok := got[name]; !ok {
				t.Errorf("%v: %s is missing in %v", tt.args, name, got)
			}
		}
		if tt.full != "" && got[tt.full] != 2000 || got["accepted_rate"] == 0 && tt.full == "" || got["lost"] != 0 || got["repeated"] != 0 {
			t.Errorf("%v: %v", tt.args, got)
		}
	}
}

// TestCrash: twenty times a working server is killed; nothing that it answered
// with 200 is lost. `aurora bench crash` does it two hundred times.
func TestCrash(t *testing.T) {
	r := newScript(t).run("", "bench", "crash", "--kills", "20", "--life", "300ms")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	var got map[string]float64
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); r.code != 0 || err != nil {
		t.Fatalf("exit code %d, %v:\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	for name, least := range map[string]float64{"kills": 20, "pushes": 150, "notifications": 5000, "registrations": 10, "receipts": 5, "schedules": 1, "on_phone": 1} {
		if got[name] < least {
			t.Errorf("%s is %v, want at least %v, or the test has no weight: %v", name, got[name], least, got)
		}
	}
	t.Log(lines[len(lines)-1])
}
