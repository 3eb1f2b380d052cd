package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/store/storetest"
)

// testDeadAfter is how soon the servers of these tests give each other up.
const testDeadAfter = 2 * time.Second

// clusterRig is a local APNs and what servers on one database have in common.
type clusterRig struct {
	*testing.T
	apns   *localapns.Server
	config server.Config
	app    aurora.App
}

// newClusterRig makes an app with a provider key.
func newClusterRig(t *testing.T, database string) *clusterRig {
	t.Helper()
	dir := t.TempDir()
	apns, err := localapns.NewServer(localapns.Config{Dir: dir, AcceptAnyToken: true, Keep: 1 << 20})
	check(t, err)
	check(t, apns.Start(t.Context()))
	t.Cleanup(func() { stop(t, apns) })
	r := &clusterRig{T: t, apns: apns}
	r.config = server.Config{
		Database: database, Key: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)), DeadAfter: testDeadAfter, Listen: "127.0.0.1:0",
		APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: filepath.Join(dir, "ca.pem"), Limits: api.Limits{Reports: 100_000},
	}
	issued, err := apns.Issue(localapns.IssueRequest{Key: true, BundleID: bundleID})
	check(t, err)
	s := r.open()
	defer stop(t, s)
	owner, _, err := s.Accounts.Create(t.Context(), "owner@example.com", "correct horse battery")
	check(t, err)
	r.app, err = s.Accounts.CreateApp(t.Context(), owner.ID, "Reader", bundleID)
	check(t, err)
	_, err = s.Accounts.StoreCredential(t.Context(), r.app, aurora.CredentialFile{File: issued.P8, KeyID: issued.KeyID, TeamID: issued.TeamID})
	check(t, err)
	return r
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a server with a folder of its own.
func (r *clusterRig) open() *server.Server {
	r.Helper()
	c := r.config
	c.Data = r.TempDir()
	s, err := server.Open(r.Context(), c)
	check(r.T, err)
	return s
}

func token(i int) string { return fmt.Sprintf("%064x", i+1) }

