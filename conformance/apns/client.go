package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// client is a foreign APNs client behind a small driver: a program that reads
// a job file, pushes with the library as its manual says, and prints a line for
// each result. The library itself is as its registry delivers it.
type client struct {
	name   string
	quick  bool
	legacy bool // reads only .p12 files in the old encryption (RC2, 3DES)
	build  func(ctx context.Context, dir string) error
	start  func(dir, job string) *exec.Cmd
	dir    string
}

var clients = []*client{
	{name: "apns2", quick: true, legacy: true, build: buildAPNs2,
		start: func(dir, job string) *exec.Cmd { return exec.Command(filepath.Join(dir, "client"), job) }},
	{name: "curl", quick: true, build: findCurl,
		start: func(_, job string) *exec.Cmd { return exec.Command("curl/client", job) }},
	{name: "node-apn", build: buildNode,
		start: func(dir, job string) *exec.Cmd { return exec.Command("node", filepath.Join(dir, "client.js"), job) }},
	{name: "pushy", build: buildPushy,
		start: func(dir, job string) *exec.Cmd {
			return exec.Command("java", "-cp", filepath.Join(dir, "target", "*")+":"+filepath.Join(dir, "target", "lib", "*"), "Main", job)
		}},
	{name: "a2", build: func(context.Context, string) error {
		return errors.New("a2 0.10.0 (Rust) has Apple's two host names, port 443 and the public authorities compiled in; it cannot be pointed at another gateway without changing it")
	}},
}

func clientNames() (names []string) {
	for _, c := range clients {
		names = append(names, c.name)
	}
	return names
}

// prepare builds the driver in dir, where a second run finds it again.
func (c *client) prepare(ctx context.Context, dir string) error {
	c.dir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return c.build(ctx, dir)
}

func buildAPNs2(ctx context.Context, dir string) error {
	return command(ctx, "apns2", "go", "build", "-o", filepath.Join(dir, "client"), ".")
}

func findCurl(ctx context.Context, _ string) error {
	for _, tool := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err
		}
	}
	out, err := exec.CommandContext(ctx, "curl", "--version").Output()
	if err == nil && !bytes.Contains(out, []byte("HTTP2")) {
		err = errors.New("this curl was built without HTTP/2")
	}
	return err
}

func buildNode(ctx context.Context, dir string) error {
	for _, name := range []string{"package.json", "package-lock.json", "client.js"} {
		text, err := os.ReadFile(filepath.Join("node-apn", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return command(ctx, dir, "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
}

func buildPushy(ctx context.Context, dir string) error {
	if err := os.CopyFS(filepath.Join(dir), os.DirFS("pushy")); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	for _, name := range []string{"pom.xml", "src/main/java/Main.java"} { // CopyFS keeps what an earlier run left
		text, err := os.ReadFile(filepath.Join("pushy", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return command(ctx, dir, "mvn", "--quiet", "--batch-mode", "package")
}

// command builds something; its output is shown when it fails.
func command(ctx context.Context, dir, name string, arguments ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("%s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, arguments...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, arguments[0], err, out)
	}
	return nil
}

// push is one notification of a job. Empty members are not sent.
type push struct {
	id, token, topic, kind string
	priority               int
	expiration             int64
	collapse, payload      string
}

// result is what a client said about one push.
type result struct {
	status    int // 0: there was no answer
	reason    string
	timestamp int64 // milliseconds, of a 410
	id        string
	unique    string
	failure   string
	before    string // what failed in the first round, if there was a second
}

func (r result) String() string {
	if r.status == 0 {
		return "failed: " + r.failure
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.status, r.reason))
}

// writeJob writes the file that drivers read: one item a line, fields parted by
// tabs, so that no driver needs a parser. Drivers push everything once, and what
// got no answer a second time with the same client object, as a sender with a
// queue of its own would.
func writeJob(file string, g *gateway, c credential, production bool, pushes []push) error {
	var b strings.Builder
	where := g.production
	if !production {
		where = g.sandbox
	}
	fmt.Fprintf(&b, "gateway\t%s\t%s\t%s\n", where.Hostname(), where.Port(), g.ca())
	if c.p12 != "" {
		fmt.Fprintf(&b, "p12\t%s\t%s\n", c.p12, c.password)
	} else {
		fmt.Fprintf(&b, "p8\t%s\t%s\t%s\n", c.p8, c.keyID, c.teamID)
	}
	for _, p := range pushes {
		fmt.Fprintf(&b, "push\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", p.id, p.token, p.topic, p.kind, p.priority, p.expiration, p.collapse, p.payload)
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}

// run starts the driver and collects a result for each push. A driver that does
// not end in time is ended; what it had not reported then counts as unanswered.
func (c *client) run(ctx context.Context, g *gateway, job string, pushes int, patience time.Duration) (results []result, note string, err error) {
	process := c.start(c.dir, job)
	process.Env = append(os.Environ(), "SSL_CERT_FILE="+g.ca())
	var complaints bytes.Buffer
	process.Stderr = &complaints
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := process.Start(); err != nil {
		return nil, "", err
	}
	late := false
	limit := time.AfterFunc(patience, func() { late = true; process.Process.Kill() })
	stop := context.AfterFunc(ctx, func() { process.Process.Kill() })
	defer stop()

	results = make([]result, pushes)
	reported := make([]bool, pushes)
	for i := range results {
		results[i].failure = "the client reported nothing"
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 8 || f[0] != "result" {
			continue
		}
		i, err := strconv.Atoi(f[1])
		if err != nil || i < 0 || i >= pushes {
			continue
		}
		r := result{reason: f[3], id: f[5], unique: f[6], failure: f[7]}
		r.status, _ = strconv.Atoi(f[2])
		r.timestamp, _ = strconv.ParseInt(f[4], 10, 64)
		if reported[i] {
			r.before = results[i].failure
		}
		reported[i] = true
		results[i] = r
	}
	err = process.Wait()
	if !limit.Stop() && late {
		return results, fmt.Sprintf("was still busy after %v and was ended", patience), nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("the driver failed: %w\n%s", err, complaints.Bytes())
	}
	return results, "", nil
}
