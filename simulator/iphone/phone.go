package iphone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Answer is what the phone answers by itself when an app asks to be allowed to show notifications.
type Answer int

// The automatic answers.
const (
	AskUser   Answer = iota // somebody calls AnswerPermission, or presses the button on the page
	AutoAllow               // for unattended use
	AutoDeny
)

// Config describes a phone. Only ID and Dial are required.
type Config struct {
	ID   string // 1–64 characters, names the phone to APNs; the same id is the same phone
	Name string // for people; "iPhone" by default
	// Dial opens the byte stream of a courier session; see DialCourier. It is called again, with growing pauses, whenever
	// the session is lost.
	Dial       func(context.Context) (net.Conn, error)
	HTTP       *http.Client  // how the apps reach Aurora; nil = directly. Airplane mode cuts it in either case.
	Dir        string        // an existing folder where installed apps live on after a restart; "" = in memory
	Permission Answer        // when an app asks
	BannerTime time.Duration // how long a banner stays; 5 seconds by default
	// Unthrottled lifts the limit of three background wakes an hour, as running from Xcode does.
	Unthrottled bool
	OSVersion   string       // "26.0" by default
	Model       string       // "iPhone18,1" by default
	Language    string       // "en" by default
	TimeZone    string       // IANA name; "Etc/UTC" by default
	Logger      *slog.Logger // nil = discard
}

// Phone is a simulated iPhone. All methods may be called from any goroutine.
type Phone struct {
	config   Config
	log      *slog.Logger
	http     *http.Client
	airplane atomic.Bool // also read by the apps' connections, without mu

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu           sync.Mutex
	started      bool
	revision     uint64
	changed      chan struct{} // closed and replaced with every change
	events       []Event
	eventSeq     uint64
	locked       bool
	installed    []*installation
	front        *installation // on the screen, or below the lock screen
	asking       *installation // whose question is on the screen
	style        AlertStyle    // of apps to be installed
	focus        Focus
	muted        bool
	lowPower     bool
	lit          int            // times the dark screen lit up
	center       []Notification // newest first
	held         []Notification // by the Focus, oldest first
	activities   []*Activity    // newest first
	activityIDs  int
	calls        []*Call // newest first
	callIDs      int
	banner       string // id of the entry that shows as banner
	bannerTimer  *time.Timer
	alerts       []string // ids of the entries that show as dialogs, the top one last
	sounds       int
	lastSound    string
	sessionState Session
	session      *session // nil unless connected
	reconnect    chan struct{}
	arrivals     uint64   // gives notifications their ids
	delivered    []string // delivery and APNs ids seen lately, so that a repeated delivery is shown once
	deliveredAs  []string // what was answered to each
}

// Bounds of what the phone remembers.
const (
	maxEvents        = 500
	maxEntries       = 100
	maxMessages      = 100
	maxDelivered     = 256
	closeTimeout     = 5 * time.Second
	extensionTimeout = 30 * time.Second // Apple: about 30 seconds for a notification service extension
)

// ErrNotInstalled is wrapped where a bundle id does not name an installed app, ErrNoNotification where an id names nothing
// that is on the phone.
var (
	ErrNotInstalled   = errors.New("iphone: the app is not installed")
	ErrNoNotification = errors.New("iphone: no such notification on the phone")
)

// New returns a phone that lies there, unlocked, without a session; Start switches it on.
func New(config Config) *Phone {
	config.Name = cmp.Or(config.Name, "iPhone")
	config.BannerTime = cmp.Or(config.BannerTime, 5*time.Second)
	config.OSVersion = cmp.Or(config.OSVersion, "26.0")
	config.Model = cmp.Or(config.Model, "iPhone18,1")
	config.Language = cmp.Or(config.Language, "en")
	config.TimeZone = cmp.Or(config.TimeZone, "Etc/UTC")
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Phone{
		config:       config,
		log:          config.Logger,
		changed:      make(chan struct{}),
		style:        Banner,
		sessionState: Offline,
		reconnect:    make(chan struct{}, 1),
	}
	p.http = p.network(config.HTTP)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// network is the apps' way to the outside, which airplane mode closes.
func (p *Phone) network(base *http.Client) *http.Client {
	client := &http.Client{}
	if base != nil {
		*client = *base
	}
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if p.airplane.Load() {
			return nil, errors.New("the phone is in airplane mode")
		}
		return next.RoundTrip(r)
	})
	return client
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Start switches the phone on: it connects to APNs and stays connected. Further calls do nothing.
func (p *Phone) Start() {
	p.update(func() {
		if p.started || p.ctx.Err() != nil {
			return
		}
		p.started = true
		p.note("phone", "switched on")
		p.work.Go(p.stayConnected)
	})
}

// Close switches the phone off and waits until all its work has ended, a few seconds at most. Open event streams of the page
// end too; close the phone before shutting down the HTTP server that serves it.
func (p *Phone) Close() {
	p.cancel()
	p.update(func() {
		for _, i := range p.installed {
			i.endProcess(NotRunning)
			i.endExtension()
		}
		p.stopBanner()
	})
	p.work.Wait()
}

// Wait returns the first state for which ok holds; now, or after a change. When ctx ends first, the error wraps ctx's and
// ends with what happened last, and the state is the one at that time.
func (p *Phone) Wait(ctx context.Context, ok func(State) bool) (State, error) {
	for {
		s := p.State()
		if ok(s) {
			return s, nil
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			last := "nothing"
			if len(s.Log) > 0 {
				last = s.Log[len(s.Log)-1].Text
			}
			return s, fmt.Errorf("iphone: waited in vain, the last event was %q: %w", last, ctx.Err())
		}
	}
}

// update runs change with mu held and announces it.
func (p *Phone) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.revision++
	close(p.changed)
	p.changed = make(chan struct{})
}

// note writes a line into the event log. The caller holds mu.
func (p *Phone) note(who, format string, args ...any) {
	p.eventSeq++
	e := Event{Seq: p.eventSeq, At: time.Now(), Who: who, Text: fmt.Sprintf(format, args...)}
	if len(p.events) == maxEvents {
		p.events = slices.Delete(p.events, 0, 1)
	}
	p.events = append(p.events, e)
	p.log.Debug(e.Text, "phone", p.config.ID, "who", who)
}

// find returns an installed app. The caller holds mu.
func (p *Phone) find(bundleID string) (*installation, error) {
	for _, i := range p.installed {
		if i.app.BundleID == bundleID {
			return i, nil
		}
	}
	return nil, fmt.Errorf("%w: %.100q", ErrNotInstalled, bundleID)
}
