package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/client"
)

// nodeCost is one push to all devices through a number of servers: processor
// seconds for a million devices, user and system, of each part.
type nodeCost struct {
	Nodes    int     `json:"nodes"`
	Seconds  float64 `json:"seconds"` // from the call to the last outcome on record
	Servers  float64 `json:"servers_cpu_s_per_million"`
	Postgres float64 `json:"postgres_cpu_s_per_million"`
	APNs     float64 `json:"apns_cpu_s_per_million"`
	Work     float64 `json:"transactions_per_million"` // of PostgreSQL, those that only read included
	WAL      float64 `json:"wal_mb_per_million"`
}

// nodes measures what more servers cost: the same push to the same devices,
// with one server more each time, in interleaved rounds.
func nodes(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("nodes", flag.ContinueOnError)
	devices := f.Int("devices", 1_000_000, "devices that each push goes to")
	most := f.Int("most", 3, "servers at most")
	rounds := f.Int("rounds", 3, "pushes for each number of servers; the median counts")
	program := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	g, err := startGateway(ctx, *program, "--bench")
	if err != nil {
		return err
	}
	defer g.stop()
	file, keyID, teamID, err := g.key()
	if err != nil {
		return err
	}
	p8, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	s, err := openSite(ctx, g.aurora, g.url, g.ca(), aurora.CredentialFile{File: p8, KeyID: keyID, TeamID: teamID})
	if err != nil {
		return err
	}
	defer s.close()
	begin := time.Now()
	if err := s.register(ctx, *devices); err != nil {
		return err
	}
	fmt.Printf("%d devices imported in %.0f s; load average %s\n", *devices, time.Since(begin).Seconds(), load())
	for range *most {
		if _, err := s.addNode(false, os.Stderr); err != nil {
			return err
		}
	}
	runs := make([][]nodeCost, *most)
	for range *rounds {
		for n := range *most {
			cost, err := s.costOf(ctx, g, n+1, *devices)
			if err != nil {
				return err
			}
			runs[n] = append(runs[n], cost)
		}
	}
	fmt.Printf("%6s %8s %18s %18s %18s %12s %8s\n", "nodes", "seconds", "servers CPU s/M", "postgres CPU s/M", "apns CPU s/M", "transact./M", "WAL MB/M")
	medians := make([]nodeCost, *most)
	for n := range runs {
		m := nodeCost{Nodes: n + 1, Seconds: medianOf(runs[n], func(c nodeCost) float64 { return c.Seconds }), Servers: medianOf(runs[n], func(c nodeCost) float64 { return c.Servers }), Postgres: medianOf(runs[n], func(c nodeCost) float64 { return c.Postgres }),
			APNs: medianOf(runs[n], func(c nodeCost) float64 { return c.APNs }), Work: medianOf(runs[n], func(c nodeCost) float64 { return c.Work }), WAL: medianOf(runs[n], func(c nodeCost) float64 { return c.WAL })}
		medians[n] = m
		fmt.Printf("%6d %8.2f %18.2f %18.2f %18.2f %12.0f %8.1f\n", m.Nodes, m.Seconds, m.Servers, m.Postgres, m.APNs, m.Work, m.WAL)
	}
	last := medians[*most-1]
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"devices": *devices, "rounds": *rounds, "runs": medians,
		"growth": math.Round(((last.Servers+last.Postgres)/(medians[0].Servers+medians[0].Postgres)-1)*1000) / 1000})
}

func medianOf(runs []nodeCost, of func(nodeCost) float64) float64 {
	var list []float64
	for _, r := range runs {
		list = append(list, of(r))
	}
	return math.Round(spreadOfList(list).Median*100) / 100
}

// costOf starts servers, sends one push to all devices and takes from the
// kernel what each part has used meanwhile.
func (s *site) costOf(ctx context.Context, g *gateway, servers, devices int) (c nodeCost, err error) {
	for _, n := range s.nodes[:servers] {
		if err := n.start(ctx); err != nil {
			return c, err
		}
		defer n.stop()
	}
	rest, err := client.New(client.Config{Server: s.nodes[0].url, AppKey: s.app.Key, MasterSecret: s.app.MasterSecret.Reveal(), Settings: client.Settings{Timeout: time.Minute}})
	if err != nil {
		return c, err
	}
	time.Sleep(4 * time.Second) // they have heard of each other, and connected
	came, err := g.received()
	if err != nil {
		return c, err
	}
	work, wal, err := s.database.Written(ctx)
	if err != nil {
		return c, err
	}
	before, err := s.used(g, servers)
	if err != nil {
		return c, err
	}
	begin := time.Now()
	receipt, err := rest.Push(ctx, client.Push{Audience: client.Audience{All: true}, Notification: &client.Notification{Alert: client.Text("To everyone")}})
	if err != nil {
		return c, err
	}
	var report client.Report
	for report, err = range rest.Watch(ctx, receipt.MessageID, 200*time.Millisecond) {
		if err != nil {
			return c, err
		}
		if report.State == client.Done {
			break
		}
	}
	took := time.Since(begin)
	after, err := s.used(g, servers)
	if err != nil {
		return c, err
	}
	workAfter, walAfter, err := s.database.Written(ctx)
	if err != nil {
		return c, err
	}
	arrived, err := g.received()
	if err != nil {
		return c, err
	}
	if int(report.Accepted) != devices || int(arrived-came) != devices {
		return c, fmt.Errorf("%d of %d devices are on record as sent to, and APNs received %d", report.Accepted, devices, arrived-came)
	}
	million := float64(devices) / 1e6
	c = nodeCost{servers, took.Seconds(), (after.servers - before.servers).Seconds() / million, (after.postgres - before.postgres).Seconds() / million, (after.apns - before.apns).Seconds() / million,
		float64(workAfter-work) / million, float64(walAfter-wal) / 1e6 / million}
	fmt.Printf("%d servers: %.1f s; for a million: servers %.2f s, PostgreSQL %.2f s, local APNs %.2f s of CPU; %.0f transactions\n", servers, c.Seconds, c.Servers, c.Postgres, c.APNs, c.Work)
	return c, nil
}

// used is what the parts have used so far.
type used struct{ servers, postgres, apns time.Duration }

func (s *site) used(g *gateway, servers int) (u used, err error) {
	for _, n := range s.nodes[:servers] {
		own, err := processTime(n.cmd.Process.Pid)
		if err != nil {
			return u, err
		}
		u.servers += own
	}
	if u.postgres, err = familyTime(s.database.Pid()); err != nil {
		return u, err
	}
	u.apns, err = g.cpu()
	return u, err
}
