package console

import (
	"context"
	"net/netip"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/mail"
	"github.com/aurora-push/aurora/webhook"
)

// Access is who may call for an app, from where.
type Access interface {
	APIKeys(ctx context.Context, appID int64) ([]account.APIKey, error)
	CreateAPIKey(ctx context.Context, app aurora.App, n account.NewAPIKey) (account.APIKey, aurora.Secret, error)
	RevokeAPIKey(ctx context.Context, app aurora.App, id int64) error
	AllowList(ctx context.Context, appID int64) (account.AllowList, error)
	SetAllowList(ctx context.Context, app aurora.App, entries []string, from netip.Addr) (account.AllowList, error)
}

// Groups are several apps that are sent to as one.
type Groups interface {
	Groups(ctx context.Context, accountID int64) ([]aurora.Group, error)
	CreateGroup(ctx context.Context, accountID int64, name string) (aurora.Group, error)
	DeleteGroup(ctx context.Context, accountID int64, key string) error
	SetGroupApp(ctx context.Context, accountID int64, groupKey, appKey string, member bool) error
	GroupApps(ctx context.Context, groupID int64) ([]aurora.App, error)
	// RevealGroupSecret returns a group's secret, and notes who saw it.
	RevealGroupSecret(ctx context.Context, accountID int64, key string) (aurora.Secret, error)
}

// Endpoints are where an app's events are delivered.
type Endpoints interface {
	Endpoints(ctx context.Context, appID int64) ([]webhook.Endpoint, error)
	Create(ctx context.Context, app aurora.App, c webhook.Change) (webhook.Endpoint, aurora.Secret, error)
	Change(ctx context.Context, app aurora.App, id string, c webhook.Change) (webhook.Endpoint, error)
	Remove(ctx context.Context, app aurora.App, id string) error
	Rotate(ctx context.Context, app aurora.App, id string, overlap time.Duration) (aurora.Secret, error)
}

// Deliveries are what was posted to an endpoint.
type Deliveries interface {
	Deliveries(ctx context.Context, appID int64, id string, state webhook.DeliveryState, before int64, limit int) (webhook.Endpoint, []webhook.Delivery, error)
	Replay(ctx context.Context, app aurora.App, id string, r webhook.Replay) (deliveries int, err error)
	Test(ctx context.Context, app aurora.App, id string) (webhook.Delivery, error)
}

// Settings are Access and Groups; the account service is both.
type Settings interface {
	Access
	Groups
}

// Hooks are webhooks with their deliveries.
type Hooks interface {
	Endpoints
	Deliveries
}

// Operator tells how the installation is.
type Operator interface {
	System(ctx context.Context) (System, error)
}

// Letters writes mails to people.
type Letters interface {
	Invite(ctx context.Context, i mail.Invitation) error
	// Test sends a mail at once and returns what the mail server said to it.
	Test(ctx context.Context, to string) error
}

// System is the installation at a moment.
type System struct {
	Version   string
	Started   time.Time
	Database  string // what keeps the data
	Bytes     int64  // of the database on the disk; 0 if that is not ours to tell
	Lanes     []SystemLane
	Damaged   []SystemDamage
	Unfolded  int64
	Gateways  []SystemGateway
	Nodes     []SystemNode
	Problem   string      // why the server is not ready; "" if it is
	AdminAddr string      // where metrics and profiles are; "" if nowhere
	Mail      *SystemMail // nil without a mail server
}

// SystemMail is the mail server in use and what waits for it.
type SystemMail struct {
	Server, From string
	mail.Queue
}

// SystemLane is a queue of unfinished parts of messages.
type SystemLane struct {
	Name   string
	Jobs   int
	Oldest time.Time // since when the one is due that waits longest; zero if none waits
}

// SystemDamage is a part of a message that cannot be read and was set aside.
type SystemDamage struct {
	MessageID aurora.MessageID
	Problem   string
	Until     time.Time // when its devices fail
}

// SystemGateway is how APNs is reached in one environment.
type SystemGateway struct {
	Environment                                    aurora.Environment
	Live, Leaving, InFlight, Queued, Down, Refused int
	RTT                                            time.Duration
}

// SystemNode is a server of the database.
type SystemNode struct {
	Name      string
	StartedAt time.Time
	SeenAt    time.Time
	This      bool
}
