package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
)

const (
	sealPace     = time.Second // devices of the same kind gather for as long
	sealMax      = 200         // rows of the outbox in one transaction
	lookPace     = time.Second // for deliveries that become due
	sweepPace    = time.Hour
	leaseTime    = 2 * time.Minute // of deliveries: a batch takes less
	batch        = 32              // deliveries leased at once
	maxPosts     = 32              // requests under way
	maxPostsEach = 4               // requests under way to one endpoint
	maxHold      = 5 * time.Minute
	maxRetryWait = 10 * time.Hour
	maxProblem   = 300 // bytes
	stopTime     = 3 * time.Second
)

// retryWaits is the wait after each failed attempt; after the last one the
// delivery is given up. Together 29 hours.
var retryWaits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 10 * time.Hour, 10 * time.Hour}

// jitter spreads waits by a fifth both ways, so that what failed together is
// not tried together.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5+1)
}

// hold keeps an endpoint that does not answer from being asked for every
// delivery that waits for it.
type hold struct {
	failures int // in a row
	until    time.Time
}

// Run turns what happens into events and delivers them, until the context ends.
func (s *Service) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { s.every(ctx, sealPace, s.seals) })
	parts.Go(func() { s.deliver(ctx) })
	parts.Go(func() { s.every(ctx, sweepPace, s.warnOfExpiry) })
	parts.Go(func() {
		s.every(ctx, sweepPace, func(ctx context.Context) error {
			return s.c.Outbox.SweepEvents(ctx, time.Now().Add(-s.c.Keep))
		})
	})
	parts.Wait()
	s.http.CloseIdleConnections()
}

// every does something at once and then again after each pace.
func (s *Service) every(ctx context.Context, pace time.Duration, do func(context.Context) error) {
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.c.Logger.ErrorContext(ctx, "webhooks: a step failed and will be tried again", "error", err)
		}
		select {
		case <-time.After(pace):
		case <-ctx.Done():
			return
		}
	}
}

// seals empties the outbox.
func (s *Service) seals(ctx context.Context) error {
	for {
		n, err := s.c.Outbox.SealEvents(ctx, sealMax, s.recipients)
		if err != nil {
			return err
		}
		if n > 0 {
			s.Wake()
		}
		if n < sealMax || ctx.Err() != nil {
			return nil
		}
	}
}

// Wake makes the couriers look at once.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// deliver starts a courier for each endpoint that has something to deliver.
func (s *Service) deliver(ctx context.Context) {
	var couriers sync.WaitGroup
	defer couriers.Wait()
	for {
		endpoints, err := s.c.Outbox.DueEndpoints(ctx)
		if err != nil && ctx.Err() == nil {
			s.c.Logger.ErrorContext(ctx, "webhooks: deliveries cannot be read", "error", err)
		}
		for _, e := range endpoints {
			if s.reserve(e.Number) {
				couriers.Go(func() {
					defer s.unreserve(e.Number)
					s.courier(ctx, e)
				})
			}
		}
		select {
		case <-s.wake:
		case <-time.After(lookPace):
		case <-ctx.Done():
			return
		}
	}
}

// reserve reports whether a courier may begin for an endpoint.
func (s *Service) reserve(webhook int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[webhook] || time.Now().Before(s.held[webhook].until) {
		return false
	}
	s.busy[webhook] = true
	return true
}

func (s *Service) unreserve(webhook int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, webhook)
}

// release lets an endpoint be asked again at once: its owner has changed it.
func (s *Service) release(webhook int64) {
	s.mu.Lock()
	delete(s.held, webhook)
	s.mu.Unlock()
	s.Wake()
}

// courier delivers to one endpoint until nothing is due or it does not answer.
func (s *Service) courier(ctx context.Context, e Endpoint) {
	for ctx.Err() == nil {
		size := batch
		s.mu.Lock()
		if s.held[e.Number].failures > 0 {
			size = 1 // one is enough to see whether it is back
		}
		s.mu.Unlock()
		ds, err := s.c.Outbox.LeaseDeliveries(ctx, e.Number, time.Now().Add(leaseTime), size)
		if err == nil && len(ds) == 0 {
			return
		}
		if err == nil {
			err = s.attempt(ctx, e, ds)
		}
		if err != nil {
			if ctx.Err() == nil {
				s.c.Logger.ErrorContext(ctx, "webhooks: deliveries were interrupted and will be repeated", "webhook", e.ID, "error", err)
			}
			return
		}
		s.mu.Lock()
		held := s.held[e.Number].failures > 0
		s.mu.Unlock()
		if held {
			return
		}
	}
}

// attempt makes one attempt for each of a batch and writes the results. Those
// that were not begun when the context ended keep their lease and come again.
func (s *Service) attempt(ctx context.Context, e Endpoint, ds []Delivery) error {
	results := make([]Delivery, len(ds))
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { // a stopping server waits a little for answers
		select {
		case <-time.After(stopTime):
			cancel()
		case <-sending.Done():
		}
	})()
	var posts sync.WaitGroup
	room := make(chan struct{}, maxPostsEach)
	for i, d := range ds {
		room <- struct{}{}
		select {
		case s.posts <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		posts.Go(func() {
			defer func() { <-s.posts; <-room }()
			results[i] = s.post(sending, e, d)
		})
	}
	posts.Wait()
	done := results[:0]
	for _, d := range results {
		if d.ID != 0 {
			done = append(done, d)
		}
	}
	return s.settle(context.WithoutCancel(ctx), e, done)
}

