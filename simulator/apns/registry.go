package apns

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// device is one device token: an installation of an app on a phone in one environment.
type device struct {
	Environment Environment `json:"environment"`
	Token       string      `json:"token"` // 64 lower-case hexadecimal digits
	Phone       string      `json:"phone"`
	BundleID    string      `json:"bundle_id"`
	Install     string      `json:"install"`
	Activity    string      `json:"activity,omitempty"` // the live activity that the token belongs to alone
	Created     time.Time   `json:"created"`
	Removed     time.Time   `json:"removed,omitzero"` // the app left the phone; nobody else knows yet
	Learned     time.Time   `json:"learned,omitzero"` // the gateway found out: the timestamp of 410
	Gone        time.Time   `json:"gone,omitzero"`    // from here on the answer is 410

	windowStart time.Time // of the per-device rate
	windowCount int
}

type deviceKey struct {
	environment Environment
	token       string
}

// phone is one simulated device and what waits for it.
type phone struct {
	id       string
	session  *session // nil = offline
	lowPower bool
	waiting  []*Notification // oldest first; offline at most one for each slot
	inFlight *Notification   // sent and not acknowledged
}

// registry is the truth about tokens, phones, waiting notifications and
// channels. One lock guards all of it: every operation is short, and order
// between a push and a phone's coming and going must be one for everybody.
type registry struct {
	clock  *clock
	policy func() *Policy
	ids    *identifiers
	logger *slog.Logger
	any    bool // unknown tokens are accepted

	mu            sync.Mutex
	sequence      uint64
	stored        int // notifications that the journal knows as waiting
	devices       map[deviceKey]*device
	current       map[installKey]*device // the living token of an app on a phone
	phones        map[string]*phone
	channels      map[channelKey]*channel
	subscriptions map[subscriptionKey]*subscription
	record        *record
	journal       *journal // nil = memory only
	unlock        func()
}

type installKey struct {
	phone    string
	slot     slot
	activity string
}

func (d *device) key() installKey {
	return installKey{d.Phone, slot{d.BundleID, d.Environment}, d.Activity}
}

func newRegistry(clock *clock, policy func() *Policy, ids *identifiers, keep int, logger *slog.Logger) *registry {
	return &registry{
		clock: clock, policy: policy, ids: ids, logger: logger,
		devices:       map[deviceKey]*device{},
		current:       map[installKey]*device{},
		phones:        map[string]*phone{},
		channels:      map[channelKey]*channel{},
		subscriptions: map[subscriptionKey]*subscription{},
		record:        newRecord(keep),
	}
}

// load reads the state in dir without changing anything there.
func (r *registry) load(dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.replay(filepath.Join(dir, "registry.journal"))
}

// open takes the folder for this process, reads the state anew and begins to
// write it. A second server on the same folder is refused.
func (r *registry) open(dir string) error {
	unlock, err := lockFile(filepath.Join(dir, "registry.lock"), false)
	if err != nil {
		return fmt.Errorf("apns: another local APNs is running on %s; stop it or use another folder", dir)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	path := filepath.Join(dir, "registry.journal")
	if err = r.replay(path); err == nil {
		r.journal, err = openJournal(path, r.state())
	}
	if err != nil {
		unlock()
		return err
	}
	r.unlock = unlock
	return nil
}

func (r *registry) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.journal == nil {
		return nil
	}
	err := r.journal.close()
	r.journal = nil
	r.unlock()
	return err
}

