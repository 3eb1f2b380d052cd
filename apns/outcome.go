package apns

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// This file decides what becomes of requests: delivered to the caller, or sent again.

const (
	// maxMoves bounds the resends that the gateway asks for (spec 3.5).
	maxMoves = 2
	// credentialPause is how long nothing is sent with a credential that was refused, before one request tries again.
	credentialPause = time.Minute
)

// accepted delivers a 200.
func (c *Client) accepted(r *request, result *Result) {
	if c.suspect.Load() {
		c.healed()
	}
	r.done(result)
	c.finished(1)
}

// refused delivers any other answer, or sends the request again where the answer is about the connection or the age of the
// provider token and not about the request.
func (c *Client) refused(connection *connection, a *answer, result *Result) {
	r := a.slot.request
	key := connection.credential.key
	connection.countServerError(result.Status == 500)
	switch reason := result.Reason; {
	case reason == "ExpiredProviderToken" && key != nil && r.renewals == 0:
		connection.mu.Lock()
		token, _ := strings.CutPrefix(connection.authorization, "bearer ")
		connection.mu.Unlock()
		now := time.Now()
		if err := key.renew(token, now, clockSkew(a.date, now)); err == nil {
			c.log.Warn("the gateway calls a young provider token expired: check this machine's clock", "key", key)
			r.renewals++
			connection.leave(&Failure{Cause: CauseNetwork, Safe: true, Reason: reason})
			c.resend([]request{r})
			return
		}
	case classify(result.Status, reason) == ClassConnection && r.moves < maxMoves:
		r.moves++
		connection.leave(&Failure{Cause: CauseNetwork, Safe: true, Reason: reason})
		c.resend([]request{r})
		return
	case reason == "TooManyProviderTokenUpdates" && key != nil:
		c.log.Warn("the gateway complains about too many provider tokens: keeping the present one for 20 minutes", "key", key)
		key.freeze(time.Now())
	}
	if result.Status < 100 {
		result.Status = 0
		result.Err = &Failure{Cause: CauseProtocol, Err: errors.New("the gateway gave an answer without a status")}
	}
	if credentialFatal(result.Reason) || result.Reason == "ExpiredProviderToken" {
		failure := &Failure{Cause: CauseCredential, Safe: true, Reason: result.Reason, Err: credentialHint(result.Reason)}
		result.Err = failure
		c.credentialRefused(connection.credential, failure)
	} else if c.suspect.Load() && result.Status < 500 {
		c.healed()
	}
	r.done(result)
	c.finished(1)
}

func (c *connection) countServerError(isError bool) {
	c.mu.Lock()
	if isError {
		c.serverErrors++
	} else {
		c.serverErrors = 0
	}
	suspect := c.serverErrors == serverErrorLimit
	c.mu.Unlock()
	if suspect {
		c.leave(&Failure{Cause: CauseNetwork, Safe: true, Err: fmt.Errorf("%d answers in a row were internal errors", serverErrorLimit)})
	}
}

// clockSkew is how far the gateway's clock is ahead of ours, by the date of its answer; 0 if it told none.
func clockSkew(date string, now time.Time) time.Duration {
	theirs, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", date)
	if err != nil {
		return 0
	}
	return theirs.Sub(now).Round(time.Second)
}

// unanswered settles requests that were written and got no answer: their outcome is unknown, and only the caller's consent
// makes them go out again.
func (c *Client) unanswered(lost []pendingSlot, why *Failure) {
	if len(lost) == 0 {
		return
	}
	var again, rest []request
	for _, r := range requestsOf(lost) {
		if c.config.ResendUnanswered && r.repeats == 0 && why.Cause == CauseNetwork {
			r.repeats++
			again = append(again, r)
			continue
		}
		rest = append(rest, r)
	}
	c.giveUp(rest, why.marked(false))
	c.resend(again)
}

// giveUp delivers a failure to each request.
func (c *Client) giveUp(requests []request, why *Failure) {
	for _, r := range requests {
		result := Result{Notification: r.notification, ID: r.notification.ID, Reason: why.Reason, Err: why}
		r.done(&result)
	}
	if len(requests) > 0 {
		c.finished(len(requests))
	}
}

