package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/store/storetest"
)

// testDeadAfter is how soon the servers of these tests give each other up.
const testDeadAfter = 2 * time.Second

// clusterRig is a local APNs and what servers on one database have in common.
type clusterRig struct {
	*testing.T
	apns   *localapns.Server
	config server.Config
	app    aurora.App
}

// newClusterRig makes an app with a provider key.
func newClusterRig(t *testing.T, database string) *clusterRig {
	t.Helper()
	r, issued := newEmptyRig(t, database)
	s := r.open()
	defer stop(t, s)
	owner, _, err := s.Accounts.Create(t.Context(), "owner@example.com", "correct horse battery")
	check(t, err)
	r.app, err = s.Accounts.CreateApp(t.Context(), owner.ID, "Reader", bundleID)
	check(t, err)
	_, err = s.Accounts.StoreCredential(t.Context(), r.app, aurora.CredentialFile{File: issued.P8, KeyID: issued.KeyID, TeamID: issued.TeamID})
	check(t, err)
	return r
}

// newEmptyRig makes a provider key, and nothing in the database.
func newEmptyRig(t *testing.T, database string) (*clusterRig, *localapns.Issued) {
	t.Helper()
	dir := t.TempDir()
	apns, err := localapns.NewServer(localapns.Config{Dir: dir, AcceptAnyToken: true, Keep: 1 << 20})
	check(t, err)
	check(t, apns.Start(t.Context()))
	t.Cleanup(func() { stop(t, apns) })
	r := &clusterRig{T: t, apns: apns}
	r.config = server.Config{
		Database: database, Key: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)), DeadAfter: testDeadAfter, Listen: "127.0.0.1:0",
		APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: filepath.Join(dir, "ca.pem"), Limits: api.Limits{Reports: 100_000},
	}
	issued, err := apns.Issue(localapns.IssueRequest{Key: true, BundleID: bundleID})
	check(t, err)
	return r, issued
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a server with a folder of its own.
func (r *clusterRig) open() *server.Server {
	r.Helper()
	c := r.config
	c.Data = r.TempDir()
	s, err := server.Open(r.Context(), c)
	check(r.T, err)
	return s
}

func token(i int) string { return fmt.Sprintf("%064x", i+1) }

