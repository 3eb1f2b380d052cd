package aurora

import (
	"errors"
	"fmt"
	"slices"
)

// Kind says what sort of refusal an Error is. The REST API turns a kind into
// the number and HTTP status of the family that was called; nothing else
// about an error decides that.
type Kind uint8

// The kinds of refusal.
const (
	Internal     Kind = iota // a defect or a broken part of this installation
	Invalid                  // a value is of the wrong type, form or range
	Missing                  // a required value is absent
	TooLarge                 // the content exceeds a size limit
	NotFound                 // no such thing, or not the caller's
	Unauthorized             // the caller did not prove who they are
	Forbidden                // the caller is known but may not do this
	Conflict                 // it contradicts what is already stored
	NoTarget                 // an audience that selects no device
	TooMany                  // a rate limit is exhausted; try again later
	Full                     // a count limit is reached; something must be removed first
	Unavailable              // a part that is needed does not answer; try again later
)

// Error is a refusal: what was wrong and what to do, as one plain sentence or
// two for the person who called. Err, if set, is the technical cause for logs.
type Error struct {
	Kind Kind
	Text string
	Err  error

	format string // what Text was made of, for In
	args   []any
}

// Errorf makes a refusal of the given kind. A %w verb sets its cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Text: err.Error(), Err: errors.Unwrap(err), format: format, args: args}
}

// In returns the sentence in another language: translate gets the format that
// Errorf was called with, or the whole text of a refusal made otherwise, and
// returns one with the same verbs.
func (e *Error) In(translate func(string) string) string {
	if e.format == "" {
		return translate(e.Text)
	}
	args := slices.Clone(e.args)
	for i, a := range args { // names that are words of ours
		switch a := a.(type) {
		case Right:
			args[i] = translate(string(a))
		case Role:
			args[i] = translate(string(a))
		}
	}
	return fmt.Errorf(translate(e.format), args...).Error()
}

// Error returns the sentence for the caller.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the technical cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// KindOf reports the kind of err: Internal for anything that is not a refusal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