// resend puts requests that were certainly not processed in front of all others.
func (c *Client) resend(requests []request) {
	if len(requests) == 0 {
		return
	}
	c.mu.Lock()
	if c.ctx.Err() != nil {
		c.mu.Unlock()
		c.giveUp(requests, &Failure{Cause: CauseClosed, Safe: true})
		return
	}
	if failure := c.broken; failure != nil {
		c.mu.Unlock()
		c.giveUp(requests, failure)
		return
	}
	for _, r := range requests {
		c.again.push(r)
	}
	idle := c.popIdle()
	c.mu.Unlock()
	if idle != nil {
		idle.poke()
	}
	c.wakeKeeperUp()
}

// credentialRefused stops everything that uses the credential and says so to everybody who waits (spec 4.5, rule 7). There is no
// reconnecting in a loop: one request a minute may try again.
func (c *Client) credentialRefused(which *credential, why *Failure) {
	c.mu.Lock()
	if which != c.credential.Load() {
		c.mu.Unlock()
		return // replaced in the meantime
	}
	why = why.marked(true) // for those who wait; requests in flight get their own answers
	first := c.broken == nil
	c.broken = why
	c.brokenUntil = time.Now().Add(credentialPause)
	c.suspect.Store(true)
	waiting := c.drain()
	c.admit()
	live := slices.Clone(c.live)
	c.mu.Unlock()
	if first {
		c.log.Error("APNs does not accept the credential", "gateway", c.authority, "reason", why.Reason, "error", why.Err)
	}
	for _, connection := range live {
		connection.leave(&Failure{Cause: CauseNetwork, Safe: true, Reason: why.Reason})
	}
	c.giveUp(waiting, why)
}

// mayTryAgain lets one request in a minute through although the credential was refused. mu must be held.
func (c *Client) mayTryAgain() bool {
	now := time.Now()
	if now.Before(c.brokenUntil) {
		return false
	}
	c.brokenUntil = now.Add(credentialPause)
	return true
}

func (c *Client) healed() {
	c.mu.Lock()
	c.broken = nil
	c.suspect.Store(false)
	c.mu.Unlock()
	c.log.Info("APNs accepts the credential again", "gateway", c.authority)
}

// credentialHint says what to do about a refused credential.
func credentialHint(reason string) error {
	switch reason {
	case "BadCertificateEnvironment":
		return errors.New("the certificate is not for this environment; use the other gateway or another certificate")
	case "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken":
		return errors.New("the key is not for this environment; use the other gateway or another key")
	case "InvalidProviderToken":
		return errors.New("key, key id and team id do not belong together, or the key was revoked")
	case "ExpiredProviderToken":
		return errors.New("a fresh provider token is called expired; check this machine's clock")
	case "MissingProviderToken":
		return errors.New("the gateway saw neither a certificate nor a provider token")
	}
	return errors.New("replace the credential")
}

// certificateAlerts are the TLS alerts by which a gateway refuses a client certificate. Under TLS 1.3 they arrive after our side
// believes the handshake complete, so every error of a connection is checked for them (spec 1.2).
var certificateAlerts = []string{
	"bad certificate", "unsupported certificate", "revoked certificate", "expired certificate", "unknown certificate",
	"unknown certificate authority", "certificate required", "access denied",
}

// transportFailure classifies what went wrong below HTTP.
func (c *Client) transportFailure(err error) *Failure {
	var known *Failure
	if errors.As(err, &known) {
		return known
	}
	var broken *protocolError
	if errors.As(err, &broken) || errors.Is(err, errNotHTTP2) {
		return &Failure{Cause: CauseProtocol, Err: err}
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		alert := strings.TrimPrefix(op.Err.Error(), "tls: ")
		if slices.Contains(certificateAlerts, alert) && c.credential.Load().certificate != nil {
			return &Failure{Cause: CauseCredential, Safe: true, Reason: "BadCertificate", Err: fmt.Errorf("the gateway refused the certificate: %s", alert)}
		}
		if alert == "no application protocol" {
			return &Failure{Cause: CauseProtocol, Safe: true, Err: errNotHTTP2}
		}
	}
	switch {
	case isEndOfStream(err):
		err = io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errors.New("the gateway took no data for too long")
	}
	return &Failure{Cause: CauseNetwork, Err: fmt.Errorf("connection lost: %w", err)}
}

func sortByStream(slots []pendingSlot) {
	slices.SortFunc(slots, func(a, b pendingSlot) int { return cmp.Compare(a.stream, b.stream) })
}
