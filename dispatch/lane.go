package dispatch

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
)

const (
	leaseTime  = 60 * time.Second
	pollPause  = time.Second            // how long a job can wait if every hint is lost
	settlePace = 100 * time.Millisecond // how often a running job writes its outcomes
	settleSize = 4096                   // outcomes that are written sooner: so many may be repeated after a crash
	drainTime  = 5 * time.Second        // for outcomes in flight at shutdown
)

// Service accepts pushes and sends them.
type Service struct {
	c          Config
	ids        idMaker
	holder     string
	handoff    chan freshJob
	places     chan struct{} // free places in handoff
	wake       [2]chan struct{}
	broadcasts broadcasts
}

// New returns a service; Run makes it send.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Tracer == nil {
		c.Tracer = noTracer{}
	}
	if c.Accepted == nil {
		c.Accepted = func(string) {}
	}
	if c.Settled == nil {
		c.Settled = func(aurora.Mark, uint64) {}
	}
	if c.Workers == [2]int{} {
		c.Workers = [2]int{256, 4}
	}
	if c.Elsewhere == nil {
		c.Elsewhere = func(aurora.Environment) bool { return false }
	}
	if c.Holder == "" {
		c.Holder = rand.Text()
	}
	// A job that is handed over spares its lease, its message and its targets
	// being read, so that a burst should find a place.
	handed := 4 * c.Workers[Direct]
	s := &Service{c: c, holder: c.Holder, handoff: make(chan freshJob, handed), places: make(chan struct{}, handed)}
	for i := range s.wake {
		s.wake[i] = make(chan struct{}, 1)
	}
	return s
}

func (s *Service) hint(appID int64, id aurora.MessageID) {
	if s.c.Hint != nil {
		s.c.Hint(appID, id)
	}
}

// Wake makes idle workers look for jobs now, here and on other servers. It is a
// hint: without it they look once a second.
func (s *Service) Wake() {
	s.Look()
	if s.c.Work != nil {
		s.c.Work()
	}
}

// Look makes idle workers of this server look for jobs now.
func (s *Service) Look() {
	for _, w := range s.wake {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// reserve takes a place in the handoff to the direct lane, if Run is running
// and one is free.
func (s *Service) reserve() bool {
	select {
	case <-s.places:
		return true
	default:
		return false
	}
}

// freshJob is a job that goes straight from its acceptance to a worker.
type freshJob struct {
	job     Job
	message aurora.Message
	found   []Target // its targets, unless they are to be read
}

func (s *Service) unreserve() { s.places <- struct{}{} }

// Run sends until the context ends, then lets jobs in progress settle what is
// already answered.
func (s *Service) Run(ctx context.Context) {
	for range cap(s.places) {
		s.places <- struct{}{}
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.runHandoff(ctx, &wg) })
	for lane := range s.wake {
		wg.Go(func() { s.runLane(ctx, Lane(lane), &wg) })
	}
	wg.Wait()
}

func (s *Service) runHandoff(ctx context.Context, wg *sync.WaitGroup) {
	for {
		select {
		case <-ctx.Done():
			return
		case h := <-s.handoff:
			wg.Go(func() {
				defer s.unreserve()
				s.run(ctx, h)
			})
		}
	}
}

// runLane keeps up to the lane's number of workers busy with leased jobs.
func (s *Service) runLane(ctx context.Context, lane Lane, wg *sync.WaitGroup) {
	free := make(chan struct{}, s.c.Workers[lane])
	for range cap(free) {
		free <- struct{}{}
	}
	for ctx.Err() == nil {
		var jobs []Job
		var err error
		n := len(free)
		if n > 0 {
			jobs, err = s.c.Messages.LeaseJobs(ctx, lane, s.holder, time.Now().Add(leaseTime), n, s.elsewhere()...)
		}
		if err != nil && ctx.Err() == nil {
			s.c.Logger.ErrorContext(ctx, "no jobs could be leased; trying again", "lane", lane, "error", err)
		}
		for _, j := range jobs {
			<-free
			wg.Go(func() {
				defer func() {
					free <- struct{}{}
					s.wakeLane(lane)
				}()
				s.run(ctx, freshJob{job: j})
			})
		}
		if n > 0 && len(jobs) == n {
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake[lane]:
		case <-time.After(pollPause):
		}
	}
}

// elsewhere are the environments whose jobs are left to other servers.
func (s *Service) elsewhere() (list []aurora.Environment) {
	for _, env := range []aurora.Environment{aurora.Development, aurora.Production} {
		if s.c.Elsewhere(env) {
			list = append(list, env)
		}
	}
	return list
}

func (s *Service) wakeLane(lane Lane) {
	select {
	case s.wake[lane] <- struct{}{}:
	default:
	}
}
