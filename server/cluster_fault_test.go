package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	"github.com/aurora-push/aurora/server/servertest"
	"github.com/aurora-push/aurora/store/storetest"
)

// child runs a server as a process of its own.
func (r *clusterRig) child() (url string, process *os.Process) {
	r.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AURORA_TEST_SERVER="+r.TempDir(), "AURORA_TEST_APNS="+r.config.APNs, "AURORA_TEST_APNS_SANDBOX="+r.config.APNsSandbox, "AURORA_TEST_CA="+r.config.APNsCA,
		"AURORA_TEST_SERVERS_DATABASE="+r.config.Database, "AURORA_KEY="+r.config.Key, "AURORA_TEST_NATS="+r.config.NATS)
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

// clusterLoad is everybody who uses the servers while something goes wrong. A
// call that was not answered with 200 is made again with its cid or install id,
// as clients do.
type clusterLoad struct {
	r       *clusterRig
	s       *server.Server // beside them, untouched
	urls    []string
	devices int // at the beginning

	quit    chan struct{}
	senders sync.WaitGroup

	mu         sync.Mutex
	alerts     map[string]int // that were accepted, and how many devices each must reach
	broadcasts int
	registered int
	schedule   string
}

// startLoad registers devices, makes a schedule that fires while things go
// wrong, and begins to send and to register more.
func startLoad(r *clusterRig, s *server.Server, urls []string, devices int) *clusterLoad {
	r.Helper()
	l := &clusterLoad{r: r, s: s, urls: urls, devices: devices, quit: make(chan struct{}), alerts: map[string]int{"scheduled": devices}}
	due := time.Now().Add(4 * time.Second)
	answer, _, err := r.call("POST", urls[2]+"/v3/schedules", map[string]any{"name": "soon", "enabled": true,
		"trigger": map[string]any{"single": map[string]any{"time": due.In(time.FixedZone("", 8*3600)).Format(time.DateTime)}}, "push": push("all", "scheduled", "")})
	check(r.T, err)
	l.schedule = fmt.Sprint(answer["schedule_id"])
	ids, err := s.Registry.Devices(r.Context(), r.app.ID, registry.Query{Limit: 3, Before: 10})
	check(r.T, err)
	for sender := range 3 {
		l.senders.Go(func() { l.send(sender, ids[sender].RegistrationID) })
	}
	l.senders.Go(l.register)
	return l
}

// send sends to one device, and the first sender now and then to all.
func (l *clusterLoad) send(sender int, id string) {
	for i := 0; ; i++ {
		alert, n := fmt.Sprintf("single-%d-%d", sender, i), 1
		p := push(map[string]any{"registration_id": []string{id}}, alert, l.r.cid(1000*sender+i))
		if sender == 0 && i%40 == 0 {
			alert, n = fmt.Sprintf("broadcast-%d", i), l.devices
			p = push("all", alert, l.r.cid(1000*sender+i))
		}
		if !l.insist(sender, func(url string) error {
			_, _, err := l.r.call("POST", url+"/v3/push", p)
			return err
		}) {
			return
		}
		l.mu.Lock()
		if l.alerts[alert] = n; n > 1 {
			l.broadcasts++
		}
		l.mu.Unlock()
	}
}

// register makes more devices.
func (l *clusterLoad) register() {
	for i := l.devices; ; i++ {
		secret := strings.Repeat("s", 43)
		if !l.insist(i, func(url string) error {
			_, _, err := l.r.call("POST", url+"/v1/devices", map[string]any{"app_key": l.r.app.Key, "install_id": fmt.Sprintf("install-%06d", i), "secret": secret, "platform": "ios", "token": token(i), "environment": "production"})
			return err
		}) {
			return
		}
		l.mu.Lock()
		l.registered++
		l.mu.Unlock()
	}
}

