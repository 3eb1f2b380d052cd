package apns

import (
	"encoding/base64"
	"errors"
	"time"
)

// channelStorage is how long a channel with storage keeps its latest message.
const channelStorage = 8 * time.Hour

// channel is a broadcast channel of an app (Apple: Sending channel management
// requests; spec §2.8).
type channel struct {
	Environment Environment  `json:"environment"`
	BundleID    string       `json:"bundle_id"`
	ID          string       `json:"id"`
	Policy      int          `json:"policy"` // 0 = nothing is stored, 1 = the latest message
	Deleted     bool         `json:"deleted,omitempty"`
	Latest      *storedEntry `json:"latest,omitempty"`
}

type channelKey struct {
	slot slot
	id   string
}

// subscription is an app on a phone listening to a channel.
type subscription struct {
	Phone       string      `json:"phone"`
	Environment Environment `json:"environment"`
	BundleID    string      `json:"bundle_id"`
	ChannelID   string      `json:"channel_id"`
	Seen        uint64      `json:"seen"` // the latest message handed to this phone
	Left        bool        `json:"left,omitempty"`
}

type subscriptionKey struct {
	phone   string
	channel channelKey
}

func (c *channel) key() channelKey { return channelKey{slot{c.BundleID, c.Environment}, c.ID} }

func (s *subscription) key() subscriptionKey {
	return subscriptionKey{s.Phone, channelKey{slot{s.BundleID, s.Environment}, s.ChannelID}}
}

func (r *registry) putChannel(c *channel) {
	if c.Deleted {
		delete(r.channels, c.key())
		return
	}
	if c.Latest != nil && c.Latest.Notification == nil {
		c.Latest = nil
	}
	if c.Latest != nil {
		c.Latest.keepUntil = c.Latest.KeepUntil
		r.sequence = max(r.sequence, c.Latest.Sequence)
	}
	r.channels[c.key()] = c
}

func (r *registry) putSubscription(s *subscription) {
	if s.Left {
		delete(r.subscriptions, s.key())
		return
	}
	r.subscriptions[s.key()] = s
}

// createChannel makes a channel with a random id.
func (r *registry) createChannel(at slot, policy int) (id string, refused *refusal) {
	var raw [16]byte
	r.ids.fill(raw[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.channelsOf(at)) >= r.policy().MaxChannels {
		return "", refuse(400, reasonCannotCreateChannel)
	}
	c := &channel{Environment: at.environment, BundleID: at.bundle, ID: base64.StdEncoding.EncodeToString(raw[:]), Policy: policy}
	r.putChannel(c)
	r.write(entry{Channel: c})
	return c.ID, nil
}

func (r *registry) channelsOf(at slot) []string {
	list := []string{}
	for key := range r.channels {
		if key.slot == at {
			list = append(list, key.id)
		}
	}
	return list
}

// listChannels returns the ids of an app's channels.
func (r *registry) listChannels(at slot) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.channelsOf(at)
}

// channelPolicy returns the storage policy of a channel.
func (r *registry) channelPolicy(at slot, id string) (policy int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.channels[channelKey{at, id}]
	if c == nil {
		return 0, false
	}
	return c.Policy, true
}

// deleteChannel forgets a channel and its subscriptions.
func (r *registry) deleteChannel(at slot, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := channelKey{at, id}
	c := r.channels[key]
	if c == nil {
		return false
	}
	delete(r.channels, key)
	r.write(entry{Channel: &channel{Environment: c.Environment, BundleID: c.BundleID, ID: c.ID, Deleted: true}})
	for _, s := range r.subscriptions {
		if s.key().channel == key {
			r.leave(s)
		}
	}
	return true
}

// broadcast hands a message to every subscriber that is connected and, with
// storage policy 1, keeps it for the others.
func (r *registry) broadcast(n *Notification, inject func() *refusal) *refusal {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	at := n.slot()
	c := r.channels[channelKey{at, n.ChannelID}]
	if c == nil {
		return refuse(400, reasonChannelNotRegistered)
	}
	if c.Policy == 0 && n.storable(now) {
		return refuse(400, reasonBadExpirationDate)
	}
	if refused := inject(); refused != nil {
		return refused
	}
	r.verdict(n, 200, "", now)
	if latest := now.Add(channelStorage); n.keepUntil.After(latest) {
		n.keepUntil = latest
	}
	if c.Policy == 1 && n.storable(now) {
		c.Latest = &storedEntry{n, n.keepUntil}
		r.write(entry{Channel: c})
		r.trace(n, now, Stored, "by the channel")
	}
	for _, s := range r.subscriptions {
		if s.key().channel == c.key() {
			r.offer(s, n, now)
		}
	}
	return nil
}

// offer queues a copy of a broadcast for one connected subscriber.
func (r *registry) offer(s *subscription, n *Notification, now time.Time) {
	p := r.phone(s.Phone)
	if p.session == nil || n.Sequence <= s.Seen {
		return
	}
	s.Seen = n.Sequence
	r.write(entry{Subscription: s})
	r.sequence++
	piece := *n
	piece.Sequence, piece.Phone, piece.stored, piece.logged, piece.Trace = r.sequence, s.Phone, false, false, nil
	if len(p.waiting) >= waitingLimit {
		r.replace(p, &piece, now)
	}
	p.waiting = append(p.waiting, &piece)
	r.pump(p, now)
}

// catchUp offers a phone that comes back what its channels have kept.
func (r *registry) catchUp(p *phone, now time.Time) {
	for _, s := range r.subscriptions {
		if s.Phone != p.id {
			continue
		}
		c := r.channels[s.key().channel]
		if c != nil && c.Latest != nil && c.Latest.storable(now) {
			r.offer(s, c.Latest.Notification, now)
		}
	}
}

// subscribe adds a subscription; confirm is called before anything that the
// channel has kept is handed over.
func (r *registry) subscribe(ss *session, bundle string, e Environment, id string, confirm func()) error {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	key := channelKey{slot{bundle, e}, id}
	if r.channels[key] == nil {
		return errors.New("no such channel for this app in this environment")
	}
	s := &subscription{Phone: ss.phone, Environment: e, BundleID: bundle, ChannelID: id}
	if old := r.subscriptions[s.key()]; old != nil {
		s = old
	}
	r.putSubscription(s)
	r.write(entry{Subscription: s})
	confirm()
	if p := r.phone(ss.phone); p.session == ss {
		r.catchUp(p, now)
	}
	r.flushLocked()
	return nil
}

func (r *registry) unsubscribe(phoneID, bundle string, e Environment, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.subscriptions[subscriptionKey{phoneID, channelKey{slot{bundle, e}, id}}]; s != nil {
		r.leave(s)
	}
	r.flushLocked()
}

// dropSubscriptions ends what a removed app listened to.
func (r *registry) dropSubscriptions(phoneID, bundle string, e Environment) {
	for _, s := range r.subscriptions {
		if s.Phone == phoneID && s.BundleID == bundle && s.Environment == e {
			r.leave(s)
		}
	}
}

func (r *registry) leave(s *subscription) {
	delete(r.subscriptions, s.key())
	gone := *s
	gone.Left = true
	r.write(entry{Subscription: &gone})
}
