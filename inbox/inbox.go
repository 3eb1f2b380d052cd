// Package inbox hands in-app messages to the devices that are connected: a
// device connects by asking for its messages and waiting for the answer.
//
// Which messages wait for which devices is the store's business: a broadcast is
// one bitmap for each block of devices, a message for few devices a row for
// each. A device that asks looks through what waits for its own number and for
// its block; it needs no push token and no APNs environment.
//
// Who waits is woken by hints. A hint may be lost: once a second the service
// looks for what has arrived since, and a device that asks always looks first.
package inbox

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

const (
	// MaxAnswer is how many messages one answer holds.
	MaxAnswer = 20
	// MaxOffline is how many messages are kept for a device that is not
	// connected: the newest (spec/ios-sdk.md §11).
	MaxOffline = 5
	// MaxWait bounds how long a device may wait for an answer.
	MaxWait = time.Minute

	// reconnectTime is how long a device counts as connected between two
	// questions.
	reconnectTime = 30 * time.Second
	lookPause     = time.Second            // how long a message can wait if every hint is lost
	sentPause     = 200 * time.Millisecond // how often it is written what was handed out
)

// Waiting is a message that waits for a device.
type Waiting struct {
	Message aurora.Message
	Shared  int64 // its entry of the device's block; 0 if it waits for this device alone
}

// Arrival is a message that began to wait after the one with a lower number.
type Arrival struct {
	Seq   int64
	AppID int64
	// Number is the device it waits for; Block, if Shared, the block it waits for.
	Number, Block uint32
	Shared        bool
}

// Handed are the devices of one platform that were handed a message.
type Handed struct {
	MessageID aurora.MessageID
	Platform  aurora.Platform
}

// Queue stores what waits for which devices.
type Queue interface {
	// Inbox returns what waits for a device, newest first, but for the shared
	// entries to skip; and the shared entries that do not, and never will.
	Inbox(ctx context.Context, appID int64, number uint32, skip map[int64]bool) (waiting []Waiting, clear []int64, err error)
	// DropInbox gives messages up for a device, with the reason.
	DropInbox(ctx context.Context, appID int64, number uint32, ids []aurora.MessageID, reason string) error
	// MarkHanded notes which devices were handed which messages.
	MarkHanded(ctx context.Context, handed map[Handed]*roaring.Bitmap) error
	// ExpireInbox gives up some of the messages that were not fetched in time,
	// with the reason, and reports whether there may be more.
	ExpireInbox(ctx context.Context, reason string) (more bool, err error)
	// Arrivals returns up to limit arrivals after one, and the number of the
	// latest arrival; with a limit of 0 only that.
	Arrivals(ctx context.Context, after int64, limit int) (list []Arrival, latest int64, err error)
}

// Bus carries hints; see package bus.
type Bus interface {
	Publish(topic, hint string)
	Subscribe(topic string) (<-chan string, func())
}

// Config is what a Service is made of.
type Config struct {
	Queue  Queue
	Bus    Bus
	Logger *slog.Logger
	// Moved tells watchers that a message's numbers moved; may be nil.
	Moved func(appID int64, id aurora.MessageID)
	// MaxOpen bounds the devices that wait at once; 0 means 50,000.
	MaxOpen int
}

// Service hands messages to devices.
type Service struct {
	c    Config
	quit chan struct{} // closed when nobody may wait any longer

	mu          sync.Mutex
	connections map[device]*connection
	open        int
	handed      map[Handed]*roaring.Bitmap // not written yet
	apps        map[aurora.MessageID]int64 // of the messages in handed
}

type device struct {
	app    int64
	number uint32
}

// connection is a device that asks, or asked a moment ago.
type connection struct {
	since   time.Time // it has been connected without a break
	left    time.Time // when its latest question was answered
	open    *question // nil if none is
	skip    map[int64]bool
	counted bool // what had waited for it is within MaxOffline
}

// question is one request that may wait.
type question struct {
	wake  chan struct{} // look again
	yield chan struct{} // closed when the device asks anew
}

// New returns a service. Without Run it still answers, but wakes nobody.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = 50_000
	}
	return &Service{c: c, quit: make(chan struct{}), connections: map[device]*connection{}, handed: map[Handed]*roaring.Bitmap{}, apps: map[aurora.MessageID]int64{}}
}

