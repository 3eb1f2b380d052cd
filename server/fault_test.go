//go:build linux

package server_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
)

// call sends a push to everyone and returns the answer's status and text.
func call(t *testing.T, s *server.Server, app aurora.App, n int) (int, string) {
	t.Helper()
	body := fmt.Sprintf(`{"platform":"all","audience":"all","notification":{"alert":"%d %s"}}`, n, strings.Repeat("x", 1500))
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/v3/push", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(app.Key, app.MasterSecret.Reveal())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func withDevice(t *testing.T, s *server.Server, app aurora.App) {
	t.Helper()
	resp, err := http.Post(s.URL()+"/v1/devices", "application/json", strings.NewReader(fmt.Sprintf(`{"app_key":%q,"install_id":"install-1","secret":%q,"platform":"ios"}`, app.Key, strings.Repeat("s", 43))))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

// On a full disk what cannot be kept is refused, what was accepted stays, and
// once there is room again everything works without a restart.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here (%v); run as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := start(t, server.Config{Data: filepath.Join(dir, "data"), Listen: "127.0.0.1:0"})
	app := createApp(t, s)
	withDevice(t, s, app)
	if status, text := call(t, s, app, 0); status != http.StatusOK {
		t.Fatal(status, text)
	}
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	f.Close()

	accepted := map[string]bool{}
	refused := 0
	for n := 1; refused < 5; n++ {
		status, text := call(t, s, app, n)
		switch {
		case status == http.StatusOK:
			accepted[messageOf(t, text)] = true
		case status == http.StatusServiceUnavailable && strings.Contains(text, "disk"):
			refused++
		default:
			t.Fatalf("push %d on a full disk: %d %s", n, status, text)
		}
		if n > 5000 {
			t.Fatal("the disk is full and nothing is refused")
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		status, text := call(t, s, app, n)
		if status != http.StatusOK {
			t.Fatalf("with room again: %d %s", status, text)
		}
		accepted[messageOf(t, text)] = true
	}
	for id := range accepted {
		n, err := aurora.ParseMessageID(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Ledger.Report(t.Context(), app.ID, n); err != nil {
			t.Errorf("message %s was accepted and is gone: %v", id, err)
		}
	}
	audit, err := s.AuditOutcomes(t.Context())
	if err != nil || len(audit.Problems) > 0 {
		t.Errorf("the audit finds %v, %v", audit.Problems, err)
	}
	t.Logf("%d accepted, %d refused", len(accepted), refused)
}

func messageOf(t *testing.T, answer string) string {
	t.Helper()
	var a struct {
		ID string `json:"msg_id"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil || a.ID == "" {
		t.Fatalf("%s: %v", answer, err)
	}
	return a.ID
}

// While another process keeps the database, calls wait; those that are not
// answered in time are refused, and it goes on by itself afterwards.
func TestLockedDatabase(t *testing.T) {
	dir := t.TempDir()
	s := start(t, server.Config{Data: dir, Listen: "127.0.0.1:0"})
	app := createApp(t, s)
	withDevice(t, s, app)
	other, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "aurora.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	hold, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	const kept = 1500 * time.Millisecond
	var wg sync.WaitGroup
	begin := time.Now()
	for n := range 20 {
		wg.Go(func() {
			if status, text := call(t, s, app, n); status != http.StatusOK {
				t.Errorf("push %d after %v: %d %s", n, time.Since(begin), status, text)
			} else if waited := time.Since(begin); waited < kept {
				t.Errorf("push %d was answered after %v, while the database was kept", n, waited)
			}
		})
	}
	time.Sleep(kept) // the fault lasts that long
	reading, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Ledger.Messages(reading, app.ID, 0, 10); err != nil {
		t.Errorf("reading has to wait for the writer: %v", err)
	}
	if _, err := hold.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}
