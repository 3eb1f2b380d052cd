//go:build unix

package server_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/store/storetest"
)

// Two servers of an older program, which AURORA_TEST_OLDER names, are replaced,
// one at a time, by two of today's, on a database that the older program made.
// docs/scale.md says how to get one.
func TestRollingUpgradeFromOlder(t *testing.T) {
	older := os.Getenv("AURORA_TEST_OLDER")
	if older == "" {
		t.Skip("AURORA_TEST_OLDER names no older program: docs/scale.md, Upgrading")
	}
	r, issued := newEmptyRig(t, storetest.NewSchema(t))
	p8 := filepath.Join(t.TempDir(), "key.p8")
	check(t, os.WriteFile(p8, issued.P8, 0o600))
	r.older(older, nil, "account", "create", "--email", "owner@example.com")
	var made struct {
		AppKey string `json:"app_key"`
		Secret string `json:"master_secret"`
	}
	r.older(older, &made, "app", "create", "--account", "owner@example.com", "--name", "Reader", "--bundle-id", bundleID)
	r.app.Key, r.app.MasterSecret = made.AppKey, aurora.NewSecret(made.Secret)
	r.older(older, nil, "app", "credential", "--app", made.AppKey, "--key-id", issued.KeyID, "--team-id", issued.TeamID,
		"--apns", r.config.APNs, "--apns-sandbox", r.config.APNsSandbox, "--apns-ca", r.config.APNsCA, p8)
	db, err := sql.Open("pgx", r.config.Database)
	check(t, err)
	defer db.Close()
	before := schemaOf(t, db)

	b := &balancer{}
	old := []*program{r.program(older), r.program(older)}
	for _, p := range old {
		b.add(p.url)
	}
	device := r.phone(old[0].url)
	load := r.load(b, device)
	load.await(t, 200)
	today := build(t, "")
	for _, p := range old {
		b.add(r.program(today).url)
		load.await(t, 200)
		p.end(t)
	}
	load.await(t, 200)
	pushes := load.end(t)
	seen := r.await(pushes, 20*time.Second)
	for alert := range pushes {
		for _, times := range seen[alert] {
			if times != 1 {
				t.Errorf("%q arrived %d times", alert, times)
			}
		}
	}
	if after := schemaOf(t, db); after <= before {
		t.Errorf("the older program's schema is %d and today's %d: it is not older", before, after)
	} else {
		t.Logf("schema %d to %d: %d calls, %d of them pushes: none refused, none lost", before, after, load.calls.Load(), len(pushes))
	}
}

func schemaOf(t *testing.T, db *sql.DB) (version int) {
	t.Helper()
	check(t, db.QueryRow("SELECT MAX(version) FROM schema_version").Scan(&version))
	return version
}

// older runs a command of the older program on the database and reads its JSON,
// if asked to.
func (r *clusterRig) older(file string, into any, arguments ...string) {
	r.Helper()
	c := exec.CommandContext(r.Context(), file, append(arguments, "--data", r.TempDir(), "--database", r.config.Database)...)
	c.Env, c.Stdin = append(os.Environ(), "AURORA_KEY="+r.config.Key), strings.NewReader("correct horse battery\n")
	out, err := c.Output()
	if err != nil {
		r.Fatalf("%v: %v: %s", arguments, err, err.(*exec.ExitError).Stderr)
	}
	if into != nil {
		check(r.T, json.Unmarshal(out, into))
	}
}

// phone registers a device over HTTP and returns its registration id.
func (r *clusterRig) phone(url string) string {
	r.Helper()
	body := fmt.Sprintf(`{"app_key":%q,"install_id":"phone-000001","secret":%q,"platform":"ios","token":%q,"environment":"production"}`, r.app.Key, strings.Repeat("s", 43), token(0))
	resp, err := http.Post(url+"/v1/devices", "application/json", strings.NewReader(body))
	check(r.T, err)
	defer resp.Body.Close()
	var answer struct {
		ID string `json:"registration_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.ID == "" {
		r.Fatalf("%s, %v", resp.Status, err)
	}
	return answer.ID
}
