package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// EventType is what an event tells of (docs/rest.md, "Webhooks").
type EventType string

// The types of event.
const (
	MessageAccepted     EventType = "message.accepted" // APNs took it; an entry for every device of every push
	MessageFailed       EventType = "message.failed"
	MessageReceived     EventType = "message.received"
	MessageOpened       EventType = "message.opened"
	MessageSettled      EventType = "message.settled" // every device has an outcome
	DeviceRetired       EventType = "device.retired"  // APNs says that the tokens are dead
	CredentialParked    EventType = "credential.parked"
	CredentialRecovered EventType = "credential.recovered"
	CredentialExpiring  EventType = "credential.expiring"
	WebhookDisabled     EventType = "webhook.disabled"
	WebhookTest         EventType = "webhook.test"
	StreamGap           EventType = "stream.gap" // of the stream alone: events before the next may be missing
)

// streamDropped is the stream's last remark to a reader that is too slow.
const streamDropped EventType = "stream.dropped"

// Event is what happened: it comes to webhooks and in the event stream.
type Event struct {
	// ID is the same at every delivery of the event, and for every listener.
	ID   string    `json:"-"`
	Type EventType `json:"type"`
	At   time.Time `json:"timestamp"`
	Data EventData `json:"data"`
	// Raw is the whole body, with members that this SDK does not know.
	Raw json.RawMessage `json:"-"`
}

// EventData is what an event tells; which members are set depends on its type.
type EventData struct {
	AppKey          string   `json:"app_key"`
	MessageID       string   `json:"msg_id"`
	RegistrationIDs []string `json:"registration_ids"` // up to 1,000
	Part            int      `json:"part"`             // of Parts, from 1: an event with more devices comes in several
	Parts           int      `json:"parts"`
	Reason          string   `json:"reason"` // why devices failed or were retired, or a credential is parked
	Text            string   `json:"text"`   // what the reason means and what to do

	// message.settled
	Targeted uint64            `json:"targeted"`
	Accepted uint64            `json:"accepted"`
	Failed   uint64            `json:"failed"`
	FailedBy map[string]uint64 `json:"failed_by"` // devices by reason
	Stopped  bool              `json:"stopped"`

	// credential.*
	Environment Environment `json:"environment"`
	Name        string      `json:"name"`
	ExpiresAt   time.Time   `json:"expires_at"`
	DaysLeft    int         `json:"days_left"`

	// webhook.disabled
	Webhook string `json:"webhook"`
	URL     string `json:"url"`
	Why     string `json:"why"`
}

// parseEvent reads the body of a webhook or of an event of the stream.
func parseEvent(id string, body []byte) (Event, error) {
	e := Event{ID: id, Raw: json.RawMessage(body)}
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("client: the event %.40q cannot be read: %w", id, err)
	}
	return e, nil
}

// EventOptions select events of the stream; the zero value means all, from now
// on.
type EventOptions struct {
	Types []EventType // none means all
	// After is the ID of the last event you have handled: the stream goes on
	// from there. The server keeps events for seven days, and writes them while
	// somebody listens and for an hour after.
	After string
	// GiveUpAfter is how long the server may be out of reach before the stream
	// ends with an error. Default 15 minutes.
	GiveUpAfter time.Duration
}

// Time limits of the event stream.
const (
	streamSilence = 45 * time.Second // the server sends a remark every 15
	streamGiveUp  = 15 * time.Minute
)

// Events yields what happens to the app as it happens. It connects again by
// itself when a connection breaks or falls silent, and goes on after the last
// event that was yielded; so an event may come twice, and has the same ID then.
// If some may be missing a [StreamGap] is yielded.
//
// It ends with ctx, whose error is yielded then, or with an error: a refusal, or
// a server that is out of reach for too long. Ten readers an app and server.
func (c *Client) Events(ctx context.Context, o EventOptions) iter.Seq2[Event, error] {
	if o.GiveUpAfter <= 0 {
		o.GiveUpAfter = streamGiveUp
	}
	return func(yield func(Event, error) bool) {
		s := &stream{client: c, options: o, yield: yield}
		if err := s.run(ctx); err != nil {
			yield(Event{}, err)
		}
	}
}