// register registers devices first to last through a server.
func (r *clusterRig) register(s *server.Server, first, last int) {
	r.Helper()
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := first + worker; i < last; i += 16 {
				name, env, token := fmt.Sprintf("install-%06d", i), aurora.Production, token(i)
				_, err := s.Registry.Register(r.Context(), r.app.ID, registry.Registration{InstallID: name, Secret: strings.Repeat("s", 43), Platform: aurora.IOS, Change: registry.Change{Token: &token, Environment: &env}})
				if err != nil {
					r.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// call makes a REST call and returns the answer of a 200.
func (r *clusterRig) call(method, url string, body any) (answer map[string]any, header http.Header, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	q.SetBasicAuth(r.app.Key, r.app.MasterSecret.Reveal())
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: %s, %w", resp.Status, text, err)
	}
	return answer, resp.Header, json.Unmarshal(text, &answer)
}

func push(audience any, alert, cid string) map[string]any {
	m := map[string]any{"platform": []string{"ios"}, "audience": audience, "notification": map[string]any{"alert": alert}, "options": map[string]any{"apns_production": true}}
	if cid != "" {
		m["cid"] = cid
	}
	return m
}

// cid returns a client's id for a push.
func (r *clusterRig) cid(n int) string {
	return fmt.Sprintf("%s-00000000-0000-4000-8000-%012x", r.app.Key, n)
}

// arrived returns how often each device got each alert.
func (r *clusterRig) arrived() map[string]map[string]int {
	seen := map[string]map[string]int{}
	for _, n := range r.apns.Notifications(1 << 20) {
		if n.Status != http.StatusOK {
			continue
		}
		var payload struct {
			APS struct{ Alert string }
		}
		if err := json.Unmarshal(n.Payload, &payload); err != nil {
			r.Fatal(err)
		}
		if seen[payload.APS.Alert] == nil {
			seen[payload.APS.Alert] = map[string]int{}
		}
		seen[payload.APS.Alert][n.Token]++
	}
	return seen
}

// await waits until each alert has reached so many devices.
func (r *clusterRig) await(alerts map[string]int, patience time.Duration) map[string]map[string]int {
	r.Helper()
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		seen, missing := r.arrived(), ""
		for alert, devices := range alerts {
			if len(seen[alert]) < devices {
				missing = fmt.Sprintf("%q reached %d of %d devices", alert, len(seen[alert]), devices)
			}
		}
		if missing == "" {
			return seen
		}
		if time.Since(begin) > patience {
			r.Fatalf("%s within %v", missing, patience)
		}
	}
}

// deaf loses every hint.
type deaf struct{}

func (deaf) Publish(string, string)                   {}
func (deaf) Subscribe(string) (<-chan string, func()) { return nil, func() {} }
func (deaf) Trouble() error                           { return nil }
func (deaf) Close()                                   {}

// Two servers on one database are one Aurora: what is registered through one is
// reached through the other, nothing is sent twice, a schedule fires once, the
// same CID is one push, and they share limits. So it is without any hint, too.
func TestTwoServersAreOne(t *testing.T) {
	t.Parallel()
	for _, hints := range []string{"with hints", "every hint lost"} {
		t.Run(hints, func(t *testing.T) {
			t.Parallel()
			r := newClusterRig(t, storetest.NewSchema(t))
			if hints == "every hint lost" {
				r.config.Bus = deaf{}
			}
			a, b := r.open(), r.open()
			for _, s := range []*server.Server{a, b} {
				defer stop(t, s)
				check(t, s.Start(t.Context()))
			}
			const devices = 4500 // more than a handful: blocks
			var wg sync.WaitGroup
			wg.Go(func() { r.register(a, 0, devices/2) })
			wg.Go(func() { r.register(b, devices/2, devices) })
			wg.Wait()
			events, unwatch := b.Ledger.Watch(t.Context(), r.app.ID)
			defer unwatch()
			_, _, err := r.call("POST", a.URL()+"/v3/push", push("all", "broadcast", ""))
			check(t, err)
			_, _, err = r.call("POST", b.URL()+"/v3/schedules", map[string]any{"name": "soon", "enabled": true,
				"trigger": map[string]any{"single": map[string]any{"time": time.Now().Add(2 * time.Second).In(time.FixedZone("", 8*3600)).Format(time.DateTime)}}, "push": push("all", "scheduled", "")})
			check(t, err)
			ids := make([]any, 8)
			var header http.Header
			for i := range ids {
				wg.Go(func() {
					answer, h, err := r.call("POST", []string{a.URL(), b.URL()}[i%2]+"/v3/push", push(map[string]any{"registration_id": []string{r.registrationID(a)}}, "one cid", r.cid(1)))
					if err != nil {
						t.Error(err)
						return
					}
					if ids[i] = answer["msg_id"]; i == 1 {
						header = h
					}
				})
			}
			wg.Wait()
			for _, id := range ids {
				if id != ids[0] {
					t.Errorf("one cid made the messages %v", ids)
					break
				}
			}
			if limit := header.Get("X-Rate-Limit-Limit"); limit != "300000" {
				t.Errorf("each of two servers lets %s calls a minute through, want half of 600000", limit)
			}
			alerts := map[string]int{"broadcast": devices, "scheduled": devices, "one cid": 1}
			r.await(alerts, 30*time.Second)
			time.Sleep(time.Second) // what would come twice has a second to do so: jobs are looked for that often
			seen := r.arrived()
			for alert, n := range alerts {
				for token, times := range seen[alert] {
					if times != 1 {
						t.Fatalf("%q reached device %s %d times", alert, token, times)
					}
				}
				if len(seen[alert]) != n {
					t.Errorf("%q reached %d devices, want %d", alert, len(seen[alert]), n)
				}
			}
			if hints == "with hints" {
				select {
				case <-events:
				case <-time.After(10 * time.Second):
					t.Error("who watches at the one server hears nothing of the other")
				}
				r.rotates(a, b)
			}
			for _, n := range r.apns.Notifications(1 << 20) {
				if n.Status != http.StatusOK {
					t.Errorf("APNs refused: %d %s", n.Status, n.Reason)
					break
				}
			}
		})
	}
}

// rotates gives the app a new secret through one server; the other refuses the
// old one before its memory would have been over.
func (r *clusterRig) rotates(a, b *server.Server) {
	use := func() error {
		_, _, err := r.call("GET", b.URL()+"/v3/received?msg_ids=1", nil)
		return err
	}
	if err := use(); err != nil && strings.Contains(err.Error(), "401") {
		r.Error(err)
	}
	begin := time.Now()
	if _, err := a.Accounts.RotateSecret(r.Context(), r.app, 0); err != nil {
		r.Error(err)
	}
	for {
		if err := use(); err != nil && strings.Contains(err.Error(), "401") {
			return
		}
		if time.Since(begin) > 6*time.Second {
			r.Errorf("the other server takes the old secret for %v", time.Since(begin))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *clusterRig) registrationID(s *server.Server) string {
	ids, err := s.Registry.Devices(r.Context(), r.app.ID, registry.Query{Limit: 1, Before: 1})
	if err != nil || len(ids) != 1 {
		r.Errorf("device 0: %v, %v", ids, err)
		return ""
	}
	return ids[0].RegistrationID
}

// Servers that do not belong together, or whose machines are not set up, say so
// when they start.
func TestServersThatDoNotFit(t *testing.T) {
	r := newClusterRig(t, storetest.NewSchema(t))
	for _, c := range []struct {
		change func(*server.Config)
		want   string
	}{
		{func(c *server.Config) { c.Key = "" }, "Servers that share a database all need the same key"},
		{func(c *server.Config) { c.NATS = "nats.example.com" }, "NATS is not a URL"},
		{func(c *server.Config) { c.Database, c.NATS = "", "nats://127.0.0.1:4222" }, "give it with --database"},
		{func(c *server.Config) { c.Database = "mysql://x" }, "is not a URL such as postgres://"},
	} {
		config := r.config
		config.Data = t.TempDir()
		c.change(&config)
		s, err := server.Open(t.Context(), config)
		if err == nil {
			stop(t, s)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
