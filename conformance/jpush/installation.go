package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// installation is a local APNs and a server, each a process of its own and
// reached only by what it documents.
type installation struct {
	aurora, dir  string
	apns, server *process
	manage, url  string // of the local APNs, of the server
	// The developer key and secret of the apps' account.
	devKey, devSecret string
}

const owner = "owner@example.com"

func install(ctx context.Context, aurora, dir string) (i *installation, err error) {
	i = &installation{aurora: aurora, dir: dir}
	defer func() {
		if err != nil {
			i.stop()
		}
	}()
	if i.apns, err = i.start("apns", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--manage", "127.0.0.1:0", "--data", "apns", "--log-level", "error"); err != nil {
		return nil, err
	}
	said, err := i.apns.says("production ", "development ", "management ")
	if err != nil {
		return nil, err
	}
	i.manage = strings.TrimSuffix(said[2], "/")
	serve := []string{"serve", "--listen", "127.0.0.1:0"}
	if inside() {
		cert := os.Getenv(insideMark)
		serve = []string{"serve", "--listen", "127.0.0.1:443", "--tls-cert", filepath.Join(cert, "server.pem"), "--tls-key", filepath.Join(cert, "server-key.pem")}
	}
	if i.server, err = i.start(append(serve, "--data", "data", "--apns", said[0], "--apns-sandbox", said[1], "--apns-ca", filepath.Join("apns", "ca.pem"), "--log-level", "error")...); err != nil {
		return nil, err
	}
	if said, err = i.server.says("Aurora is ready at "); err != nil {
		return nil, err
	}
	i.url = said[0]
	out, err := i.command(ctx, "correct horse battery\n", "account", "create", "--data", "data", "--email", owner)
	if err != nil {
		return i, err
	}
	var made struct {
		Key    string `json:"dev_key"`
		Secret string `json:"dev_secret"`
	}
	err = json.Unmarshal(out, &made)
	i.devKey, i.devSecret = made.Key, made.Secret
	return i, err
}

func (i *installation) stop() {
	for _, p := range []*process{i.server, i.apns} {
		if p != nil {
			p.stop()
		}
	}
}

// command runs aurora to its end and returns what it printed.
func (i *installation) command(ctx context.Context, stdin string, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, i.aurora, arguments...)
	c.Dir, c.Stdin = i.dir, strings.NewReader(stdin)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("aurora %s %s: %w: %s", arguments[0], arguments[1], err, complaints.Bytes())
	}
	return out, nil
}

// certificate makes one that the local APNs trusts and returns its file.
func (i *installation) certificate(ctx context.Context, bundleID, name string) (string, error) {
	file := "made-" + name + ".p12"
	_, err := i.command(ctx, "", "apns", "issue", "--data", "apns", "--bundle-id", bundleID, "--p12", file, "--password", "secret")
	return filepath.Join(i.dir, file), err
}

// process is a running aurora.
type process struct {
	cmd   *exec.Cmd
	lines chan string
	done  chan struct{}
	once  sync.Once
}

func (i *installation) start(arguments ...string) (*process, error) {
	p := &process{cmd: exec.Command(i.aurora, arguments...), lines: make(chan string, 100), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stderr = i.dir, os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case p.lines <- s.Text():
			default: // nobody reads any more
			}
		}
	}()
	return p, nil
}

// says waits for lines that begin with each of the words, in that order, and
// returns what follows them.
func (p *process) says(words ...string) ([]string, error) {
	said := make([]string, 0, len(words))
	late := time.After(20 * time.Second)
	for len(said) < len(words) {
		select {
		case line, ok := <-p.lines:
			if !ok {
				return nil, fmt.Errorf("aurora %s ended before it was ready", p.cmd.Args[1])
			}
			if rest, found := strings.CutPrefix(strings.TrimSpace(line), words[len(said)]); found {
				said = append(said, strings.Fields(rest)[0])
			}
		case <-late:
			return nil, fmt.Errorf("aurora %s did not say %q", p.cmd.Args[1], words[len(said)])
		}
	}
	return said, nil
}

func (p *process) stop() {
	p.once.Do(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		patience := time.AfterFunc(20*time.Second, func() { p.cmd.Process.Kill() })
		defer patience.Stop()
		<-p.done
		p.cmd.Wait()
	})
}

// recorded is a push as the local APNs saw it.
type recorded struct {
	Token      string          `json:"token"`
	Topic      string          `json:"topic"`
	PushType   string          `json:"push_type"`
	Priority   int             `json:"priority"`
	Expiration *int64          `json:"expiration"`
	CollapseID string          `json:"collapse_id"`
	Payload    json.RawMessage `json:"payload"`
	Status     int             `json:"status"`
	Reason     string          `json:"reason"`
}

// pushes lists what the local APNs got for a token.
func (i *installation) pushes(ctx context.Context, token string) (list []recorded, err error) {
	request, err := http.NewRequestWithContext(ctx, "GET", i.manage+"/v1/notifications?limit=10000&token="+token, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the local APNs answered %s", answer.Status)
	}
	return list, json.NewDecoder(answer.Body).Decode(&list)
}