// stream is a reader's place in the event stream.
type stream struct {
	client  *Client
	options EventOptions
	yield   func(Event, error) bool
	retry   time.Duration // the pause that the server asked for
	reached time.Time     // when the server was last heard
}

// errLeft tells that the caller takes no more events.
var errLeft = errors.New("the caller left")

// run reads until the caller or the context ends it, or the server refuses.
func (s *stream) run(ctx context.Context) error {
	s.reached = time.Now()
	for attempt := 1; ; attempt++ {
		before := s.reached
		err := s.read(ctx)
		if errors.Is(err, errLeft) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if refused, ok := errors.AsType[*Error](err); ok && !refused.Temporary() {
			return err
		}
		if s.reached != before {
			attempt = 1 // it was heard: a new trouble
		}
		wait := max(s.client.s.Retry.pause(attempt), s.retry)
		if refused, ok := errors.AsType[*Error](err); ok {
			wait = max(wait, refused.RetryAfter)
		}
		if time.Since(s.reached)+wait > s.options.GiveUpAfter || hopeless(err) {
			return &UnansweredError{Method: http.MethodGet, URL: s.client.base + "/v1/events", Attempts: attempt, Err: err}
		}
		if s.client.s.OnAttempt != nil {
			s.client.s.OnAttempt(Attempt{Method: http.MethodGet, Path: "/v1/events", Number: attempt, Err: err, Wait: wait})
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// read reads one connection to its end.
func (s *stream) read(parent context.Context) (err error) {
	ctx, cancel := context.WithCancel(parent)
	defer func() {
		if ctx.Err() != nil && parent.Err() == nil {
			err = fmt.Errorf("the server was silent for %v", streamSilence)
		}
		cancel()
	}()
	silence := time.AfterFunc(streamSilence, cancel)
	defer silence.Stop()
	resp, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f := newFrames(resp.Body)
	f.alive = func() {
		silence.Reset(streamSilence)
		s.reached = time.Now()
	}
	for {
		e, err := f.next()
		if e.retry > 0 {
			s.retry = min(e.retry, time.Minute)
		}
		if err != nil {
			return err
		}
		silence.Stop() // the caller may take its time
		if err := s.tell(e); err != nil {
			return err
		}
		silence.Reset(streamSilence)
	}
}

func (s *stream) connect(ctx context.Context) (*http.Response, error) {
	r := get("/v1/events", url.Values{})
	if len(s.options.Types) > 0 {
		names := make([]string, len(s.options.Types))
		for i, t := range s.options.Types {
			names[i] = string(t)
		}
		r.query.Set("events", strings.Join(names, ","))
	}
	request, err := s.client.prepare(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/event-stream")
	if s.options.After != "" {
		request.Header.Set("Last-Event-ID", s.options.After)
	}
	endless := *s.client.http
	endless.Timeout = 0 // of the client that was given: it would end the stream
	resp, err := endless.Do(request)
	if err != nil {
		return nil, bare(err)
	}
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return nil, fmt.Errorf("the answer is no event stream but %q", resp.Header.Get("Content-Type"))
	}
	return nil, s.client.refusal(resp, answer)
}

// tell hands an event to the caller.
func (s *stream) tell(f frame) error {
	switch EventType(f.kind) {
	case streamDropped:
		return errors.New("the server ended the stream: it was read too slowly")
	case StreamGap:
		e := Event{Type: StreamGap, At: time.Now(), Raw: json.RawMessage(f.data)}
		if err := json.Unmarshal(e.Raw, &e.Data); err != nil {
			return err
		}
		if !s.yield(e, nil) {
			return errLeft
		}
		return nil
	}
	e, err := parseEvent(f.id, []byte(f.data))
	if err != nil {
		return err
	}
	if !s.yield(e, nil) {
		return errLeft
	}
	if f.id != "" {
		s.options.After = f.id
	}
	return nil
}
