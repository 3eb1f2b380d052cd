//go:build unix

package server_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store/storetest"
)

// Two servers of today are replaced, one at a time, by two of tomorrow: a
// program with one more migration that adds and one that takes away what
// today's needs (store/release_next.go). Behind a balancer that believes
// /readyz, no call is refused and no push is lost.
func TestRollingUpgradeRefusesNothing(t *testing.T) {
	t.Parallel()
	database := storetest.NewSchema(t)
	today, tomorrow := build(t, ""), build(t, "auroranext")
	r := newClusterRig(t, database)
	s := r.open()
	r.register(s, 0, 8)
	devices, err := s.Registry.Devices(t.Context(), r.app.ID, registry.Query{Limit: 8, Before: 8})
	check(t, err)
	stop(t, s)
	db, err := sql.Open("pgx", database)
	check(t, err)
	defer db.Close()

	b := &balancer{}
	old := []*program{r.program(today), r.program(today)}
	for _, p := range old {
		b.add(p.url)
	}
	load := r.load(b, devices[0].RegistrationID)
	var young []*program
	for i, p := range old {
		young = append(young, r.program(tomorrow))
		b.add(young[i].url)
		load.await(t, 40)
		if i == 0 { // one of today starts beside tomorrow's, too
			late := r.program(today)
			b.add(late.url)
			load.await(t, 40)
			late.end(t)
		}
		if contracted(t, db) {
			t.Fatal("what today's server needs was taken away while it ran")
		}
		p.end(t)
	}
	for begin := time.Now(); !contracted(t, db); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatal("the upgrade is not finished though no older server is left")
		}
	}
	load.await(t, 40)
	pushes := load.end(t)
	if out, err := r.command(today).CombinedOutput(); err == nil || !strings.Contains(string(out), "use the newer Aurora") {
		t.Errorf("a server of today on tomorrow's database: %v, %s", err, out)
	}
	seen := r.await(pushes, 20*time.Second)
	for alert := range pushes {
		for _, times := range seen[alert] {
			if times != 1 {
				t.Errorf("%q arrived %d times", alert, times)
			}
		}
	}
	for _, p := range young {
		p.end(t)
	}
	t.Logf("%d calls, %d of them pushes: none refused, none lost", load.calls.Load(), len(pushes))
}

// contracted tells whether the column that today's servers need is gone.
func contracted(t *testing.T, db *sql.DB) bool {
	t.Helper()
	var there bool
	check(t, db.QueryRow("SELECT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'gate' AND column_name = 'passed')").Scan(&there))
	return !there
}

// build makes the program with build tags.
func build(t *testing.T, tags string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "aurora")
	c := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", file, "github.com/aurora-push/aurora/cmd/aurora")
	c.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// program is a server as a process of its own.
type program struct {
	url string
	cmd *exec.Cmd
	log *bytes.Buffer
}

func (r *clusterRig) command(file string) *exec.Cmd {
	c := exec.Command(file, "serve", "--listen", "127.0.0.1:0", "--data", r.TempDir(), "--database", r.config.Database,
		"--apns", r.config.APNs, "--apns-sandbox", r.config.APNsSandbox, "--apns-ca", r.config.APNsCA, "--drain-delay", "500ms")
	c.Env = append(os.Environ(), "AURORA_KEY="+r.config.Key)
	return c
}

func (r *clusterRig) program(file string) *program {
	r.Helper()
	p := &program{cmd: r.command(file), log: &bytes.Buffer{}}
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	check(r.T, err)
	check(r.T, p.cmd.Start())
	r.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
		if r.Failed() {
			r.Logf("%s: %s", p.url, p.log)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, url, ok := strings.Cut(lines.Text(), "Aurora is ready at "); ok {
			p.url = url
			go io.Copy(io.Discard, out)
			return p
		}
	}
	r.Fatalf("the server does not start: %s", p.log)
	return nil
}

// end stops the program as its operator would, and wants it to end well.
func (p *program) end(t *testing.T) {
	t.Helper()
	check(t, p.cmd.Process.Signal(syscall.SIGTERM))
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%s: %v: %s", p.url, err, p.log)
	}
}

