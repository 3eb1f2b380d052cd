package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// client is a JPush server client behind a small driver: a program that reads a
// call a line from its standard input, makes it with the client as its manual
// says, and prints what the client returned or raised. The client itself is as
// its registry delivers it.
type client struct {
	name    string
	version string // of the package that is run
	folder  string // below .build
	build   func(ctx context.Context, dir string) error
	start   func(dir string) *exec.Cmd
	zone    string // of the Python client

	dir     string
	unready error // why it cannot be run
	running *driver
}

var clients = []*client{
	{name: "python", version: "jpush 3.4.1", folder: "python", build: buildPython, start: startPython},
	{name: "python-bj", version: "jpush 3.4.1, zone bj", folder: "python", build: buildPython, start: startPython, zone: "bj"},
	{name: "node-sdk", version: "jpush-sdk 3.5.0", folder: "node-sdk", build: buildNode("sdk"), start: startNode("jpush-sdk")},
	{name: "node-async", version: "jpush-async 4.2.0, JPushAsync", folder: "node-async", build: buildNode("async"), start: startNode("jpush-async")},
	{name: "node-callback", version: "jpush-async 4.2.0, JPush", folder: "node-callback", build: refuseCallbacks},
	{name: "java", version: "cn.jpush.api:jpush-client 3.7.7", folder: "java", build: buildJava, start: startJava},
	{name: "java-new", version: "io.github.jpush:jiguang-sdk 5.3.0, from a checkout", folder: "java-new", build: buildNewJava, start: startNewJava},
	{name: "php", version: "jpush/jpush, from a checkout", folder: "php", build: findPHP, start: startPHP},
	{name: "go", version: "DeanThompson/jpush-api-go-client, from a checkout", folder: "go", build: buildGo, start: startGo},
}

func clientNames() (names []string) {
	for _, c := range clients {
		names = append(names, c.name)
	}
	return names
}

// prepare builds the driver in dir, where a second run finds it again, and notes
// there why it could not.
func (c *client) prepare(ctx context.Context, dir string) error {
	c.dir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	note := filepath.Join(dir, "unready")
	err := c.build(ctx, dir)
	if err == nil {
		return os.RemoveAll(note)
	}
	return errors.Join(err, os.WriteFile(note, []byte(err.Error()), 0o644))
}

// find takes up what prepare left in dir.
func (c *client) find(dir string) error {
	c.dir = dir
	why, err := os.ReadFile(filepath.Join(dir, "unready"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return errors.Join(err, errors.New(string(why)))
}

func buildPython(ctx context.Context, dir string) error {
	python := filepath.Join(dir, "venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		if err := command(ctx, ".", "python3", "-m", "venv", filepath.Join(dir, "venv")); err != nil {
			return err
		}
	}
	return command(ctx, ".", python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", filepath.Join("python", "requirements.txt"))
}

func startPython(dir string) *exec.Cmd {
	return exec.Command(filepath.Join(dir, "venv", "bin", "python"), filepath.Join("python", "driver.py"))
}

func buildNode(which string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		err := copyFiles(dir, filepath.Join("node", which), "package.json", "package-lock.json")
		if err == nil {
			err = copyFiles(dir, "node", "driver.js", "redirect.js")
		}
		if err != nil {
			return err
		}
		return command(ctx, dir, "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts")
	}
}

func startNode(which string) func(string) *exec.Cmd {
	return func(dir string) *exec.Cmd {
		return exec.Command("node", nodeArguments(dir, which)...)
	}
}

// nodeArguments preloads what redirects the clients only where JPush's names
// cannot lead to Aurora.
func nodeArguments(dir, which string) []string {
	arguments := []string{"--no-deprecation"}
	if !inside() {
		arguments = append(arguments, "--require", filepath.Join(dir, "redirect.js"))
	}
	return append(arguments, filepath.Join(dir, "driver.js"), which)
}

func buildJava(ctx context.Context, dir string) error {
	source := filepath.Join("src", "main", "java")
	if err := os.MkdirAll(filepath.Join(dir, source), 0o755); err != nil {
		return err
	}
	if err := copyFiles(dir, "java", "pom.xml", filepath.Join(source, "Driver.java"), filepath.Join(source, "Pushes.java")); err != nil {
		return err
	}
	return command(ctx, dir, "mvn", "--quiet", "--batch-mode", "package")
}

func startJava(dir string) *exec.Cmd {
	return exec.Command("java", "-Xmx200m", "-cp", filepath.Join(dir, "target", "*")+string(os.PathListSeparator)+filepath.Join(dir, "target", "lib", "*"), "Driver")
}

// buildNewJava builds the client as its own project file says, in a copy of the
// checkout, and the driver beside it.
func buildNewJava(ctx context.Context, dir string) error {
	from, err := checkout("jiguang-sdk-java", filepath.Join("jiguang-sdk", "pom.xml"))
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, "sdk")
	if _, err := os.Stat(filepath.Join(copied, "built")); err != nil {
		if err := errors.Join(os.RemoveAll(copied), os.CopyFS(copied, os.DirFS(from))); err != nil {
			return err
		}
		if err := command(ctx, copied, "mvn", "--quiet", "--batch-mode", "-pl", "jiguang-sdk", "package", "dependency:copy-dependencies", "-DskipTests"); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(copied, "built"), nil, 0o644); err != nil {
			return err
		}
	}
	return command(ctx, ".", "javac", "-d", dir, "-cp", newJavaClasses(dir), filepath.Join("java-new", "Driver.java"))
}

