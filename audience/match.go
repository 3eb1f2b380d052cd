package audience

import (
	"slices"
	"strings"
	"time"
)

// Subject is one device as an expression sees it.
type Subject struct {
	Tags           []string
	Alias          string
	RegistrationID string
	Platform       string
	Environment    string // of its token, live or not; "" without one
	Token          string // environment of the live push token; "" without one, or with pushes switched off
	Version        string // of the app
	OS             string // version of the system
	Language       string
	Channel        string
	Seen           time.Time
	Registered     time.Time
	States         []string
	Specials       []string
	Lists          []string
	// Marks are the messages that the device has a mark of.
	Marks map[Field][]string
	// Segments are the expressions that names stand for.
	Segments map[string]Expr
	// Now is the moment from which ages count.
	Now time.Time
}

// Match reports whether the expression selects the device. It is slow, obvious,
// and the definition of what expressions mean.
func (e Expr) Match(s Subject) bool {
	switch e.Op {
	case OpAll:
		return true
	case OpTerm:
		return e.Term.Match(s)
	case OpNot:
		return !e.Args[0].Match(s)
	case OpOr:
		return slices.ContainsFunc(e.Args, func(a Expr) bool { return a.Match(s) })
	default: // OpAnd
		return !slices.ContainsFunc(e.Args, func(a Expr) bool { return !a.Match(s) })
	}
}

// Match reports whether a device has the property.
func (t Term) Match(s Subject) bool {
	switch t.Field {
	case Tag:
		return slices.Contains(s.Tags, t.Value)
	case Alias:
		return s.Alias != "" && s.Alias == t.Value
	case Registration:
		return s.RegistrationID == t.Value
	case Platform:
		return s.Platform == t.Value
	case Environment:
		return s.Environment != "" && s.Environment == t.Value
	case Token:
		return s.Token != "" && s.Token == t.Value
	case Channel:
		return s.Channel != "" && s.Channel == t.Value
	case Version:
		return s.Version != "" && t.Holds(s.Version)
	case OS:
		return s.OS != "" && t.Holds(s.OS)
	case Language:
		return s.Language != "" && t.Holds(s.Language)
	case Seen:
		return t.matchTime(s.Seen, s.Now)
	case Registered:
		return t.matchTime(s.Registered, s.Now)
	case State:
		return slices.Contains(s.States, t.Value)
	case Special:
		return slices.Contains(s.Specials, t.Value)
	case List:
		return slices.Contains(s.Lists, t.Value)
	case Targeted, Sent, Received, Opened:
		return slices.Contains(s.Marks[t.Field], t.Value)
	case Segment:
		return s.Segments[t.Value].Match(s)
	}
	return false
}

// Holds reports whether the term is true of a device's value of the field: of a
// version, a language, or a Date.
func (t Term) Holds(value string) bool {
	switch t.Field {
	case Version, OS:
		return t.Rel.holds(CompareVersions(value, t.Value))
	case Language:
		value, under := NormalLanguage(value), NormalLanguage(t.Value)
		return value == under || strings.HasPrefix(value, under+"-")
	case Seen, Registered:
		return t.Rel.holds(strings.Compare(value, t.Value))
	}
	return value == t.Value
}

func (t Term) matchTime(at, now time.Time) bool {
	days, err := parseAge(t.Value)
	if err != nil { // a date
		return t.Holds(Date(at))
	}
	return t.Rel.holds(dayOf(now) - dayOf(at) - days)
}

// NormalLanguage returns a language tag in the form in which they are compared:
// lower case, with hyphens.
func NormalLanguage(tag string) string {
	return strings.ReplaceAll(strings.ToLower(tag), "_", "-")
}
