package registry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// A Segment is an audience expression that an app has saved under a name. It
// may refer to other segments, and is whom it selects when a push is accepted:
// a push keeps the meaning it had then, whatever becomes of the segment.
type Segment struct {
	Name       string
	Expression string // as it was written
	CreatedAt  time.Time
	ChangedAt  time.Time
}

// MaxSegments is how many segments an app may have.
const MaxSegments = 500

// What a store returns beside ErrNone.
var (
	ErrFull   = errors.New("registry: full")   // there is no room for one more
	ErrExists = errors.New("registry: exists") // there is such a thing already
)

// Segments stores segments.
type Segments interface {
	// Segments returns all of an app, by name.
	Segments(ctx context.Context, appID int64) ([]Segment, error)
	// AddSegment stores a new one: ErrExists if there is one of that name, ErrFull
	// if the app has max.
	AddSegment(ctx context.Context, appID int64, s Segment, max int) error
	// ChangeSegment replaces the expression of one; ErrNone.
	ChangeSegment(ctx context.Context, appID int64, s Segment) error
	// DropSegment deletes one; ErrNone.
	DropSegment(ctx context.Context, appID int64, name string) error
	// MessageSince reports whether the app has a message accepted since then.
	MessageSince(ctx context.Context, appID int64, id aurora.MessageID, since time.Time) (bool, error)
}

// Segments returns an app's segments, by name.
func (s *Service) Segments(ctx context.Context, appID int64) ([]Segment, error) {
	return s.store.Segments(ctx, appID)
}

// Segment returns one segment, or aurora.NotFound.
func (s *Service) Segment(ctx context.Context, appID int64, name string) (Segment, error) {
	list, err := s.store.Segments(ctx, appID)
	if err != nil {
		return Segment{}, err
	}
	if i := slices.IndexFunc(list, func(g Segment) bool { return g.Name == name }); i >= 0 {
		return list[i], nil
	}
	return Segment{}, noSegment(name)
}

func noSegment(name string) error {
	return aurora.Errorf(aurora.NotFound, "There is no segment %.60q in this app.", name)
}

// CreateSegment saves an expression under a new name.
func (s *Service) CreateSegment(ctx context.Context, appID int64, name, expression string) (Segment, error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return Segment{}, err
	}
	if err := aurora.ValidateTag("segment's name", name); err != nil {
		return Segment{}, err
	}
	g, err := s.checkSegment(ctx, appID, name, expression)
	if err != nil {
		return g, err
	}
	g.CreatedAt = g.ChangedAt
	err = s.store.AddSegment(ctx, appID, g, MaxSegments)
	switch {
	case errors.Is(err, ErrExists):
		return g, aurora.Errorf(aurora.Conflict, "There is a segment %.60q already. Replace its expression, or choose another name.", name)
	case errors.Is(err, ErrFull):
		return g, aurora.Errorf(aurora.Full, "The app has %d segments, the most there may be. Delete one that is no longer used.", MaxSegments)
	case err == nil:
		s.note(ctx, appID, "segment.created", name, shortened(expression))
	}
	return g, err
}

// shortened is an expression as a line of the audit log has it.
func shortened(expression string) string {
	const most = 500 // bytes
	if len(expression) <= most {
		return expression
	}
	return strings.ToValidUTF8(expression[:most], "") + "…"
}

// ReplaceSegment gives a segment another expression, or returns aurora.NotFound.
func (s *Service) ReplaceSegment(ctx context.Context, appID int64, name, expression string) (Segment, error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return Segment{}, err
	}
	was, err := s.Segment(ctx, appID, name)
	if err != nil {
		return was, err
	}
	g, err := s.checkSegment(ctx, appID, name, expression)
	if err != nil {
		return g, err
	}
	g.CreatedAt = was.CreatedAt
	if err = s.store.ChangeSegment(ctx, appID, g); errors.Is(err, ErrNone) {
		return g, noSegment(name)
	}
	if err == nil {
		s.note(ctx, appID, "segment.changed", name, shortened(expression))
	}
	return g, err
}

// DeleteSegment deletes a segment that no other refers to. Schedules that refer
// to it fail when they are due.
func (s *Service) DeleteSegment(ctx context.Context, appID int64, name string) error {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return err
	}
	list, err := s.store.Segments(ctx, appID)
	if err != nil {
		return err
	}
	var users []string
	for _, g := range list {
		e, err := audience.Read(g.Expression)
		if err == nil && slices.Contains(e.Terms(), audience.Term{Field: audience.Segment, Value: name}) && g.Name != name {
			users = append(users, g.Name)
		}
	}
	if users != nil {
		return aurora.Errorf(aurora.Conflict, "Other segments refer to %.60q: %.200s. Change them first.", name, strings.Join(users, ", "))
	}
	if err = s.store.DropSegment(ctx, appID, name); errors.Is(err, ErrNone) {
		return noSegment(name)
	}
	if err == nil {
		s.note(ctx, appID, "segment.deleted", name, "")
	}
	return err
}

