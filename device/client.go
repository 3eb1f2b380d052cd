package device

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Options say who is registering. Config and BundleID are required; empty attributes are not reported.
type Options struct {
	Config     Config
	BundleID   string
	AppVersion string
	OSVersion  string
	Model      string
	Language   string // such as "en" or "zh-Hans"
	TimeZone   string // IANA name, such as "Europe/Berlin"
	Store      Store  // nil: a MemoryStore, a new device each time
	// ReceiptsOnly is for a notification service extension: the client delivers the receipts in the store that it shares
	// with the app, in one short request, and leaves registering and all else to the app. Only one of the two may run.
	ReceiptsOnly bool
	// HTTP makes the requests; nil: the default transport. Redirects are never followed.
	HTTP   *http.Client
	Logger *slog.Logger // nil: discard
}

// Client is the SDK in one running app. Its methods may be called from any goroutine; those that set a value return as
// soon as it is stored and never wait for the network.
type Client struct {
	options   Options
	transport *transport
	log       *slog.Logger
	wake      chan struct{} // there is work
	now       chan struct{} // do not wait any longer
	cancel    context.CancelFunc
	done      chan struct{} // closed when the background work has ended; nil before Start

	mu        sync.Mutex
	record    record
	loaded    bool // record is what the store holds; before that it holds only what was asked since New
	closed    bool
	refused   error // final refusal of the registration
	refusals  []error
	failure   error         // of the latest attempt; nil after a success
	connected bool          // the app wants in-app messages
	hangUp    func()        // gives the open question for them up; nil when there is none
	changed   chan struct{} // closed and replaced whenever something below mu changes
}

// New checks the options. It performs no I/O, and nothing is collected or sent before [Client.Start].
func New(options Options) (*Client, error) {
	if err := options.Config.check(); err != nil {
		return nil, err
	}
	if options.BundleID == "" {
		return nil, errors.New("device: Options.BundleID is empty; set the bundle id of the app, such as com.example.shop")
	}
	if options.Store == nil {
		options.Store = new(MemoryStore)
	}
	log := options.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		options:   options,
		transport: newTransport(options.Config.Server, options.HTTP),
		log:       log,
		wake:      make(chan struct{}, 1),
		now:       make(chan struct{}, 1),
		changed:   make(chan struct{}),
	}, nil
}

// Start begins the work in the background: register if needed, report the attributes, deliver what an earlier run left
// behind. Further calls do nothing.
func (c *Client) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil || c.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.done = cancel, make(chan struct{})
	if !c.options.ReceiptsOnly {
		c.want(c.attributes())
	}
	done := c.done
	go func() {
		defer close(done)
		var listening sync.WaitGroup
		if !c.options.ReceiptsOnly {
			listening.Go(func() { c.listen(ctx) })
		}
		c.run(ctx)
		listening.Wait()
	}()
}

// Close ends the background work, giving up a request that is under way, and waits for its end or for ctx. What was not
// confirmed stays in the store for the next Start of a new client. Calls after the first do nothing more.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	done := c.done
	c.broadcast()
	c.mu.Unlock()
	if done == nil {
		return nil
	}
	c.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RegistrationID returns the id that Aurora gave this installation (19 hex characters), waiting for it until ctx ends. A
// final refusal of the registration is returned as a [RefusedError].
func (c *Client) RegistrationID(ctx context.Context) (string, error) {
	var id string
	err := c.await(ctx, func() (bool, error) {
		id = c.record.RegistrationID
		return id != "", c.refused
	})
	return id, err
}

// Sync waits until everything asked for so far, and all receipts, have reached Aurora or were refused for good. It returns
// the refusals since the last Sync, joined ([RefusedError] each); when ctx ends first, an error that wraps ctx's and names
// the latest failure. With ReceiptsOnly it waits for the receipts, and not at all while the app is not registered.
func (c *Client) Sync(ctx context.Context) error {
	return c.await(ctx, func() (bool, error) {
		if c.refused != nil {
			return false, c.refused
		}
		if !c.loaded || !c.quiet() {
			return false, nil
		}
		err := errors.Join(c.refusals...)
		c.refusals = nil
		return true, err
	})
}

// quiet reports whether nothing is left to do. The caller holds mu.
func (c *Client) quiet() bool {
	if c.options.ReceiptsOnly {
		return c.record.RegistrationID == "" || len(c.record.Receipts) == 0
	}
	return c.record.RegistrationID != "" && c.record.Pending.empty() && len(c.record.Receipts) == 0
}

// await calls done with mu held, now and after each change, until it reports true or an error.
func (c *Client) await(ctx context.Context, done func() (bool, error)) error {
	for {
		c.mu.Lock()
		if c.done == nil {
			c.mu.Unlock()
			return ErrNotStarted
		}
		ok, err := done()
		changed, failure, closed := c.changed, c.failure, c.closed
		c.mu.Unlock()
		if ok || err != nil {
			return err
		}
		if closed {
			return ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if failure != nil {
				return fmt.Errorf("device: still trying (%w): %w", failure, ctx.Err())
			}
			return fmt.Errorf("device: still trying: %w", ctx.Err())
		}
	}
}

// Retry ends a pause between attempts, and tries a refused registration once more. Call it when the network is back or the
// app comes to the foreground.
func (c *Client) Retry() {
	c.mu.Lock()
	c.refused = nil
	c.broadcast()
	c.mu.Unlock()
	select {
	case c.now <- struct{}{}:
	default:
	}
}

// RegisterDeviceToken passes on the push token that the system gave the app; call it at each launch. Empty means that
// there is none any more. The environment comes from Config.Production.
func (c *Client) RegisterDeviceToken(token []byte) {
	text := hex.EncodeToString(token)
	c.set(changes{Token: &text, Environment: c.environment()})
}

