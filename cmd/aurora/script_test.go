package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of a test, and every command.
const patience = 30 * time.Second

// binary is the command as its users run it, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "aurora-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "aurora")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".") // as deploy/Dockerfile does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// script runs commands in a folder of its own, like a shell script.
type script struct {
	t   *testing.T
	dir string
	env []string
}

func newScript(t *testing.T) *script {
	t.Helper()
	return &script{t: t, dir: t.TempDir(), env: []string{"HOME=/nonexistent", "TMPDIR=" + t.TempDir()}}
}

// result is what a command left.
type result struct {
	stdout, stderr string
	code           int
}

func (s *script) command(ctx context.Context, stdin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, s.env, strings.NewReader(stdin)
	return cmd
}

// run runs a command to its end, with a text on its standard input.
func (s *script) run(stdin string, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := s.command(ctx, stdin, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && (!exited || ctx.Err() != nil) {
		s.t.Fatalf("aurora %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// ok runs a command that must succeed and reads its JSON, if asked to.
func (s *script) ok(into any, stdin string, args ...string) {
	s.t.Helper()
	r := s.run(stdin, args...)
	if r.code != 0 {
		s.t.Fatalf("aurora %s: exit code %d: %s", strings.Join(args, " "), r.code, r.stderr)
	}
	if into == nil {
		return
	}
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		s.t.Fatalf("aurora %s: %v: %s", strings.Join(args, " "), err, r.stdout)
	}
}

// fails runs a command that must exit with 1, print nothing on standard output,
// and say what is wrong in one line that contains every given part.
func (s *script) fails(stdin string, args []string, says ...string) {
	s.t.Helper()
	r := s.run(stdin, args...)
	if r.code != 1 || r.stdout != "" {
		s.t.Errorf("aurora %s: exit code %d, output %q", strings.Join(args, " "), r.code, r.stdout)
	}
	if !strings.HasPrefix(r.stderr, "aurora: ") || strings.Count(r.stderr, "\n") != 1 {
		s.t.Errorf("aurora %s: not one line that begins with the name: %q", strings.Join(args, " "), r.stderr)
	}
	for _, part := range says {
		if !strings.Contains(r.stderr, part) {
			s.t.Errorf("aurora %s: does not say %q: %s", strings.Join(args, " "), part, r.stderr)
		}
	}
}

// process is a command that goes on running.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	ended  chan struct{}
	mu     sync.Mutex
	output bytes.Buffer
	moved  chan struct{} // closed and replaced when output grows
}

// start starts a command. It is ended with SIGTERM at the end of the test, and
// must then end well.
func (s *script) start(args ...string) *process {
	s.t.Helper()
	return s.launch(s.command(context.Background(), "", args...))
}

func (s *script) launch(cmd *exec.Cmd) *process {
	s.t.Helper()
	p := &process{t: s.t, cmd: cmd, ended: make(chan struct{}), moved: make(chan struct{})}
	out, err := p.cmd.StdoutPipe()
	check(s.t, err)
	p.cmd.Stderr = p
	check(s.t, p.cmd.Start())
	go func() {
		io.Copy(p, out)
		p.cmd.Wait() // its result is read from ProcessState
		close(p.ended)
	}()
	s.t.Cleanup(func() { p.stop() })
	return p
}

// Write collects what the process prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.moved)
	p.moved = make(chan struct{})
	return p.output.Write(b)
}

// text is what the process has printed so far.
func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// says waits until the output matches and returns the first group.
func (p *process) says(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		text, moved := p.output.String(), p.moved
		p.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-moved:
		case <-p.ended:
			p.t.Fatalf("%v ended without saying %q:\n%s", p.cmd.Args, pattern, text)
		case <-deadline:
			p.t.Fatalf("%v does not say %q:\n%s", p.cmd.Args, pattern, text)
		}
	}
}

// stop asks the process to end, as a service manager does.
func (p *process) stop() {
	p.t.Helper()
	select {
	case <-p.ended:
		return
	default:
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.await()
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("%v ended with code %d:\n%s", p.cmd.Args, code, p.text())
	}
}

// kill ends the process without warning.
func (p *process) kill() {
	p.t.Helper()
	check(p.t, p.cmd.Process.Kill())
	p.await()
}

