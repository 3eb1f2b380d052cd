package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora"
)

// outages are the environments whose work this server leaves to others. They
// are looked up beforehand: workers ask for every notification that fails.
type outages struct {
	elsewhere [aurora.Production + 1]atomic.Bool
}

// outagePause is how often they are looked up.
const outagePause = 250 * time.Millisecond

// elsewhere reports whether APNs' gateway of an environment is out of this
// server's reach while another server does not say so: that one sends then.
func (s *Server) elsewhere(env aurora.Environment) bool { return s.outages.elsewhere[env].Load() }

// watchOutages looks after gateways that cannot be reached until the context
// ends.
func (s *Server) watchOutages(ctx context.Context) {
	look, mend := time.NewTicker(outagePause), time.NewTicker(s.deadAfter()/5)
	defer look.Stop()
	defer mend.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-mend.C:
			s.channel.Mend(ctx)
		case <-look.C:
		}
		s.lookForOutages(ctx)
	}
}

func (s *Server) lookForOutages(ctx context.Context) {
	out := s.channel.Outages()
	for _, env := range []aurora.Environment{aurora.Development, aurora.Production} {
		o, is := out[env]
		left := is && s.othersReach(env)
		switch was := s.outages.elsewhere[env].Swap(left); {
		case left && !was:
			s.config.Logger.WarnContext(ctx, "APNs cannot be reached from here; other servers send meanwhile", "environment", env, "since", o.Since, "error", o.Why)
		case was && !left:
			s.config.Logger.InfoContext(ctx, "this server sends again", "environment", env)
			s.Dispatch.Look()
		}
	}
}

// othersReach reports whether another server has not said that it does not
// reach an environment's gateway.
func (s *Server) othersReach(env aurora.Environment) bool {
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	for _, n := range s.cluster.nodes {
		if n.ID != s.store.Node() && !slices.Contains(n.Unreached, env) {
			return true
		}
	}
	return false
}

// unreached says which gateways of APNs are out of this server's reach, and
// what becomes of the work; nil if none is.
func (s *Server) unreached() error {
	var all error
	for env, o := range s.channel.Outages() {
		what := "what is to be sent waits"
		if s.elsewhere(env) {
			what = "other servers send meanwhile"
		}
		all = errors.Join(all, fmt.Errorf("APNs for %s has not been reached since %s (%s); %s", env, o.Since.UTC().Format(time.RFC3339), o.Why, what))
	}
	return all
}
