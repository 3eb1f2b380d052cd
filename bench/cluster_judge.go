package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// clusterJudge knows what was answered with 200, and what the local APNs saw.
type clusterJudge struct {
	site *site
	apns *localapns.Server

	mu        sync.Mutex
	messages  map[string]*clusterMessage
	schedules map[string]int // the device of each
	devices   []clusterDevice
	fresh     int
	answered  int
	wrongs    []string

	notifications, repeated, refused int
	proofs                           int             // of the credential
	top                              uint64          // the latest that was read
	done                             map[uint64]bool // of those before it
	latest                           time.Time
	silence                          time.Duration
}

type clusterDevice struct {
	id    string
	index int
}

// clusterMessage is a push: the devices from first to before last must get it.
type clusterMessage struct {
	answered    bool
	first, last int
	few         map[int]uint8 // how often each device got it
	many        []uint8       // instead, if it is a push to all
	reached     int
}

func newClusterJudge(s *site, apns *localapns.Server, devices int) *clusterJudge {
	return &clusterJudge{site: s, apns: apns, messages: map[string]*clusterMessage{}, schedules: map[string]int{}, done: map[uint64]bool{}}
}

func (j *clusterJudge) message(id string) *clusterMessage {
	m := j.messages[id]
	if m == nil {
		m = &clusterMessage{few: map[int]uint8{}}
		j.messages[id] = m
	}
	return m
}

func (j *clusterJudge) accepted(id string, first, last int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := j.message(id)
	if !m.answered {
		j.answered++
	}
	m.answered, m.first, m.last = true, first, last
}

func (j *clusterJudge) reached(id string) int {
	j.read()
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.message(id).reached
}

func (j *clusterJudge) registered(id string, index int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fresh++
	j.devices = append(j.devices, clusterDevice{id, index})
}

// some draws a device that registered while the servers failed, or the first.
func (j *clusterJudge) some() clusterDevice {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.devices) == 0 {
		j.devices = j.firstDevice()
	}
	return j.devices[rand.IntN(len(j.devices))]
}

func (j *clusterJudge) firstDevice() []clusterDevice {
	list, err := j.site.beside.Registry.Devices(context.Background(), j.site.app.ID, registry.Query{Limit: 100, Before: 100})
	if err != nil || len(list) == 0 {
		panic(fmt.Sprint("the first devices cannot be read: ", err))
	}
	var devices []clusterDevice
	for _, d := range list {
		devices = append(devices, clusterDevice{d.RegistrationID, indexOf(d.Token)})
	}
	return devices
}

func (j *clusterJudge) scheduled(id string, index int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.schedules[id] = index
}

func (j *clusterJudge) wrong(what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.wrongs = append(j.wrongs, what); len(j.wrongs) <= 20 {
		fmt.Println("wrong:", what)
	}
}

func (j *clusterJudge) progress() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprintf("so far %d pushes, %d notifications, %d repeated, %d devices registered meanwhile", j.answered, j.notifications, j.repeated, j.fresh)
}

// unordered is how far entries of the journal may be out of order: they stand in
// the order of their answers, numbered in that of their arrival, and so many may
// be under way.
const unordered = 50_000

// read takes in what the local APNs has seen since the last time.
func (j *clusterJudge) read() {
	j.mu.Lock()
	defer j.mu.Unlock()
	floor := j.top - min(j.top, unordered)
	for _, n := range j.apns.NotificationsSince(floor) {
		if n.Status == 0 || j.done[n.Sequence] {
			continue
		}
		j.done[n.Sequence] = true
		j.top = max(j.top, n.Sequence)
		j.take(n)
	}
	maps.DeleteFunc(j.done, func(s uint64, _ bool) bool { return s <= floor })
}

func (j *clusterJudge) take(n localapns.Notification) {
	if n.CollapseID == "" {
		if n.Status == http.StatusOK {
			j.proofs++
		}
		return
	}
	if n.Status != http.StatusOK {
		if n.Status != 0 {
			j.refused++
			fmt.Printf("APNs refused: %d %s\n", n.Status, n.Reason)
		}
		return
	}
	if now := time.Now(); j.latest.IsZero() {
		j.latest = now
	} else {
		j.silence, j.latest = max(j.silence, now.Sub(j.latest)), now
	}
	j.notifications++
	m, i := j.message(n.CollapseID), indexOf(n.Token)
	if m.many == nil && len(m.few) > 1000 {
		m.many = make([]uint8, i+1)
		for k, times := range m.few {
			m.many = append(m.many, make([]uint8, max(0, k+1-len(m.many)))...)
			m.many[k] = times
		}
	}
	times := m.times(i) + 1
	if m.many == nil {
		m.few[i] = times
	} else {
		m.many = append(m.many, make([]uint8, max(0, i+1-len(m.many)))...)
		m.many[i] = times
	}
	if times == 1 {
		m.reached++
	} else {
		j.repeated++
	}
}

