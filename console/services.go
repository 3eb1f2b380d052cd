package console

import (
	"context"
	"io"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// Accounts answers who is calling, and keeps apps and their credentials.
type Accounts interface {
	People
	Apps
}

// People signs people in and out.
type People interface {
	// FirstRun reports whether no account exists yet.
	FirstRun(ctx context.Context) (bool, error)
	// CreateOwner makes the first account. link is the one-time token that
	// the server printed when it started.
	CreateOwner(ctx context.Context, link, email, password string) (aurora.Account, error)
	// SignIn returns a new session, or the step that is owed. It is throttled:
	// aurora.TooMany.
	SignIn(ctx context.Context, email, password string) (account.Entry, error)
	// SignInLinkOf returns whom a one-time link lets in, and leaves it usable.
	SignInLinkOf(ctx context.Context, link string) (email string, err error)
	// SignInByLink redeems a one-time link.
	SignInByLink(ctx context.Context, link string) (session string, err error)
	// Session returns whose session it is; aurora.Unauthorized when it is
	// unknown or has expired.
	Session(ctx context.Context, session string) (account.Visitor, error)
	SignOut(ctx context.Context, session string) error
	// Remember returns what a browser that has signed in keeps, to be told from
	// strangers who guess at the account (account.WithDevice).
	Remember(ctx context.Context, session string) (string, error)
}

// Apps keeps apps and their credentials. App answers aurora.NotFound for an
// app that the account does not own; everything else the console asks about
// an app comes after it.
type Apps interface {
	CreateApp(ctx context.Context, accountID int64, name, bundleID string) (aurora.App, error)
	Apps(ctx context.Context, accountID int64) ([]aurora.App, error)
	App(ctx context.Context, accountID int64, appKey string) (aurora.App, error)
	// RevealSecret returns the app's Master Secret, and notes who saw it.
	RevealSecret(ctx context.Context, app aurora.App) (aurora.Secret, error)
	// Credentials returns at most one for each slot, Development first.
	Credentials(ctx context.Context, appID int64) ([]aurora.Credential, error)
	// StoreCredential checks the file, asks APNs (up to some ten seconds) and
	// stores it in every slot it serves.
	StoreCredential(ctx context.Context, app aurora.App, up account.Upload) ([]aurora.Credential, error)
	RemoveCredential(ctx context.Context, appID int64, env aurora.Environment) error
	// ProbeCredential asks APNs again about a slot (up to some ten seconds).
	ProbeCredential(ctx context.Context, app aurora.App, env aurora.Environment) error
	// RotateSecret gives the app a new Master Secret; the old one stays valid
	// for the overlap.
	RotateSecret(ctx context.Context, app aurora.App, overlap time.Duration) (aurora.Secret, error)
	// OldSecretUntil is the zero time if the old secret is no longer valid.
	OldSecretUntil(ctx context.Context, appID int64) (time.Time, error)
}

// Devices finds devices and counts audiences.
type Devices interface {
	Devices(ctx context.Context, appID int64, q registry.Query) ([]aurora.Device, error)
	Device(ctx context.Context, appID int64, registrationID string) (aurora.Device, error)
	Count(ctx context.Context, appID int64, e audience.Expr) (uint64, error)
	TestDevices
	// Segments returns the saved audiences, by name.
	Segments(ctx context.Context, appID int64) ([]registry.Segment, error)
	// Export writes the app's devices in a form that can be imported again.
	Export(ctx context.Context, appID int64, to io.Writer, o registry.ExportOptions) (written int64, err error)
}

// TestDevices keeps the devices that test pushes go to.
type TestDevices interface {
	ListTestDevices(ctx context.Context, appID int64) ([]registry.TestDevice, error)
	PutTestDevice(ctx context.Context, appID int64, registrationID, name string, change bool) error
	DropTestDevice(ctx context.Context, appID int64, registrationID string) error
}

// Sender knows whom a message reaches, and stops one. Sending goes through
// Approvals: nothing that a person wrote passes by them.
type Sender interface {
	// Count tells whom a push would reach, and why not the others.
	Count(ctx context.Context, app aurora.App, r dispatch.Request) (dispatch.Reach, error)
	// Stop ends a message for the devices whose turn has not come.
	Stop(ctx context.Context, appID int64, id aurora.MessageID) error
}

// Schedules keeps pushes that are sent later.
type Schedules interface {
	Schedules(ctx context.Context, appID int64, page int) (list []dispatch.Schedule, total int, err error)
	Change(ctx context.Context, appID int64, id string, c dispatch.ScheduleChange) (dispatch.Schedule, error)
	Delete(ctx context.Context, appID int64, id string) error
}

// Approvals let a second person look at large pushes.
type Approvals interface {
	Limit(ctx context.Context, appID int64) (uint64, error)
	SetLimit(ctx context.Context, app aurora.App, limit uint64) error
	Submit(ctx context.Context, app aurora.App, n dispatch.Schedule, cid string) (dispatch.Submitted, error)
	// Try sends to the app's test devices.
	Try(ctx context.Context, app aurora.App, r dispatch.Request) (dispatch.Receipt, error)
	Pending(ctx context.Context, appID int64) ([]dispatch.Approval, error)
	Approve(ctx context.Context, app aurora.App, id string) (dispatch.Submitted, error)
	Withdraw(ctx context.Context, app aurora.App, id string) error
}

// Reports says what became of messages.
type Reports interface {
	// Messages returns the newest first, those before the given id only
	// unless it is 0.
	Messages(ctx context.Context, appID int64, before aurora.MessageID, limit int) ([]ledger.Report, error)
	Report(ctx context.Context, appID int64, id aurora.MessageID) (ledger.Report, error)
	Search(ctx context.Context, appID int64, q ledger.Query) (ledger.Found, error)
	// MarkedDevices returns registration ids, and where to go on; -1 at the end.
	MarkedDevices(ctx context.Context, appID int64, id aurora.MessageID, q ledger.Selection) (ids []string, next int64, err error)
	Timeline(ctx context.Context, appID int64, registrationID string, id aurora.MessageID) ([]ledger.Step, error)
	DeviceMessages(ctx context.Context, appID int64, registrationID string, limit int) ([]ledger.Report, error)
	// Watch sends a hint whenever something of the app moved, until the
	// returned function is called. Hints may be lost.
	Watch(ctx context.Context, appID int64) (<-chan ledger.Event, func())
}
