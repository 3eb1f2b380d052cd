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
	Work     float64 `json:"transactions_per_million"` // of PostgreSQL, those that only read and those of idle servers included
	WAL      float64 `json:"wal_mb_per_million"`
	Open     float64 `json:"connections"`         // to PostgreSQL, of all servers
	Idle     float64 `json:"idle_transactions_s"` // of all servers, before the push
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
	s, err := openSite(ctx, g.aurora, g.url, g.ca(), aurora.CredentialFile{File: p8, KeyID: keyID, TeamID: teamID}, *devices)
	if err != nil {
		return err
	}
	defer s.close()
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
	fmt.Printf("%6s %8s %16s %16s %16s %12s %8s %12s %10s\n", "nodes", "seconds", "servers CPU s/M", "postgres CPU s/M", "apns CPU s/M", "transact./M", "WAL MB/M", "connections", "idle tr./s")
	medians := make([]nodeCost, *most)
	for n, list := range runs {
		m := nodeCost{n + 1, medianOf(list, func(c nodeCost) float64 { return c.Seconds }), medianOf(list, func(c nodeCost) float64 { return c.Servers }),
			medianOf(list, func(c nodeCost) float64 { return c.Postgres }), medianOf(list, func(c nodeCost) float64 { return c.APNs }),
			medianOf(list, func(c nodeCost) float64 { return c.Work }), medianOf(list, func(c nodeCost) float64 { return c.WAL }),
			medianOf(list, func(c nodeCost) float64 { return c.Open }), medianOf(list, func(c nodeCost) float64 { return c.Idle })}
		medians[n] = m
		fmt.Printf("%6d %8.2f %16.2f %16.2f %16.2f %12.0f %8.2f %12.0f %10.1f\n", m.Nodes, m.Seconds, m.Servers, m.Postgres, m.APNs, m.Work, m.WAL, m.Open, m.Idle)
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

// costOf starts servers, sends a push to all devices twice, and takes from the
// kernel what each part has used for the second: with the first, memory grows and
// connections are opened.
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
	pause(ctx, 4*time.Second) // they have heard of each other
	if err := s.toAll(ctx, rest, devices); err != nil {
		return c, err
	}
	idle, err := s.used(ctx, g, servers)
	if err != nil {
		return c, err
	}
	pause(ctx, 2*time.Second)
	before, err := s.used(ctx, g, servers)
	if err != nil {
		return c, err
	}
	begin := time.Now()
	if err := s.toAll(ctx, rest, devices); err != nil {
		return c, err
	}
	took := time.Since(begin)
	after, err := s.used(ctx, g, servers)
	if err != nil {
		return c, err
	}
	if int(after.came-before.came) != devices {
		return c, fmt.Errorf("APNs received %d for %d devices", after.came-before.came, devices)
	}
	million := float64(devices) / 1e6
	c = nodeCost{Nodes: servers, Seconds: took.Seconds(), Servers: (after.servers - before.servers).Seconds() / million, Postgres: (after.postgres - before.postgres).Seconds() / million, APNs: (after.apns - before.apns).Seconds() / million,
		Work: float64(after.work-before.work) / million, WAL: float64(after.wal-before.wal) / 1e6 / million,
		Open: float64(before.open), Idle: float64(before.work-idle.work) / before.at.Sub(idle.at).Seconds()}
	fmt.Printf("%d servers: %.1f s; for a million: servers %.2f s, PostgreSQL %.2f s, local APNs %.2f s of CPU; %.0f transactions\n", servers, c.Seconds, c.Servers, c.Postgres, c.APNs, c.Work)
	return c, nil
}

// toAll sends one push to all devices and waits until every outcome is on record.
func (s *site) toAll(ctx context.Context, rest *client.Client, devices int) error {
	receipt, err := rest.Push(ctx, client.Push{Audience: client.Audience{All: true}, Notification: &client.Notification{Alert: client.Text("To everyone")}})
	if err != nil {
		return err
	}
	for report, err := range rest.Watch(ctx, receipt.MessageID, 200*time.Millisecond) {
		if err != nil {
			return err
		}
		if report.State == client.Done {
			if int(report.Accepted) != devices {
				return fmt.Errorf("%d of %d devices are on record as sent to", report.Accepted, devices)
			}
			return nil
		}
	}
	return ctx.Err()
}

// used is what the parts have used and done so far.
type used struct {
	at                      time.Time
	servers, postgres, apns time.Duration // of processor
	work, wal               int64         // transactions, bytes of log
	open                    int           // connections to PostgreSQL
	came                    uint64        // notifications at the local APNs
}

func (s *site) used(ctx context.Context, g *gateway, servers int) (u used, err error) {
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
	if u.apns, err = g.cpu(); err != nil {
		return u, err
	}
	if u.work, u.wal, u.open, err = s.database.Written(ctx); err != nil {
		return u, err
	}
	u.at = time.Now()
	u.came, err = g.received()
	return u, err
}
