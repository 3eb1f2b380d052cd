package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/aurora-push/aurora/server/servertest"
)

// fault is something that goes wrong and is mended. It draws what it needs
// before it begins: two run at the same time.
type fault struct {
	name string
	of   part // only one of a part at a time
	draw func(s *site, draw *rand.Rand) func(ctx context.Context) error
}

// part is what a fault is of, if two must not have it at the same time.
type part uint8

const (
	anyServer part = iota
	postgreSQL
	allNATS
)

// span draws a time that a fault lasts: shorter and longer than the 15 s after
// which a silent server's leases go to the others.
func span(draw *rand.Rand) time.Duration {
	if draw.IntN(3) == 0 {
		return 16*time.Second + time.Duration(draw.Int64N(int64(8*time.Second)))
	}
	return time.Second + time.Duration(draw.Int64N(int64(8*time.Second)))
}

// faults are all that happen.
var faults = []fault{
	{"server killed", anyServer, func(s *site, draw *rand.Rand) func(context.Context) error {
		n, d := s.anyNode(draw), span(draw)
		return func(ctx context.Context) error {
			n.kill()
			pause(ctx, d)
			return n.start(ctx)
		}
	}},
	{"server stopped and woken", anyServer, func(s *site, draw *rand.Rand) func(context.Context) error {
		n, d := s.anyNode(draw), span(draw)
		return func(ctx context.Context) error {
			n.signal(syscall.SIGSTOP)
			pause(ctx, d)
			n.signal(syscall.SIGCONT)
			return nil
		}
	}},
	{"server cut off from PostgreSQL", anyServer, onPath(func(n *node) []*servertest.Relay { return []*servertest.Relay{n.toDatabase} })},
	{"server cut off from APNs", anyServer, onPath(func(n *node) []*servertest.Relay { return []*servertest.Relay{n.toAPNs} })},
	{"server cut off from NATS", anyServer, onPath(func(n *node) []*servertest.Relay { return n.toHints })},
	{"server cut off from everything", anyServer, onPath(func(n *node) []*servertest.Relay {
		return append([]*servertest.Relay{n.toDatabase, n.toAPNs}, n.toHints...)
	})},
	{"PostgreSQL crashed", postgreSQL, func(s *site, draw *rand.Rand) func(context.Context) error {
		d := time.Duration(draw.Int64N(int64(5 * time.Second)))
		return func(ctx context.Context) error { return s.restartDatabase(ctx, syscall.SIGQUIT, d) }
	}},
	{"PostgreSQL restarted", postgreSQL, func(s *site, draw *rand.Rand) func(context.Context) error {
		return func(ctx context.Context) error { return s.restartDatabase(ctx, syscall.SIGINT, 0) }
	}},
	{"NATS server killed", allNATS, func(s *site, draw *rand.Rand) func(context.Context) error {
		h, d := s.hints[draw.IntN(len(s.hints))], span(draw)
		return func(ctx context.Context) error {
			h.Kill()
			pause(ctx, d)
			return h.Start()
		}
	}},
	{"all NATS servers killed", allNATS, func(s *site, draw *rand.Rand) func(context.Context) error {
		d := span(draw)
		return func(ctx context.Context) error {
			for _, h := range s.hints {
				h.Kill()
			}
			pause(ctx, d)
			for _, h := range s.hints {
				if err := h.Start(); err != nil {
					return err
				}
			}
			return nil
		}
	}},
}

// onPath cuts paths of a server: packets are lost in one direction or in both,
// or connections are refused.
func onPath(of func(*node) []*servertest.Relay) func(*site, *rand.Rand) func(context.Context) error {
	return func(s *site, draw *rand.Rand) func(context.Context) error {
		n, d, way := s.anyNode(draw), span(draw), draw.IntN(4)
		return func(ctx context.Context) error {
			for _, r := range of(n) {
				switch way {
				case 0:
					r.Hold(true, true)
				case 1:
					r.Hold(true, false)
				case 2:
					r.Hold(false, true)
				default:
					r.Reset()
				}
			}
			pause(ctx, d)
			for _, r := range of(n) {
				r.Heal()
			}
			return nil
		}
	}
}

func (s *site) anyNode(draw *rand.Rand) *node { return s.nodes[draw.IntN(len(s.nodes))] }

func (s *site) restartDatabase(ctx context.Context, signal syscall.Signal, away time.Duration) error {
	s.database.Stop(signal)
	pause(ctx, away)
	return s.database.Start()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// fail makes one thing after the other fail, now and then two at a time.
func (s *site) fail(ctx context.Context, draw *rand.Rand, r *clusterResult, j *clusterJudge) error {
	for round := range r.Rounds {
		var now []fault
		for _, i := range draw.Perm(len(faults))[:1+max(0, draw.IntN(3)-1)] {
			if of := faults[i].of; len(now) == 0 || of == anyServer || now[0].of != of {
				now = append(now, faults[i])
			}
		}
		var wg sync.WaitGroup
		failed := make(chan error, len(now))
		names := ""
		for _, f := range now {
			do := f.draw(s, draw)
			r.Faults[f.name]++
			names += f.name + "; "
			wg.Go(func() {
				if err := do(ctx); err != nil {
					failed <- fmt.Errorf("%s: %w", f.name, err)
				}
			})
		}
		fmt.Fprintf(os.Stdout, "%s round %d: %s%s\n", time.Now().Format(time.TimeOnly), round+1, names, j.progress())
		wg.Wait()
		close(failed)
		if err := <-failed; err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause(ctx, time.Duration(draw.Int64N(int64(4*time.Second))))
	}
	return nil
}