// Fetch returns the messages that wait for a device, oldest first, at most
// MaxAnswer. If there are none it waits for one, up to the given time and
// MaxWait. They come again until the device acknowledges them by a receipt.
//
// A device has one open question: a new one ends the one before. The error is
// aurora.Unavailable when too many devices wait.
func (s *Service) Fetch(ctx context.Context, d aurora.Device, wait time.Duration) ([]aurora.Message, error) {
	me := device{d.AppID, d.Number}
	c, q, err := s.connect(me)
	if err != nil {
		return nil, err
	}
	defer s.leave(c, q)
	end := time.NewTimer(min(wait, MaxWait))
	defer end.Stop()
	for {
		found, err := s.look(ctx, d, c)
		if err != nil || len(found) > 0 {
			return found, err
		}
		select {
		case <-q.wake:
			continue
		case <-end.C:
		case <-q.yield:
		case <-s.quit:
		case <-ctx.Done():
		}
		return nil, nil
	}
}

// connect opens a question of a device and ends its earlier one.
func (s *Service) connect(me device) (*connection, *question, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connections[me]
	now := time.Now()
	switch {
	case c != nil && c.open != nil:
		close(c.open.yield)
		s.open--
	case s.open >= s.c.MaxOpen:
		return nil, nil, aurora.Errorf(aurora.Unavailable, "Too many devices wait for messages at once. Ask again in a while, or without waiting.")
	case c == nil || now.Sub(c.left) > reconnectTime:
		c = &connection{since: now, skip: map[int64]bool{}}
		s.connections[me] = c
	}
	s.open++
	c.open = &question{make(chan struct{}, 1), make(chan struct{})}
	return c, c.open, nil
}

func (s *Service) leave(c *connection, q *question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.open != q { // the device has asked anew
		return
	}
	c.open, c.left = nil, time.Now()
	s.open--
}

// look returns what is to be handed to a device now.
func (s *Service) look(ctx context.Context, d aurora.Device, c *connection) ([]aurora.Message, error) {
	if d.PushDisabled { // its user wants none; they stay until they expire
		return nil, nil
	}
	s.mu.Lock()
	skip := make(map[int64]bool, len(c.skip))
	for entry := range c.skip {
		skip[entry] = true
	}
	since, counted := c.since, c.counted
	s.mu.Unlock()
	waiting, clear, err := s.c.Queue.Inbox(ctx, d.AppID, d.Number, skip)
	if err != nil {
		return nil, err
	}
	var due []aurora.Message // newest first
	var missed []int64
	for _, w := range waiting {
		if w.Message.ForConnected() && w.Message.AcceptedAt.Before(since) {
			missed = append(missed, w.Shared) // it came too late for that one
			continue
		}
		due = append(due, w.Message)
	}
	if !counted {
		if due, err = s.trim(ctx, d, due, since); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	c.counted = true
	for _, entry := range append(clear, missed...) {
		if entry != 0 {
			c.skip[entry] = true
		}
	}
	out := s.handOut(d, due)
	s.mu.Unlock()
	if slices.ContainsFunc(out, func(m aurora.Message) bool { return m.Content.Notifies() }) {
		// Its receipts may not say which of the two deliveries they are about:
		// that it was handed out must be on record before the first one comes.
		s.writeHanded(ctx)
	}
	return out, nil
}

// trim drops what is too much of what waited while the device was not
// connected.
func (s *Service) trim(ctx context.Context, d aurora.Device, due []aurora.Message, since time.Time) ([]aurora.Message, error) {
	kept, offline := due[:0:0], 0
	var dropped []aurora.MessageID
	for _, m := range due {
		if m.AcceptedAt.Before(since) {
			if offline++; offline > MaxOffline {
				dropped = append(dropped, m.ID)
				continue
			}
		}
		kept = append(kept, m)
	}
	if len(dropped) == 0 {
		return kept, nil
	}
	err := s.c.Queue.DropInbox(ctx, d.AppID, d.Number, dropped, aurora.ReasonOverflow)
	for _, id := range dropped {
		s.moved(d.AppID, id)
	}
	return kept, err
}

// handOut returns the oldest of what is due, oldest first, and notes that it
// was handed out. The caller holds mu.
func (s *Service) handOut(d aurora.Device, due []aurora.Message) []aurora.Message {
	var out []aurora.Message
	for i := len(due) - 1; i >= 0 && len(out) < MaxAnswer; i-- {
		h := Handed{due[i].ID, d.Platform}
		if s.handed[h] == nil {
			s.handed[h] = roaring.New()
		}
		s.handed[h].Add(d.Number)
		s.apps[due[i].ID] = d.AppID
		out = append(out, due[i])
	}
	return out
}

func (s *Service) moved(appID int64, id aurora.MessageID) {
	if s.c.Moved != nil {
		s.c.Moved(appID, id)
	}
}
