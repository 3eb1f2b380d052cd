package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
)

// crashJudge knows what was answered with 200, and what the local APNs saw.
type crashJudge struct {
	c *crash

	mu        sync.Mutex
	pushes    map[string]*crashPush // by msg_id
	singles   []*crashPush          // with registration ids, for receipts
	devices   map[string]crashDevice
	answers   int // 200s to pushes
	schedules map[string]crashDevice
	receipts  map[[2]string]string // message and device → the most it reported
	refused   []string

	// What the local APNs saw.
	sequence      uint64 // read so far
	undecided     map[uint64]int
	notifications int
	inFlight      int
	tokens        map[string]int
}

// crashPush is a message as the outside knows it.
type crashPush struct {
	id       string
	answered bool
	tokens   []string // that must get it
	ids      []string // their registration ids, if they report
	seen     map[int]int
	now      int // seen in the life of the present server
	repeats  int
	closed   bool // done, and everything on record
}

func newCrashJudge(c *crash) *crashJudge {
	return &crashJudge{c: c, pushes: map[string]*crashPush{}, devices: map[string]crashDevice{}, schedules: map[string]crashDevice{}, receipts: map[[2]string]string{}, undecided: map[uint64]int{}, tokens: map[string]int{}}
}

func (j *crashJudge) push(id string) *crashPush {
	p := j.pushes[id]
	if p == nil {
		p = &crashPush{id: id, seen: map[int]int{}}
		j.pushes[id] = p
	}
	return p
}

// token numbers the tokens: a push to all is seen thousands of times.
func (j *crashJudge) token(t string) int {
	n, ok := j.tokens[t]
	if !ok {
		n = len(j.tokens)
		j.tokens[t] = n
	}
	return n
}

func (j *crashJudge) accepted(id string, tokens, ids []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answers++
	p := j.push(id)
	p.answered, p.tokens, p.ids = true, tokens, ids
	if ids != nil {
		j.singles = append(j.singles, p)
	}
}

func (j *crashJudge) registered(install, id, token string) (fresh bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	known := j.devices[install]
	if known.id != "" && known.id != id {
		j.refused = append(j.refused, fmt.Sprintf("%s has the registration id %s and had %s", install, id, known.id))
	}
	fresh = known.token == "" && token != ""
	if token == "" {
		token = known.token
	}
	j.devices[install] = crashDevice{id, token}
	return fresh
}

func (j *crashJudge) scheduled(id string, d crashDevice) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.schedules[id] = d
}

func (j *crashJudge) reported(message, device, event string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := [2]string{message, device}
	if j.receipts[at] != "opened" {
		j.receipts[at] = event
	}
}

// someWork is how many pushes a server that works has answered.
const someWork = 10

