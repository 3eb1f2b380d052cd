package audience

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of an expression, so that no input costs unbounded time or stack.
const (
	MaxText  = 256 << 10 // bytes
	MaxTerms = 4096
	MaxDepth = 64 // nested parentheses and negations
)

// Parse reads an expression such as
//
//	tag:vip & (tag:beijing | tag:"new york") & !alias:reader-17
//
// Values that are not plain words are quoted as in Go or JSON. "all" selects
// every device; && and || are accepted for & and |. "&" binds tighter than "|".
func Parse(text string) (Expr, error) {
	if len(text) > MaxText {
		return Expr{}, fmt.Errorf("the expression is %d bytes long; at most %d are allowed", len(text), MaxText)
	}
	p := parser{text: text}
	e, err := p.or(0)
	if err != nil {
		return Expr{}, err
	}
	if p.space(); p.pos < len(p.text) {
		return Expr{}, p.errorf("unexpected %q; join terms with & or |", p.text[p.pos])
	}
	return e, nil
}

type parser struct {
	text  string
	pos   int
	terms int
}

func (p *parser) or(depth int) (Expr, error)  { return p.list('|', depth, p.and, Or) }
func (p *parser) and(depth int) (Expr, error) { return p.list('&', depth, p.unary, And) }

// list reads one or more items joined by an operator that may be doubled.
func (p *parser) list(op byte, depth int, item func(int) (Expr, error), build func(...Expr) Expr) (Expr, error) {
	var args []Expr
	for {
		e, err := item(depth)
		if err != nil {
			return Expr{}, err
		}
		args = append(args, e)
		if !p.accept(op) {
			return build(args...), nil
		}
		if p.pos < len(p.text) && p.text[p.pos] == op {
			p.pos++
		}
	}
}

func (p *parser) unary(depth int) (Expr, error) {
	if depth > MaxDepth {
		return Expr{}, p.errorf("nested more than %d deep", MaxDepth)
	}
	switch {
	case p.accept('!'):
		e, err := p.unary(depth + 1)
		return Not(e), err
	case p.accept('('):
		e, err := p.or(depth + 1)
		if err == nil && !p.accept(')') {
			err = p.errorf("a closing parenthesis is missing")
		}
		return e, err
	}
	return p.term()
}

func (p *parser) term() (Expr, error) {
	p.space()
	word := p.word()
	if word == "all" && (p.pos == len(p.text) || p.text[p.pos] != ':') {
		return All(), nil
	}
	if !slices.Contains(fields, Field(word)) {
		return Expr{}, p.errorf("a term begins with tag:, alias:, registration:, platform:, token: or state:, not %.40q", word)
	}
	if p.pos == len(p.text) || p.text[p.pos] != ':' {
		return Expr{}, p.errorf("a colon and a value must follow %q", word)
	}
	p.pos++
	value, err := p.value()
	if err != nil {
		return Expr{}, err
	}
	if p.terms++; p.terms > MaxTerms {
		return Expr{}, fmt.Errorf("the expression has more than %d terms", MaxTerms)
	}
	return Is(Field(word), value), nil
}

func (p *parser) value() (string, error) {
	if p.pos == len(p.text) || p.text[p.pos] != '"' {
		if w := p.word(); w != "" {
			return w, nil
		}
		return "", p.errorf("a value is missing; quote values that are not plain words")
	}
	quoted, err := strconv.QuotedPrefix(p.text[p.pos:])
	if err != nil {
		return "", p.errorf("the quotation does not end")
	}
	p.pos += len(quoted)
	value, err := strconv.Unquote(quoted)
	if err != nil || value == "" {
		return "", p.errorf("%.40s is not a value", quoted)
	}
	return value, nil
}

func (p *parser) accept(c byte) bool {
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.text) && isWordByte(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("audience expression, at byte %d: %s", p.pos, fmt.Sprintf(format, args...))
}

func isWord(s string) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}
