// Package server is the program as a value: configuration in, running system
// out. It is the only place where the concrete parts meet.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/bus"
	"github.com/aurora-push/aurora/channel"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/inbox"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/mail"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/webhook"
)

// Config says what to run. The zero value of a field means its default.
type Config struct {
	Data   string // folder for the database and the encryption key; required
	Key    string // base64 of 32 bytes; "" means the file secret.key in Data
	Listen string // address of the HTTP listener; default ":8080"

	Database string // postgres:// URL of a database that several servers may share; "" means SQLite in Data
	// DeadAfter is how long another server of the database may be silent before
	// what it has leased is done by this one; default 15 s. It is the same for all.
	DeadAfter time.Duration
	Bus       bus.Bus // carries hints instead of those, if set
	NATS      string  // URL of a NATS server that carries hints between them; "" means the database does

	APNs        string // production gateway; default Apple's
	APNsSandbox string // development gateway; default Apple's
	APNsCA      string // PEM file of a CA to trust for both, instead of the system's
	// StoredAPNs takes the gateways that the last `serve` used: for command-line
	// tools that work beside it.
	StoredAPNs bool

	Limits api.Limits // calls a minute that one app may make
	// Broadcasts is how many pushes to all its devices one app may send a day; 0
	// for any number.
	Broadcasts int
	// MaxSchedules bounds the unfinished schedules of an app; default 100.
	MaxSchedules int
	// AudienceCache is how many MiB of decoded bitmaps of audiences are kept;
	// default 64.
	AudienceCache int
	// KeepMessages is how long messages, their outcomes and finished schedules
	// are kept; default ledger.DefaultKeep, at least ledger.MinKeep.
	KeepMessages time.Duration
	// KeepQuarantined is how long a device whose token is dead is kept while
	// nothing is heard of it; default registry.DefaultKeepQuarantined.
	KeepQuarantined time.Duration

	// WebhookAllowPrivate permits webhooks to this machine and private networks.
	WebhookAllowPrivate bool
	// TrustedProxies are the addresses whose X-Forwarded-For is believed when a
	// caller's address is held against an allow-list.
	TrustedProxies []netip.Prefix

	// AdminListen is the address of a listener for operators, with metrics,
	// profiles and health; "" means none. It asks for no password.
	AdminListen string
	// DrainDelay is how long a server that is told to stop goes on serving while
	// it says that it is not ready, so that whoever spreads requests notices.
	DrainDelay time.Duration
	// OTLP is the base URL of an OpenTelemetry collector; "" means none.
	OTLP string
	// TraceRatio is the share of requests to trace of those that come without a
	// trace of their own: 0 to 1.
	TraceRatio float64

	// TLSCert and TLSKey are PEM files; with both the listener speaks HTTPS. They
	// are read again when they change.
	TLSCert, TLSKey string

	// Mail is the mail server that people are written through; nil: none.
	Mail *mail.Relay
	// MailTLS is how it is trusted; nil means as the system does.
	MailTLS *tls.Config

	// OIDC is the provider that people sign in to the console through; nil: none.
	OIDC *account.OIDC

	PublicURL string       // how phones and browsers reach the server; default: as the request says
	PhoneURL  string       // the simulated iPhone, which the console then links to
	Phone     http.Handler // served below /phone/, if set

	Logger *slog.Logger
}

// Server is a running or a merely opened Aurora.
type Server struct {
	Accounts *account.Service
	Registry *registry.Service
	Dispatch *dispatch.Service
	Ledger   *ledger.Service
	// Files are audiences that arrive as files.
	Files *dispatch.Files
	// Assets are push plans and images.
	Assets *dispatch.Assets
	// Webhooks tells apps' servers what happened.
	Webhooks *webhook.Service
	// Schedules sends what is due later.
	Schedules *dispatch.Schedules
	// Approvals let a second person look at large pushes.
	Approvals *dispatch.Approvals
	// Inbox hands in-app messages to devices.
	Inbox *inbox.Service
	// Mail writes to people; nil without a mail server.
	Mail *mail.Service

	config   Config
	store    *store.Store
	channel  *channel.IOS
	http     *http.Server
	listener net.Listener
	apns     *channel.Gateways
	apnsCA   string // PEM
	lock     *os.File
	health   *health
	bus      bus.Bus
	cluster  cluster
	outages  outages
	began    time.Time
	metrics  *metrics
	tracer   *tracer
	admin    *admin
	workers  sync.WaitGroup

	cancel, endStreams context.CancelFunc
}

