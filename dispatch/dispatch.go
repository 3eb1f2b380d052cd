// Package dispatch takes a message from accepted to settled: it resolves the
// audience, writes the message and its jobs in one transaction, sends each
// job's block of devices through a channel, retries what can be retried, and
// records an outcome for every device.
package dispatch

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// ErrLost is what a store returns when a job's lease is no longer the caller's:
// another worker has taken it over and will settle it.
var ErrLost = errors.New("dispatch: the job's lease was lost")

// ErrDamaged is wrapped where a stored message can no longer be read.
var ErrDamaged = errors.New("dispatch: the stored row is damaged")

// Lane keeps pushes to few devices from waiting behind pushes to many.
type Lane uint8

// The lanes.
const (
	Direct    Lane = iota // a handful of devices: login codes, replies
	Broadcast             // blocks of a large audience
)

// String names the lane in one lower-case word.
func (l Lane) String() string {
	if l == Direct {
		return "direct"
	}
	return "broadcast"
}

// Explicit marks a job whose devices were selected when the message was
// accepted, instead of a block whose audience is evaluated by the worker.
const Explicit = -1

// Job is a part of a message's audience that is sent by one worker at a time.
type Job struct {
	ID        int64
	MessageID aurora.MessageID
	AppID     int64
	Lane      Lane
	Part      aurora.Part // VoIPPart for what goes to PushKit, else unsaid
	// Environment is the one that is sent to; none for an in-app message alone.
	Environment aurora.Environment
	Block       int64 // a block number, or Explicit
	Attempt     int   // 0 for the first
	NotBefore   time.Time
	Fence       int64 // rises with each lease; a settlement with an old one is refused
	// Targets are the devices that have no outcome yet; nil until planned.
	Targets *roaring.Bitmap
	// Badges are the icon numbers of devices whose badge is relative.
	Badges Badges
	// Damaged says that the stored row cannot be read, and why.
	Damaged error
	// Problem is the reason for which it was parked; "" if it never was.
	Problem string
	// ByPlatform are the devices of a block that is being planned, for an in-app
	// message.
	ByPlatform map[aurora.Platform]*roaring.Bitmap
}

// Badges are pairs of device number and icon number, by ascending device number.
type Badges []BadgeOf

// BadgeOf is the icon number planned for a device.
type BadgeOf struct{ Number, Badge uint32 }

// Accepted is a message to be stored with its jobs in one transaction.
type Accepted struct {
	Message aurora.Message
	CID     string // "" or a client's id for this push, unique per app for a day
	// Targets, if not nil, is the whole audience: one explicit job, planned.
	Targets *roaring.Bitmap
	// Reachable are the targets whose badge the message changes: those it can
	// be sent to. A push that cannot arrive must not count on an icon.
	Reachable *roaring.Bitmap
	// Blocks are the blocks to make a job for otherwise.
	Blocks []uint32
	// Selection, if not nil, are the devices of those blocks: the message's
	// audience is the list of its own id.
	Selection *roaring.Bitmap
	// Group is the push to a group that the message is part of; 0 for none.
	Group aurora.MessageID
	// Holder leases the explicit job at once to this worker until the time.
	Holder string
	Until  time.Time

	found []Target // the targets, if they are few and were just read
}

// Receipt is the answer to an accepted push.
type Receipt struct {
	MessageID aurora.MessageID
	SendNo    int64
}

// Target is a device as a worker sees it.
type Target struct {
	Number        uint32
	Platform      aurora.Platform
	Token         string
	Environment   aurora.Environment
	RetiredReason string
	PushDisabled  bool
}

// Retirement takes a dead token out of use: only if the device still has it,
// and, when InactiveAt is set, reported it before that moment.
type Retirement struct {
	Number     uint32
	Token      string
	Reason     string
	InactiveAt time.Time
	Kind       aurora.TokenKind // a dead token of another kind is forgotten
}

