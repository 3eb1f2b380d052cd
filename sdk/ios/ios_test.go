// Package ios_test compiles the iOS SDK with clang and GNUstep, runs its tests under AddressSanitizer and
// UndefinedBehaviorSanitizer, and runs it against a real aurora serve with a local APNs. See linux/README.md.
package ios_test

import (
	"bufio"
	"bytes"
	"context"
	"debug/macho"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Bounds of the core's code at -Os, in bytes: linked here, and as the objects that Apple's ABI makes of it.
const (
	maxCore  = 60_000
	maxApple = 62_000
)

// patience bounds each step; it is generous because the machine may be busy.
const patience = 5 * time.Minute

func needsToolchain(t *testing.T) {
	t.Helper()
	if runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		t.Skip("the runtime in linux/ is for x86-64 Linux; on a Mac run check-on-mac")
	}
	for _, tool := range []string{"clang", "gcc", "gnustep-config", "curl-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing; apt-get install clang libclang-common-14-dev libclang-rt-14-dev gobjc libgnustep-base-dev gnustep-make libcurl4-openssl-dev", tool)
		}
	}
}

// built is the folder with what linux/build makes; it is kept, so that a second run compiles only what has changed.
func built(t *testing.T, parts ...string) string {
	t.Helper()
	needsToolchain(t)
	folder, err := filepath.Abs(".build")
	if err != nil {
		t.Fatal(err)
	}
	run(t, nil, "linux/build", append([]string{folder}, parts...)...)
	return folder
}

// run runs a command to its end and returns what it printed.
func run(t *testing.T, env []string, name string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, name, arguments...)
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, tail(out))
	}
	return string(out)
}

func tail(out []byte) []byte { return out[max(0, len(out)-8000):] }

// tests runs a test program of the SDK.
func tests(t *testing.T, env []string, program string, arguments ...string) {
	t.Helper()
	env = append([]string{"ASAN_OPTIONS=detect_leaks=0", "AURORA_VECTORS=../../vectors"}, env...)
	out := run(t, env, program, arguments...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, " 0 failures") {
		t.Fatalf("the program did not reach its end:\n%s", tail([]byte(out)))
	}
	t.Log(lines[len(lines)-1])
}

func TestCore(t *testing.T) {
	folder := built(t, "core")
	orders := 10000
	if testing.Short() {
		orders = 500
	}
	// The first process runs the other tests too, so it gets fewer orders: both end at about the same time.
	few := orders * 2 / 5
	for _, part := range []struct {
		name          string
		first, orders int
		filter        []string
	}{{"all", 0, few, nil}, {"orders", few, orders - few, []string{"RandomOrders"}}} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			env := []string{fmt.Sprint("AURORA_ORDERS=", part.orders), fmt.Sprint("AURORA_FIRST_ORDER=", part.first)}
			tests(t, env, filepath.Join(folder, "core"), part.filter...)
		})
	}
}

// Whatever GNUstep keeps for ever it keeps once: three hundred orders must leave as much behind as three.
func TestNothingLeaks(t *testing.T) {
	folder := built(t, "core")
	left := func(orders int) string {
		c := exec.CommandContext(t.Context(), filepath.Join(folder, "core"), "RandomOrders")
		c.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=1", fmt.Sprint("AURORA_ORDERS=", orders))
		out, err := c.CombinedOutput()
		summary := regexp.MustCompile(`(\d+) byte\(s\) leaked`).FindSubmatch(out)
		if summary == nil {
			if bytes.Contains(out, []byte("LeakSanitizer has encountered a fatal error")) {
				t.Skip("LeakSanitizer may not trace processes here")
			}
			t.Fatalf("no summary of leaks: %v\n%s", err, tail(out))
		}
		return string(summary[1])
	}
	if few, many := left(3), left(300); few != many {
		t.Errorf("%s bytes are left after 3 orders, %s after 300", few, many)
	}
}

func TestLayer(t *testing.T) {
	tests(t, nil, filepath.Join(built(t, "layer"), "layer"))
}

func TestWrongCallsDoNotCompile(t *testing.T) {
	built(t, "wrong")
}

func TestAppleBranchesCompile(t *testing.T) {
	built(t, "apple")
}

func TestSize(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(built(t, "size"), "size.txt"))
	if err != nil {
		t.Fatal(err)
	}
	size, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || size < 10_000 {
		t.Fatalf("size %q, %v", text, err)
	}
	t.Logf("the core has %d bytes of code", size)
	if size > maxCore {
		t.Errorf("the core has %d bytes of code, at most %d are wanted", size, maxCore)
	}
	for _, architecture := range []string{"x86_64", "arm64"} {
		core, system := appleCode(t, architecture, "AuroraPushCore"), appleCode(t, architecture, "AuroraPushSystem")
		t.Logf("for Apple's %s: the core %d, the adapters %d", architecture, core, system)
		if core > maxApple || core < 10_000 || system < 1_000 {
			t.Errorf("for Apple's %s the core has %d bytes of code, at most %d are wanted; the adapters %d", architecture, core, maxApple, system)
		}
	}
}

