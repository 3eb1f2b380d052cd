// Package audience says who receives a message. An expression is built from
// terms such as tag:vip with and, or and not; Match defines what it means for
// one device, and Evaluate computes the same on bitmaps of device numbers.
package audience

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Op is what a node of an expression does.
type Op uint8

// The operations.
const (
	OpAll  Op = iota // every device of the app
	OpTerm           // devices with one property
	OpAnd            // devices in every argument
	OpOr             // devices in any argument
	OpNot            // devices not in the only argument
)

// Field is the property a term tests.
type Field string

// The fields. Alias and Registration select few devices and are looked up in
// the device table; the others are kept as bitmaps.
const (
	Tag          Field = "tag"
	Alias        Field = "alias"
	Registration Field = "registration"
	Platform     Field = "platform"
	Token        Field = "token"   // value: the environment in which the device can be sent to
	List         Field = "list"    // value: the message whose list of devices was resolved when it was accepted
	State        Field = "state"   // value: one of the states of a device that keep pushes from it
	Special      Field = "special" // value: a SpecialToken; not part of the text form
)

// The states, in which a device may be whether it has a token or not.
const (
	OptedOut    = "opted_out"   // its user switched pushes off in the app
	Quarantined = "quarantined" // the vendor said that its last token is dead
)

var fields = []Field{Tag, Alias, Registration, Platform, Token, List, State}

// SpecialToken is the value of a Special term: devices with a token of a kind
// and a name beside that of notifications, in an environment.
func SpecialToken(kind, environment, name string) string {
	return kind + "/" + environment + "/" + name
}

// Special splits the value of a Special term.
func (t Term) Special() (kind, environment, name string, err error) {
	parts := strings.SplitN(t.Value, "/", 3)
	if len(parts) != 3 {
		return "", "", "", fmt.Errorf("audience: %.100q names no token", t.Value)
	}
	return parts[0], parts[1], parts[2], nil
}

// Term is one property of a device: field and value.
type Term struct {
	Field Field
	Value string
}

// String returns the key under which the term's bitmap is stored, such as
// "tag:vip".
func (t Term) String() string { return string(t.Field) + ":" + t.Value }

// Expr is an audience expression. The zero value selects every device.
type Expr struct {
	Op   Op
	Term Term   // OpTerm only
	Args []Expr // OpAnd, OpOr: two or more; OpNot: one
}

// All selects every device of the app.
func All() Expr { return Expr{} }

// Is selects the devices whose field has the value.
func Is(f Field, value string) Expr { return Expr{Op: OpTerm, Term: Term{f, value}} }

// Not selects the devices that e does not.
func Not(e Expr) Expr { return Expr{Op: OpNot, Args: []Expr{e}} }

// And selects the devices that every argument selects. One argument is
// returned as it is; none selects every device.
func And(args ...Expr) Expr { return join(OpAnd, args) }

// Or selects the devices that any argument selects. It needs at least one.
func Or(args ...Expr) Expr { return join(OpOr, args) }

// AnyOf selects the devices whose field has one of the values.
func AnyOf(f Field, values []string) Expr {
	args := make([]Expr, len(values))
	for i, v := range values {
		args[i] = Is(f, v)
	}
	return Or(args...)
}

func join(op Op, args []Expr) Expr {
	switch len(args) {
	case 0:
		return All()
	case 1:
		return args[0]
	}
	return Expr{Op: op, Args: args}
}

// String writes the expression in the form that Parse reads.
func (e Expr) String() string {
	var b strings.Builder
	e.write(&b, false)
	return b.String()
}

func (e Expr) write(b *strings.Builder, nested bool) {
	switch e.Op {
	case OpAll:
		b.WriteString("all")
	case OpTerm:
		b.WriteString(string(e.Term.Field))
		b.WriteByte(':')
		if isWord(e.Term.Value) {
			b.WriteString(e.Term.Value)
		} else {
			b.WriteString(strconv.Quote(e.Term.Value))
		}
	case OpNot:
		b.WriteByte('!')
		e.Args[0].write(b, true)
	case OpAnd, OpOr:
		if nested {
			b.WriteByte('(')
		}
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(map[Op]string{OpAnd: " & ", OpOr: " | "}[e.Op])
			}
			a.write(b, true)
		}
		if nested {
			b.WriteByte(')')
		}
	}
}

// Terms returns every term of the expression, repeats included.
func (e Expr) Terms() []Term {
	if e.Op == OpTerm {
		return []Term{e.Term}
	}
	var terms []Term
	for _, a := range e.Args {
		terms = append(terms, a.Terms()...)
	}
	return terms
}

// Points returns the alias and registration terms of a part of the expression
// that every selected device must satisfy, so that the candidates can be
// looked up one by one; false if there is no such part.
func (e Expr) Points() ([]Term, bool) {
	switch e.Op {
	case OpTerm:
		return []Term{e.Term}, e.Term.Field == Alias || e.Term.Field == Registration
	case OpOr:
		var all []Term
		for _, a := range e.Args {
			p, ok := a.Points()
			if !ok {
				return nil, false
			}
			all = append(all, p...)
		}
		return all, true
	case OpAnd:
		for _, a := range e.Args {
			if p, ok := a.Points(); ok {
				return p, true
			}
		}
	}
	return nil, false
}

// Subject is one device as an expression sees it.
type Subject struct {
	Tags           []string
	Alias          string
	RegistrationID string
	Platform       string
	Lists          []string
	States         []string
	Specials       []string
	Token          string // environment of the live push token; "" without one, or with pushes switched off
}

// Match reports whether the expression selects the device. It is slow, obvious,
// and the definition of what expressions mean.
func (e Expr) Match(s Subject) bool {
	switch e.Op {
	case OpAll:
		return true
	case OpTerm:
		return e.Term.match(s)
	case OpNot:
		return !e.Args[0].Match(s)
	case OpOr:
		return slices.ContainsFunc(e.Args, func(a Expr) bool { return a.Match(s) })
	default: // OpAnd
		return !slices.ContainsFunc(e.Args, func(a Expr) bool { return !a.Match(s) })
	}
}

func (t Term) match(s Subject) bool {
	switch t.Field {
	case Tag:
		return slices.Contains(s.Tags, t.Value)
	case Alias:
		return s.Alias != "" && s.Alias == t.Value
	case List:
		return slices.Contains(s.Lists, t.Value)
	case State:
		return slices.Contains(s.States, t.Value)
	case Special:
		return slices.Contains(s.Specials, t.Value)
	case Registration:
		return s.RegistrationID == t.Value
	case Platform:
		return s.Platform == t.Value
	case Token:
		return s.Token != "" && s.Token == t.Value
	}
	return false
}