// awaitWork waits until the server has answered some pushes.
func (j *crashJudge) awaitWork(ctx context.Context) error {
	answered := func() int {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.answers
	}
	for first, end := answered(), time.Now().Add(startTime); answered() < first+someWork; {
		if time.Now().After(end) {
			return fmt.Errorf("the server answered no %d pushes within %v", someWork, startTime)
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (j *crashJudge) wrong(what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refused = append(j.refused, what)
}

// somePush draws a message with a device that it was for.
func (j *crashJudge) somePush() (message, device string, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.singles) == 0 {
		return "", "", false
	}
	p := j.singles[max(0, len(j.singles)-1-rand.IntN(200))]
	return p.id, p.ids[rand.IntN(len(p.ids))], true
}

func (j *crashJudge) progress() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	repeats := 0
	for _, p := range j.pushes {
		repeats += p.repeats
	}
	return fmt.Sprintf("%d pushes, %d notifications, %d repeated, %d were in flight; %d devices, %d receipts, %d schedules", len(j.pushes), j.notifications, repeats, j.inFlight, len(j.devices), len(j.receipts), len(j.schedules))
}

// patienceForAnswer is how often an unanswered entry of the journal is looked
// at again: its connection died with the server.
const patienceForAnswer = 5

// read takes in what the local APNs has seen since the last time.
func (j *crashJudge) read() {
	j.mu.Lock()
	defer j.mu.Unlock()
	since := j.sequence
	for seq := range j.undecided {
		since = min(since, seq-1)
	}
	newest := j.sequence
	for _, n := range j.c.apns.NotificationsSince(since) {
		tries, again := j.undecided[n.Sequence]
		if n.Sequence <= j.sequence && !again {
			continue
		}
		newest = max(newest, n.Sequence)
		if n.Status == 0 && tries < patienceForAnswer {
			j.undecided[n.Sequence] = tries + 1
			continue
		}
		delete(j.undecided, n.Sequence)
		if n.Status != http.StatusOK || n.CollapseID == "" { // the proof of the credential has none
			continue
		}
		j.notifications++
		p := j.push(n.CollapseID)
		p.now++
		t := j.token(n.Token)
		if p.seen[t]++; p.seen[t] > 1 {
			p.repeats++
		}
		p.closed = false
	}
	j.sequence = newest
}

// countInFlight adds up, right after a kill, what was on the wire and is not on
// record: so much may be repeated.
func (j *crashJudge) countInFlight(ctx context.Context) error {
	// The local APNs still reads what the dead server had written.
	for end := time.Now().Add(startTime); len(j.c.apns.Connections()) > 0; {
		if time.Now().After(end) {
			return errors.New("connections of the killed server stay open at the local APNs")
		}
		if err := sleep(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
	j.read()
	return j.c.onCopy(ctx, func(s *server.Server) error {
		for _, p := range j.open() {
			r, err := j.report(ctx, s, p.id)
			if err != nil {
				return err
			}
			j.mu.Lock()
			j.inFlight += max(0, min(p.now, len(p.seen)-r.accepted))
			p.now = 0
			p.closed = r.done && len(p.seen) == r.accepted
			j.mu.Unlock()
		}
		return nil
	})
}

func (j *crashJudge) open() []*crashPush {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []*crashPush
	for _, p := range j.pushes {
		if !p.closed {
			list = append(list, p)
		}
	}
	return list
}

// onRecord is where a message stands, in devices.
type onRecord struct {
	done                                         bool
	targeted, accepted, failed, received, opened int
}

func (j *crashJudge) report(ctx context.Context, s *server.Server, id string) (o onRecord, err error) {
	n, err := aurora.ParseMessageID(id)
	if err != nil {
		return o, err
	}
	r, err := s.Ledger.Report(ctx, j.c.app.ID, n)
	if aurora.KindOf(err) == aurora.NotFound {
		return onRecord{done: true}, nil // then it is lost, if it was answered
	}
	return onRecord{r.State == "done", int(r.Targeted), int(r.Accepted), int(r.Failed), int(r.Received), int(r.Opened)}, err
}

// settleTime bounds how long the last server may take to send all that waits.
const settleTime = 2 * time.Minute

// judge waits until everything is sent and compares.
func (j *crashJudge) judge(ctx context.Context) (r crashResult, err error) {
	err = j.c.beside(ctx, func(s *server.Server) error {
		if err := j.awaitSchedules(ctx, s, &r); err != nil {
			return err
		}
		if err := j.awaitAll(ctx, s); err != nil {
			return err
		}
		for _, check := range []func(context.Context, *server.Server, *crashResult) error{j.judgePushes, j.judgeDevices, j.judgeReceipts, j.judgeCounters} {
			if err := check(ctx, s, &r); err != nil {
				return err
			}
		}
		j.judgePhone(&r)
		return nil
	})
	for _, text := range j.refused[:min(len(j.refused), 10)] {
		j.c.say("answered wrongly: %s", text)
	}
	r.RefusedWrongly = len(j.refused)
	return r, err
}

// awaitSchedules waits until every schedule has fired, and takes its messages
// in: there must be one.
func (j *crashJudge) awaitSchedules(ctx context.Context, s *server.Server, r *crashResult) error {
	end := time.Now().Add(settleTime)
	for id, d := range j.schedules {
		for {
			fired, err := s.Schedules.Firings(ctx, j.c.app.ID, id)
			if err != nil {
				return fmt.Errorf("schedule %s: %w", id, err)
			}
			if len(fired) == 0 && time.Now().Before(end) {
				if err := sleep(ctx, 50*time.Millisecond); err != nil {
					return err
				}
				continue
			}
			if r.Schedules++; len(fired) != 1 || fired[0].MessageID == 0 {
				r.SchedulesNotOnce++
				j.c.say("schedule %s fired %d times: %+v", id, len(fired), fired)
				break
			}
			j.accepted(fired[0].MessageID.String(), []string{d.token}, nil)
			break
		}
	}
	return nil
}

// awaitAll waits until no message has work left.
func (j *crashJudge) awaitAll(ctx context.Context, s *server.Server) error {
	for end := time.Now().Add(settleTime); time.Now().Before(end); {
		left := 0
		for _, p := range j.open() {
			r, err := j.report(ctx, s, p.id)
			if err != nil {
				return fmt.Errorf("message %s: %w", p.id, err)
			}
			if !r.done {
				left++
			} else {
				j.mu.Lock()
				p.closed = true
				j.mu.Unlock()
			}
		}
		j.read() // opens what was seen again
		if left == 0 {
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil // what is missing is lost
}

func (j *crashJudge) judgePushes(ctx context.Context, s *server.Server, r *crashResult) error {
	j.read()
	for _, p := range j.pushes {
		if p.answered {
			r.Pushes++
		}
		lost := 0
		for _, t := range p.tokens {
			if n, known := j.tokens[t]; !known || p.seen[n] == 0 {
				lost++
			}
		}
		if lost > 0 {
			j.c.say("message %s: %d of %d devices never got it", p.id, lost, len(p.tokens))
		}
		r.Lost += lost
		r.Repeated += p.repeats
		report, err := j.report(ctx, s, p.id)
		if err != nil {
			return fmt.Errorf("message %s: %w", p.id, err)
		}
		if report.accepted != len(p.seen) || report.targeted != report.accepted+report.failed {
			r.WrongCounters++
			j.c.say("message %s: %d targeted, %d accepted, %d failed on record; APNs took %d", p.id, report.targeted, report.accepted, report.failed, len(p.seen))
		}
	}
	r.Notifications, r.InFlight = j.notifications, j.inFlight
	if r.Notifications > 0 {
		r.RepeatRate = float64(r.Repeated) / float64(r.Notifications)
	}
	r.RepeatsUnexplained = max(0, r.Repeated-r.InFlight)
	return nil
}

func (j *crashJudge) judgeDevices(ctx context.Context, s *server.Server, r *crashResult) error {
	r.Registrations = len(j.devices)
	for install, d := range j.devices {
		found, err := s.Registry.Device(ctx, j.c.app.ID, d.id)
		if aurora.KindOf(err) == aurora.NotFound || err == nil && found.Token != d.token {
			r.LostRegistrations++
			j.c.say("%s (%s) is on record with token %.8s…, want %.8s…: %v", install, d.id, found.Token, d.token, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (j *crashJudge) judgeReceipts(ctx context.Context, s *server.Server, r *crashResult) error {
	r.Receipts = len(j.receipts)
	counts := map[string][2]int{}
	for at, event := range j.receipts {
		id, err := aurora.ParseMessageID(at[0])
		if err != nil {
			return err
		}
		d, err := s.Registry.Device(ctx, j.c.app.ID, at[1])
		if err != nil {
			return err
		}
		marks, err := s.Ledger.Marks(ctx, d, id)
		if err != nil {
			return err
		}
		n := counts[at[0]]
		n[0]++
		_, received := marks[aurora.Received]
		_, opened := marks[aurora.Opened]
		if event == "opened" {
			n[1]++
		}
		counts[at[0]] = n
		if !received || event == "opened" && !opened {
			r.LostReceipts++
			j.c.say("message %s, device %s: %s was reported and is not on record", at[0], at[1], event)
		}
	}
	for id, n := range counts {
		report, err := j.report(ctx, s, id)
		if err != nil {
			return err
		}
		if report.received != n[0] || report.opened != n[1] {
			r.WrongCounters++
			j.c.say("message %s: %d received and %d opened on record; reported were %d and %d", id, report.received, report.opened, n[0], n[1])
		}
	}
	return nil
}

func (j *crashJudge) judgeCounters(ctx context.Context, s *server.Server, r *crashResult) error {
	audit, err := s.AuditOutcomes(ctx)
	for _, problem := range audit.Problems {
		j.c.say("%s", problem)
	}
	r.WrongCounters += len(audit.Problems)
	return err
}

// judgePhone looks whether a repeat replaced itself. The phone lists its latest
// hundred notifications.
func (j *crashJudge) judgePhone(r *crashResult) {
	state := j.c.load.phone.State()
	app, _ := state.App(demoBundleID)
	token := j.token(app.Token)
	for _, p := range j.pushes {
		r.PhoneRepeats += max(0, p.seen[token]-1)
		r.OnPhone += min(1, p.seen[token])
	}
	shown := map[string]int{}
	for _, n := range state.NotificationCenter {
		if shown[n.MessageID]++; shown[n.MessageID] > 1 {
			r.PhoneDuplicates++
			j.c.say("the phone shows message %s %d times", n.MessageID, shown[n.MessageID])
		}
	}
}
