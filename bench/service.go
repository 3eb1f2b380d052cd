package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// service is a push server in a process of its own, with its data in a
// temporary folder.
type service struct {
	process *exec.Cmd
	url     string
	user    string // for HTTP Basic
	secret  string
	data    string // of Aurora: its folder
}

// startAurora runs `aurora serve` against the gateway, with an app, its key and
// devices with the given tokens.
func startAurora(ctx context.Context, g *gateway, tokens []string) (*service, error) {
	s := &service{data: filepath.Join(g.dir, "aurora")}
	var app struct {
		Key    string `json:"app_key"`
		Secret string `json:"master_secret"`
	}
	file, keyID, teamID, err := g.key()
	if err != nil {
		return nil, err
	}
	if err := runJSON(ctx, nil, "correct horse battery\n", g.aurora, "account", "create", "--data", s.data, "--email", "bench@example.com"); err != nil {
		return nil, err
	}
	if err := runJSON(ctx, &app, "", g.aurora, "app", "create", "--data", s.data, "--account", "bench@example.com", "--name", "Bench", "--bundle-id", topic); err != nil {
		return nil, err
	}
	s.user, s.secret = app.Key, app.Secret
	if err := s.serve(g); err != nil {
		return nil, err
	}
	if err := runJSON(ctx, nil, "", g.aurora, "app", "credential", "--data", s.data, "--app", app.Key, "--key-id", keyID, "--team-id", teamID, file); err != nil {
		s.stop()
		return nil, err
	}
	if err := s.register(ctx, tokens); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// serve starts Aurora's process with the data that is there.
func (s *service) serve(g *gateway) error {
	s.process = exec.Command(g.aurora, "serve", "--listen", "127.0.0.1:0", "--data", s.data, "--apns", g.url, "--apns-sandbox", g.url, "--apns-ca", g.ca(), "--log-level", "error")
	out, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.stop()
		return fmt.Errorf("aurora serve: %w", err)
	}
	s.url = strings.TrimSpace(line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1:])
	return nil
}

// register makes a device of each token, over many connections.
func (s *service) register(ctx context.Context, tokens []string) error {
	const callers = 64
	var wg sync.WaitGroup
	failed := make(chan error, callers)
	for c := range callers {
		wg.Go(func() {
			for i := c; i < len(tokens); i += callers {
				var made struct {
					ID string `json:"registration_id"`
				}
				secret := fmt.Sprintf("%043d", i)
				err := call(ctx, "POST", s.url+"/v1/devices", "", "", map[string]any{"app_key": s.user, "install_id": fmt.Sprintf("install-%d", i), "secret": secret, "platform": "ios"}, &made)
				if err == nil {
					err = call(ctx, "PATCH", s.url+"/v1/devices/"+made.ID, made.ID, secret, map[string]any{"token": tokens[i], "environment": "production"}, nil)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("register the devices: %w", err)
	default:
		return nil
	}
}

func (s *service) stop() {
	s.process.Process.Signal(syscall.SIGTERM)
	patience := time.AfterFunc(20*time.Second, func() { s.process.Process.Kill() })
	defer patience.Stop()
	s.process.Wait()
}

var web = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// call makes a request with a JSON body and reads the JSON answer.
func call(ctx context.Context, method, url, user, password string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	answer, err := web.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %.300s", method, url, answer.Status, got)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(got, into)
}

// runJSON runs a command to its end and reads the JSON it prints, if asked to.
func runJSON(ctx context.Context, into any, stdin, program string, arguments ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, arguments...)
	c.Stdin, c.Stderr = strings.NewReader(stdin), os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("%s %s: %w", filepath.Base(program), arguments[0], err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(out, into)
}
