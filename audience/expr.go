// Package audience says who receives a message. An expression is built from
// terms such as tag:vip with and, or and not; Match defines what it means for
// one device, and Evaluate computes the same on bitmaps of device numbers.
package audience

import (
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

// Expr is an audience expression. The zero value selects every device.
type Expr struct {
	Op   Op
	Term Term   // OpTerm only
	Args []Expr // OpAnd, OpOr: two or more; OpNot: one
}

// All selects every device of the app.
func All() Expr { return Expr{} }

// Is selects the devices whose field has the value.
func Is(f Field, value string) Expr { return Expr{Op: OpTerm, Term: Term{Field: f, Value: value}} }

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
		b.WriteString(e.Term.Rel.String())
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

// Size returns how many terms an expression has, and how deep its text form
// nests parentheses and negations: what the limits are about.
func (e Expr) Size() (terms, depth int) { return e.size(false) }

func (e Expr) size(nested bool) (terms, depth int) {
	if e.Op == OpTerm {
		return 1, 0
	}
	for _, a := range e.Args {
		t, d := a.size(true)
		terms, depth = terms+t, max(depth, d)
	}
	if e.Op == OpNot || nested && e.Op != OpAll { // an exclamation mark, or parentheses
		depth++
	}
	return terms, depth
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
