package apns

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Apple's gateways (Apple: "Sending notification requests to APNs"). Port 2197 speaks the same and passes firewalls that block
// other HTTPS.
const (
	Production  = "https://api.push.apple.com:443"
	Development = "https://api.sandbox.push.apple.com:443"
)

// A Config describes a [Client].
type Config struct {
	// URL is the gateway: https://host or https://host:port, for example [Production].
	URL string
	// Exactly one of Certificate and Key is the credential.
	Certificate *Certificate
	Key         *Key
	// RootCAs are the authorities that the gateway's certificate may come from; nil means those of the system.
	RootCAs *x509.CertPool
	// MaxConnections bounds the connections; 0 means 8. The client opens more than one only where the round trip, not a
	// processor, is the limit, and closes those beyond the first that have had nothing to do for ten minutes.
	MaxConnections int
	// QueueSize bounds the notifications that wait for a connection, urgent ones and others alike; 0 means 8192. Submit blocks
	// when the queue is full.
	QueueSize int
	// ResponseTimeout bounds the wait for one answer; 0 means one minute. After it the outcome is unknown.
	ResponseTimeout time.Duration
	// GiveUpAfter is how long notifications wait for a connection at most, before they fail; 0 means 30 seconds. They are then
	// safe to submit again.
	GiveUpAfter time.Duration
	// ResendUnanswered sends a notification again, once and with the same apns-id, if its connection was lost before an answer
	// came. The device may then see it twice, unless a collapse id merges the two.
	ResendUnanswered bool
	// Dial opens the byte stream below TLS, for proxies and tests; nil means TCP to a freshly resolved address.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger receives what operators want to know; nil means silence. Credentials and tokens are never logged.
	Logger *slog.Logger
}

// A Client sends notifications with one credential to one environment. It is safe for concurrent use.
type Client struct {
	config    Config
	log       *slog.Logger
	authority string // host[:port] as it stands in :authority
	host      string
	address   string // host:port to dial
	plain     bool   // no TLS; for tests over an in-memory pipe
	failFast  bool   // report the first failure to connect instead of trying again

	credential atomic.Pointer[credential]
	suspect    atomic.Bool // mirrors broken != nil, for the hot path
	closing    atomic.Bool
	done       atomic.Int64 // requests that have got their result
	quiet      chan struct{}
	running    sync.WaitGroup
	ctx        context.Context
	stop       context.CancelFunc
	wakeKeeper chan struct{}
	addresses  addressBook
	waiters    sync.Pool // of this client alone: channels must not wander between the bubbles of testing/synctest

	mu           sync.Mutex
	urgent       requestQueue // submitted, never written, to go before the others
	queue        requestQueue // submitted, never written: the others
	passed       int          // urgent requests taken since one of the others was, to urgentTurns
	again        requestQueue // to be written once more; goes first
	submitted    int64
	live         []*connection // take work
	leaving      []*connection // wait for their last answers
	idle         []*connection // live and waiting for work
	started      bool
	resting      bool // the keeper sleeps until there is work
	dialing      bool
	failures     int // attempts in a row that brought nothing
	shortLived   int // connections in a row that did work and ended soon
	nextDial     time.Time
	downSince    time.Time
	lastFailure  *Failure  // of the latest attempt; nil after one that succeeded
	waitingSince time.Time // when the oldest of what waits began to wait for a connection; zero: nothing does
	broken       *Failure  // the credential is refused
	brokenUntil  time.Time
	nextExpiry   time.Time
	growth       growthSample
}

// A credential is replaced as a whole and never changed.
type credential struct {
	certificate *Certificate
	key         *Key
	topics      []string
	sessions    sessionCache
}

func newCredential(certificate *Certificate, key *Key) (*credential, error) {
	switch {
	case certificate == nil && key == nil:
		return nil, errors.New("apns: give a Certificate or a Key")
	case certificate != nil && key != nil:
		return nil, errors.New("apns: give either a Certificate or a Key: a connection with a certificate ignores provider tokens")
	case key != nil:
		return &credential{key: key, sessions: newSessionCache()}, nil
	}
	if certificate.TLS.PrivateKey == nil {
		return nil, fmt.Errorf("%w: use ReadP12 or ReadCertificate", ErrNoPrivateKey)
	}
	if err := certificate.checkDates(time.Now()); err != nil {
		return nil, err
	}
	return &credential{certificate: certificate, topics: certificate.Topics, sessions: newSessionCache()}, nil
}

// topic is what requests without a topic are sent with; the gateway would assume the same.
func (c *credential) topic() string {
	if len(c.topics) == 1 {
		return c.topics[0]
	}
	return ""
}

// NewClient prepares a client and does no input or output; the first notification opens the first connection.
// It refuses a certificate that has expired, or that is for the other one of Apple's two environments.
func NewClient(config Config) (*Client, error) {
	gateway, err := url.Parse(config.URL)
	if err != nil || gateway.Scheme != "https" || gateway.Hostname() == "" || gateway.User != nil || gateway.Path != "" && gateway.Path != "/" {
		return nil, fmt.Errorf("apns: %q is not a gateway: expected https://host:port", config.URL)
	}
	credential, err := newCredential(config.Certificate, config.Key)
	if err != nil {
		return nil, err
	}
	c := &Client{
		config: config, log: config.Logger,
		host: gateway.Hostname(), authority: gateway.Host, address: gateway.Host,
		quiet: make(chan struct{}, 1), wakeKeeper: make(chan struct{}, 1),
	}
	if gateway.Port() == "" {
		c.address = net.JoinHostPort(c.host, "443")
	} else if gateway.Port() == "443" {
		c.authority = c.host
	}
	if err := c.checkEnvironment(config.Certificate); err != nil {
		return nil, err
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.config.MaxConnections <= 0 {
		c.config.MaxConnections = 8
	}
	if c.config.QueueSize <= 0 {
		c.config.QueueSize = 8192
	}
	if c.config.ResponseTimeout <= 0 {
		c.config.ResponseTimeout = time.Minute
	}
	if c.config.GiveUpAfter <= 0 {
		c.config.GiveUpAfter = 30 * time.Second
	}
	c.waiters.New = newWaiter
	c.credential.Store(credential)
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// checkEnvironment compares a certificate with the gateway where the gateway's name tells its environment.
func (c *Client) checkEnvironment(certificate *Certificate) error {
	if certificate == nil {
		return nil
	}
	switch c.host {
	case "api.push.apple.com":
		return certificate.Check(true, time.Now())
	case "api.sandbox.push.apple.com", "api.development.push.apple.com":
		return certificate.Check(false, time.Now())
	}
	return nil
}

// SetCertificate replaces the credential without losing a notification: new connections use the new one, the old ones end with
// their last answers. Whatever was wrong with the old credential is forgotten.
func (c *Client) SetCertificate(certificate *Certificate) error {
	if err := c.checkEnvironment(certificate); err != nil {
		return err
	}
	return c.setCredential(certificate, nil)
}

// SetKey does the same with a provider key.
func (c *Client) SetKey(key *Key) error { return c.setCredential(nil, key) }

func (c *Client) setCredential(certificate *Certificate, key *Key) error {
	credential, err := newCredential(certificate, key)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.credential.Store(credential)
	c.broken = nil
	c.suspect.Store(false)
	c.failures, c.shortLived, c.nextDial, c.downSince = 0, 0, time.Time{}, time.Time{}
	old := slices.Clone(c.live)
	c.mu.Unlock()
	for _, connection := range old {
		connection.leave(&Failure{Cause: CauseNetwork, Safe: true})
	}
	c.wakeKeeperUp()
	return nil
}
