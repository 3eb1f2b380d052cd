package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// clusterResult is what is left after everything failed, again and again.
type clusterResult struct {
	Devices          int            `json:"devices"`
	Rounds           int            `json:"rounds"`
	Seed             uint64         `json:"seed"`
	Faults           map[string]int `json:"faults"`
	Seconds          float64        `json:"seconds"`
	Pushes           int            `json:"pushes"` // answered with 200, scheduled ones included
	Broadcasts       int            `json:"broadcasts"`
	Notifications    int            `json:"notifications"` // that the local APNs took
	Lost             int            `json:"lost"`
	Repeated         int            `json:"repeated"`
	RepeatRate       float64        `json:"repeat_rate"`
	Unfinished       int            `json:"unfinished"`
	Registrations    int            `json:"registrations"` // while it failed
	Schedules        int            `json:"schedules"`
	SchedulesNotOnce int            `json:"schedules_not_once"`
	WrongCounters    int            `json:"wrong_counters"` // a settlement by who had lost its lease would make one
	RefusedByAPNs    int            `json:"refused_by_apns"`
	AnsweredWrongly  int            `json:"answered_wrongly"` // neither 200 nor "not now"
	LongestSilence   float64        `json:"longest_silence_s"`
}

func (r clusterResult) verdict() error {
	if r.Lost+r.Unfinished+r.SchedulesNotOnce+r.WrongCounters+r.RefusedByAPNs+r.AnsweredWrongly > 0 {
		return errors.New("something was lost or does not add up; see above")
	}
	return nil
}

// cluster runs three servers, PostgreSQL and three NATS servers as processes,
// and makes them fail at random while pushes to all, to one, schedules and
// registrations go on. The journal of the local APNs is the judge.
func cluster(ctx context.Context, arguments []string) (err error) {
	f := flag.NewFlagSet("cluster", flag.ContinueOnError)
	devices := f.Int("devices", 1_000_000, "devices registered beforehand")
	rounds := f.Int("rounds", 40, "faults, one after the other, now and then two at a time")
	seed := f.Uint64("seed", 0, "for the choice of faults (0 = another one each time)")
	program := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	r := clusterResult{Devices: *devices, Rounds: *rounds, Seed: *seed, Faults: map[string]int{}}
	built, err := buildAurora(ctx, *program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-apns-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	apns, err := startJudgedAPNs(ctx, dir)
	if err != nil {
		return err
	}
	defer apns.Shutdown(context.WithoutCancel(ctx))
	issued, err := apns.Issue(localapns.IssueRequest{Key: true, BundleID: topic})
	if err != nil {
		return err
	}
	s, err := openSite(ctx, built, apns.ProductionURL(), filepath.Join(dir, "ca.pem"), aurora.CredentialFile{File: issued.P8, KeyID: issued.KeyID, TeamID: issued.TeamID}, *devices)
	if err != nil {
		return err
	}
	defer s.close()
	log, err := os.Create(filepath.Join(os.TempDir(), "bench-cluster.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Printf("seed %d; the servers' logs go to %s\n", *seed, log.Name())
	for range 3 {
		n, err := s.addNode(true, log)
		if err == nil {
			err = n.start(ctx)
		}
		if err != nil {
			return err
		}
	}
	begin := time.Now()
	judge := newClusterJudge(s, apns, *devices)
	load := startClusterLoad(ctx, s, judge, *devices)
	err = s.fail(ctx, rand.New(rand.NewPCG(*seed, 1)), &r, judge)
	load.end()
	if err == nil {
		err = judge.judge(ctx, &r)
	}
	r.Seconds = time.Since(begin).Seconds()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	return r.verdict()
}

// startJudgedAPNs starts a local APNs that remembers what it was sent for long
// enough to be asked, and refuses a second provider token of the key within 20
// minutes, whoever brings it.
func startJudgedAPNs(ctx context.Context, dir string) (*localapns.Server, error) {
	policy := localapns.DefaultPolicy()
	policy.TokenUpdateScope, policy.AcceptLatency = "key", 0
	s, err := localapns.NewServer(localapns.Config{Dir: dir, AcceptAnyToken: true, Keep: 1 << 19, Policy: &policy})
	if err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}
