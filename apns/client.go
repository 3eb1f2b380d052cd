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
	// processor, is the limit.
	MaxConnections int
	// QueueSize bounds the notifications that wait for a connection; 0 means 8192. Submit blocks when the queue is full.
	QueueSize int
	// ResponseTimeout bounds the wait for one answer; 0 means one minute. After it the outcome is unknown.
	ResponseTimeout time.Duration
	// GiveUpAfter is how long the gateway may be out of reach before waiting notifications fail; 0 means 30 seconds. They are
	// then safe to submit again.
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

	mu          sync.Mutex
	queue       requestQueue // submitted, never written
	again       requestQueue // to be written once more; goes first
	submitted   int64
	room        chan struct{} // closed when a full queue has room again; nil if nobody waits
	live        []*connection // take work
	leaving     []*connection // wait for their last answers
	idle        []*connection // live and waiting for work
	started     bool
	resting     bool // the keeper sleeps until there is work
	dialing     bool
	failures    int // attempts in a row that brought nothing
	nextDial    time.Time
	downSince   time.Time
	lastFailure *Failure
	broken      *Failure // the credential is refused
	brokenUntil time.Time
	nextExpiry  time.Time
	growth      growthSample
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
	c.failures, c.nextDial, c.downSince = 0, time.Time{}, time.Time{}
	old := slices.Clone(c.live)
	c.mu.Unlock()
	for _, connection := range old {
		connection.leave(&Failure{Cause: CauseNetwork, Safe: true})
	}
	c.wakeKeeperUp()
	return nil
}

// Submit hands a notification over and returns; done is called exactly once with its result, unless Submit returns an error.
// Submit blocks while the queue is full, until ctx ends. A deadline of ctx also bounds the delivery: later, the notification is
// not sent, or its outcome is unknown. To take back a single notification use [Client.Push].
//
// done runs on one of the client's goroutines. It must be quick, must not block, and must not keep the Result, which is valid
// only during the call. In particular it must not call Submit, Push, Close or Shutdown of the same client.
//
// The error is a [*Failure]: a local refusal, a credential that APNs does not accept, the end of ctx, or a closed client.
func (c *Client) Submit(ctx context.Context, n *Notification, done func(*Result)) error {
	r := request{notification: n, done: done}
	if deadline, ok := ctx.Deadline(); ok {
		r.deadline = deadline.UnixNano()
	}
	if failure := c.submit(ctx, r); failure != nil {
		return failure
	}
	return nil
}

func (c *Client) submit(ctx context.Context, r request) *Failure {
	if reason := r.notification.refuse(c.credential.Load().topics); reason != "" {
		return refusedLocally(reason)
	}
	if err := ctx.Err(); err != nil {
		return &Failure{Cause: CauseCancelled, Safe: true, Err: err}
	}
	c.mu.Lock()
	for {
		if c.closing.Load() {
			c.mu.Unlock()
			return &Failure{Cause: CauseClosed, Safe: true}
		}
		if c.broken != nil && !c.mayTryAgain() {
			failure := c.broken
			c.mu.Unlock()
			return failure
		}
		if c.queue.count < c.config.QueueSize {
			break
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return &Failure{Cause: CauseCancelled, Safe: true, Err: ctx.Err()}
		}
		c.mu.Lock()
	}
	c.queue.push(r)
	c.submitted++
	idle := c.popIdle()
	lookAgain := idle == nil && c.resting
	c.resting = c.resting && !lookAgain
	c.ensureKeeper()
	c.mu.Unlock()
	if idle != nil {
		idle.poke()
	} else if lookAgain {
		c.wakeKeeperUp()
	}
	return nil
}

// popIdle takes a connection that waits for work. mu must be held.
func (c *Client) popIdle() *connection {
	if len(c.idle) == 0 {
		return nil
	}
	connection := c.idle[len(c.idle)-1]
	c.idle = c.idle[:len(c.idle)-1]
	return connection
}

// take gives a connection up to streams requests whose bodies fit into credit. Without work the connection is noted as idle and
// will be woken by the next Submit.
func (c *Client) take(connection *connection, batch []request, streams int, credit int64, now time.Time) []request {
	var expired []request
	size := 0
	at := now.UnixNano()
	c.mu.Lock()
	for len(batch) < streams && size < batchBytes {
		from := &c.again
		if from.count == 0 {
			from = &c.queue
		}
		if from.count == 0 {
			break
		}
		next := from.peek()
		body := len(next.notification.Payload)
		if int64(body) > credit {
			break
		}
		r := from.pop()
		if r.deadline != 0 && at >= r.deadline {
			expired = append(expired, r)
			continue
		}
		credit -= int64(body)
		size += body + 128
		batch = append(batch, r)
	}
	work := c.again.count + c.queue.count
	if work == 0 && !slices.Contains(c.idle, connection) {
		c.idle = append(c.idle, connection)
	}
	helper := c.helper()
	var room chan struct{}
	if c.room != nil && c.queue.count <= c.config.QueueSize/2 {
		room, c.room = c.room, nil
	}
	c.mu.Unlock()
	if room != nil {
		close(room)
	}
	if helper != nil && helper != connection {
		helper.poke()
	}
	if len(expired) > 0 {
		c.giveUp(expired, expiredInQueue())
	}
	return batch
}

func expiredInQueue() *Failure {
	return &Failure{Cause: CauseCancelled, Safe: true, Err: context.DeadlineExceeded}
}

// passOn wakes another connection if there is work that the caller cannot take.
func (c *Client) passOn() {
	c.mu.Lock()
	helper := c.helper()
	c.mu.Unlock()
	if helper != nil {
		helper.poke()
	}
}

func (c *Client) hasWork() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.again.count+c.queue.count > 0
}

// outstanding is the number of requests without a result. mu must be held.
func (c *Client) outstanding() int64 { return c.submitted - c.done.Load() }

// finished counts results; the last one during a shutdown ends the wait.
func (c *Client) finished(n int) {
	c.done.Add(int64(n))
	if c.closing.Load() {
		select {
		case c.quiet <- struct{}{}:
		default:
		}
	}
}

// Close ends the client at once: what was not answered gets a [Failure] with [CauseClosed]. It returns when all goroutines have
// ended and every done function has been called.
func (c *Client) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Shutdown(ctx)
	return nil
}

// Shutdown accepts no more notifications and waits until all have got their results. If ctx ends first, the rest get a
// [Failure] with [CauseClosed] and Shutdown returns the error of ctx; those that were never written are marked as safe.
func (c *Client) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	c.closing.Store(true)
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	c.mu.Unlock()
	var err error
	for err == nil {
		c.mu.Lock()
		rest := c.outstanding()
		c.mu.Unlock()
		if rest == 0 {
			break
		}
		select {
		case <-c.quiet:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	c.end()
	return err
}

func (c *Client) end() {
	c.stop()
	c.mu.Lock()
	rest := c.again.drain(nil)
	rest = c.queue.drain(rest)
	connections := slices.Concat(c.live, c.leaving)
	c.mu.Unlock()
	c.giveUp(rest, &Failure{Cause: CauseClosed, Safe: true})
	for _, connection := range connections {
		connection.fail(&Failure{Cause: CauseClosed})
	}
	c.running.Wait()
	c.mu.Lock()
	rest = c.again.drain(nil)
	c.mu.Unlock()
	c.giveUp(rest, &Failure{Cause: CauseClosed, Safe: true})
}
