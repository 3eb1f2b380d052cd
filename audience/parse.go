package audience

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of an expression, so that no input costs unbounded time or stack.
const (
	MaxText  = 256 << 10 // bytes
	MaxTerms = 4096
	MaxDepth = 64 // nested parentheses and negations
)

// Limits of an expression that people write, which goes into a larger one.
const (
	MaxWrittenText  = 16 << 10 // bytes
	MaxWrittenTerms = 256
	MaxWrittenDepth = 32
)

// SyntaxError says what is wrong with the text of an expression, and where.
type SyntaxError struct {
	At      int // the character, counted from 1
	Problem string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("audience expression: at character %d: %s", e.At, e.Problem)
}

// Parse reads the canonical form, such as
//
//	tag:vip & (tag:beijing | tag:"new york") & !seen>=2026-10-24
//
// and anything that Read does.
func Parse(text string) (Expr, error) {
	return parse(text, MaxText, MaxTerms, MaxDepth, true)
}

// Read reads an expression that people write, such as
//
//	vip && (beijing || "new york") && version>=2.3 && !seen>30d
//
// A word by itself is a tag, "all" is everyone. && and || may be written & and
// |; "&" binds tighter than "|". Values that are not plain words are quoted as
// in Go or JSON. Any error but of length is a *SyntaxError.
func Read(text string) (Expr, error) {
	return parse(text, MaxWrittenText, MaxWrittenTerms, MaxWrittenDepth, false)
}

func parse(text string, maxText, maxTerms, maxDepth int, hidden bool) (Expr, error) {
	if len(text) > maxText {
		return Expr{}, fmt.Errorf("the audience expression is %d bytes long; at most %d are allowed", len(text), maxText)
	}
	p := parser{text: text, maxTerms: maxTerms, maxDepth: maxDepth, hidden: hidden}
	if !utf8.ValidString(text) {
		p.pos = strings.IndexRune(text, utf8.RuneError)
		return Expr{}, p.errorf("the text is not valid UTF-8")
	}
	e, err := p.or(0)
	if err != nil {
		return Expr{}, err
	}
	if p.space(); p.pos < len(p.text) {
		return Expr{}, p.errorf("unexpected %q; join terms with && or ||", p.next())
	}
	return e, nil
}

type parser struct {
	text               string
	pos                int
	terms              int
	maxTerms, maxDepth int
	hidden             bool // the fields of Aurora itself are allowed
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
	if depth > p.maxDepth {
		return Expr{}, p.errorf("nested more than %d deep; save a part of it as a segment", p.maxDepth)
	}
	switch {
	case p.accept('!'):
		e, err := p.unary(depth + 1)
		return Not(e), err
	case p.accept('('):
		open := p.pos
		e, err := p.or(depth + 1)
		if err == nil && !p.accept(')') {
			p.space()
			return e, p.errorf("a closing parenthesis is missing for the one at character %d", p.character(open-1))
		}
		return e, err
	}
	return p.term()
}

// term reads a field, a relation and a value, or a tag by itself.
func (p *parser) term() (Expr, error) {
	p.space()
	start := p.pos
	if p.terms++; p.terms > p.maxTerms {
		return Expr{}, p.errorf("more than %d terms", p.maxTerms)
	}
	if p.pos < len(p.text) && p.text[p.pos] == '"' {
		tag, err := p.value()
		if err != nil {
			return Expr{}, err
		}
		return p.tag(start, tag)
	}
	word := p.word()
	rel, negated, compared := p.relation()
	g, known := grammar[Field(word)]
	known = known && (p.hidden || !g.hidden)
	switch {
	case word == "":
		return Expr{}, p.misplaced()
	case !compared && word == "all":
		return All(), nil
	case !compared && known:
		return Expr{}, p.errorf("%s needs a value, such as %s; a tag of that name is written tag:%s", word, example(Field(word)), word)
	case !compared:
		return p.tag(start, word)
	case !known:
		p.pos = start
		return Expr{}, p.errorf("there is no field %.40q%s; the fields are %s", word, p.likely(word), strings.Join(p.fields(), ", "))
	}
	p.space()
	valueAt := p.pos
	value, err := p.value()
	if err != nil {
		return Expr{}, err
	}
	t := Term{Field(word), value, rel}
	if problem := t.check(); problem != "" {
		p.pos = valueAt
		return Expr{}, p.errorf("%s", problem)
	}
	if e := (Expr{Op: OpTerm, Term: t}); !negated {
		return e, nil
	}
	return Not(Expr{Op: OpTerm, Term: t}), nil
}

