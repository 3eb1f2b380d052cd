package account_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

const (
	// patience bounds every wait of a test.
	patience = 20 * time.Second

	bundleID = "com.example.reader"
	email    = "mia@example.com"
	password = "correct horse battery"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, s interface{ Shutdown(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// open opens the services on a folder, as command-line tools do.
func open(t *testing.T, c server.Config) *server.Server {
	t.Helper()
	s, err := server.Open(t.Context(), c)
	check(t, err)
	t.Cleanup(func() { stop(t, s) })
	return s
}

func startAPNs(t *testing.T) *localapns.Server {
	t.Helper()
	a, err := localapns.NewServer(localapns.Config{})
	check(t, err)
	check(t, a.Start(t.Context()))
	t.Cleanup(func() { stop(t, a) })
	return a
}

// openBeside opens services in a temporary folder that use a local APNs, and
// one app.
func openBeside(t *testing.T, a *localapns.Server) (*server.Server, aurora.App) {
	t.Helper()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	check(t, os.WriteFile(ca, a.CAPEM(), 0o600))
	s := open(t, server.Config{Data: dir, APNs: a.ProductionURL(), APNsSandbox: a.SandboxURL(), APNsCA: ca})
	return s, newApp(t, s)
}

func newApp(t *testing.T, s *server.Server) aurora.App {
	t.Helper()
	owner, _, err := s.Accounts.Create(t.Context(), email, password)
	check(t, err)
	app, err := s.Accounts.CreateApp(t.Context(), owner.ID, "Reader", bundleID)
	check(t, err)
	return app
}

// refused checks that an error is a refusal of a kind and returns its sentence.
func refused(t *testing.T, err error, kind aurora.Kind) string {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	if aurora.KindOf(err) != kind {
		t.Errorf("kind %v, want %v: %v", aurora.KindOf(err), kind, err)
	}
	return err.Error()
}