func newJavaClasses(dir string) string {
	target := filepath.Join(dir, "sdk", "jiguang-sdk", "target")
	return strings.Join([]string{dir, filepath.Join(target, "*"), filepath.Join(target, "dependency", "*")}, string(os.PathListSeparator))
}

func startNewJava(dir string) *exec.Cmd {
	return exec.Command("java", "-Xmx200m", "-cp", newJavaClasses(dir), "Driver")
}

// refuseCallbacks tells of the other class in jpush-async: its request function
// gives the parsed body to a callback that looks for the status in it.
func refuseCallbacks(context.Context, string) error {
	return errors.New("the callback class of jpush-async takes every answer of any server for an error; use JPushAsync of the same package, or jpush-sdk")
}

func findPHP(context.Context, string) error {
	if _, err := exec.LookPath("php"); err != nil {
		return errors.New("php is not installed (Debian: php-cli, php-curl)")
	}
	_, err := checkout("jpush-api-php-client", "autoload.php")
	return err
}

func startPHP(string) *exec.Cmd {
	dir, _ := checkout("jpush-api-php-client", "autoload.php")
	return exec.Command("php", filepath.Join("php", "driver.php"), dir)
}

// buildGo builds the driver with the client's sources where a GOPATH has them:
// the client is older than modules.
func buildGo(ctx context.Context, dir string) error {
	from, err := checkout("jpush-api-go-client", "jpush.go")
	if err != nil {
		return err
	}
	at := filepath.Join(dir, "src", "github.com", "DeanThompson", "jpush-api-go-client")
	if err := errors.Join(os.RemoveAll(at), os.CopyFS(at, os.DirFS(from))); err != nil {
		return err
	}
	return command(ctx, ".", "env", "GO111MODULE=off", "GOFLAGS=", "GOPATH="+dir, "go", "build", "-o", filepath.Join(dir, "driver"), filepath.Join("go", "driver.go"))
}

func startGo(dir string) *exec.Cmd { return exec.Command(filepath.Join(dir, "driver")) }

// sources is a folder with checkouts of clients that no registry delivers here.
var sources string

// checkout returns the folder of a client's sources.
func checkout(name, file string) (string, error) {
	if sources == "" {
		return "", fmt.Errorf("no registry delivers it here; give --sources a folder with a checkout named %s", name)
	}
	dir := filepath.Join(sources, name)
	if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
		return "", fmt.Errorf("--sources has no checkout named %s", name)
	}
	return dir, nil
}

