package server_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	"github.com/aurora-push/aurora/store/storetest"
)

// An installation moves from SQLite to PostgreSQL with everything it has, also
// if the move is interrupted: devices, tags, messages with outcomes, schedules,
// secrets. Numbers go on where they were.
func TestInstallationMoves(t *testing.T) {
	t.Parallel()
	dir, database := t.TempDir(), storetest.NewSchema(t)
	config := server.Config{Data: dir, Listen: "127.0.0.1:0", Limits: api.Limits{}}
	s := serve(t, config)
	r := &clusterRig{T: t, app: createApp(t, s)}
	const devices = 12000 // more than one portion
	r.register(s, 0, devices)
	first, err := s.Registry.Devices(t.Context(), r.app.ID, registry.Query{Limit: 1, Before: 1})
	check(t, err)
	alias := "mia"
	check(t, s.Registry.Apply(t.Context(), r.app.ID, 0, registry.Change{Alias: &alias, AddTags: []string{"vip", "东京"}}))
	pushed, _, err := r.call("POST", s.URL()+"/v3/push", push(map[string]any{"alias": []string{alias}}, "before", r.cid(1)))
	check(t, err)
	due := time.Now().Add(time.Hour).In(time.FixedZone("", 8*3600)).Format(time.DateTime)
	scheduled, _, err := r.call("POST", s.URL()+"/v3/schedules", map[string]any{"name": "later", "enabled": true, "trigger": map[string]any{"single": map[string]any{"time": due}}, "push": push("all", "later", "")})
	check(t, err)
	if _, err := server.Move(t.Context(), dir, database, func(string, int64, int64) {}); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("beside a running server: %v", err)
	}
	stop(t, s)

	interrupted, cancel := context.WithCancel(t.Context())
	_, err = server.Move(interrupted, dir, database, func(table string, done, _ int64) {
		if table == "device" && done > 0 {
			cancel()
		}
	})
	if err == nil {
		t.Fatal("the move was not interrupted")
	}
	config.Data, config.Database = t.TempDir(), database
	key, err := os.ReadFile(filepath.Join(dir, "secret.key"))
	check(t, err)
	config.Key = strings.TrimSpace(string(key))
	if _, err := base64.StdEncoding.DecodeString(config.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "a move into this database is not finished") {
		t.Errorf("a server on half a database: %v", err)
	}
	resumed := int64(-1)
	beside, err := sql.Open("pgx", database)
	check(t, err)
	defer beside.Close()
	_, err = beside.Exec("UPDATE device SET mobile = 'x' WHERE number = 7")
	check(t, err)
	if _, err := server.Move(t.Context(), dir, database, func(table string, done, _ int64) {
		if table == "device" && resumed < 0 {
			resumed = done
		}
	}); err == nil || !strings.Contains(err.Error(), "table device: 12000 rows with the digest") {
		t.Errorf("a row that differs: %v", err)
	}
	_, err = beside.Exec("UPDATE device SET mobile = '' WHERE number = 7")
	check(t, err)
	moved, err := server.Move(t.Context(), dir, database, func(string, int64, int64) {})
	check(t, err)
	if resumed <= 5000 {
		t.Errorf("the second move began with %d devices; want it to go on after the first portion", resumed)
	}
	rows := map[string]int64{}
	for _, m := range moved {
		rows[m.Table] = m.Rows
	}
	if rows["device"] != devices || rows["schedule"] != 1 || rows["message"] != 1 || rows["account"] != 1 {
		t.Errorf("moved %v", rows)
	}

	s = serve(t, config)
	defer stop(t, s)
	again, _, err := r.call("POST", s.URL()+"/v3/push", push(map[string]any{"alias": []string{alias}}, "before", r.cid(1)))
	if err != nil || again["msg_id"] != pushed["msg_id"] {
		t.Errorf("the cid of before makes %v, %v; want %v", again, err, pushed)
	}
	if found, _, err := r.call("GET", s.URL()+"/v3/schedules/"+fmt.Sprint(scheduled["schedule_id"]), nil); err != nil || found["name"] != "later" {
		t.Errorf("the schedule is %v, %v", found, err)
	}
	for tag, want := range map[string]uint64{"东京": 1, "nobody": 0} {
		if n, err := s.Registry.Count(t.Context(), r.app.ID, audience.Is(audience.Tag, tag)); err != nil || n != want {
			t.Errorf("%d devices have the tag %s, %v; want %d", n, tag, err, want)
		}
	}
	if n, err := s.Registry.Count(t.Context(), r.app.ID, audience.Is(audience.Token, aurora.Production.String())); err != nil || n != devices {
		t.Errorf("%d devices can be reached, %v; want %d", n, err, devices)
	}
	r.register(s, devices, devices+3)
	newest, err := s.Registry.Devices(t.Context(), r.app.ID, registry.Query{Limit: 1})
	if err != nil || newest[0].Number != devices+2 {
		t.Errorf("the newest device has number %d, %v; want %d", newest[0].Number, err, devices+2)
	}
	if d, err := s.Registry.Device(t.Context(), r.app.ID, first[0].RegistrationID); err != nil || d.Alias != alias {
		t.Errorf("the first device is %+v, %v", d, err)
	}
	if _, err := server.Move(t.Context(), dir, database, func(string, int64, int64) {}); err == nil || !strings.Contains(err.Error(), "holds an Aurora already") {
		t.Errorf("a move into a database in use: %v", err)
	}
}
