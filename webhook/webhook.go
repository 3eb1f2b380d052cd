// Package webhook tells an app's servers what happened: it keeps their
// endpoints, turns what the outbox holds into events, signs and delivers them
// by the Standard Webhooks scheme, tries again, keeps a log of answers, and
// lets the same events be read as a stream.
//
// The outbox is written by the store in the transaction that writes an
// outcome, and only for apps that someone listens to: what is on record is also
// told, and a push nobody listens to pays nothing.
package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// ErrNone is what a store returns when there is no such row.
var ErrNone = errors.New("webhook: none")

// Event is something that happened. It never changes.
type Event struct {
	Seq       int64 // rises in the order in which events can be read
	AppID     int64
	Kind      aurora.EventKind
	At        time.Time
	MessageID aurora.MessageID // 0 if it is not about a message
	Reason    string           // of a failure, a retirement or a parking
	Devices   *roaring.Bitmap  // device numbers of one block; nil if it is not about devices
	Detail    string           // a JSON object with what else there is to tell; "" for nothing
}

// MaxDevices is how many devices one delivery names.
const MaxDevices = 1000

// Parts returns how many deliveries an event is.
func (e *Event) Parts() int {
	if e.Devices == nil {
		return 1
	}
	return max(1, (int(e.Devices.GetCardinality())+MaxDevices-1)/MaxDevices)
}

// Endpoint is where an app's events are delivered.
type Endpoint struct {
	Number       int64 // its row
	ID           string
	AppID        int64
	AppKey       string
	Callback     bool // made for the callback of pushes, and told in JPush's form
	URL          string
	Description  string
	Kinds        aurora.EventSet
	Secrets      []byte // sealed; nil for a callback
	CreatedAt    time.Time
	FailingSince time.Time // since when no delivery has succeeded; zero while they do
	DisabledAt   time.Time // zero: it is delivered to
	DisabledWhy  string
}

// DeliveryState says where a delivery stands.
type DeliveryState int

// The states of a delivery.
const (
	Waiting DeliveryState = iota
	Delivered
	GivenUp
)

// String names the state in one word.
func (s DeliveryState) String() string { return [...]string{"waiting", "delivered", "failed"}[s] }

// Delivery is one POST, with its latest answer.
type Delivery struct {
	ID      int64
	Webhook int64
	Event   Event // in lists without its devices
	Part    int   // from 0
	State   DeliveryState
	Attempt int       // attempts made
	DueAt   time.Time // of the next attempt, while waiting
	TriedAt time.Time // zero: not yet
	Status  int       // HTTP status of the latest answer; 0 if there was none
	Answer  string    // its beginning
	Problem string    // why the attempt failed; "" if it did not
	Took    time.Duration
}

// Endpoints stores endpoints.
type Endpoints interface {
	// CreateEndpoint stores an endpoint unless the app has max.
	CreateEndpoint(ctx context.Context, e Endpoint, max int) (Endpoint, error)
	// Endpoint returns ErrNone unless the app has such an endpoint.
	Endpoint(ctx context.Context, appID int64, id string) (Endpoint, error)
	// EndpointsOf returns an app's endpoints, oldest first, without those of callbacks.
	EndpointsOf(ctx context.Context, appID int64) ([]Endpoint, error)
	// ChangeEndpoint applies change to the stored endpoint and writes the
	// result. An endpoint that becomes disabled makes an event of detail, for
	// whoever else listens; its waiting deliveries are given up. ErrNone.
	ChangeEndpoint(ctx context.Context, number int64, detail string, change func(*Endpoint) error) (Endpoint, error)
	RemoveEndpoint(ctx context.Context, number int64) error
}

// Pending is something from the outbox on its way to become an event.
type Pending struct {
	Event     Event
	Endpoints []Endpoint // the app's that are enabled
	Callback  *aurora.Callback
	Streamed  bool // someone reads the app's event stream, or did of late
}

// Outbox turns what happened into events and these into deliveries.
type Outbox interface {
	// SealEvents takes up to max rows of the outbox. recipients says whom each
	// goes to; without any, and unless keep says so, it is dropped.
	SealEvents(ctx context.Context, max int, recipients func(Pending) (to []Endpoint, keep bool)) (taken int, err error)
	// DueEndpoints returns enabled endpoints with deliveries that are due.
	DueEndpoints(ctx context.Context) ([]Endpoint, error)
	// LeaseDeliveries returns up to max due deliveries of an endpoint, whole,
	// that nobody else gets before the time.
	LeaseDeliveries(ctx context.Context, webhook int64, until time.Time, max int) ([]Delivery, error)
	// SettleDeliveries writes what became of attempts and returns the endpoint.
	SettleDeliveries(ctx context.Context, webhook int64, results []Delivery) (Endpoint, error)
	// SweepEvents removes what is older than the time, in bites.
	SweepEvents(ctx context.Context, before time.Time) error
}