// balancer spreads calls over the servers that say that they are ready. It asks
// often, and does not try a call twice.
type balancer struct {
	mu    sync.Mutex
	ready []string
	next  int
}

func (b *balancer) add(url string) {
	b.mu.Lock()
	b.ready = append(b.ready, url)
	b.mu.Unlock()
}

func (b *balancer) url() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.ready[b.next%len(b.ready)]
}

// watch takes servers out that are not ready.
func (b *balancer) watch(ctx context.Context) {
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		b.mu.Lock()
		urls := slices.Clone(b.ready)
		b.mu.Unlock()
		for _, url := range urls {
			resp, err := http.Get(url + "/readyz")
			if err == nil {
				resp.Body.Close()
			}
			if err != nil || resp.StatusCode != http.StatusOK {
				b.mu.Lock()
				b.ready = slices.DeleteFunc(b.ready, func(u string) bool { return u == url })
				b.mu.Unlock()
			}
		}
	}
}

// load is what clients do all the while.
type load struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup
	calls   atomic.Int64
	mu      sync.Mutex
	pushes  map[string]int
	refused []string
}

// load pushes, registers, reports and makes and deletes schedules.
func (r *clusterRig) load(b *balancer, device string) *load {
	ctx, cancel := context.WithCancel(r.Context())
	l := &load{cancel: cancel, pushes: map[string]int{}}
	r.Cleanup(cancel)
	l.workers.Go(func() { b.watch(ctx) })
	worker := func(once func(n int) error) {
		l.workers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := once(n); err != nil {
					l.mu.Lock()
					l.refused = append(l.refused, err.Error())
					l.mu.Unlock()
				}
				l.calls.Add(1)
			}
		})
	}
	for sender := range 2 {
		worker(func(n int) error {
			alert := fmt.Sprintf("rolling-%d-%d", sender, n)
			_, _, err := r.call("POST", b.url()+"/v3/push", push(map[string]any{"registration_id": []string{device}}, alert, r.cid(1000000*sender+n)))
			if err == nil {
				l.mu.Lock()
				l.pushes[alert] = 1
				l.mu.Unlock()
			}
			return err
		})
	}
	worker(func(n int) error {
		body := fmt.Sprintf(`{"app_key":%q,"install_id":"rolling-%d","secret":%q,"platform":"ios"}`, r.app.Key, n, strings.Repeat("s", 43))
		resp, err := http.Post(b.url()+"/v1/devices", "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("a registration: %s %s %w", resp.Status, text, err)
		}
		return nil
	})
	worker(func(n int) error { // passes the gate whose column is renamed
		due := time.Now().Add(time.Hour).In(time.FixedZone("", 8*3600)).Format(time.DateTime)
		made, _, err := r.call("POST", b.url()+"/v3/schedules", map[string]any{"name": "later", "enabled": true, "trigger": map[string]any{"single": map[string]any{"time": due}}, "push": push("all", "later", "")})
		if err != nil {
			return err
		}
		q, err := http.NewRequest("DELETE", b.url()+"/v3/schedules/"+fmt.Sprint(made["schedule_id"]), nil)
		if err != nil {
			return err
		}
		q.SetBasicAuth(r.app.Key, r.app.MasterSecret.Reveal())
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("deleting a schedule: %s", resp.Status)
		}
		return nil
	})
	return l
}

// await waits for so many more calls.
func (l *load) await(t *testing.T, more int64) {
	t.Helper()
	want := l.calls.Load() + more
	for begin := time.Now(); l.calls.Load() < want; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatal("the load does not go on")
		}
	}
}

// end stops the load and returns the pushes that were accepted.
func (l *load) end(t *testing.T) map[string]int {
	t.Helper()
	l.cancel()
	l.workers.Wait()
	if len(l.refused) > 0 {
		text, _ := json.Marshal(l.refused[:min(5, len(l.refused))])
		t.Errorf("%d of %d calls were refused: %s", len(l.refused), l.calls.Load(), text)
	}
	return l.pushes
}