// Open opens the data folder and wires the services, without serving or
// sending: what command-line tools need. Close it with Shutdown.
func Open(ctx context.Context, c Config) (*Server, error) {
	if c.Data == "" {
		return nil, errors.New("no data folder is given; use --data DIR")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	db, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.AudienceCache > 0 {
		db.LimitBitmaps(int64(c.AudienceCache) << 20)
	}
	s := &Server{config: c, store: db, metrics: newMetrics(), began: time.Now()}
	s.health = &health{check: db.Check, clock: s.cluster.clock, parked: db.CountParked, expiries: expiries{ending: db.EndingCredentials}}
	if err := s.wire(ctx); err != nil {
		if s.bus != nil {
			s.bus.Close()
		}
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// broadcastLimit is this server's share of the broadcasts that an app may send
// a day, at least one; 0 for any number.
func (s *Server) broadcastLimit() int {
	if s.config.Broadcasts <= 0 {
		return 0
	}
	return max(s.config.Broadcasts/s.cluster.count(), 1)
}

// AuditOutcomes compares the counters of every message with the sets they count.
func (s *Server) AuditOutcomes(ctx context.Context) (store.Audit, error) {
	return s.store.AuditOutcomes(ctx)
}

func (s *Server) wire(ctx context.Context) error {
	c := s.config
	seal, err := account.LoadSeal(c.Key, c.Data)
	if err != nil {
		return err
	}
	if err := s.proveKey(ctx, seal); err != nil {
		return err
	}
	gateways, err := s.gateways(ctx)
	if err != nil {
		return err
	}
	if s.tracer, err = newTracer(ctx, c.OTLP, c.TraceRatio, c.Logger); err != nil {
		return err
	}
	s.store.OnCommit(s.metrics.countCommit)
	s.Accounts = account.New(account.Config{
		People: s.store, Members: s.store, Invitations: s.store, Doors: s.store, Links: s.store, Factors: s.store, Passkeys: s.store, Identities: s.store, Apps: s.store, Groups: s.store, Admin: s.store, Credentials: s.store, Accesses: s.store, APIKeys: s.store, Audits: s.store,
		Prover: gateways, OIDC: c.OIDC, Seal: seal, Logger: c.Logger,
		Changed: func() { s.bus.Publish(accountTopic, "") },
		Moved:   func(appID int64) { s.Ledger.Hint(appID, 0) },
		Strange: func(ctx context.Context, email string, in account.SignedIn) error {
			if s.Mail == nil {
				return nil
			}
			return s.Mail.TellSignIn(ctx, mail.SignIn{To: email, Browser: account.Browser(in.Agent), Address: in.Address, At: in.CreatedAt})
		},
	})
	s.Webhooks = webhook.New(webhook.Config{
		Endpoints: s.store, Outbox: s.store, Log: s.store, Reader: s.store, Expiries: s.store,
		Sealer: seal, Audit: s.Accounts, Apps: s.Accounts, AllowPrivate: c.WebhookAllowPrivate, Logger: c.Logger,
	})
	if c.Mail != nil {
		s.Mail = mail.New(mail.Config{Relay: *c.Mail, Outbox: s.store, Expiries: s.store, Sealer: seal, PublicURL: c.PublicURL, TLS: c.MailTLS, Logger: c.Logger})
	}
	s.channel = channel.NewIOS(gateways, s.Accounts, c.Logger)
	s.metrics.registry.MustRegister(gauges{s.store, s.channel})
	s.Registry = registry.New(s.store, c.Logger, func(appID int64) { s.Ledger.Hint(appID, 0) })
	s.Registry.RecordTo(s.Accounts.Record)
	if err := s.openBus(ctx); err != nil {
		return err
	}
	s.health.hints, s.health.apns = s.bus.Trouble, s.unreached
	s.Ledger = ledger.New(s.store, s.Registry, s.bus)
	s.Inbox = inbox.New(inbox.Config{Queue: s.store, Bus: s.bus, Moved: s.Ledger.Hint, Logger: c.Logger})
	s.Dispatch = dispatch.New(dispatch.Config{Messages: s.store, Groups: s.store, Files: s.store, Assets: s.store, Registry: s.Registry, Channel: s.channel, Parker: s.Accounts, Hint: s.Ledger.Hint, Work: func() { s.bus.Publish(workTopic, "") }, Holder: s.store.Node(), Elsewhere: s.elsewhere, Arrived: s.Inbox.Arrived, Tracer: s.tracer, Accepted: s.metrics.countAccepted, Settled: s.metrics.countSettled, Broadcasts: s.broadcastLimit, Logger: c.Logger})
	s.Assets = dispatch.NewAssets(s.store)
	s.Files = dispatch.NewFiles(s.store, c.Logger)
	s.Schedules = dispatch.NewSchedules(dispatch.ScheduleConfig{Service: s.Dispatch, Store: s.store, Max: c.MaxSchedules, Logger: c.Logger})
	s.Approvals = dispatch.NewApprovals(s.Dispatch, s.Schedules, s.store, s.Accounts.Record)
	return nil
}
