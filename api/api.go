// Package api is the REST surface: the JPush-compatible v3 families, for
// servers that send, and the device API, for the SDK on phones. It decodes
// strictly, refuses with JPush's numbers and a plain sentence, and leaves every
// rule to the services.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// Accounts proves callers.
type Accounts interface {
	// Authenticate returns who an AppKey and its Master Secret or an API key
	// prove, or aurora.Unauthorized.
	Authenticate(ctx context.Context, appKey, secret string) (account.Caller, error)
	// AuthenticateBearer returns who an API key proves by itself, or
	// aurora.Unauthorized.
	AuthenticateBearer(ctx context.Context, secret string) (account.Caller, error)
	// AppByKey returns the app, or aurora.NotFound.
	AppByKey(ctx context.Context, appKey string) (aurora.App, error)
}

// Dispatcher accepts pushes.
type Dispatcher interface {
	Accept(ctx context.Context, app aurora.App, r dispatch.Request) (dispatch.Receipt, error)
	Validate(ctx context.Context, app aurora.App, r dispatch.Request) (dispatch.Receipt, error)
	// Count tells whom a push would reach, and why not the others.
	Count(ctx context.Context, app aurora.App, r dispatch.Request) (dispatch.Reach, error)
	Stop(ctx context.Context, appID int64, id aurora.MessageID) error
}

// Reports answers what happened.
type Reports interface {
	Report(ctx context.Context, appID int64, id aurora.MessageID) (ledger.Report, error)
	AddReceipts(ctx context.Context, d aurora.Device, receipts []aurora.Receipt) error
	// Marks returns what is on record for one device of a message.
	Marks(ctx context.Context, d aurora.Device, id aurora.MessageID) (map[aurora.Mark]time.Time, error)
	// MarkedDevices returns a page of a message's devices by what became of
	// them, and where the next page begins, -1 if there is none.
	MarkedDevices(ctx context.Context, appID int64, id aurora.MessageID, q ledger.Selection) (ids []string, next int64, err error)
	// Timeline says step by step what happened to a message for one device.
	Timeline(ctx context.Context, appID int64, registrationID string, id aurora.MessageID) ([]ledger.Step, error)
}

// Devices registers and changes devices.
type Devices interface {
	Register(ctx context.Context, appID int64, r registry.Registration) (string, error)
	Authenticate(ctx context.Context, registrationID, secret string) (aurora.Device, error)
	Apply(ctx context.Context, appID int64, number uint32, c registry.Change) error
	// Seen notes that a device was seen just now.
	Seen(ctx context.Context, d aurora.Device, kind registry.Sighting)
}

// Statistics counts devices over time.
type Statistics interface {
	// Users returns the numbers of count periods from the one that start lies in.
	Users(ctx context.Context, appID int64, unit registry.Unit, start time.Time, count int) ([]registry.PeriodUsers, error)
}

// Inbox hands in-app messages to devices.
type Inbox interface {
	// Fetch returns what waits for a device, waiting for it if there is nothing.
	Fetch(ctx context.Context, d aurora.Device, wait time.Duration) ([]aurora.Message, error)
}

// Config is what the handler is made of.
type Config struct {
	Accounts   Accounts
	Keys       Keys
	Owners     Owners
	Admin      Admin
	Groups     GroupDispatcher
	Files      Files
	Assets     Assets
	Tests      TestDevices
	Webhooks   Webhooks
	Deliveries Deliveries
	Dispatcher Dispatcher
	Reports    Reports
	Devices    Devices
	Inbox      Inbox
	Labels     Labels
	Quarantine Quarantine
	Segments   Segments
	Statistics Statistics
	Schedules  Schedules
	Limits     Limits
	Servers    func() int // how many servers share the limits; nil means one
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Logger         *slog.Logger
	// PublicURL is how callers reach the server, for links in refusals; "" makes
	// them relative to it.
	PublicURL string
	// Watch is told of each request with the pattern of its route, and may
	// return another context for it; the function gets the answer's status.
	// It may be nil.
	Watch func(r *http.Request, route string) (context.Context, func(status int, waited time.Duration))
}

type server struct {
	Config
	limiter limiter
}

// New returns the handler for everything below /v1 and /v3.
func New(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &server{Config: c}
}

// respond sends a body in one write with its length; some clients parse each
// chunk as a whole document (R2–R4).
func respond(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // answers are made of strings and numbers
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body))) // or net/http sends long ones in chunks
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body) // a client that has gone away is no error of ours
}

// MaxBody is the largest request body, in bytes: a push with its longest
// audience lists has less than half of it.
const MaxBody = 1 << 20

// readAll reads to the end. A small body whose length is said beforehand, as
// nearly all are, takes one allocation.
func readAll(r io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > 4<<10 { // a claim is not yet a body
		return io.ReadAll(r)
	}
	b := bytes.NewBuffer(make([]byte, 0, length+bytes.MinRead)) // so that it does not grow at the end
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// readBody reads a whole body of bounded size.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	body, err := readAll(http.MaxBytesReader(nil, r.Body, limit), r.ContentLength)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, aurora.Errorf(aurora.TooLarge, "The request body is over %d bytes.", tooLarge.Limit)
	}
	if errors.Is(err, errNoGzip) {
		return nil, aurora.Errorf(aurora.Invalid, "The request body is labelled Content-Encoding: gzip, and is no gzip.")
	}
	if err != nil {
		return nil, aurora.Errorf(aurora.Invalid, "The request body could not be read to its end.")
	}
	return body, nil
}
