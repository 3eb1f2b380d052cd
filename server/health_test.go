//go:build unix

package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/store/storetest"
)

// awaitReady waits until /readyz answers with a status and says something.
func awaitReady(t *testing.T, client *http.Client, base string, status int, says string) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		resp, err := client.Get(base + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode == status && strings.Contains(string(body), says) {
			return
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("readyz answers %d %s, %v; want %d and %q", resp.StatusCode, body, err, status, says)
		}
	}
}

// TestReadyNamesWhatPostgresRefuses: PostgreSQL becomes read-only, as after a
// failover to a replica, and then gives the server no connection.
func TestReadyNamesWhatPostgresRefuses(t *testing.T) {
	admin := storetest.Schema(t, t.Name())
	db, err := sql.Open("pgx", admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	run := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	const role = "aurora_test_ready"
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	run("CREATE ROLE "+role+" LOGIN", "ALTER SCHEMA "+u.Query().Get("search_path")+" OWNER TO "+role)
	t.Cleanup(func() {
		_, err := db.Exec("DROP OWNED BY " + role + " CASCADE")
		if err == nil {
			_, err = db.Exec("DROP ROLE " + role)
		}
		if err != nil {
			t.Log(err)
		}
	})
	u.User = url.User(role)
	s := serve(t, server.Config{Data: t.TempDir(), Database: u.String()})
	t.Cleanup(func() { stop(t, s) })
	end := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role + "'"
	awaitReady(t, http.DefaultClient, s.URL(), 200, `"database":"ok"`)
	run("ALTER ROLE "+role+" SET default_transaction_read_only = on", end)
	awaitReady(t, http.DefaultClient, s.URL(), 503, "takes no writes, as a replica does not")
	run("ALTER ROLE "+role+" RESET default_transaction_read_only", end)
	awaitReady(t, http.DefaultClient, s.URL(), 200, `"database":"ok"`)
	run("ALTER ROLE "+role+" CONNECTION LIMIT 0", end)
	awaitReady(t, http.DefaultClient, s.URL(), 503, "has no connection left")
	run("ALTER ROLE " + role + " CONNECTION LIMIT -1")
	awaitReady(t, http.DefaultClient, s.URL(), 200, `"database":"ok"`)
}

// TestReadyNamesCertificatesThatEnd: the server's own, which is taken up when
// it is renewed, and those for APNs.
func TestReadyNamesCertificatesThatEnd(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, time.Now().Add(3*24*time.Hour))
	apns, err := localapns.NewServer(localapns.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := apns.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, apns) })
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, apns.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := server.Config{Data: t.TempDir(), TLSCert: cert, TLSKey: key, APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: ca}
	s := serve(t, c)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	awaitReady(t, client, s.URL(), 200, "The TLS certificate of this server expires at ")
	writeCertificate(t, cert, key, time.Now().Add(-time.Minute))
	awaitReady(t, client, s.URL(), 200, "The TLS certificate of this server expired at ")
	writeCertificate(t, cert, key, time.Now().Add(90*24*time.Hour))
	awaitReady(t, client, s.URL(), 200, `"database":"ok"}`)

	p12, err := apns.Issue(localapns.IssueRequest{BundleID: bundleID, NotAfter: time.Now().Add(24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	owner, _, err := s.Accounts.Create(t.Context(), "owner@example.com", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	app, err := s.Accounts.CreateApp(t.Context(), owner.ID, "Reader", bundleID)
	if err == nil {
		_, err = s.Accounts.StoreCredential(t.Context(), app, account.Upload{File: p12.P12})
	}
	if err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	c.TLSCert, c.TLSKey = "", ""
	again := serve(t, c)
	t.Cleanup(func() { stop(t, again) })
	awaitReady(t, http.DefaultClient, again.URL(), 200, "APNs certificates: ")
}

// writeCertificate writes a certificate that signs itself and its key.
func writeCertificate(t *testing.T, certFile, keyFile string, notAfter time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "aurora"}, NotBefore: notAfter.Add(-365 * 24 * time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