// insist does something through one server after the other until it succeeds,
// or the load ends.
func (l *clusterLoad) insist(first int, do func(url string) error) bool {
	for try := 0; ; try++ {
		select {
		case <-l.quit:
			return false
		default:
		}
		if do(l.urls[(first+try)%len(l.urls)]) == nil {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// judge ends the load: by what the local APNs saw, nothing accepted was lost;
// the outcomes on record are right; the schedule fired once; and what was
// registered meanwhile is reached.
func (l *clusterLoad) judge(url string) {
	r := l.r
	r.Helper()
	close(l.quit)
	l.senders.Wait()
	_, _, err := r.call("POST", url+"/v3/push", push("all", "to the new ones too", ""))
	check(r.T, err)
	l.alerts["to the new ones too"] = l.devices + l.registered
	repeats, total := 0, 0
	seen := r.await(l.alerts, 60*time.Second)
	for alert := range l.alerts {
		for _, times := range seen[alert] {
			repeats += times - 1
			total++
		}
	}
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) { // the last outcomes are written
		audit, err := l.s.AuditOutcomes(r.Context())
		if err == nil && len(audit.Problems) > 0 {
			err = errors.New(audit.Problems[0])
		}
		if err == nil {
			break
		}
		if time.Since(begin) > 30*time.Second {
			r.Fatal(err)
		}
	}
	answer, _, err := r.call("GET", url+"/v3/schedules/"+l.schedule+"/msg_ids", nil)
	check(r.T, err)
	if fired, _ := answer["msgids"].([]any); len(fired) != 1 {
		r.Errorf("the schedule became %v, want one message", answer)
	}
	r.Logf("%d pushes, %d of them broadcasts, %d deliveries: none lost, %d repeated; %d devices registered meanwhile", len(l.alerts), l.broadcasts, total, repeats, l.registered)
}

// newFaultRig is a rig on a database of its own, with a quick local APNs and
// devices registered through a server that nothing happens to.
func newFaultRig(t *testing.T, devices int) (*clusterRig, *storetest.Server, *server.Server) {
	t.Helper()
	database := storetest.NewServer(t)
	r := newClusterRig(t, database.URL())
	policy := r.apns.Policy()
	policy.AcceptLatency = 0
	check(t, r.apns.SetPolicy(policy))
	s := r.open()
	t.Cleanup(func() { stop(t, s) })
	r.register(s, 0, devices)
	return r, database, s
}

// Three servers: one is killed and one is stopped for longer than its leases
// last and woken, the database crashes, all while they send.
func TestServersThatDie(t *testing.T) {
	t.Parallel()
	const devices = 6000
	r, database, s := newFaultRig(t, devices)
	var urls []string
	var processes []*os.Process
	for range 3 {
		url, process := r.child()
		urls, processes = append(urls, url), append(processes, process)
	}
	l := startLoad(r, s, urls, devices)
	time.Sleep(500 * time.Millisecond) // each fault comes while they send
	check(t, processes[0].Signal(syscall.SIGKILL))
	time.Sleep(500 * time.Millisecond)
	check(t, processes[1].Signal(syscall.SIGSTOP))
	time.Sleep(testDeadAfter * 2)
	database.Stop(syscall.SIGQUIT) // as a crash
	check(t, database.Start())
	check(t, processes[1].Signal(syscall.SIGCONT))
	time.Sleep(time.Second)
	l.judge(urls[2])
	check(t, processes[1].Signal(syscall.SIGTERM))
}

// servant is a server as a process, and the paths from it that can be cut.
type servant struct {
	url                  string
	database, apns, nats *servertest.Relay
}

// Three servers and three NATS servers, and the paths between them fail: packets
// are lost in one direction and in both, connections are refused, hints go
// nowhere, and a server that was away from the database for longer than its
// leases last comes back.
func TestPartitions(t *testing.T) {
	t.Parallel()
	const devices = 6000
	r, database, s := newFaultRig(t, devices)
	hints, err := servertest.StartNATS(3)
	check(t, err)
	t.Cleanup(func() {
		for _, n := range hints {
			n.Kill()
		}
	})
	var urls []string
	servants := make([]servant, 3)
	gateway, direct := r.config.APNs, r.config.Database
	for i := range servants {
		a := &servants[i]
		a.database, a.apns, a.nats = newRelay(t, database.Address()), newRelay(t, strings.TrimPrefix(gateway, "https://")), newRelay(t, hints[i].Address())
		r.config.Database = strings.Replace(direct, database.Address(), a.database.Address(), 1)
		r.config.APNs, r.config.NATS = "https://"+a.apns.Address(), servertest.NATSURL(a.nats.Address())
		a.url, _ = r.child()
		urls = append(urls, a.url)
	}
	l := startLoad(r, s, urls, devices)
	pause := func() { time.Sleep(500 * time.Millisecond) } // each fault comes while they send
	pause()
	hints[0].Kill()
	servants[1].nats.Hold(true, true)
	pause()
	servants[0].apns.Hold(true, true)
	servants[2].apns.Hold(false, true)
	pause()
	servants[0].apns.Heal()
	servants[2].apns.Heal()
	servants[1].database.Hold(false, true) // what it stores is stored, and it is not told
	time.Sleep(testDeadAfter * 2)
	servants[2].apns.Reset()
	servants[1].database.Heal()
	pause()
	servants[0].database.Reset()
	check(t, hints[0].Start())
	pause()
	for _, n := range hints {
		n.Kill()
	}
	servants[0].database.Heal()
	servants[2].apns.Heal()
	time.Sleep(time.Second)
	l.judge(urls[1])
}
