package iphone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aurora-push/aurora/device"
)

// FleetConfig describes a fleet. Count, Dial and App are required.
type FleetConfig struct {
	Count  int                                     // phones, 1 to 100,000
	Dial   func(context.Context) (net.Conn, error) // as in Config
	App    App                                     // installed on all of them; permission is allowed, the app in the background
	Prefix string                                  // of the phones' ids at APNs; "fleet" by default
	// Alias and Tags are what phone n (from 0) tells Aurora about itself; nil = nothing.
	Alias func(n int) string
	Tags  func(n int) []string
	// HTTP is how all phones reach Aurora; nil = a client of their own that keeps as many connections as there are Workers.
	HTTP       *http.Client
	Workers    int     // registrations and receipts under way at the same time; 32 by default
	Dials      int     // sessions being opened at the same time; 64 by default
	Opens      float64 // share of visible notifications that are opened, 0 to 1
	NoReceipts bool    // nothing is reported to Aurora but the token
	Seed       uint64  // of the dice: who opens, who loses the session; 0 = random
	Logger     *slog.Logger
}

// Fleet is many headless phones in one process, for load and chaos tests. What a notification does is decided as on a
// [Phone]; there is no screen, no event log and no page.
//
// A phone with a session costs one goroutine, which reads, and a phone without none. Registrations and receipts go through
// the device SDK, by a fixed number of workers: a phone's SDK runs only while it has something to say. There are no pings;
// that a session is dead is learnt from the network.
type Fleet struct {
	config  FleetConfig
	options device.Options
	build   Build
	http    *http.Transport // made here, to be closed
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	phones  []*fleetPhone
	queue   chan *fleetPhone // those with something to report, each once
	dialing chan struct{}

	mu       sync.Mutex
	started  bool
	counts   Counts
	messages map[string]*MessageCount
	recent   []string // ids of messages, oldest first
	dice     *rand.Rand
	churn    Churn
	turned   chan struct{} // the churn has changed
}

// Counts is what a fleet has seen so far.
type Counts struct {
	Phones      int    `json:"phones"`
	Online      int    `json:"online"`      // with a session to APNs now
	Sessions    int    `json:"sessions"`    // opened so far
	Tokens      int    `json:"tokens"`      // phones that have a device token
	Registered  int    `json:"registered"`  // phones whose token Aurora has confirmed
	Delivered   int    `json:"delivered"`   // notifications, without repeats
	Redelivered int    `json:"redelivered"` // the same delivery again: its acknowledgement was lost
	Duplicates  int    `json:"duplicates"`  // another notification with one of the latest 32 message ids that the phone had seen
	Opened      int    `json:"opened"`
	Reporting   int    `json:"reporting"`    // phones with something that Aurora has not confirmed
	Failures    int    `json:"failures"`     // of dials and reports
	LastFailure string `json:"last_failure"` // the latest of them
}

// MessageCount says how far one message got.
type MessageCount struct {
	Phones     int `json:"phones"`     // that received it
	Duplicates int `json:"duplicates"` // that it reached more than once, each time counted
}

// Churn is how restless a fleet is.
type Churn struct {
	Offline    float64 // share of the phones without a session, 0 to 1
	Reconnects float64 // phones a second that lose their session; each returns when the next ones have left, or at once
}

// Bounds of a fleet.
const (
	maxFleet      = 100_000
	maxMessageIDs = 10_000 // messages counted one by one; older ones are forgotten
	reportTime    = time.Minute
	lookEvery     = 20 * time.Millisecond
)

// NewFleet checks the configuration. Nothing happens before Start.
func NewFleet(config FleetConfig) (*Fleet, error) {
	switch {
	case config.Count < 1 || config.Count > maxFleet:
		return nil, fmt.Errorf("iphone: a fleet has 1 to %d phones, not %d", maxFleet, config.Count)
	case config.Dial == nil:
		return nil, errors.New("iphone: the fleet has no Dial function; use DialCourier")
	case config.Opens < 0 || config.Opens > 1:
		return nil, fmt.Errorf("iphone: Opens is %v; it is a share from 0 to 1", config.Opens)
	}
	if config.Prefix == "" {
		config.Prefix = "fleet"
	}
	if config.Workers < 1 {
		config.Workers = 32
	}
	if config.Dials < 1 {
		config.Dials = 64
	}
	if config.Seed == 0 {
		config.Seed = rand.Uint64()
	}
	f := &Fleet{
		queue: make(chan *fleetPhone, config.Count), dialing: make(chan struct{}, config.Dials),
		messages: map[string]*MessageCount{}, turned: make(chan struct{}, 1), dice: rand.New(rand.NewPCG(config.Seed, 1)),
	}
	if config.HTTP == nil {
		f.http = &http.Transport{MaxConnsPerHost: config.Workers, MaxIdleConnsPerHost: config.Workers, IdleConnTimeout: time.Minute}
		config.HTTP = &http.Client{Transport: f.http}
	}
	f.config = config
	// A phone of the usual kind knows how to read an app.
	model := New(Config{ID: config.Prefix, HTTP: config.HTTP, Logger: config.Logger})
	defer model.Close()
	app, err := model.unpack(config.App)
	if err != nil {
		return nil, fmt.Errorf("iphone: the fleet's app %.100q: %w", config.App.BundleID, err)
	}
	f.config.App, f.options, f.build = app.app, app.options, app.build
	f.options.HTTP = config.HTTP
	f.phones = make([]*fleetPhone, config.Count)
	for n := range f.phones {
		f.phones[n] = &fleetPhone{fleet: f, number: n, installID: newInstallID()}
	}
	f.counts.Phones = config.Count
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f, nil
}

