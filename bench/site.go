package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	"github.com/aurora-push/aurora/server/servertest"
	"github.com/aurora-push/aurora/store/storetest"
)

// site is an installation of several servers: PostgreSQL, a NATS cluster, an app
// with its devices. All but APNs, which is the caller's.
type site struct {
	program  string
	dir      string
	database *storetest.Server
	hints    []*servertest.NATS
	config   server.Config // of a server of it
	beside   *server.Server
	app      aurora.App
	nodes    []*node
}

// openSite makes an app with a provider key and devices in a data folder, and
// moves it to a PostgreSQL with NATS beside it: that is the quickest way to fill
// one.
func openSite(ctx context.Context, program, apns, ca string, key aurora.CredentialFile, devices int) (s *site, err error) {
	s = &site{program: program}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "bench-site-"); err != nil {
		return s, err
	}
	s.config = server.Config{Data: filepath.Join(s.dir, "first"), Key: strings.Repeat("A", 43) + "=", APNs: apns, APNsSandbox: apns, APNsCA: ca}
	begin := time.Now()
	if err := s.fill(ctx, key, devices); err != nil {
		return s, err
	}
	filled := time.Now()
	if s.database, err = storetest.StartServer(); err != nil {
		return s, err
	}
	if _, err := server.Move(ctx, s.config.Data, s.database.URL(), func(string, int64, int64) {}); err != nil {
		return s, err
	}
	moved := time.Now()
	if s.hints, err = servertest.StartNATS(3); err != nil {
		return s, err
	}
	s.config.Data, s.config.Database = filepath.Join(s.dir, "beside"), s.database.URL()
	if s.beside, err = server.Open(ctx, s.config); err != nil {
		return s, err
	}
	fmt.Printf("%d devices: %.0f s to import them, %.0f s to move them to PostgreSQL; load average %s\n", devices, filled.Sub(begin).Seconds(), moved.Sub(filled).Seconds(), load())
	pause(ctx, time.Second) // whoever waits for a quiet machine may stop this process here
	return s, ctx.Err()
}

// fill makes the app and its devices in the data folder.
func (s *site) fill(ctx context.Context, key aurora.CredentialFile, devices int) (err error) {
	first, err := server.Open(ctx, s.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, first.Shutdown(context.WithoutCancel(ctx))) }()
	owner, _, err := first.Accounts.Create(ctx, "bench@example.com", "correct horse battery")
	if err != nil {
		return err
	}
	if s.app, err = first.Accounts.CreateApp(ctx, owner.ID, "Bench", topic); err != nil {
		return err
	}
	if _, err := first.Accounts.StoreCredential(ctx, s.app, key); err != nil {
		return err
	}
	return register(ctx, first, s.app, devices)
}

// close ends everything and deletes what it stored.
func (s *site) close() {
	for _, n := range s.nodes {
		n.kill()
		n.cut(func(r *servertest.Relay) { r.Close() })
	}
	if s.beside != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.beside.Shutdown(ctx)
	}
	for _, n := range s.hints {
		n.Kill()
	}
	if s.database != nil {
		s.database.Remove()
	}
	os.RemoveAll(s.dir)
}

// tokenOf is the device token of the i-th device, and indexOf the reverse.
func tokenOf(i int) string { return fmt.Sprintf("%064x", i) }

func indexOf(token string) int {
	i := 0
	_, err := fmt.Sscanf(token, "%x", &i)
	if err != nil {
		return -1
	}
	return i
}

// register registers devices by an import, in transactions as long as those of
// who is alone with the database.
func register(ctx context.Context, s *server.Server, app aurora.App, devices int) error {
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 1<<16)
		fmt.Fprintln(b, "token")
		for i := range devices {
			fmt.Fprintln(b, tokenOf(i))
		}
		w.CloseWithError(b.Flush())
	}()
	state, err := s.Registry.Import(ctx, app.ID, r, registry.ImportOptions{Environment: aurora.Production, Alone: true})
	if err == nil && state.Added != int64(devices) {
		err = fmt.Errorf("%d of %d devices were imported", state.Added, devices)
	}
	return err
}