// tag is a tag that stands by itself.
func (p *parser) tag(start int, name string) (Expr, error) {
	t := Term{Field: Tag, Value: name}
	if problem := t.check(); problem != "" {
		p.pos = start
		return Expr{}, p.errorf("%s", problem)
	}
	return Expr{Op: OpTerm, Term: t}, nil
}

// relations by their text, longer ones first.
var relations = []struct {
	text    string
	rel     Rel
	negated bool
}{{"<=", AtMost, false}, {">=", AtLeast, false}, {"==", Equal, false}, {"!=", Equal, true}, {":", Equal, false}, {"=", Equal, false}, {"<", Less, false}, {">", More, false}}

// relation reads what stands between a field and its value, if it is there.
func (p *parser) relation() (rel Rel, negated, ok bool) {
	start := p.pos
	p.space()
	for _, r := range relations {
		if strings.HasPrefix(p.text[p.pos:], r.text) {
			p.pos += len(r.text)
			return r.rel, r.negated, true
		}
	}
	p.pos = start
	return Equal, false, false
}

// misplaced says what is wrong where a term should begin.
func (p *parser) misplaced() error {
	switch {
	case p.pos == len(p.text) && strings.TrimSpace(p.text) == "":
		return p.errorf("the expression is empty; write all for everyone, or a tag")
	case p.pos == len(p.text):
		return p.errorf("a term is missing at the end; write a tag, or a field and a value such as platform:ios")
	}
	return p.errorf("a term begins with a word or a quotation mark, not with %q; a tag that is not a plain word is quoted", p.next())
}

// example shows how a field is used.
func example(f Field) string {
	switch g := grammar[f]; {
	case g.kind == versionKind:
		return string(f) + ">=2.3"
	case g.kind == timeKind:
		return string(f) + "<=30d"
	case g.values != nil:
		return string(f) + ":" + g.values[0]
	}
	return string(f) + ":VALUE"
}

func (p *parser) fields() []string {
	var names []string
	for _, f := range slices.Sorted(maps.Keys(grammar)) {
		if !grammar[f].hidden {
			names = append(names, string(f))
		}
	}
	return names
}

// likely names the field that was meant.
func (p *parser) likely(word string) string {
	word = strings.ToLower(word)
	for _, f := range p.fields() {
		if len(word) > 1 && (strings.HasPrefix(word, f) || strings.HasPrefix(f, word)) {
			return "; did you mean " + f
		}
	}
	return ""
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
	value, err := strconv.Unquote(quoted)
	if err != nil || value == "" || !utf8.ValidString(value) {
		return "", p.errorf("%.40s is not a value", quoted)
	}
	p.pos += len(quoted)
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

// word reads letters of any script, digits, and the signs of a plain word.
func (p *parser) word() string {
	rest := p.text[p.pos:]
	end := strings.IndexFunc(rest, func(r rune) bool { return !isWordRune(r) })
	if end < 0 {
		end = len(rest)
	}
	p.pos += end
	return rest[:end]
}

// next is the character at the place.
func (p *parser) next() string {
	_, n := utf8.DecodeRuneInString(p.text[p.pos:])
	return p.text[p.pos : p.pos+n]
}

func (p *parser) errorf(format string, args ...any) error {
	return &SyntaxError{p.character(p.pos), fmt.Sprintf(format, args...)}
}

// character counts the characters up to a place, from 1.
func (p *parser) character(pos int) int { return utf8.RuneCountInString(p.text[:pos]) + 1 }

func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isWordRune(r) })
}

func isWordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' ||
		r > unicode.MaxASCII && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
}