// SetAlias gives the installation a name chosen by the app, such as the id of the user; "" removes it. At most 40 bytes of
// UTF-8; refused locally with an error that wraps ErrAlias.
func (c *Client) SetAlias(alias string) error {
	if problem := checkName(alias); alias != "" && problem != "" {
		return fmt.Errorf("%w: %.80q %s", ErrAlias, alias, problem)
	}
	return c.set(changes{Alias: &alias})
}

// SetTags replaces the tags; none clears them. Each has 1 to 40 bytes of UTF-8, at most 1000 are allowed; otherwise nothing
// is changed and the error wraps ErrTag.
func (c *Client) SetTags(tags []string) error {
	set := slices.Clone(tags)
	if set == nil {
		set = []string{}
	}
	return c.setTags(tags, &tagChanges{Set: &set})
}

// AddTags adds to the tags, by the rules of SetTags.
func (c *Client) AddTags(tags ...string) error { return c.setTags(tags, &tagChanges{Add: tags}) }

// RemoveTags removes some of the tags, by the rules of SetTags.
func (c *Client) RemoveTags(tags ...string) error { return c.setTags(tags, &tagChanges{Remove: tags}) }

func (c *Client) setTags(tags []string, operation *tagChanges) error {
	if len(tags) > maxTags {
		return fmt.Errorf("%w: %d tags, at most %d are allowed", ErrTag, len(tags), maxTags)
	}
	for _, tag := range tags {
		if problem := checkName(tag); problem != "" {
			return fmt.Errorf("%w: %.80q %s", ErrTag, tag, problem)
		}
	}
	if operation.Set == nil && len(tags) == 0 {
		return nil
	}
	return c.set(changes{Tags: (&tagChanges{}).then(operation)})
}

// checkName applies the rules for tags and aliases (spec rest-api §7.3).
func checkName(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > 40:
		return fmt.Sprintf("has %d bytes, at most 40 are allowed", len(s))
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsRune(s, ',') || strings.ContainsFunc(s, unicode.IsControl):
		return "holds a comma or a control character"
	}
	return ""
}

// SetBadge tells Aurora the number on the app's icon, to which "+1" in a message adds; 0 to 99999, others are moved to the
// nearer bound. The icon itself is the app's business.
func (c *Client) SetBadge(badge int) {
	badge = min(max(badge, 0), 99999)
	c.set(changes{Badge: &badge})
}

// SetPushEnabled excludes the installation from all audiences, or includes it again.
func (c *Client) SetPushEnabled(enabled bool) { c.set(changes{PushEnabled: &enabled}) }

// SetNotificationsAllowed reports whether the user lets the app show notifications.
func (c *Client) SetNotificationsAllowed(allowed bool) {
	c.set(changes{NotificationsAllowed: &allowed})
}

// HandleReceived reports that the notification with this payload (JSON) arrived. Payloads that are not Aurora's, and events
// reported before, are ignored.
func (c *Client) HandleReceived(payload []byte) { c.handle(Received, payload) }

// HandleOpened reports that the user opened the notification, and that it arrived if that was not reported yet.
func (c *Client) HandleOpened(payload []byte) { c.handle(Opened, payload) }

func (c *Client) handle(event Event, payload []byte) {
	receipts := receiptsFor(event, payload, time.Now().UTC().Truncate(time.Millisecond))
	if len(receipts) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.log.Warn("receipt ignored: the client is closed", "event", event)
		return
	}
	c.load()
	added, dropped := c.record.add(receipts)
	if dropped > 0 {
		c.log.Warn("too many receipts wait for the network; the oldest were given up", "count", dropped)
	}
	if added {
		c.store()
	}
}

// attributes are the facts about app and device that each start reports.
func (c *Client) attributes() changes {
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	o := c.options
	return changes{
		AppVersion: text(o.AppVersion), OSVersion: text(o.OSVersion), Model: text(o.Model),
		Language: text(o.Language), TimeZone: text(o.TimeZone), Channel: text(o.Config.Channel),
	}
}

func (c *Client) set(wanted changes) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.want(wanted)
	return nil
}

// want notes a desired value, stores it and wakes the background work. The caller holds mu.
func (c *Client) want(wanted changes) {
	// Errors of the store are not the caller's concern: the value is held in memory, and the background work tries again.
	c.load()
	c.record.want(wanted)
	c.store()
}

// load reads the store once; what was asked for before that succeeded is added to what it holds. The caller holds mu.
func (c *Client) load() error {
	if c.loaded {
		return nil
	}
	data, err := c.options.Store.Load()
	if err != nil {
		return err
	}
	var stored record
	if len(data) > 0 {
		stored, err = decodeRecord(data)
		if err != nil {
			c.log.Error("the stored record cannot be used; this installation starts anew", "error", err)
			stored = record{}
		}
	}
	early := c.record
	stored.bind(c.options.Config.Server, c.options.Config.AppKey)
	stored.want(early.Wanted)
	stored.add(early.Receipts)
	c.record, c.loaded = stored, true
	return nil
}

// store saves the record and announces the change. The caller holds mu. An error is returned to the background work, which
// tries again; for others the value is held in memory meanwhile.
func (c *Client) store() error {
	defer c.broadcast()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	if !c.loaded {
		return nil
	}
	data, err := c.record.encode()
	if err == nil {
		err = c.options.Store.Save(data)
	}
	if err != nil {
		c.log.Error("the record cannot be stored; it is held in memory", "error", err)
	}
	return err
}

// broadcast wakes everything that waits for a change. The caller holds mu.
func (c *Client) broadcast() {
	close(c.changed)
	c.changed = make(chan struct{})
}