// register registers devices first to last through a server.
func (r *clusterRig) register(s *server.Server, first, last int) {
	r.Helper()
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := first + worker; i < last; i += 16 {
				name, env, token := fmt.Sprintf("install-%06d", i), aurora.Production, token(i)
				_, err := s.Registry.Register(r.Context(), r.app.ID, registry.Registration{InstallID: name, Secret: strings.Repeat("s", 43), Platform: aurora.IOS, Change: registry.Change{Token: &token, Environment: &env}})
				if err != nil {
					r.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// call makes a REST call and returns the answer of a 200.
func (r *clusterRig) call(method, url string, body any) (answer map[string]any, header http.Header, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	q.SetBasicAuth(r.app.Key, r.app.MasterSecret.Reveal())
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: %s, %w", resp.Status, text, err)
	}
	return answer, resp.Header, json.Unmarshal(text, &answer)
}

func push(audience any, alert, cid string) map[string]any {
	m := map[string]any{"platform": []string{"ios"}, "audience": audience, "notification": map[string]any{"alert": alert}, "options": map[string]any{"apns_production": true}}
	if cid != "" {
		m["cid"] = cid
	}
	return m
}

// cid returns a client's id for a push.
func (r *clusterRig) cid(n int) string {
	return fmt.Sprintf("%s-00000000-0000-4000-8000-%012x", r.app.Key, n)
}

// arrived returns how often each device got each alert.
func (r *clusterRig) arrived() map[string]map[string]int {
	seen := map[string]map[string]int{}
	for _, n := range r.apns.Notifications(1 << 20) {
		if n.Status != http.StatusOK {
			continue
		}
		var payload struct {
			APS struct{ Alert string }
		}
		if err := json.Unmarshal(n.Payload, &payload); err != nil {
			r.Fatal(err)
		}
		if seen[payload.APS.Alert] == nil {
			seen[payload.APS.Alert] = map[string]int{}
		}
		seen[payload.APS.Alert][n.Token]++
	}
	return seen
}

// await waits until each alert has reached so many devices.
func (r *clusterRig) await(alerts map[string]int, patience time.Duration) map[string]map[string]int {
	r.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		seen, missing := r.arrived(), ""
		for alert, devices := range alerts {
			if len(seen[alert]) < devices {
				missing = fmt.Sprintf("%q reached %d of %d devices", alert, len(seen[alert]), devices)
			}
		}
		if missing == "" {
			return seen
		}
		if time.Since(begin) > patience {
			r.Fatalf("%s within %v", missing, patience)
		}
	}
}

// deaf loses every hint.
type deaf struct{}

func (deaf) Publish(string, string)                   {}
func (deaf) Subscribe(string) (<-chan string, func()) { return nil, func() {} }
func (deaf) Trouble() error                           { return nil }
func (deaf) Close()                                   {}

// Two servers on one database are one Aurora: what is registered through one is
// reached through the other, nothing is sent twice, a schedule fires once, the
// same CID is one push, and they share limits. So it is without any hint, too.
func TestTwoServersAreOne(t *testing.T) {
	t.Parallel()
	for _, hints := range []string{"with hints", "every hint lost"} {
		t.Run(hints, func(t *testing.T) {
			t.Parallel()
			r := newClusterRig(t, storetest.NewSchema(t))
			if hints == "every hint lost" {
				r.config.Bus = deaf{}
			}
			a, b := r.open(), r.open()
			for _, s := range []*server.Server{a, b} {
				defer stop(t, s)
				check(t, s.Start(t.Context()))
			}
			const devices = 4500 // more than a handful: blocks
			var wg sync.WaitGroup
			wg.Go(func() { r.register(a, 0, devices/2) })
			wg.Go(func() { r.register(b, devices/2, devices) })
			wg.Wait()
			events, unwatch := b.Ledger.Watch(t.Context(), r.app.ID)
			defer unwatch()
			_, _, err := r.call("POST", a.URL()+"/v3/push", push("all", "broadcast", ""))
			check(t, err)
			_, _, err = r.call("POST", b.URL()+"/v3/schedules", map[string]any{"name": "soon", "enabled": true,
				"trigger": map[string]any{"single": map[string]any{"time": time.Now().Add(2 * time.Second).In(time.FixedZone("", 8*3600)).Format(time.DateTime)}}, "push": push("all", "scheduled", "")})
			check(t, err)
			ids := make([]any, 8)
			var header http.Header
			for i := range ids {
				wg.Go(func() {
					answer, h, err := r.call("POST", []string{a.URL(), b.URL()}[i%2]+"/v3/push", push(map[string]any{"registration_id": []string{r.registrationID(a)}}, "one cid", r.cid(1)))
					if err != nil {
						t.Error(err)
						return
					}
					if ids[i] = answer["msg_id"]; i == 1 {
						header = h
					}
				})
			}
			wg.Wait()
			for _, id := range ids {
				if id != ids[0] {
					t.Errorf("one cid made the messages %v", ids)
					break
				}
			}
			if limit := header.Get("X-Rate-Limit-Limit"); limit != "300000" {
				t.Errorf("each of two servers lets %s calls a minute through, want half of 600000", limit)
			}
			alerts := map[string]int{"broadcast": devices, "scheduled": devices, "one cid": 1}
			r.await(alerts, 30*time.Second)
			time.Sleep(time.Second) // what would come twice has a second to do so: jobs are looked for that often
			seen := r.arrived()
			for alert, n := range alerts {
				for token, times := range seen[alert] {
					if times != 1 {
						t.Fatalf("%q reached device %s %d times", alert, token, times)
					}
				}
				if len(seen[alert]) != n {
					t.Errorf("%q reached %d devices, want %d", alert, len(seen[alert]), n)
				}
			}
			if hints == "with hints" {
				select {
				case <-events:
				case <-time.After(10 * time.Second):
					t.Error("who watches at the one server hears nothing of the other")
				}
				r.rotates(a, b)
			}
			for _, n := range r.apns.Notifications(1 << 20) {
				if n.Status != http.StatusOK {
					t.Errorf("APNs refused: %d %s", n.Status, n.Reason)
					break
				}
			}
		})
	}
}

// rotates gives the app a new secret through one server; the other refuses the
// old one before its memory would have been over.
func (r *clusterRig) rotates(a, b *server.Server) {
	use := func() error {
		_, _, err := r.call("GET", b.URL()+"/v3/received?msg_ids=1", nil)
		return err
	}
	if err := use(); err != nil && strings.Contains(err.Error(), "401") {
		r.Error(err)
	}
	begin := time.Now()
	if _, err := a.Accounts.RotateSecret(r.Context(), r.app, 0); err != nil {
		r.Error(err)
	}
	for {
		if err := use(); err != nil && strings.Contains(err.Error(), "401") {
			return
		}
		if time.Since(begin) > 6*time.Second {
			r.Errorf("the other server takes the old secret for %v", time.Since(begin))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *clusterRig) registrationID(s *server.Server) string {
	ids, err := s.Registry.Devices(r.Context(), r.app.ID, registry.Query{Limit: 1, Before: 1})
	if err != nil || len(ids) != 1 {
		r.Errorf("device 0: %v, %v", ids, err)
		return ""
	}
	return ids[0].RegistrationID
}

// child runs a server as a process of its own.
func (r *clusterRig) child() (url string, process *os.Process) {
	r.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AURORA_TEST_SERVER="+r.TempDir(), "AURORA_TEST_APNS="+r.config.APNs, "AURORA_TEST_APNS_SANDBOX="+r.config.APNsSandbox, "AURORA_TEST_CA="+r.config.APNsCA,
		"AURORA_TEST_SERVERS_DATABASE="+r.config.Database, "AURORA_KEY="+r.config.Key)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(r.T, err)
	in, err := cmd.StdinPipe() // closes when the parent ends, and so does the child
	check(r.T, err)
	check(r.T, cmd.Start())
	r.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.Fatalf("the server did not start: %v", err)
	}
	return strings.TrimSpace(line), cmd.Process
}

// Three servers: one is killed and one is stopped for longer than its leases
// last and woken, the database is restarted, all while they send. Nothing
// accepted is lost, the outcomes on record are right, and a schedule fires once.
func TestServersThatDie(t *testing.T) {
	t.Parallel()
	database := storetest.NewServer(t)
	r := newClusterRig(t, database.URL())
	policy := r.apns.Policy()
	policy.AcceptLatency = 0
	check(t, r.apns.SetPolicy(policy))
	const devices = 6000
	s := r.open()
	r.register(s, 0, devices)
	var urls []string
	var processes []*os.Process
	for range 3 {
		url, process := r.child()
		urls, processes = append(urls, url), append(processes, process)
	}
	due := time.Now().Add(4 * time.Second)
	answer, _, err := r.call("POST", urls[2]+"/v3/schedules", map[string]any{"name": "soon", "enabled": true,
		"trigger": map[string]any{"single": map[string]any{"time": due.In(time.FixedZone("", 8*3600)).Format(time.DateTime)}}, "push": push("all", "scheduled", "")})
	check(t, err)
	schedule := answer["schedule_id"]

	// Pushes go on all the time; one that was not answered with 200 is tried
	// again with its cid, as clients do.
	quit := make(chan struct{})
	var senders sync.WaitGroup
	var mu sync.Mutex
	alerts, broadcasts := map[string]int{}, 0
	note := func(alert string, n int) { mu.Lock(); alerts[alert] = n; mu.Unlock() }
	ids, err := s.Registry.Devices(t.Context(), r.app.ID, registry.Query{Limit: 3, Before: 10})
	check(t, err)
	for sender := range 3 {
		senders.Go(func() {
			for i := 0; ; i++ {
				alert := fmt.Sprintf("single-%d-%d", sender, i)
				p, n := push(map[string]any{"registration_id": []string{ids[sender].RegistrationID}}, alert, r.cid(1000*sender+i)), 1
				if sender == 0 && i%40 == 0 {
					alert = fmt.Sprintf("broadcast-%d", i)
					p, n = push("all", alert, r.cid(1000*sender+i)), devices
				}
				for try := 0; ; try++ {
					select {
					case <-quit:
						return
					default:
					}
					if _, _, err := r.call("POST", urls[(sender+try)%3]+"/v3/push", p); err == nil {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				note(alert, n)
				if n > 1 {
					mu.Lock()
					broadcasts++
					mu.Unlock()
				}
			}
		})
	}
	time.Sleep(500 * time.Millisecond) // each fault comes while they send
	check(t, processes[0].Signal(syscall.SIGKILL))
	time.Sleep(500 * time.Millisecond)
	check(t, processes[1].Signal(syscall.SIGSTOP))
	time.Sleep(testDeadAfter * 2)
	database.Stop(syscall.SIGQUIT) // as a crash
	check(t, database.Start())
	check(t, processes[1].Signal(syscall.SIGCONT))
	time.Sleep(time.Second)
	close(quit)
	senders.Wait()
	check(t, processes[1].Signal(syscall.SIGTERM))

	note("scheduled", devices)
	repeats, total := 0, 0
	seen := r.await(alerts, 60*time.Second)
	for alert := range alerts {
		for _, times := range seen[alert] {
			repeats += times - 1
			total++
		}
	}
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) { // the last outcomes are written
		audit, err := s.AuditOutcomes(t.Context())
		if err == nil && len(audit.Problems) > 0 {
			err = errors.New(audit.Problems[0])
		}
		if err == nil {
			break
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatal(err)
		}
	}
	answer, _, err = r.call("GET", urls[2]+"/v3/schedules/"+fmt.Sprint(schedule)+"/msg_ids", nil)
	check(t, err)
	if fired, _ := answer["msgids"].([]any); len(fired) != 1 {
		t.Errorf("the schedule became %v, want one message", answer)
	}
	t.Logf("%d pushes, %d of them broadcasts, %d deliveries: none lost, %d repeated", len(alerts), broadcasts, total, repeats)
	stop(t, s)
}

// Servers that do not belong together, or whose machines are not set up, say so
// when they start.
func TestServersThatDoNotFit(t *testing.T) {
	r := newClusterRig(t, storetest.NewSchema(t))
	for _, c := range []struct {
		change func(*server.Config)
		want   string
	}{
		{func(c *server.Config) { c.Key = "" }, "Servers that share a database all need the same key"},
		{func(c *server.Config) { c.NATS = "nats.example.com" }, "NATS is not a URL"},
		{func(c *server.Config) { c.Database, c.NATS = "", "nats://127.0.0.1:4222" }, "give it with --database"},
		{func(c *server.Config) { c.Database = "mysql://x" }, "is not a URL such as postgres://"},
	} {
		config := r.config
		config.Data = t.TempDir()
		c.change(&config)
		s, err := server.Open(t.Context(), config)
		if err == nil {
			stop(t, s)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
