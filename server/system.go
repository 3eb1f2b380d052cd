package server

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/console"
	"github.com/aurora-push/aurora/dispatch"
)

// System is how the installation is, for the console. What cannot be read in
// time is left out: the page is wanted most when something does not answer.
func (s *Server) System(ctx context.Context) (console.System, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	sys := console.System{Version: buildVersion(), Started: s.began, Database: "SQLite", Bytes: s.store.Size()}
	if s.config.Database != "" {
		sys.Database, sys.Bytes = "PostgreSQL", 0
	}
	if _, problem := s.health.state(ctx); problem != nil {
		sys.Problem = problem.Error()
	}
	if queues, err := s.store.Queues(ctx); err == nil {
		lanes := map[dispatch.Lane]console.SystemLane{}
		for _, q := range queues {
			lanes[q.Lane] = console.SystemLane{Jobs: q.Jobs, Oldest: q.Oldest}
		}
		for _, lane := range []dispatch.Lane{dispatch.Direct, dispatch.Broadcast} {
			l := lanes[lane]
			l.Name = lane.String()
			sys.Lanes = append(sys.Lanes, l)
		}
	}
	if parked, err := s.store.ParkedJobs(ctx, 20); err == nil {
		for _, p := range parked {
			sys.Damaged = append(sys.Damaged, console.SystemDamage{MessageID: p.MessageID, Problem: p.Problem, Until: p.Until})
		}
	}
	if n, err := s.store.Unfolded(ctx); err == nil {
		sys.Unfolded = n
	}
	loads := s.channel.Load()
	for _, env := range []aurora.Environment{aurora.Development, aurora.Production} {
		l := loads[env]
		sys.Gateways = append(sys.Gateways, console.SystemGateway{Environment: env, Live: l.Live, Leaving: l.Leaving, InFlight: l.InFlight, Queued: l.Queued, Down: l.Down, Refused: l.Refused, RTT: l.RTT.Round(time.Millisecond)})
	}
	s.cluster.mu.Lock()
	for _, n := range s.cluster.nodes {
		sys.Nodes = append(sys.Nodes, console.SystemNode{Name: n.Name, StartedAt: n.StartedAt, SeenAt: n.SeenAt, This: n.ID == s.store.Node()})
	}
	s.cluster.mu.Unlock()
	if a := s.AdminAddr(); a != nil {
		sys.AdminAddr = "http://" + a.String()
	}
	if s.Mail != nil {
		r := s.Mail.Relay()
		sys.Mail = &console.SystemMail{Server: r.Address(), From: r.From.String()}
		if q, err := s.Mail.Queue(ctx); err == nil {
			sys.Mail.Queue = q
		}
	}
	return sys, nil
}

// buildVersion is the release or the commit that this program was built of.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return runtime.Version()
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (version == "" || version == "(devel)") {
			version = s.Value[:min(12, len(s.Value))]
		}
	}
	if version == "" {
		version = "(devel)"
	}
	return version + ", " + info.GoVersion
}