func copyFiles(dir, from string, names ...string) error {
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
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

// driver is a running driver with the credentials it was started with.
type driver struct {
	process     *exec.Cmd
	in          io.WriteCloser
	replies     chan []byte
	complaints  bytes.Buffer
	key, secret string
}

// reply is what a client did with a call: exactly one member is set.
type reply struct {
	Value       json.RawMessage `json:"value"`
	Refusal     *refusal        `json:"refusal"`     // the client raised an error
	Unsupported string          `json:"unsupported"` // why the client cannot make the call
}

// refusal is an error as the client tells it; what it does not tell is nil.
type refusal struct {
	Type    string `json:"type"`
	Status  *int   `json:"status"`
	Code    *int   `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) String() string {
	var b strings.Builder
	b.WriteString(r.Type)
	if r.Status != nil {
		fmt.Fprintf(&b, " status %d", *r.Status)
	}
	if r.Code != nil {
		fmt.Fprintf(&b, " code %d", *r.Code)
	}
	return b.String() + ": " + r.Message
}

// call makes one call with the given credentials; another pair than before
// starts the driver anew.
func (c *client) call(ctx context.Context, a *app, url, key, secret, name string, arguments any) (r reply, err error) {
	if c.running == nil || c.running.key != key || c.running.secret != secret {
		c.stop()
		if c.running, err = c.drive(a, url, key, secret); err != nil {
			return r, err
		}
	}
	d := c.running
	line, err := json.Marshal(map[string]any{"call": name, "arguments": arguments})
	if err != nil {
		return r, err
	}
	if _, err = d.in.Write(append(line, '\n')); err == nil {
		select {
		case text, ok := <-d.replies:
			if !ok {
				err = errors.New("the driver ended")
			} else if json.Unmarshal(text, &r) != nil || r.Value == nil && r.Refusal == nil && r.Unsupported == "" {
				err = fmt.Errorf("the driver printed %q", text)
			}
		case <-time.After(40 * time.Second):
			err = errors.New("the client never came back")
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		c.stop()
		err = fmt.Errorf("%w: %s", err, tail(d.complaints.String()))
	}
	return r, err
}

func tail(text string) string { return strings.Join(strings.Fields(text[max(0, len(text)-300):]), " ") }

func (c *client) drive(a *app, url, key, secret string) (*driver, error) {
	d := &driver{process: c.start(c.dir), replies: make(chan []byte, 10), key: key, secret: secret}
	d.process.Env = append(os.Environ(), "AURORA_URL="+url, "APP_KEY="+key, "MASTER_SECRET="+secret, "ZONE="+c.zone,
		"GROUP_KEY="+a.groupKey, "GROUP_SECRET="+a.groupSecret, "DEV_KEY="+a.devKey, "DEV_SECRET="+a.devSecret)
	if inside() {
		d.process.Env = append(d.process.Env, "UNMODIFIED=1")
	}
	d.process.Stderr = &d.complaints
	out, err := d.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if d.in, err = d.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := d.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(d.replies)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			if text, ours := bytes.CutPrefix(lines.Bytes(), []byte("reply ")); ours { // clients print too
				d.replies <- bytes.Clone(text)
			}
		}
	}()
	return d, nil
}

// stop ends the driver.
func (c *client) stop() {
	if c.running == nil {
		return
	}
	d := c.running
	c.running = nil
	d.in.Close()
	var once sync.Once
	kill := func() { once.Do(func() { d.process.Process.Kill() }) }
	patience := time.AfterFunc(5*time.Second, kill)
	defer patience.Stop()
	for range d.replies { // what a late client still says
	}
	d.process.Wait()
}

// dropsQuery reports whether the client loses the query of an address on the
// way, so that what it narrows by platform is not narrowed.
func (c *client) dropsQuery() bool { return c.folder == "node-async" }