// Settlement is what a worker writes in one transaction.
type Settlement struct {
	Job     Job // with the devices that remain
	Done    bool
	Marks   map[aurora.Mark]*roaring.Bitmap
	Retired []Retirement
	// Retry, if not nil, becomes a new job for its devices.
	Retry *Job
	// Slices become new jobs, each for some of the devices, at their times.
	Slices []Job
	// Until extends the lease; zero gives the job back to be leased after its NotBefore.
	Until time.Time
}

// Messages stores messages and their jobs.
type Messages interface {
	// AcceptMessage stores a message and its jobs; ErrPaced if it is one paced
	// push too many. If the CID was used within a
	// day it stores nothing and returns the first receipt and no job. The
	// explicit job is returned if it was leased to a.Holder.
	AcceptMessage(ctx context.Context, a Accepted) (Receipt, *Job, error)
	// UsedCID returns the receipt of the push that used a CID within a day.
	UsedCID(ctx context.Context, appID int64, cid string) (first Receipt, used bool, err error)
	Message(ctx context.Context, id aurora.MessageID) (aurora.Message, error)
	// MessageSince reports whether the app has a message accepted since then.
	MessageSince(ctx context.Context, appID int64, id aurora.MessageID, since time.Time) (bool, error)
	// StopMessage notes that a message of the app is stopped, and makes its
	// waiting jobs due. It does nothing for another app's message.
	StopMessage(ctx context.Context, appID int64, id aurora.MessageID) error
	// LeaseJobs leases up to max jobs that are due, fairly across apps, but for
	// those of the environments that are left to other servers.
	LeaseJobs(ctx context.Context, lane Lane, holder string, until time.Time, max int, except ...aurora.Environment) ([]Job, error)
	// PlanJob freezes the devices of a block job, marks them targeted, and
	// updates and returns the badges of the reachable ones if the message has
	// one. An in-app message begins to wait for j.ByPlatform. ErrLost.
	PlanJob(ctx context.Context, j Job, m *aurora.Message, targets, reachable *roaring.Bitmap) (Job, error)
	// ReadTargets yields the devices with the given numbers, ascending.
	ReadTargets(ctx context.Context, appID int64, numbers *roaring.Bitmap) iter.Seq2[Target, error]
	// ReadTokens is ReadTargets with the devices' tokens of a kind and a name.
	ReadTokens(ctx context.Context, appID int64, numbers *roaring.Bitmap, kind aurora.TokenKind, name string) iter.Seq2[Target, error]
	// ActivityDevices returns the devices that have a token for a live activity.
	ActivityDevices(ctx context.Context, appID int64, id string) (*roaring.Bitmap, error)
	// GiveBack ends the lease of a job, which can be leased again from due on, and
	// leaves it otherwise as it was settled last. ErrLost.
	GiveBack(ctx context.Context, j Job, due time.Time) error
	// ParkJob sets a damaged job aside until a moment, or until its message is
	// stopped. ErrLost.
	ParkJob(ctx context.Context, j Job, problem string, until time.Time) error
	// AbandonJob ends a damaged job: the devices of its message that were targeted,
	// have no outcome and are in no other job fail with the reason. It returns
	// how many these are. ErrLost.
	AbandonJob(ctx context.Context, j Job, reason string) (devices uint64, err error)
	// Settle writes outcomes, retired tokens and the job's progress. ErrLost.
	Settle(ctx context.Context, s Settlement) error
}

// Registry answers which devices of an app an expression selects.
type Registry interface {
	// SelectBlock returns the selected devices of one block.
	SelectBlock(ctx context.Context, appID int64, e audience.Expr, block uint32) (*roaring.Bitmap, error)
	// SelectPoints returns the selected devices of an expression that has Points.
	SelectPoints(ctx context.Context, appID int64, e audience.Expr) (*roaring.Bitmap, error)
	// FindPoints is SelectPoints with the devices as they were found, which may
	// be more than are selected, and in any order.
	FindPoints(ctx context.Context, appID int64, e audience.Expr) (*roaring.Bitmap, []aurora.Device, error)
	// SelectValues adds the devices with any of the aliases or registration ids.
	SelectValues(ctx context.Context, appID int64, f audience.Field, values []string, into *roaring.Bitmap) error
	// TestDevices returns the registration ids of the app's test devices.
	TestDevices(ctx context.Context, appID int64) ([]string, error)
	// Blocks returns how many blocks the app's devices span.
	Blocks(ctx context.Context, appID int64) (uint32, error)
	// Bind fixes what an expression means at a moment: whatever changes its
	// segments or the time later. It refuses one that means nothing in the app.
	Bind(ctx context.Context, appID int64, e audience.Expr, now time.Time) (audience.Expr, error)
	Counter
}