// Start switches all phones on: they connect, register with APNs and then with Aurora. Further calls do nothing.
func (f *Fleet) Start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.started || f.ctx.Err() != nil {
		return
	}
	f.started = true
	for range f.config.Workers {
		f.work.Go(f.reportAll)
	}
	for _, p := range f.phones {
		p.running = true
		f.work.Go(p.live)
	}
	f.work.Go(f.stir)
}

// Close switches all phones off and waits until all their work has ended, a few seconds at most.
func (f *Fleet) Close() {
	f.mu.Lock()
	f.cancel() // Start does nothing from here on
	f.mu.Unlock()
	for _, p := range f.phones {
		p.hangUp()
	}
	f.work.Wait()
	if f.http != nil {
		f.http.CloseIdleConnections()
	}
}

// Counts returns what the fleet has seen so far.
func (f *Fleet) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// Message returns how far one message got, by Aurora's message id.
func (f *Fleet) Message(id string) MessageCount {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.messages[id]; m != nil {
		return *m
	}
	return MessageCount{}
}

// Wait returns the first counts for which ok holds, looking fifty times a second. When ctx ends first, the error wraps ctx's.
func (f *Fleet) Wait(ctx context.Context, ok func(Counts) bool) (Counts, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		c := f.Counts()
		if ok(c) {
			return c, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return c, fmt.Errorf("iphone: the fleet waited in vain at %+v: %w", c, ctx.Err())
		}
	}
}

// count changes the counts.
func (f *Fleet) count(change func(*Counts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.counts)
}

func (f *Fleet) failed(err error) {
	if f.ctx.Err() != nil {
		return
	}
	f.count(func(c *Counts) { c.Failures++; c.LastFailure = err.Error() })
	if log := f.config.Logger; log != nil {
		log.Debug("a phone of the fleet failed", "error", err)
	}
}

// note counts a notification that the phone sees for the first time, or again.
func (f *Fleet) note(messageID string, again, visible bool) (opens bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if again {
		f.counts.Duplicates++
	} else {
		f.counts.Delivered++
	}
	if messageID != "" {
		m := f.messages[messageID]
		if m == nil {
			m = &MessageCount{}
			f.messages[messageID] = m
			f.recent = append(f.recent, messageID)
		}
		if again {
			m.Duplicates++
		} else {
			m.Phones++
		}
		if len(f.recent) > maxMessageIDs {
			delete(f.messages, f.recent[0])
			f.recent = f.recent[1:]
		}
	}
	opens = visible && !again && f.config.Opens > 0 && f.dice.Float64() < f.config.Opens
	if opens {
		f.counts.Opened++
	}
	return opens
}

// SetChurn makes the fleet more or less restless, from now on.
func (f *Fleet) SetChurn(c Churn) error {
	if c.Offline < 0 || c.Offline > 1 || c.Reconnects < 0 {
		return fmt.Errorf("iphone: a churn of %+v cannot be: Offline is a share from 0 to 1, Reconnects a rate", c)
	}
	f.mu.Lock()
	f.churn = c
	f.mu.Unlock()
	select {
	case f.turned <- struct{}{}:
	default:
	}
	return nil
}

// stir carries the churn out.
func (f *Fleet) stir() {
	const beat = 100 * time.Millisecond
	tick := time.NewTicker(beat)
	defer tick.Stop()
	dice := rand.New(rand.NewPCG(f.config.Seed, 2))
	var away []*fleetPhone // taken offline, longest first
	due := 0.0
	for {
		ticked := false
		select {
		case <-f.turned:
		case <-tick.C:
			ticked = true
		case <-f.ctx.Done():
			return
		}
		f.mu.Lock()
		churn := f.churn
		f.mu.Unlock()
		if ticked {
			due += churn.Reconnects * beat.Seconds()
		}
		leaving := int(due)
		due -= float64(leaving)
		offline := int(churn.Offline * float64(len(f.phones)))
		away = f.turn(dice, away, offline, max(min(leaving, len(f.phones)), offline-len(away)))
	}
}

// turn takes some phones offline and brings back those that have been away longest, until as many are away as should be.
func (f *Fleet) turn(dice *rand.Rand, away []*fleetPhone, offline, leaving int) []*fleetPhone {
	for tries := 0; leaving > 0 && tries < 20*len(f.phones); tries++ { // phones without a session cannot leave
		if p := f.phones[dice.IntN(len(f.phones))]; p.leave() {
			away = append(away, p)
			leaving--
		}
	}
	for len(away) > offline {
		away[0].comeBack()
		away = away[1:]
	}
	return away
}
