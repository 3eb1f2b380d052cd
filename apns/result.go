package apns

import (
	"errors"
	"fmt"
	"time"
)

// A Result is what became of one notification.
type Result struct {
	// Notification is the one that was submitted.
	Notification *Notification
	// Status is the HTTP status of the gateway's answer; 0 if there was none.
	Status int
	// Reason is Apple's word for a refusal, such as BadDeviceToken; also of a local one. Empty for accepted notifications.
	Reason string
	// Timestamp is when APNs found the token dead (status 410 only). A token registered again after it is alive.
	Timestamp time.Time
	// RetryAfter is the wait the gateway asked for; normally zero, because Apple documents no such header.
	RetryAfter time.Duration
	// ID is the notification's apns-id: the one submitted, or the one the gateway chose.
	ID [16]byte
	// UniqueID is the development environment's apns-unique-id, for Apple's delivery console.
	UniqueID string
	// Err is nil when the gateway accepted the notification or refused it for its own sake, a topic that the credential may not
	// use included. Otherwise it is a [*Failure]: there was no answer, or the answer refuses the credential as a whole (then Status
	// and Reason are set as well).
	Err error
}

// Accepted reports whether APNs took the notification over. It does not mean delivered, and not shown.
func (r Result) Accepted() bool { return r.Status == 200 && r.Err == nil }

// Class tells what an answer means for the sender. It is [ClassNone] without an answer; see Err then.
func (r Result) Class() Class {
	if r.Status == 0 {
		return ClassNone
	}
	return classify(r.Status, r.Reason)
}

// A FailureCause says where a failure lies.
type FailureCause uint8

// The causes of failures.
const (
	// CauseNetwork: no connection, or it was lost, or no answer came in time.
	CauseNetwork FailureCause = iota + 1
	// CauseCredential: APNs does not accept the certificate or key. Sending on is useless until it is replaced.
	CauseCredential
	// CauseRefusedLocally: the notification is malformed and was not sent. Reason says why.
	CauseRefusedLocally
	// CauseCancelled: the caller's context ended first.
	CauseCancelled
	// CauseClosed: the client was closed.
	CauseClosed
	// CauseProtocol: the peer does not speak HTTP/2 as it should.
	CauseProtocol
)

func (c FailureCause) String() string {
	switch c {
	case CauseNetwork:
		return "network"
	case CauseCredential:
		return "credential"
	case CauseRefusedLocally:
		return "refused locally"
	case CauseCancelled:
		return "cancelled"
	case CauseClosed:
		return "client closed"
	case CauseProtocol:
		return "protocol"
	}
	return "unknown"
}

// A Failure is the error of a notification that APNs did not judge, or of a credential that it does not accept.
type Failure struct {
	Cause FailureCause
	// Safe is true if the notification was certainly not processed and may be sent again without repeating itself.
	// If it is false the device may have received it (spec 10.6).
	Safe bool
	// Reason is Apple's word where there is one, from an answer, from the GOAWAY that ended the connection, or from local checks.
	Reason string
	Err    error
}

func (f *Failure) Error() string {
	text := "apns: " + f.Cause.String()
	if f.Reason != "" {
		text += ": " + f.Reason
	}
	if f.Err != nil {
		text += ": " + f.Err.Error()
	}
	return text
}

func (f *Failure) Unwrap() error { return f.Err }

// Is makes errors.Is(err, ErrClosed) work for failures caused by closing.
func (f *Failure) Is(target error) bool { return target == ErrClosed && f.Cause == CauseClosed }

// ErrClosed is matched by the error of everything done after [Client.Close] or [Client.Shutdown].
var ErrClosed = errors.New("apns: client is closed")

// marked is the same failure for requests that were certainly not processed, or that may have been. Failures are shared between
// requests and goroutines and never changed.
func (f *Failure) marked(safe bool) *Failure {
	if f.Safe == safe {
		return f
	}
	changed := *f
	changed.Safe = safe
	return &changed
}

func refusedLocally(reason string) *Failure {
	return &Failure{Cause: CauseRefusedLocally, Safe: true, Reason: reason, Err: fmt.Errorf("%s", refusalHints[reason])}
}

// refusalHints says what to do about a local refusal.
var refusalHints = map[string]string{
	"MissingDeviceToken": "give the device token",
	"BadDeviceToken":     "a device token is an even number of hexadecimal digits, at most 200",
	"MissingTopic":       "give the topic: this credential serves several",
	"BadTopic":           "a topic consists of letters, digits, dots, hyphens and underscores",
	"InvalidPushType":    "use one of the PushType constants",
	"BadPriority":        "use 10, 5 or 1, and not 10 for background pushes",
	"BadExpirationDate":  "use a time after 1970",
	"BadCollapseId":      "a collapse id has at most 64 bytes, no control characters and no blank at its ends",
	"PayloadEmpty":       "give a payload",
	"PayloadTooLarge":    "a payload has at most 4096 bytes, 5120 for VoIP",
	"TopicDisallowed":    "give the bundle id without a suffix",
	"MissingChannelId":   "give the channel id",
	"BadChannelId":       "a channel id is base64 text",
}
