package client

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is a refusal by the server. Nothing was changed by the request
// (docs/errors.md). Ask for its kind by errors.Is:
//
//	if errors.Is(err, client.ErrNoTarget) { … }
type Error struct {
	Status  int    // HTTP status; 0 for one push of a batch or one app of a group
	Code    int    // JPush's number, such as 1011 for an audience without devices; 0 if it was no Aurora server that answered
	Message string // what is wrong and what to do, in one or two sentences
	Doc     string // a page that explains the number; "" if the server named none
	// RetryAfter is how long the server asks to wait before the next call; 0 if
	// it did not say.
	RetryAfter time.Duration
	// IllegalIDs are the registration ids that were at fault (7013).
	IllegalIDs []string
	Attempts   int // how often the call was made; 0 for one push of a batch
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("aurora: " + e.Message)
	switch {
	case e.Code != 0:
		fmt.Fprintf(&b, " (%d)", e.Code)
	case e.Status != 0:
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, " [retry after %v]", e.RetryAfter)
	}
	return b.String()
}

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	switch e.Kind() {
	case ErrTooMany, ErrUnavailable, ErrInternal:
		return true
	}
	return false
}

// Is reports whether target is the error's kind, for errors.Is.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind()
}

// Kind is what sort of refusal an error is. Each is an error itself, so that
// errors.Is(err, client.ErrNotFound) works.
type Kind string

// The kinds of refusal.
const (
	ErrInvalid      Kind = "aurora: something in the request is missing or wrong"
	ErrTooLarge     Kind = "aurora: the request is too large"
	ErrNoTarget     Kind = "aurora: the audience selects no device"
	ErrUnauthorized Kind = "aurora: the credentials are not right"
	ErrForbidden    Kind = "aurora: the caller may not do this"
	ErrNotFound     Kind = "aurora: there is no such thing"
	ErrFull         Kind = "aurora: there are as many as there may be"
	ErrTooMany      Kind = "aurora: too many requests"
	ErrUnavailable  Kind = "aurora: a part of the server does not answer"
	ErrInternal     Kind = "aurora: a defect of the server"
)

// Error implements error.
func (k Kind) Error() string { return string(k) }

// kindOfCode are the numbers whose kind does not follow from their status
// (docs/errors.md).
var kindOfCode = map[int]Kind{
	1011: ErrNoTarget, 1005: ErrTooLarge, 7015: ErrFull, 9006: ErrFull, 1013: ErrNotFound, 1015: ErrUnavailable,
}

// statusOfCode are the statuses that numbers have elsewhere, for refusals that
// come without one: in batches and groups.
var statusOfCode = map[int]int{1000: 500, 1004: 401, 1030: 503, 2002: 429, 2004: 403, 2007: 403, 2008: 403}

// Kind returns what sort of refusal it is.
func (e *Error) Kind() Kind {
	if k, ok := kindOfCode[e.Code]; ok {
		return k
	}
	status := e.Status
	if status == 0 {
		status = statusOfCode[e.Code]
	}
	switch status {
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return ErrNotFound
	case http.StatusRequestEntityTooLarge:
		return ErrTooLarge
	case http.StatusTooManyRequests:
		return ErrTooMany
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return ErrUnavailable
	}
	if status >= http.StatusInternalServerError {
		return ErrInternal
	}
	return ErrInvalid
}

// UnansweredError means that no answer could be had. Unwrap it for the cause, such
// as context.Canceled or a *net.OpError.
type UnansweredError struct {
	Method   string
	URL      string // without its query
	Attempts int
	// Sent tells that the server may have seen the request and done what it
	// asks. A push can be sent again with the same CID in any case.
	Sent bool
	Err  error
}

// Error implements error.
func (e *UnansweredError) Error() string {
	text := fmt.Sprintf("client: %s %s was not answered", e.Method, e.URL)
	if e.Attempts > 1 {
		text += fmt.Sprintf(" in %d attempts", e.Attempts)
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *UnansweredError) Unwrap() error { return e.Err }