// Log answers for deliveries.
type Log interface {
	// DeliveriesOf returns deliveries below an id (0: from the newest), newest
	// first; state -1 means all.
	DeliveriesOf(ctx context.Context, webhook int64, state DeliveryState, before int64, limit int) ([]Delivery, error)
	// ReplayDelivery makes a delivery due again. ErrNone.
	ReplayDelivery(ctx context.Context, webhook, id int64) error
	// ReplayEvents makes the deliveries of an app's events of a time due again,
	// also those that the endpoint never got. aurora.Invalid for more than max.
	ReplayEvents(ctx context.Context, e Endpoint, from, to time.Time, failedOnly bool, max int) (deliveries int, err error)
	// AddTest stores a test event with its delivery, leased until the time.
	AddTest(ctx context.Context, e Endpoint, detail string, until time.Time) (Delivery, error)
}

// Reader reads events and what they are about.
type Reader interface {
	// Listen notes that an app's event stream is read until the time, and
	// returns since when it has been without a break.
	Listen(ctx context.Context, appID int64, until time.Time) (since time.Time, err error)
	// EventsAfter returns up to limit events of an app after a number.
	EventsAfter(ctx context.Context, appID, seq int64, limit int) ([]Event, error)
	// EventBounds returns the numbers of an app's oldest and newest events, 0
	// without any, and when the one with a number happened, zero if it is gone.
	EventBounds(ctx context.Context, appID, seq int64) (oldest, newest int64, at time.Time, err error)
	// RegistrationIDs returns the ids of devices by ascending number.
	RegistrationIDs(ctx context.Context, appID int64, numbers *roaring.Bitmap) ([]string, error)
	// MessageOutcome returns a message and its devices by mark. ErrNone.
	MessageOutcome(ctx context.Context, id aurora.MessageID) (aurora.Message, map[aurora.Mark]uint64, error)
}

// Expiries knows which credentials end.
type Expiries interface {
	// ExpiringCredentials returns those that end before the time, of apps that
	// somebody listens to.
	ExpiringCredentials(ctx context.Context, before time.Time) ([]aurora.Credential, error)
	// NoteExpiry makes an event of a warning unless it was given before.
	NoteExpiry(ctx context.Context, c aurora.Credential, days int, detail string) error
}

// Sealer encrypts secrets at rest.
type Sealer interface {
	Close(secret []byte, label string) []byte
	Open(sealed []byte, label string) ([]byte, error)
}

// Audit writes the audit log.
type Audit interface {
	Record(ctx context.Context, e aurora.AuditEntry)
}

// Apps finds the Master Secret that callbacks are signed with.
type Apps interface {
	AppByKey(ctx context.Context, key string) (aurora.App, error)
}

// Config is what a Service is made of.
type Config struct {
	Endpoints Endpoints
	Outbox    Outbox
	Log       Log
	Reader    Reader
	Expiries  Expiries
	Sealer    Sealer
	Audit     Audit
	Apps      Apps
	Logger    *slog.Logger

	// AllowPrivate permits destinations on this machine and in private
	// networks, and plain HTTP.
	AllowPrivate bool
	// DisableAfter is for how long an endpoint may fail before it is disabled;
	// default five days.
	DisableAfter time.Duration
	// Keep is how long events can be replayed and resumed; default seven days.
	Keep time.Duration
	// Transport carries requests; nil means one that heeds AllowPrivate.
	Transport http.RoundTripper
}

// Service answers for webhooks and the event stream.
type Service struct {
	c       Config
	http    *http.Client
	wake    chan struct{}
	posts   chan struct{} // room for requests under way
	mu      sync.Mutex
	busy    map[int64]bool // endpoints that a courier works for
	held    map[int64]hold // endpoints that do not answer
	streams map[int64]int  // readers of the event stream by app
}

// New returns a service.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.DisableAfter == 0 {
		c.DisableAfter = 5 * 24 * time.Hour
	}
	if c.Keep == 0 {
		c.Keep = 7 * 24 * time.Hour
	}
	return &Service{c: c, http: newClient(c.Transport, c.AllowPrivate), wake: make(chan struct{}, 1), posts: make(chan struct{}, maxPosts),
		busy: map[int64]bool{}, held: map[int64]hold{}, streams: map[int64]int{}}
}