func (m *clusterMessage) times(i int) uint8 {
	if m.many == nil {
		return m.few[i]
	}
	if i < len(m.many) {
		return m.many[i]
	}
	return 0
}

// settleTime bounds how long everything may take to be done once nothing fails
// any more.
const settleTime = 10 * time.Minute

// judge waits until everything is done and compares.
func (j *clusterJudge) judge(ctx context.Context, r *clusterResult) error {
	if err := j.fired(ctx, r); err != nil {
		return err
	}
	if err := j.awaitAll(ctx, r); err != nil {
		return err
	}
	j.read()
	if took := int(j.apns.Counters()["accepted"]); took != j.notifications+j.proofs {
		return fmt.Errorf("the local APNs took %d notifications and the judge read %d: it forgot some before they were read; run it on a machine that is less busy", took, j.notifications+j.proofs)
	}
	for id, m := range j.messages {
		lost := 0
		for i := m.first; i < m.last; i++ {
			if m.times(i) == 0 {
				lost++
			}
		}
		if r.Lost += lost; lost > 0 {
			fmt.Printf("message %s: %d of %d devices never got it\n", id, lost, m.last-m.first)
		}
		if m.answered {
			r.Pushes++
		}
		if m.many != nil {
			r.Broadcasts++
		}
		report, err := j.report(ctx, id)
		if err != nil {
			return err
		}
		if int(report.Accepted) != m.reached || report.Targeted != report.Accepted+report.Failed {
			r.WrongCounters++
			fmt.Printf("message %s: %d targeted, %d accepted, %d failed on record; APNs took it for %d\n", id, report.Targeted, report.Accepted, report.Failed, m.reached)
		}
	}
	audit, err := j.site.beside.AuditOutcomes(ctx)
	for _, problem := range audit.Problems {
		fmt.Println(problem)
	}
	r.WrongCounters += len(audit.Problems)
	r.Notifications, r.Repeated, r.RefusedByAPNs, r.AnsweredWrongly = j.notifications, j.repeated, j.refused, len(j.wrongs)
	r.RepeatRate, r.Registrations, r.LongestSilence = float64(j.repeated)/float64(max(1, j.notifications)), j.fresh, j.silence.Seconds()
	return err
}

// fired waits until every schedule has fired: once.
func (j *clusterJudge) fired(ctx context.Context, r *clusterResult) error {
	end := time.Now().Add(settleTime)
	for id, device := range j.schedules {
		for {
			list, err := j.site.beside.Schedules.Firings(ctx, j.site.app.ID, id)
			if err != nil {
				return fmt.Errorf("schedule %s: %w", id, err)
			}
			if len(list) == 0 && time.Now().Before(end) {
				pause(ctx, 100*time.Millisecond)
				continue
			}
			if r.Schedules++; len(list) != 1 || list[0].MessageID == 0 {
				r.SchedulesNotOnce++
				fmt.Printf("schedule %s fired %d times: %+v\n", id, len(list), list)
				break
			}
			j.accepted(list[0].MessageID.String(), device, device+1)
			break
		}
	}
	return nil
}

type messageReport struct {
	done                       bool
	Targeted, Accepted, Failed uint64
}

func (j *clusterJudge) report(ctx context.Context, id string) (m messageReport, err error) {
	n, err := aurora.ParseMessageID(id)
	if err != nil {
		return m, err
	}
	r, err := j.site.beside.Ledger.Report(ctx, j.site.app.ID, n)
	if aurora.KindOf(err) == aurora.NotFound {
		return messageReport{done: true}, nil // then it is lost
	}
	return messageReport{r.State == "done", r.Targeted, r.Accepted, r.Failed}, err
}

// awaitAll waits until no message has work left.
func (j *clusterJudge) awaitAll(ctx context.Context, r *clusterResult) error {
	j.mu.Lock()
	left := slices.Collect(maps.Keys(j.messages))
	j.mu.Unlock()
	for end := time.Now().Add(settleTime); len(left) > 0 && time.Now().Before(end); pause(ctx, 200*time.Millisecond) {
		j.read()
		rest := left[:0]
		for _, id := range left {
			m, err := j.report(ctx, id)
			if err != nil {
				return err
			}
			if !m.done {
				rest = append(rest, id)
			}
		}
		left = rest
	}
	r.Unfinished = len(left)
	return ctx.Err()
}
