package apns

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilledChild is the other process of TestKill; it does nothing otherwise.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv("LOCAL_APNS_TEST_DIR")
	if dir == "" {
		t.Skip("only as a child of TestKill")
	}
	s, err := NewServer(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("ready %s %s\n", s.ProductionURL(), s.ManageURL())
	time.Sleep(time.Minute) // killed long before
}

// What was answered with 200 is there after kill -9: tokens, and the latest
// push to each app of a phone that is away.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	child.Env = append(os.Environ(), "LOCAL_APNS_TEST_DIR="+dir)
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	var production, manage string
	lines := bufio.NewScanner(stdout)
	for production == "" && lines.Scan() {
		fmt.Sscanf(lines.Text(), "ready %s %s", &production, &manage)
	}
	if production == "" {
		t.Fatal("the child did not start")
	}

	const apps = 20
	bundle := func(i int) string { return fmt.Sprintf("com.example.App%d", i) }
	tokens := registerThere(t, manage, apps, bundle)

	issuer, err := NewServer(Config{Dir: dir}) // as `aurora apns issue` would
	if err != nil {
		t.Fatal(err)
	}
	key := mustIssue(t, issuer, IssueRequest{Key: true})
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	config.RootCAs.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	p := &provider{http: &http.Client{Transport: transport, Timeout: 20 * time.Second}, url: production, token: signToken(t, key, time.Now(), nil)}
	for round := range 3 {
		for i := range apps {
			r := p.push(t, push{token: tokens[i], body: body(fmt.Sprint(round)), header: header("apns-topic", bundle(i))})
			if r.Status != 200 {
				t.Fatalf("%+v", r)
			}
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the child ended otherwise: %v", err)
	}

	s := startServer(t, Config{Dir: dir})
	phone := connectPhone(t, s, "p1")
	for i := range apps {
		n := phone.next()
		if n.BundleID != bundle(i) || n.Token != tokens[i] || string(n.Payload) != body("2") {
			t.Fatalf("app %d: %+v", i, n)
		}
		phone.ack(n, "ok")
	}
	phone.quiet()
}

// registerThere opens a courier session by the upgrade, registers apps and
// leaves, waiting until the server shows the phone as offline.
func registerThere(t *testing.T, manage string, apps int, bundle func(int) string) (tokens []string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(manage, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	var said bytes.Buffer
	said.WriteString("GET /courier HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: courier\r\n\r\n{\"op\":\"hello\",\"phone\":\"p1\"}\n")
	for i := range apps {
		fmt.Fprintf(&said, "{\"op\":\"register\",\"bundle_id\":%q,\"environment\":\"production\",\"install\":\"i\"}\n", bundle(i))
	}
	if _, err := conn.Write(said.Bytes()); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	answers := json.NewDecoder(in)
	for len(tokens) < apps {
		var line courierLineSeen
		if err := answers.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Op == "token" {
			tokens = append(tokens, line.Token)
		}
	}
	conn.Close()
	waitFor(t, "the phone to be offline", func() bool {
		res, err := http.Get(manage + "/v1/devices")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var devices []DeviceState
		return json.NewDecoder(res.Body).Decode(&devices) == nil && len(devices) == apps && !devices[0].Online
	})
	return tokens
}