// node is a server as a process.
type node struct {
	site      *site
	name, url string
	arguments []string
	log       io.Writer
	// What can be cut; nil without relays.
	toDatabase, toAPNs *servertest.Relay
	toHints            []*servertest.Relay

	mu  sync.Mutex
	cmd *exec.Cmd
}

// addNode prepares one more server; with relays its paths can be cut.
func (s *site) addNode(relays bool, log io.Writer) (n *node, err error) {
	n = &node{site: s, name: fmt.Sprintf("server-%d", len(s.nodes)+1), log: log}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := free.Addr().String()
	free.Close()
	n.url = "http://" + listen
	s.nodes = append(s.nodes, n)
	database, apns, hints := s.config.Database, s.config.APNs, []string{}
	for _, h := range s.hints {
		hints = append(hints, h.Address())
	}
	if relays {
		if n.toDatabase, err = servertest.NewRelay(s.database.Address()); err != nil {
			return nil, err
		}
		if n.toAPNs, err = servertest.NewRelay(strings.TrimPrefix(apns, "https://")); err != nil {
			return nil, err
		}
		database, apns = strings.Replace(database, s.database.Address(), n.toDatabase.Address(), 1), "https://"+n.toAPNs.Address()
		for i := range hints {
			r, err := servertest.NewRelay(hints[i])
			if err != nil {
				return nil, err
			}
			n.toHints, hints[i] = append(n.toHints, r), r.Address()
		}
	}
	n.arguments = []string{"serve", "--listen", listen, "--data", filepath.Join(s.dir, n.name), "--database", database, "--nats", servertest.NATSURL(hints...), "--apns", apns, "--apns-sandbox", apns, "--apns-ca", s.config.APNsCA,
		"--push-limit", "-1", "--device-limit", "-1", "--report-limit", "-1", "--schedule-limit", "-1", "--max-schedules", "1000000", "--log-level", "warn"}
	return n, nil
}

// cut does something to all of a node's paths.
func (n *node) cut(do func(*servertest.Relay)) {
	for _, r := range append([]*servertest.Relay{n.toDatabase, n.toAPNs}, n.toHints...) {
		if r != nil {
			do(r)
		}
	}
}

// startTime bounds how long a server may take to be ready.
const startTime = 2 * time.Minute

// start starts the process and waits until it is ready. It tries again while
// the database is away, as a supervisor does.
func (n *node) start(ctx context.Context) error {
	for end := time.Now().Add(startTime); ; {
		err := n.once(ctx)
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		time.Sleep(time.Second)
	}
}

func (n *node) once(ctx context.Context) error {
	cmd := exec.Command(n.site.program, n.arguments...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AURORA_") }), "AURORA_KEY="+n.site.config.Key)
	cmd.Stderr = n.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.mu.Lock()
	n.cmd = cmd
	n.mu.Unlock()
	patience := time.AfterFunc(startTime, func() { cmd.Process.Kill() })
	defer patience.Stop()
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			cmd.Wait()
			return errors.New(n.name + " did not start")
		}
		if strings.Contains(line, "ready") {
			go io.Copy(io.Discard, lines)
			return nil
		}
	}
}

func (n *node) signal(s os.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		n.cmd.Process.Signal(s)
	}
}

// kill ends the process with SIGKILL.
func (n *node) kill() {
	n.signal(syscall.SIGKILL)
	n.wait()
}

// stop ends the process in order.
func (n *node) stop() {
	n.signal(syscall.SIGTERM)
	patience := time.AfterFunc(30*time.Second, func() { n.signal(syscall.SIGKILL) })
	defer patience.Stop()
	n.wait()
}

func (n *node) wait() {
	n.mu.Lock()
	cmd := n.cmd
	n.mu.Unlock()
	if cmd == nil {
		return
	}
	cmd.Wait()
	n.mu.Lock()
	n.cmd = nil
	n.mu.Unlock()
}
