package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
	"github.com/aurora-push/aurora/server/servertest"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// TestMain lets the test binary be the server process that the crash test kills.
func TestMain(m *testing.M) {
	if servertest.ServeNATS() {
		return
	}
	if dir := os.Getenv("AURORA_TEST_SERVER"); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runChild serves until it is killed, or until the parent closes its input.
func runChild(dir string) error {
	c := server.Config{Data: dir, Listen: "127.0.0.1:0", APNs: os.Getenv("AURORA_TEST_APNS"), APNsSandbox: os.Getenv("AURORA_TEST_APNS_SANDBOX"), APNsCA: os.Getenv("AURORA_TEST_CA")}
	if c.Database = os.Getenv("AURORA_TEST_SERVERS_DATABASE"); c.Database != "" { // one of several (cluster_test.go)
		c.Key, c.NATS, c.DeadAfter = os.Getenv("AURORA_KEY"), os.Getenv("AURORA_TEST_NATS"), testDeadAfter
	}
	s, err := server.Open(context.Background(), c)
	if err != nil {
		return err
	}
	if err := s.Start(context.Background()); err != nil {
		return err
	}
	fmt.Println(s.URL())
	io.Copy(io.Discard, os.Stdin)
	return s.Shutdown(context.Background())
}

// crashRig is a local APNs that outlives the servers, and their data folder.
type crashRig struct {
	*testing.T
	dir  string
	apns *localapns.Server
	ca   string // file
	env  []string
	app  aurora.App
}

func newCrashRig(t *testing.T) *crashRig {
	t.Helper()
	apnsDir := t.TempDir()
	apns, err := localapns.NewServer(localapns.Config{Dir: apnsDir, AcceptAnyToken: true, Keep: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := apns.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, apns) })
	r := &crashRig{T: t, dir: t.TempDir(), apns: apns}
	r.ca = filepath.Join(apnsDir, "ca.pem")
	r.env = append(os.Environ(), "AURORA_TEST_SERVER="+r.dir, "AURORA_TEST_APNS="+apns.ProductionURL(), "AURORA_TEST_APNS_SANDBOX="+apns.SandboxURL(), "AURORA_TEST_CA="+r.ca)

	p12, err := apns.Issue(localapns.IssueRequest{BundleID: bundleID})
	if err != nil {
		t.Fatal(err)
	}
	r.services(func(s *server.Server) error {
		a, _, err := s.Accounts.Create(t.Context(), "owner@example.com", "correct horse battery")
		if err != nil {
			return err
		}
		if r.app, err = s.Accounts.CreateApp(t.Context(), a.ID, "Reader", bundleID); err != nil {
			return err
		}
		_, err = s.Accounts.StoreCredential(t.Context(), r.app, account.Upload{File: p12.P12})
		return err
	}, server.Config{Data: r.dir, APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: r.ca})
	return r
}

// services opens the data folder as a command-line tool does, beside whatever
// server is using it.
func (r *crashRig) services(do func(*server.Server) error, c server.Config) {
	r.Helper()
	s, err := server.Open(r.Context(), c)
	if err == nil {
		err = errors.Join(do(s), s.Shutdown(r.Context()))
	}
	if err != nil {
		r.Fatal(err)
	}
}

// child starts a server process and returns its URL and a way to kill it.
func (r *crashRig) child() (url string, kill func()) {
	r.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = r.env
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil { // closes when the parent ends, and so does the child
		r.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.Fatalf("the server did not start: %v", err)
	}
	return strings.TrimSpace(line), sync.OnceFunc(func() {
		cmd.Process.Kill() // SIGKILL
		cmd.Wait()
	})
}

func (r *crashRig) post(url, user, password string, body any) (answer map[string]any, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	method := http.MethodPost
	if strings.Contains(url, "/v1/devices/") {
		method = http.MethodPatch
	}
	q, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	q.SetBasicAuth(user, password)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("%s: %v", resp.Status, answer)
	}
	return answer, nil
}

func (r *crashRig) registerDevices(url string, n int) []string {
	r.Helper()
	ids := make([]string, n)
	for i := range ids {
		secret := strings.Repeat("s", 43)
		answer, err := r.post(url+"/v1/devices", "", "", map[string]any{"app_key": r.app.Key, "install_id": fmt.Sprintf("install-%d", i), "secret": secret, "platform": "ios"})
		if err != nil {
			r.Fatal(err)
		}
		ids[i] = answer["registration_id"].(string)
		if _, err := r.post(url+"/v1/devices/"+ids[i], ids[i], secret, map[string]any{"token": fmt.Sprintf("%064x", i+1), "environment": "development"}); err != nil {
			r.Fatal(err)
		}
	}
	return ids
}

// What was answered with 200 survives SIGKILL at any moment: the local APNs,
// which lives on, has seen every accepted push.
func TestKilledServerLosesNoAcceptedPush(t *testing.T) {
	r := newCrashRig(t)
	url, kill := r.child()
	devices := r.registerDevices(url, 8)

	var mu sync.Mutex
	accepted := map[string]bool{}
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	const kills = 6
	for range kills {
		var senders sync.WaitGroup
		first := make(chan struct{}) // closed when a push of this round is accepted
		firstOnce := sync.OnceFunc(func() { close(first) })
		for _, device := range devices {
			senders.Go(func() {
				for {
					answer, err := r.post(url+"/v3/push", r.app.Key, r.app.MasterSecret.Reveal(), map[string]any{
						"platform": []string{"ios"}, "audience": map[string]any{"registration_id": []string{device}},
						"notification": map[string]any{"alert": "survive"}, "options": map[string]any{"apns_production": false},
					})
					if answer["error"] != nil {
						t.Error(err)
					}
					if err != nil {
						return // killed
					}
					mu.Lock()
					accepted[answer["msg_id"].(string)] = true
					mu.Unlock()
					firstOnce()
				}
			})
		}
		select {
		case <-first:
		case <-time.After(30 * time.Second):
			t.Fatal("no push was accepted")
		}
		time.Sleep(time.Duration(rnd.IntN(150)) * time.Millisecond) // the moment of the kill is the experiment
		kill()
		senders.Wait()
		url, kill = r.child()
	}
	defer kill()

	missing := func() (lost []string, repeats int) {
		seen := map[string]int{}
		for _, n := range r.apns.Notifications(1 << 20) {
			if n.Status == http.StatusOK {
				seen[n.CollapseID]++
			}
		}
		for id := range accepted {
			if seen[id] == 0 {
				lost = append(lost, id)
			}
			repeats += max(0, seen[id]-1)
		}
		return lost, repeats
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		lost, repeats := missing()
		if len(lost) == 0 {
			t.Logf("%d pushes accepted over %d kills: none lost, %d repeated", len(accepted), kills, repeats)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d accepted pushes never reached APNs, such as %s", len(lost), len(accepted), lost[0])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestSecondServerOnTheSameFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	start(t, server.Config{Data: dir, Listen: "127.0.0.1:0"})
	s, err := server.Open(t.Context(), server.Config{Data: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, s)
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "another Aurora server") {
		t.Errorf("the second server: %v, want a refusal that says why", err)
	}
}
