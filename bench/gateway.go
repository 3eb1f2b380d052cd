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
	"syscall"
	"time"
)

const topic = "com.example.bench"

// gateway is a local APNs in a process of its own.
type gateway struct {
	aurora  string
	dir     string
	url     string
	manage  string
	process *exec.Cmd
}

// buildAurora builds aurora, unless a program is given, and returns its path.
func buildAurora(ctx context.Context, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	program, err := filepath.Abs(filepath.Join(".build", "aurora"))
	if err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/aurora")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build aurora: %w\n%s", err, out)
	}
	return program, nil
}

// startGateway builds aurora, unless a program is given, and starts the local
// APNs in a temporary folder on ports that the kernel chooses.
func startGateway(ctx context.Context, aurora string, flags ...string) (*gateway, error) {
	aurora, err := buildAurora(ctx, aurora)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-apns-")
	if err != nil {
		return nil, err
	}
	g := &gateway{aurora: aurora, dir: dir}
	arguments := []string{"apns", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--manage", "127.0.0.1:0", "--data", dir, "--log-level", "error"}
	g.process = exec.Command(aurora, append(arguments, flags...)...)
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
		switch value = strings.TrimSpace(value); name {
		case "production":
			g.url = value
		case "management":
			g.manage = strings.TrimSuffix(value, "/")
		case "CA":
			return g, nil
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
	os.RemoveAll(g.dir)
}

func (g *gateway) ca() string { return filepath.Join(g.dir, "ca.pem") }

// key issues a provider key and returns its file, key id and team id.
func (g *gateway) key() (file, keyID, teamID string, err error) {
	file = filepath.Join(g.dir, "bench.p8")
	out, err := exec.Command(g.aurora, "apns", "issue", "--data", g.dir, "--bundle-id", topic, "--p8", file).CombinedOutput()
	if err != nil {
		return "", "", "", fmt.Errorf("issue a key: %w: %s", err, out)
	}
	var made struct {
		KeyID  string `json:"key_id"`
		TeamID string `json:"team_id"`
	}
	err = json.Unmarshal(out, &made)
	return file, made.KeyID, made.TeamID, err
}

func (g *gateway) get(path string, into any) error {
	answer, err := http.Get(g.manage + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, answer.Status, text)
	}
	return json.NewDecoder(bytes.NewReader(text)).Decode(into)
}

func (g *gateway) post(path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := http.Post(g.manage+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("POST %s: %s: %s", path, answer.Status, text)
	}
	return nil
}

// received is how many requests the local APNs has answered so far.
func (g *gateway) received() (uint64, error) {
	var journal struct {
		Counters map[string]uint64 `json:"counters"`
	}
	err := g.get("/v1/journal", &journal)
	return journal.Counters["received"], err
}

// cpu is the processor time that the local APNs has used so far.
func (g *gateway) cpu() (time.Duration, error) { return processTime(g.process.Process.Pid) }