// checkSegment makes a segment of an expression that means something with the
// app's other segments.
func (s *Service) checkSegment(ctx context.Context, appID int64, name, expression string) (Segment, error) {
	g := Segment{Name: name, Expression: expression, ChangedAt: time.Now().UTC().Truncate(time.Millisecond)}
	e, err := ReadExpression("expression", expression)
	if err != nil {
		return g, err
	}
	list, err := s.store.Segments(ctx, appID)
	if err != nil {
		return g, err
	}
	saved := map[string]string{}
	for _, other := range list {
		saved[other.Name] = other.Expression
	}
	saved[name] = expression
	b := binding{saved: saved, open: []string{name}}
	_, err = b.bind(e)
	return g, err
}

// ReadExpression reads an expression that somebody wrote into a field. What is
// wrong is said as aurora.Invalid, with the place.
func ReadExpression(field, text string) (audience.Expr, error) {
	e, err := audience.Read(text)
	if bad, ok := errors.AsType[*audience.SyntaxError](err); ok {
		return e, aurora.Errorf(aurora.Invalid, "%s, at character %d: %s.", field, bad.At, bad.Problem)
	}
	if err != nil {
		return e, aurora.Errorf(aurora.Invalid, "%s: %v.", field, err)
	}
	return e, nil
}

// Bind fixes what an expression means at a moment: segments become what they
// stand for, and ages dates. Messages that it names must be the app's.
func (s *Service) Bind(ctx context.Context, appID int64, e audience.Expr, now time.Time) (audience.Expr, error) {
	terms := e.Terms()
	if slices.ContainsFunc(terms, func(t audience.Term) bool { return t.Field == audience.Segment }) {
		list, err := s.store.Segments(ctx, appID)
		if err != nil {
			return e, err
		}
		b := binding{saved: map[string]string{}}
		for _, g := range list {
			b.saved[g.Name] = g.Expression
		}
		if e, err = b.bind(e); err != nil {
			return e, err
		}
		terms = e.Terms()
	}
	known := map[string]bool{}
	for _, t := range terms {
		if !t.Field.Outcome() || known[t.Value] {
			continue
		}
		known[t.Value] = true
		id, err := aurora.ParseMessageID(t.Value)
		if err != nil {
			return e, err
		}
		ok, err := s.store.MessageSince(ctx, appID, id, time.Time{})
		if err != nil {
			return e, err
		}
		if !ok {
			return e, aurora.Errorf(aurora.Invalid, "The audience has %s, and the app has no such message. It was never sent, or has been deleted by age.", t)
		}
	}
	e = e.At(now)
	if n, depth := e.Size(); n > audience.MaxTerms || depth > audience.MaxDepth-8 { // a push adds a few of its own
		return e, aurora.Errorf(aurora.Invalid, "The audience with its segments has %d terms, nested %d deep; at most %d and %d are allowed.", n, depth, audience.MaxTerms, audience.MaxDepth-8)
	}
	return e, nil
}

// binding puts segments' expressions in their places.
type binding struct {
	saved map[string]string
	open  []string // the segments that are being read, the innermost last
	terms int
}

func (b *binding) bind(e audience.Expr) (audience.Expr, error) {
	if e.Op == audience.OpTerm {
		if b.terms++; b.terms > audience.MaxTerms {
			return e, aurora.Errorf(aurora.Invalid, "The audience with its segments has over %d terms.", audience.MaxTerms)
		}
		if e.Term.Field == audience.Segment {
			return b.segment(e.Term.Value)
		}
	}
	args := make([]audience.Expr, len(e.Args))
	for i, a := range e.Args {
		var err error
		if args[i], err = b.bind(a); err != nil {
			return e, err
		}
	}
	if len(args) > 0 {
		e.Args = args
	}
	return e, nil
}

func (b *binding) segment(name string) (audience.Expr, error) {
	text, ok := b.saved[name]
	if !ok {
		return audience.Expr{}, aurora.Errorf(aurora.Invalid, "The audience refers to the segment %.60q, which the app does not have.", name)
	}
	if slices.Contains(b.open, name) {
		return audience.Expr{}, aurora.Errorf(aurora.Invalid, "Segments refer to each other in a circle: %.200s.", strings.Join(append(slices.Clone(b.open), name), " → "))
	}
	if len(b.open) > audience.MaxWrittenDepth {
		return audience.Expr{}, aurora.Errorf(aurora.Invalid, "Segments refer to each other more than %d deep.", audience.MaxWrittenDepth)
	}
	e, err := ReadExpression("segment "+name, text)
	if err != nil {
		return e, err
	}
	b.open = append(b.open, name)
	defer func() { b.open = b.open[:len(b.open)-1] }()
	return b.bind(e)
}