// settle writes results, and disables an endpoint that has failed for too long
// or says itself that it is gone.
func (s *Service) settle(ctx context.Context, e Endpoint, results []Delivery) error {
	if len(results) == 0 {
		return nil
	}
	now, e, err := time.Now(), e, error(nil)
	s.note(e.Number, results, now)
	if e, err = s.c.Outbox.SettleDeliveries(ctx, e.Number, results); err != nil || !e.DisabledAt.IsZero() {
		return err
	}
	why := ""
	for _, d := range results {
		if d.Status == http.StatusGone {
			why = "It answered 410 Gone."
		}
	}
	if !e.FailingSince.IsZero() && now.Sub(e.FailingSince) > s.c.DisableAfter {
		why = fmt.Sprintf("No delivery has succeeded since %s. The latest problem: %s", e.FailingSince.UTC().Format(time.RFC3339), results[len(results)-1].Problem)
	}
	if why == "" {
		return nil
	}
	_, err = s.c.Endpoints.ChangeEndpoint(ctx, e.Number, disabledDetail(e, why), func(e *Endpoint) error {
		e.DisabledAt, e.DisabledWhy = now, why
		return nil
	})
	if err == nil {
		s.c.Logger.WarnContext(ctx, "a webhook was disabled", "webhook", e.ID, "why", why)
		s.c.Audit.Record(ctx, aurora.AuditEntry{AppID: e.AppID, Action: "webhook.disabled", Subject: e.ID, Detail: why})
	}
	return err
}

// note remembers whether an endpoint answers.
func (s *Service) note(webhook int64, results []Delivery, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range results {
		if d.State == Delivered {
			delete(s.held, webhook)
			return
		}
	}
	h := s.held[webhook]
	h.failures++
	h.until = now.Add(jitter(min(maxHold, time.Second<<min(h.failures, 9))))
	s.held[webhook] = h
}

// post makes one attempt and says what became of it.
func (s *Service) post(ctx context.Context, e Endpoint, d Delivery) Delivery {
	now := time.Now()
	d.Attempt++
	d.TriedAt, d.Status, d.Answer, d.Problem = now, 0, "", ""
	wait, err := s.send(ctx, e, &d, now)
	d.Took = time.Since(now)
	if err == nil {
		d.State = Delivered
		return d
	}
	d.Problem = problemOf(err)
	if d.Attempt > len(retryWaits) || d.Event.Kind == aurora.EventTest || d.Status == http.StatusGone || aurora.KindOf(err) == aurora.Invalid {
		d.State = GivenUp
		s.c.Logger.WarnContext(ctx, "a webhook delivery was given up", "webhook", e.ID, "event", d.Event.Seq, "attempts", d.Attempt, "problem", d.Problem)
		return d
	}
	d.State = Waiting
	d.DueAt = now.Add(max(jitter(retryWaits[d.Attempt-1]), wait))
	return d
}

// send posts a delivery. It returns how long the receiver asks to wait.
func (s *Service) send(ctx context.Context, e Endpoint, d *Delivery, now time.Time) (wait time.Duration, err error) {
	// Also where it was refused when it was made: a callback was not, and the
	// server may have been started again with another mind.
	if err := checkURL(e.URL, s.c.AllowPrivate); err != nil {
		return 0, err
	}
	var body []byte
	if e.Callback {
		body, err = s.callbackBody(ctx, d.Event, d.Part)
	} else {
		body, err = s.body(ctx, e.AppKey, d.Event, d.Part)
	}
	if err != nil {
		return 0, err
	}
	keys, err := s.keysOf(ctx, e, now)
	if err != nil {
		return 0, err
	}
	id := eventID(d.Event.Seq, d.Part, d.Event.Parts())
	signature, err := Sign(keys, id, now, body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Aurora-Webhook/1"},
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature}}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, readErr := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	d.Status, d.Answer = resp.StatusCode, aurora.CleanText(string(answer))
	if resp.StatusCode/100 == 2 {
		return 0, nil // what it says beyond that is its own business
	}
	if resp.StatusCode/100 == 3 {
		return 0, fmt.Errorf("it answered %s, and redirects are not followed: give the address it leads to", resp.Status)
	}
	if readErr != nil {
		return 0, readErr
	}
	return retryAfter(resp.Header), fmt.Errorf("it answered %s", resp.Status)
}

// keysOf returns the secrets to sign with: the endpoint's, or for callbacks,
// which have none of their own, the app's Master Secret.
func (s *Service) keysOf(ctx context.Context, e Endpoint, now time.Time) ([]string, error) {
	if !e.Callback {
		k, err := s.open(e)
		return k.valid(now), err
	}
	app, err := s.c.Apps.AppByKey(ctx, e.AppKey)
	return []string{secretPrefix + base64.StdEncoding.EncodeToString([]byte(app.MasterSecret.Reveal()))}, err
}

// retryAfter reads how many seconds a receiver asks to wait.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 1<<30))*time.Second, maxRetryWait)
}

// problemOf says in a few words why an attempt failed. The URL is left out: the
// log stands beside it.
func problemOf(err error) string {
	if inside, ok := errors.AsType[errInside](err); ok {
		return inside.Error()
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		return fmt.Sprintf("it did not answer within %d seconds", int(postTime.Seconds()))
	}
	text := err.Error()
	if u, ok := errors.AsType[*url.Error](err); ok {
		text = u.Err.Error()
	}
	return aurora.CleanText(text[:min(len(text), maxProblem)])
}
