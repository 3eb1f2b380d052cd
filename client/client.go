// Package client sends pushes through an Aurora server and asks what became of
// them. It imports nothing of Aurora's own and may be used in any Go program.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config is what a Client needs.
type Config struct {
	Server       string // base URL, such as https://push.example.com
	AppKey       string
	MasterSecret string
	HTTP         *http.Client // nil means one with a timeout of 30 seconds
}

// Client talks to one app of an Aurora server. It is safe for concurrent use.
type Client struct {
	config Config
	base   string
}

// New returns a client. It does no I/O.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("client: server %q must be an http or https URL", c.Server)
	}
	if c.AppKey == "" || c.MasterSecret == "" {
		return nil, errors.New("client: AppKey and MasterSecret are required; both are on the app's page in the console")
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	return &Client{c, strings.TrimRight(c.Server, "/")}, nil
}

// Error is a refusal by the server.
type Error struct {
	Status  int    // HTTP status
	Code    int    // JPush's number, such as 1011 for an audience without devices
	Message string // what is wrong and what to do
}

func (e *Error) Error() string { return fmt.Sprintf("aurora: %s (%d)", e.Message, e.Code) }

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool { return e.Status == http.StatusTooManyRequests || e.Status >= 500 }

// Push is a message and its audience.
type Push struct {
	Platform     []string // nil means all
	Audience     Audience
	Notification Notification
	Options      Options
	// CID makes repeating the push harmless for a day. Empty means a fresh one,
	// so that the client's own retries deliver once.
	CID string
}

// Audience selects devices; what is given is combined by "and". The zero value
// selects nobody and is refused.
type Audience struct {
	All            bool     `json:"-"`
	Tag            []string `json:"tag,omitempty"`     // any of these
	TagAnd         []string `json:"tag_and,omitempty"` // all of these
	TagNot         []string `json:"tag_not,omitempty"` // none of these
	Alias          []string `json:"alias,omitempty"`
	RegistrationID []string `json:"registration_id,omitempty"`
}

// MarshalJSON writes JPush's form.
func (a Audience) MarshalJSON() ([]byte, error) {
	if a.All {
		return []byte(`"all"`), nil
	}
	type plain Audience
	return json.Marshal(plain(a))
}

// Notification is what is shown.
type Notification struct {
	Alert any  `json:"alert,omitempty"` // a string, or an object for iOS
	IOS   *IOS `json:"ios,omitempty"`
}

// IOS is what only iOS devices get; see JPush's notification.ios.
type IOS struct {
	Alert             any            `json:"alert,omitempty"`
	Sound             any            `json:"sound,omitempty"`
	Badge             string         `json:"badge,omitempty"` // "5", "+1"
	ContentAvailable  bool           `json:"content-available,omitempty"`
	MutableContent    bool           `json:"mutable-content,omitempty"`
	Category          string         `json:"category,omitempty"`
	ThreadID          string         `json:"thread-id,omitempty"`
	InterruptionLevel string         `json:"interruption-level,omitempty"`
	Extras            map[string]any `json:"extras,omitempty"`
}

// Options are JPush's push options.
type Options struct {
	SendNo         uint32 `json:"sendno,omitempty"`
	TimeToLive     *int   `json:"time_to_live,omitempty"` // seconds; 0 = one attempt
	APNsProduction bool   `json:"apns_production"`
	APNsCollapseID string `json:"apns_collapse_id,omitempty"`
}

// Receipt is the answer to an accepted push.
type Receipt struct {
	SendNo    string `json:"sendno"`
	MessageID string `json:"msg_id"`
}

// Push sends and returns once the server has the message safe. It retries
// network failures, 429 and 5xx a few times; the CID keeps that from sending
// twice. A refusal is an *Error.
func (c *Client) Push(ctx context.Context, p Push) (Receipt, error) {
	body := struct {
		Platform     any          `json:"platform"`
		Audience     Audience     `json:"audience"`
		Notification Notification `json:"notification"`
		Options      Options      `json:"options"`
		CID          string       `json:"cid"`
	}{"all", p.Audience, p.Notification, p.Options, p.CID}
	if p.Platform != nil {
		body.Platform = p.Platform
	}
	if body.CID == "" {
		body.CID = c.newCID()
	}
	var r Receipt
	return r, c.call(ctx, http.MethodPost, "/v3/push", body, &r)
}

func (c *Client) newCID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", c.config.AppKey, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Report is where a message stands, in devices.
type Report struct {
	MessageID string         `json:"msg_id"`
	State     string         `json:"state"` // "sending", "waiting" or "done"
	Targeted  uint64         `json:"targeted"`
	Accepted  uint64         `json:"accepted"`
	Failed    uint64         `json:"failed"`
	Pending   uint64         `json:"pending"`
	Received  uint64         `json:"received"`
	Opened    uint64         `json:"opened"`
	FailedBy  []FailedReason `json:"failed_by"`
	Stopped   *Stopped       `json:"stopped,omitempty"` // nil unless the push was stopped
}

// Stopped says how far a stopped push had come, in devices.
type Stopped struct {
	At     time.Time `json:"at"`
	Left   uint64    `json:"left"`   // that it had been sent to
	Spared uint64    `json:"spared"` // that it was not sent to any more
}

// FailedReason is how many devices failed for one reason.
type FailedReason struct {
	Reason  string `json:"reason"`
	Devices uint64 `json:"devices"`
	Text    string `json:"text"` // what it means and what to do
}

// Report asks where a message stands.
func (c *Client) Report(ctx context.Context, messageID string) (Report, error) {
	var r Report
	return r, c.call(ctx, http.MethodGet, "/v1/messages/"+url.PathEscape(messageID), nil, &r)
}

const (
	attempts   = 4
	firstPause = 250 * time.Millisecond
)

// call sends one request, again if that may help, and decodes the answer.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("client: the push cannot be written as JSON: %w", err)
		}
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, method, path, text, into)
		refused, isRefusal := errors.AsType[*Error](err)
		if err == nil || attempt == attempts || ctx.Err() != nil || isRefusal && !refused.Temporary() {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause/2 + mathrand.N(pause)):
		}
		pause *= 2
	}
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

func (c *Client) once(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(c.config.AppKey, c.config.MasterSecret)
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.config.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		return json.Unmarshal(text, into)
	}
	var refusal struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &refusal) != nil || refusal.Error.Message == "" {
		refusal.Error.Message = fmt.Sprintf("the server answered %s; is %s an Aurora server?", resp.Status, c.base)
	}
	return &Error{resp.StatusCode, refusal.Error.Code, refusal.Error.Message}
}
