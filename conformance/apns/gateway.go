package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// gateway is a local APNs in a process of its own, reached only by what it
// documents: its command line and its management API.
type gateway struct {
	aurora     string
	dir        string
	production *url.URL
	sandbox    *url.URL
	manage     string
	process    *exec.Cmd
}

func startGateway(ctx context.Context, aurora, dir string) (*gateway, error) {
	g := &gateway{aurora: aurora, dir: dir}
	g.process = exec.Command(aurora, "apns", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--manage", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	out, err := g.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := g.process.Start(); err != nil {
		return nil, err
	}
	patience := time.AfterFunc(20*time.Second, func() { g.process.Process.Kill() })
	defer patience.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		value = strings.TrimSpace(value)
		switch name {
		case "production":
			g.production, err = url.Parse(value)
		case "development":
			g.sandbox, err = url.Parse(value)
		case "management":
			g.manage = strings.TrimSuffix(value, "/")
		case "CA":
			return g, nil
		}
		if err != nil {
			g.stop()
			return nil, err
		}
	}
	g.stop()
	return nil, fmt.Errorf("the local APNs did not say where it listens")
}

func (g *gateway) stop() {
	g.process.Process.Signal(syscall.SIGTERM)
	patience := time.AfterFunc(15*time.Second, func() { g.process.Process.Kill() })
	defer patience.Stop()
	g.process.Wait()
}

func (g *gateway) ca() string { return filepath.Join(g.dir, "ca.pem") }

// credential is a file that a client authenticates with.
type credential struct {
	p12, password      string
	p8, keyID, teamID  string
	topic, environment string
}

// certificate issues a .p12; environment "" means both.
func (g *gateway) certificate(file, bundleID, environment string, legacy bool) (credential, error) {
	c := credential{p12: file, password: "secret", topic: bundleID, environment: environment}
	arguments := []string{"apns", "issue", "--data", g.dir, "--bundle-id", bundleID, "--p12", file, "--password", c.password}
	if environment != "" {
		arguments = append(arguments, "--environment", environment)
	}
	if legacy {
		arguments = append(arguments, "--legacy")
	}
	out, err := exec.Command(g.aurora, arguments...).CombinedOutput()
	if err != nil {
		return c, fmt.Errorf("issue a certificate: %w: %s", err, out)
	}
	return c, nil
}

// key issues a .p8.
func (g *gateway) key(file, bundleID string) (credential, error) {
	c := credential{p8: file, topic: bundleID}
	out, err := exec.Command(g.aurora, "apns", "issue", "--data", g.dir, "--bundle-id", bundleID, "--p8", file).CombinedOutput()
	if err != nil {
		return c, fmt.Errorf("issue a key: %w: %s", err, out)
	}
	var made struct {
		KeyID  string `json:"key_id"`
		TeamID string `json:"team_id"`
	}
	err = json.Unmarshal(out, &made)
	c.keyID, c.teamID = made.KeyID, made.TeamID
	return c, err
}

// call speaks to the management API; in and out may be nil.
func (g *gateway) call(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, g.manage+path, body)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// calm puts back everything that a case may have changed.
func (g *gateway) calm() error {
	for _, err := range []error{
		g.call("POST", "/v1/policy", map[string]any{"profile": "default"}, nil),
		g.call("POST", "/v1/clock", map[string]any{"reset": true}, nil),
		g.call("DELETE", "/v1/faults", nil, nil),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// recorded is a push as the local APNs saw it.
type recorded struct {
	Connection uint64          `json:"connection"`
	Token      string          `json:"token"`
	Topic      string          `json:"topic"`
	PushType   string          `json:"push_type"`
	Priority   int             `json:"priority"`
	Expiration *int64          `json:"expiration"`
	CollapseID string          `json:"collapse_id"`
	APNsID     string          `json:"apns_id"`
	UniqueID   string          `json:"apns_unique_id"`
	Payload    json.RawMessage `json:"payload"`
	Status     int             `json:"status"`
	Reason     string          `json:"reason"`
}

func (g *gateway) notifications(token string) ([]recorded, error) {
	var list []recorded
	err := g.call("GET", "/v1/notifications?limit=10000&token="+token, nil, &list)
	return list, err
}

func (g *gateway) counters() (map[string]uint64, error) {
	var journal struct {
		Counters map[string]uint64 `json:"counters"`
	}
	err := g.call("GET", "/v1/journal", nil, &journal)
	return journal.Counters, err
}

// gone is the moment that a 410 for this token reports.
func (g *gateway) gone(token string) (time.Time, error) {
	var devices []struct {
		Token   string    `json:"token"`
		Learned time.Time `json:"learned"`
	}
	if err := g.call("GET", "/v1/devices", nil, &devices); err != nil {
		return time.Time{}, err
	}
	for _, d := range devices {
		if d.Token == token {
			return d.Learned, nil
		}
	}
	return time.Time{}, fmt.Errorf("the local APNs does not list token %s", token)
}
