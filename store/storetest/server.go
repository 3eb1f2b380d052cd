//go:build unix

package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL cluster of a test's own, which the test may stop.
type Server struct {
	bin, dir string
	port     string
	sync     bool
	cmd      *exec.Cmd
	alive    io.Closer // closing it ends the server
}

// NewServer starts a cluster that keeps what it commits, as one in use does. It
// skips the test where there is no PostgreSQL.
func NewServer(t testing.TB) *Server {
	t.Helper()
	if _, err := programs(); err != nil {
		t.Skipf("NOT TESTED ON POSTGRESQL: %v", err)
	}
	s, err := StartServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// StartServer is NewServer for a program, which calls Remove at the end.
func StartServer() (*Server, error) { return start(true) }

// Remove ends the server and deletes what it stored.
func (s *Server) Remove() {
	s.Stop(syscall.SIGINT)
	os.RemoveAll(s.dir)
}

// Pid is the server's first process, the parent of all others; 0 if it is not
// running.
func (s *Server) Pid() int {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, _ := strconv.Atoi(string(first))
	return pid
}

// URL is where the server is reached.
func (s *Server) URL() string {
	if s.port != "" {
		return "postgres://aurora@127.0.0.1:" + s.port + "/aurora?sslmode=disable"
	}
	return "postgres://aurora@/aurora?host=" + url.QueryEscape(s.dir)
}

// Address is the host:port of a server that keeps what it commits.
func (s *Server) Address() string { return "127.0.0.1:" + s.port }

// Written is how many transactions were committed so far, how many bytes of log
// were written, and how many connections there are beside the one that asks.
func (s *Server) Written(ctx context.Context) (commits, log int64, connections int, err error) {
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		return 0, 0, 0, err
	}
	defer db.Close()
	// Servers report what they did with a delay of up to a second.
	time.Sleep(1100 * time.Millisecond)
	err = db.QueryRowContext(ctx, `SELECT xact_commit, CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS BIGINT), numbackends - 1
		FROM pg_stat_database WHERE datname = current_database()`).Scan(&commits, &log, &connections)
	return commits, log, connections, err
}

// start makes a cluster and starts it: on a socket alone, or with sync on a
// port of 127.0.0.1.
func start(sync bool) (s *Server, err error) {
	s = &Server{sync: sync}
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "aurora-pg-"); err != nil {
		return nil, err
	}
	if err := giveAway(s.dir); err != nil {
		return nil, err
	}
	if sync {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		_, s.port, _ = net.SplitHostPort(l.Addr().String())
		l.Close()
	}
	// A language of people, so that whatever depends on the order of texts shows.
	c := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "aurora", "-A", "trust", "-E", "UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync", "--no-instructions")
	c.SysProcAttr, c.Dir = notRoot(), s.dir
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := s.Start(); err != nil {
		return nil, err
	}
	db, err := sql.Open("pgx", withDatabase(s.URL(), "postgres"))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	_, err = db.Exec("CREATE DATABASE aurora")
	return s, err
}

func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // it is ours
	}
	u.Path = "/" + name
	return u.String()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Start starts the server and waits until it answers.
func (s *Server) Start() error {
	args := []string{"-D", s.data(), "-k", s.dir, "-c", "max_connections=300", "-c", "listen_addresses="}
	if s.port != "" {
		args = append(args, "-c", "listen_addresses=127.0.0.1", "-c", "port="+s.port)
	}
	if !s.sync {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	// The shell ends the server when its input ends, which the end of the test does.
	script := `"$@" & server=$!; cat >/dev/null; kill -INT $server 2>/dev/null; wait $server`
	if !s.sync {
		script += `; rm -rf ` + s.dir
	}
	s.cmd = exec.Command("sh", append([]string{"-c", script, "sh", filepath.Join(s.bin, "postgres")}, args...)...)
	s.cmd.SysProcAttr, s.cmd.Dir = notRoot(), s.dir
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr, s.alive = log, log, in
	if err := s.cmd.Start(); err != nil {
		return err
	}
	db, err := sql.Open("pgx", withDatabase(s.URL(), "postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if err = db.Ping(); err == nil {
			return nil
		}
		if time.Since(begin) > 30*time.Second {
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not start: %w: %s", err, text)
		}
	}
}

// Stop ends the server with a signal: SIGINT in order, SIGQUIT as a crash does,
// SIGTERM once its clients are gone.
func (s *Server) Stop(signal syscall.Signal) {
	pid := s.Pid()
	children := childrenOf(pid)
	if pid != 0 {
		_ = syscall.Kill(pid, signal)
	}
	s.alive.Close()
	_ = s.cmd.Wait()
	// Those of a killed one end a little later, and no other starts before.
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		if !slices.ContainsFunc(children, runs) {
			return
		}
	}
}

// runs reports whether a process has not ended, by what Linux says of it.
func runs(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(text, []byte(") Z "))
}

// childrenOf returns the processes that one has started, where the system tells.
func childrenOf(pid int) (list []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for field := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			list = append(list, child)
		}
	}
	return list
}

// notRoot makes a process run as somebody else than root, whom PostgreSQL refuses.
func notRoot() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, ok := other(); ok {
		a.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return a
}

func giveAway(dir string) error {
	if uid, gid, ok := other(); ok {
		return os.Chown(dir, int(uid), int(gid))
	}
	return nil
}

// other is who runs PostgreSQL for root.
func other() (uid, gid uint32, ok bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		id, err1 := strconv.ParseUint(u.Uid, 10, 32)
		group, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return uint32(id), uint32(group), true
		}
	}
	return 65534, 65534, true
}