// appleCode sums the code of a target's objects.
func appleCode(t *testing.T, architecture, target string) (bytes uint64) {
	objects, err := filepath.Glob(filepath.Join(".build", "apple-size", architecture, target, "*.o"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range objects {
		object, err := macho.Open(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if code := object.Section("__text"); code != nil {
			bytes += code.Size
		}
		object.Close()
	}
	return bytes
}

// The version stands in two places that different tools read.
func TestVersionsAgree(t *testing.T) {
	find := func(file, pattern string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s has no version", file)
		}
		return string(found[1])
	}
	code := find("Sources/AuroraPushCore/AURVersion.h", `AURVersion @"([^"]+)"`)
	if pod := find("AuroraPush.podspec", `s\.version = "([^"]+)"`); pod != code {
		t.Errorf("the podspec says %s, the code %s", pod, code)
	}
}

// Apple wants a reason in the privacy manifest for these calls, since they can tell devices apart. The manifest has none.
func TestNothingThatNeedsAReason(t *testing.T) {
	wanting := regexp.MustCompile(`\b(f?l?stat(at|fs|vfs)?|f?getattrlist\w*|mach_absolute_time|clock_gettime)\(|systemUptime|UserDefaults|activeInputModes|[mM]odificationDate|[cC]reationDate|[vV]olumeAvailable|FileSystemFreeSize|FileSystemSize`)
	files, err := filepath.Glob("Sources/*/*.[hm]")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if found := wanting.FindString(code); found != "" {
				t.Errorf("%s:%d uses %s, which PrivacyInfo.xcprivacy has to name with a reason", name, n+1, found)
			}
		}
	}
}

func TestAgainstAServer(t *testing.T) {
	folder := built(t, "server")
	i := install(t)
	app := i.app("com.example.shop")
	c := exec.CommandContext(t.Context(), filepath.Join(folder, "server"))
	c.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0",
		"AURORA_URL="+i.url, "AURORA_MANAGE="+i.manage, "AURORA_BUNDLE_ID=com.example.shop",
		"AURORA_APP_KEY="+app.AppKey, "AURORA_MASTER_SECRET="+app.MasterSecret)
	asks, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { c.Process.Kill() })
	defer timer.Stop()
	var last string
	lines := bufio.NewScanner(asks)
	for lines.Scan() {
		last = lines.Text()
		switch last {
		case "@stop":
			i.server.stop()
		case "@start":
			i.serve()
		default:
			t.Log(last)
			continue
		}
		io.WriteString(answers, "ok\n")
	}
	if err := c.Wait(); err != nil || !strings.HasSuffix(last, " 0 failures") {
		t.Errorf("%v: %s", err, last)
	}
}

// installation is a local APNs and a server, each a process of its own.
type installation struct {
	t           *testing.T
	aurora, dir string
	server      *process
	gateway     [2]string // production, development
	manage, url string
	listen      string
}

func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{t: t, dir: t.TempDir(), listen: "127.0.0.1:0"}
	i.aurora = filepath.Join(i.dir, "aurora")
	run(t, []string{"CGO_ENABLED=0"}, "go", "build", "-o", i.aurora, "../../cmd/aurora")
	apns := i.start("apns", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--manage", "127.0.0.1:0", "--data", "apns", "--accept-any-token", "--log-level", "error")
	i.gateway[0], i.gateway[1] = apns.says(`production +(\S+)`), apns.says(`development +(\S+)`)
	i.manage = strings.TrimSuffix(apns.says(`management +(\S+)`), "/")
	i.serve()
	i.command("correct horse battery\n", "account", "create", "--data", "data", "--email", "owner@example.com")
	return i
}

// serve starts the server, on its old address if it had one.
func (i *installation) serve() {
	i.server = i.start("serve", "--listen", i.listen, "--data", "data", "--apns", i.gateway[0], "--apns-sandbox", i.gateway[1], "--apns-ca", filepath.Join("apns", "ca.pem"), "--log-level", "error")
	i.url = strings.TrimSuffix(i.server.says(`Aurora is ready at (\S+)`), "/")
	i.listen = strings.TrimPrefix(i.url, "http://")
}

type app struct {
	AppKey       string `json:"app_key"`
	MasterSecret string `json:"master_secret"`
}

// app makes an app with a key of the local APNs, since live activities need one.
func (i *installation) app(bundleID string) (a app) {
	i.t.Helper()
	made := i.command("", "app", "create", "--data", "data", "--account", "owner@example.com", "--name", "Shop", "--bundle-id", bundleID)
	if err := json.Unmarshal([]byte(made), &a); err != nil {
		i.t.Fatalf("app create: %v: %s", err, made)
	}
	var key struct {
		KeyID  string `json:"key_id"`
		TeamID string `json:"team_id"`
	}
	issued := i.command("", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--p8", "key.p8")
	if err := json.Unmarshal([]byte(issued), &key); err != nil {
		i.t.Fatalf("apns issue: %v: %s", err, issued)
	}
	i.command("", "app", "credential", "--data", "data", "--app", a.AppKey, "--key-id", key.KeyID, "--team-id", key.TeamID, "key.p8")
	return a
}

func (i *installation) command(stdin string, arguments ...string) string {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, i.aurora, arguments...)
	c.Dir, c.Stdin = i.dir, strings.NewReader(stdin)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		i.t.Fatalf("aurora %v: %v: %s", arguments[:2], err, complaints.Bytes())
	}
	return string(out)
}

// process is a running aurora and what it has said.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
	said  string
}

func (i *installation) start(arguments ...string) *process {
	i.t.Helper()
	c := exec.Command(i.aurora, arguments...)
	c.Dir, c.Stderr = i.dir, os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		i.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		i.t.Fatal(err)
	}
	p := &process{t: i.t, cmd: c, lines: make(chan string, 100)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case p.lines <- s.Text():
			default: // nobody listens any more
			}
		}
	}()
	i.t.Cleanup(p.stop)
	return p
}

// says waits for a line and returns what its parentheses hold.
func (p *process) says(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		if found := re.FindStringSubmatch(p.said); found != nil {
			return found[1]
		}
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("it ended without saying %s: %s", pattern, p.said)
			}
			p.said += line + "\n"
		case <-deadline:
			p.t.Fatalf("it does not say %s: %s", pattern, p.said)
		}
	}
}

// stop asks the process to end, and waits.
func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	p.cmd.Wait()
}