func (r *registry) replay(path string) error {
	r.stored = 0
	clear(r.devices)
	clear(r.current)
	clear(r.phones)
	clear(r.channels)
	clear(r.subscriptions)
	waiting := map[uint64]*Notification{}
	err := readJournal(path, func(e entry) error {
		switch {
		case e.Device != nil:
			r.putDevice(e.Device)
		case e.Stored != nil && e.Stored.Notification != nil:
			n := e.Stored.Notification
			n.keepUntil, n.stored = e.Stored.KeepUntil, true
			waiting[n.Sequence] = n
			r.sequence = max(r.sequence, n.Sequence)
		case e.Done != 0:
			delete(waiting, e.Done)
			r.sequence = max(r.sequence, e.Done)
		case e.Channel != nil:
			r.putChannel(e.Channel)
		case e.Subscription != nil:
			r.putSubscription(e.Subscription)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, sequence := range slices.Sorted(maps.Keys(waiting)) {
		n := waiting[sequence]
		n.logged = true
		r.stored++
		r.record.add(n)
		p := r.phone(n.Phone)
		p.waiting = append(p.waiting, n)
	}
	for _, p := range r.phones {
		r.collapse(p)
	}
	return nil
}

// state is everything a later start needs.
func (r *registry) state() []entry {
	var list []entry
	for _, d := range r.devices {
		list = append(list, entry{Device: d})
	}
	for _, c := range r.channels {
		list = append(list, entry{Channel: c})
	}
	for _, s := range r.subscriptions {
		list = append(list, entry{Subscription: s})
	}
	for _, p := range r.phones {
		for _, n := range p.waiting {
			if n.stored {
				list = append(list, entry{Stored: &storedEntry{n, n.keepUntil}})
			}
		}
		if n := p.inFlight; n != nil && n.stored {
			list = append(list, entry{Stored: &storedEntry{n, n.keepUntil}})
		}
	}
	return list
}

func (r *registry) write(e entry) {
	if r.journal != nil {
		r.journal.add(e)
	}
}

// flush makes what was written so far survive the process. It is called before
// any answer that promises something.
func (r *registry) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flushLocked()
}

func (r *registry) flushLocked() error {
	if r.journal == nil {
		return nil
	}
	err := r.journal.flush()
	if err == nil && r.journal.size > r.journal.limit {
		err = r.journal.rewrite(r.state())
	}
	if err != nil {
		r.logger.Error("the registry cannot be written", "error", err)
	}
	return err
}

func (r *registry) putDevice(d *device) {
	r.devices[deviceKey{d.Environment, d.Token}] = d
	key := d.key()
	if d.Removed.IsZero() && d.Learned.IsZero() {
		r.current[key] = d
	} else if c := r.current[key]; c != nil && c.Token == d.Token {
		delete(r.current, key)
	}
	r.phone(d.Phone)
}

func (r *registry) phone(id string) *phone {
	p := r.phones[id]
	if p == nil {
		p = &phone{id: id}
		r.phones[id] = p
	}
	return p
}

// register returns the token of an installation, or of one of its live
// activities. The same installation keeps its token; another one gets a new
// token, and the old one is removed.
func (r *registry) register(phoneID, bundle string, e Environment, install, activity string) string {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	key := installKey{phoneID, slot{bundle, e}, activity}
	if d := r.current[key]; d != nil {
		if d.Install == install {
			return d.Token
		}
		r.remove(d, now)
	}
	d := &device{Environment: e, Token: r.ids.token(), Phone: phoneID, BundleID: bundle, Install: install, Activity: activity, Created: now}
	r.putDevice(d)
	r.write(entry{Device: d})
	r.record.count("registered")
	r.flushLocked()
	return d.Token
}

// uninstall notes that the app, or the live activity, left the phone. The
// gateway's answers do not change before the next push finds out (spec §7.4).
func (r *registry) uninstall(phoneID, bundle string, e Environment, activity string) bool {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.current[installKey{phoneID, slot{bundle, e}, activity}]
	if d == nil {
		return false
	}
	r.remove(d, now)
	if activity == "" {
		r.dropSubscriptions(phoneID, bundle, e)
	}
	r.flushLocked()
	return true
}

func (r *registry) remove(d *device, now time.Time) {
	d.Removed = now
	r.putDevice(d)
	r.write(entry{Device: d})
}

// learn notes that the gateway found a token dead.
func (r *registry) learn(d *device, now time.Time) {
	if !d.Learned.IsZero() {
		return
	}
	d.Learned = now
	d.Gone = now.Add(time.Duration(r.policy().UninstallDelay))
	r.putDevice(d)
	r.write(entry{Device: d})
	r.record.count("tokens_dead")
}

// begin numbers a request. It shows in the log from its next step on, because
// until then its connection is still filling it in.
func (r *registry) begin(n *Notification, now time.Time) {
	n.Trace = append(make([]Event, 0, 4), Event{At: now, What: Received})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sequence++
	n.Sequence = r.sequence
	r.record.count("received")
}

// note puts on record that a fault script acted.
func (r *registry) note(n *Notification, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace(n, r.clock.Now(), Injected, detail)
}

// settle puts the answer on record.
func (r *registry) settle(n *Notification, status int, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdict(n, status, reason, r.clock.Now())
}

func (r *registry) verdict(n *Notification, status int, reason string, now time.Time) {
	n.Status, n.Reason = status, reason
	detail := fmt.Sprint(status)
	if reason != "" {
		detail += " " + reason
	}
	r.trace(n, now, Verdict, detail)
	r.record.countAnswer(status, reason)
}

// trace adds a step, counts it and tells the live feeds.
func (r *registry) trace(n *Notification, now time.Time, what What, detail string) {
	if !n.logged {
		n.logged = true
		r.record.add(n)
	}
	n.Trace = append(n.Trace, Event{now, what, detail})
	if what != Verdict {
		r.record.count(string(what))
	}
	r.record.publish(n)
}

// accept decides what only the registry can decide, beginning with "token
// known" of spec §9.2, and takes the notification over when it is good. inject
// is asked last, for a scripted refusal.
func (r *registry) accept(n *Notification, inject func() *refusal) *refusal {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.devices[deviceKey{n.Environment, n.Token}]
	if d == nil && !r.any {
		return refuse(400, reasonBadDeviceToken)
	}
	if d != nil {
		n.Phone = d.Phone
		if n.BundleID != d.BundleID && n.Topic != d.BundleID {
			return refuse(400, reasonTokenNotForTopic)
		}
		n.BundleID = d.BundleID
		if !d.Gone.IsZero() && !now.Before(d.Gone) {
			return &refusal{410, reasonUnregistered, d.Learned.UnixMilli()}
		}
		if r.tooMany(d, now) {
			return refuse(429, reasonTooManyRequests)
		}
	}
	if refused := inject(); refused != nil {
		return refused
	}
	r.verdict(n, 200, "", now)
	if d == nil {
		r.trace(n, now, Discarded, "no phone has this token")
		return nil
	}
	r.deliver(d, n, now)
	return nil
}

// tooMany counts a push against the device's rate.
func (r *registry) tooMany(d *device, now time.Time) bool {
	p := r.policy()
	if p.DeviceRate <= 0 {
		return false
	}
	if since := now.Sub(d.windowStart); since < 0 || since >= time.Duration(p.DeviceRateWindow) {
		d.windowStart, d.windowCount = now, 0
	}
	d.windowCount++
	return d.windowCount > p.DeviceRate
}

func (i *identifiers) token() string {
	var raw [32]byte
	i.fill(raw[:])
	return hex.EncodeToString(raw[:])
}