// Channel carries notifications of one platform to its vendor.
type Channel interface {
	// Open prepares a message for sending. aurora.NotFound means that the app
	// has no credential for the message's environment; other errors are
	// temporary.
	Open(ctx context.Context, m *aurora.Message) (aurora.Route, error)
}

// Parker takes a refused credential out of use.
type Parker interface {
	ParkCredential(ctx context.Context, credentialID int64, reason string) error
}

// Tracer records the steps of a push as spans of one trace, from the call that
// accepts it to the last outcome, which may be on another server and much later.
type Tracer interface {
	// Start begins a span as a child of the context's; the function ends it.
	Start(ctx context.Context, name string, attributes ...slog.Attr) (context.Context, func(error))
	// Carry returns the context's place in its trace as text; "" if it is in none.
	Carry(ctx context.Context) string
	// Resume returns a context at the place that Carry returned.
	Resume(ctx context.Context, carried string) context.Context
}

// Config is what a Service is made of.
type Config struct {
	Messages Messages
	Groups   GroupPushes
	Files    FileStore
	Assets   AssetStore
	Registry Registry
	Channel  Channel
	Parker   Parker
	Logger   *slog.Logger
	// Hint tells watchers that a message's numbers moved; may be nil.
	Hint func(appID int64, id aurora.MessageID)
	// Work tells other servers that there are jobs; may be nil.
	Work func()
	// Holder is who leases jobs; "" means a name drawn at random.
	Holder string
	// Elsewhere reports whether this server cannot reach an environment's vendor
	// while another server does, which then gets its jobs; may be nil.
	Elsewhere func(aurora.Environment) bool
	// Arrived tells devices, nil for any of the app's, that an in-app message
	// waits for them; may be nil.
	Arrived func(appID int64, numbers *roaring.Bitmap)
	// Tracer records how long the steps of a push take; may be nil.
	Tracer Tracer
	// Accepted and Settled count what happens, for those who watch the server:
	// pushes by where they came from, devices by outcome. Both may be nil, are
	// called from several goroutines and must not block.
	Accepted func(source string)
	Settled  func(outcome aurora.Mark, devices uint64)
	// Broadcasts is how many pushes to all its devices an app may send a day by
	// this server; nil, or an answer of 0, for any number. Schedules do not count.
	Broadcasts func() int
	// Workers bounds the leased jobs sent at once in each lane; 0 means 256
	// direct and 4 broadcast ones. Besides, four times the direct workers send
	// jobs that come straight from their acceptance.
	Workers [2]int
}

// Request is a push as the API and the console hand it in.
type Request struct {
	Message  aurora.Message // ID, AppID, Audience and AcceptedAt are filled in
	Audience audience.Expr
	CID      string
	// AllowEmpty accepts an audience that selects nobody: JPush refuses it only
	// when one kind of selector was used (spec/rest-api.md §7.1.4).
	AllowEmpty bool
	// TestOnly narrows the audience to the app's test devices.
	TestOnly bool
	// MaxDevices refuses an audience of more devices, whenever it is resolved; 0
	// is any number. A person's push that nobody else approved has it.
	MaxDevices uint64
	// Plan is the push plan that the push is counted under; "" for none.
	Plan string
	// File is the id of a file whose lines are the audience, instead of Audience.
	File  string
	group aurora.MessageID // the push to a group that this is part of
}