func (p *process) await() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.cmd.Process.Kill()
		p.t.Errorf("%v does not end", p.cmd.Args)
	}
}

// installation is a running local APNs and a running server.
type installation struct {
	*script
	apns, server *process
	url, manage  string // of the server, of the local APNs
}

// install starts a local APNs that takes any token, and a server beside it.
func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{script: newScript(t)}
	i.apns = i.start("apns", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--manage", "127.0.0.1:0", "--data", "apns", "--accept-any-token")
	i.manage = i.apns.says(`management +(http://\S+?)/\n`)
	i.serve()
	return i
}

func (i *installation) serve() {
	i.t.Helper()
	i.server = i.start("serve", "--listen", "127.0.0.1:0", "--data", "data", "--apns", i.apns.says(`production +(https://\S+)`), "--apns-sandbox", i.apns.says(`development +(https://\S+)`), "--apns-ca", filepath.Join("apns", "ca.pem"))
	i.url = i.server.says(`ready at (http://\S+)`)
}

// app is what `aurora app create` printed.
type app struct {
	AppKey       string `json:"app_key"`
	MasterSecret string `json:"master_secret"`
}

const (
	email    = "mia@example.com"
	password = "correct horse battery\n"
	bundleID = "com.example.reader"
)

// newApp makes an account and an app, and writes the secret to a file.
func (s *script) newApp() (a app) {
	s.t.Helper()
	s.ok(nil, password, "account", "create", "--data", "data", "--email", email)
	s.ok(&a, "", "app", "create", "--data", "data", "--account", email, "--name", "Reader", "--bundle-id", bundleID)
	check(s.t, os.WriteFile(filepath.Join(s.dir, "secret"), []byte(a.MasterSecret+"\n"), 0o600))
	return a
}

// credential is one slot as `aurora app credential` prints it.
type credential struct {
	Environment string     `json:"environment"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Topic       string     `json:"topic"`
	ExpiresAt   *time.Time `json:"expires_at"`
	ValidatedAt time.Time  `json:"validated_at"`
}

// certify issues a certificate and stores it.
func (i *installation) certify(a app) {
	i.t.Helper()
	i.ok(nil, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--p12", "push.p12", "--password", "geheim")
	var slots []credential
	i.ok(&slots, "", "app", "credential", "--data", "data", "--app", a.AppKey, "--password", "geheim", "push.p12")
	if len(slots) != 2 {
		i.t.Fatalf("a universal certificate fills %+v", slots)
	}
}

// phone registers a device with a token in production.
func (i *installation) phone(a app, n int) (registrationID string) {
	i.t.Helper()
	secret := fmt.Sprintf("%032d", n)
	var got struct {
		ID string `json:"registration_id"`
	}
	i.request("POST", "/v1/devices", "", "", fmt.Sprintf(`{"app_key":%q,"install_id":"install-%d","secret":%q,"platform":"ios"}`, a.AppKey, n, secret), &got)
	i.request("PATCH", "/v1/devices/"+got.ID, got.ID, secret, fmt.Sprintf(`{"token":"%064x","environment":"production","tags":{"set":["vip","n%d"]},"alias":"a%d"}`, n+1, n, n), nil)
	return got.ID
}

func (i *installation) request(method, path, user, pass, body string, into any) {
	i.t.Helper()
	r, err := http.NewRequestWithContext(i.t.Context(), method, i.url+path, strings.NewReader(body))
	check(i.t, err)
	r.SetBasicAuth(user, pass)
	resp, err := http.DefaultClient.Do(r)
	check(i.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(i.t, err)
	if resp.StatusCode != http.StatusOK {
		i.t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if into != nil {
		check(i.t, json.Unmarshal(text, into))
	}
}

// notification is what the local APNs recorded.
type notification struct {
	Status  int    `json:"status"`
	Token   string `json:"token"`
	Payload struct {
		APS       map[string]any `json:"aps"`
		MessageID json.Number    `json:"_j_msgid"`
	} `json:"payload"`
}

// recorded asks the local APNs what arrived, newest first.
func (i *installation) recorded() (list []notification) {
	i.t.Helper()
	resp, err := http.Get(i.manage + "/v1/notifications?limit=2000")
	check(i.t, err)
	defer resp.Body.Close()
	check(i.t, json.NewDecoder(bufio.NewReader(resp.Body)).Decode(&list))
	return list
}
