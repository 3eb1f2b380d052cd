package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

var (
	// ErrClosed is returned once the client was closed.
	ErrClosed = errors.New("device: the client is closed")
	// ErrNotStarted is returned by calls that wait for Aurora before Start was called.
	ErrNotStarted = errors.New("device: the client was not started; call Start first")
	// ErrAlias and ErrTag are wrapped by what SetAlias, SetTags, AddTags and RemoveTags refuse.
	ErrAlias = errors.New("device: not a valid alias")
	ErrTag   = errors.New("device: not a valid tag")
)

// Numbers of Aurora's refusals that the SDK acts upon.
const (
	codeUnknownRegistration = 7002
	codeWrongSecret         = 7004
)

// RefusedError is a final answer of Aurora: repeating the request would not help, so the SDK gave it up.
type RefusedError struct {
	Status  int    // HTTP status, 400–499
	Code    int    // Aurora's number of the refusal
	Message string // a sentence for a person
	Doc     string // where it is explained; may be empty
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("device: refused by Aurora with %d (HTTP %d): %s", e.Code, e.Status, e.Message)
}

// unknownRegistration tells a refusal that a new registration mends from one that it does not.
func (e *RefusedError) unknownRegistration() bool {
	return (e.Status == http.StatusUnauthorized || e.Status == http.StatusNotFound) &&
		(e.Code == codeUnknownRegistration || e.Code == codeWrongSecret)
}

// retryError is a failure that may pass: no network, a busy server, something between here and Aurora that answers in its place.
type retryError struct {
	err   error
	after time.Duration // asked for by the server; 0 = nothing
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// answerError turns an answer that is not a success into a RefusedError (final) or a retryError. Only a numbered refusal is
// final: a 404 of some proxy or the login page of a hotel says nothing about the request.
func answerError(status int, header http.Header, body []byte, now time.Time) error {
	var envelope struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Doc     string `json:"doc"`
		} `json:"error"`
	}
	numbered := json.Unmarshal(body, &envelope) == nil && envelope.Error.Code != 0
	passing := status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status < 400 || status > 499
	if numbered && !passing {
		return &RefusedError{Status: status, Code: envelope.Error.Code, Message: envelope.Error.Message, Doc: envelope.Error.Doc}
	}
	err := fmt.Errorf("device: the server answered HTTP %d, which is not an answer of Aurora's device API", status)
	if numbered {
		err = fmt.Errorf("device: Aurora answered HTTP %d with %d: %s", status, envelope.Error.Code, envelope.Error.Message)
	}
	return &retryError{err: err, after: retryAfter(header, now)}
}
