package dispatch

import (
	"slices"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// ErrBroadcasts is the answer to one push to everybody too many.
var ErrBroadcasts = aurora.Errorf(aurora.Forbidden, "The app has sent as many pushes to all its devices as it may in a day. Send to a part of them by tag, alias or registration id, or ask the operator for a higher --broadcast-limit.")

// broadcastDay is how long a broadcast counts against the limit of its app.
const broadcastDay = 24 * time.Hour

// broadcasts counts each app's pushes to everybody in windows of a day. They
// begin anew with the process.
type broadcasts struct {
	mu    sync.Mutex
	apps  map[int64]*broadcastWindow
	swept time.Time
}

type broadcastWindow struct {
	ends time.Time
	used int
}

// take counts a broadcast unless the app has had as many as it may.
func (b *broadcasts) take(appID int64, limit int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.apps == nil {
		b.apps = map[int64]*broadcastWindow{}
	}
	if now.Sub(b.swept) >= time.Hour {
		b.swept = now
		for id, w := range b.apps {
			if !now.Before(w.ends) {
				delete(b.apps, id)
			}
		}
	}
	w := b.apps[appID]
	if w == nil || !now.Before(w.ends) {
		w = &broadcastWindow{ends: now.Add(broadcastDay)}
		b.apps[appID] = w
	}
	if w.used >= limit {
		return false
	}
	w.used++
	return true
}

// giveBack takes one back that was not sent after all.
func (b *broadcasts) giveBack(appID int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.apps[appID]; w != nil && w.used > 0 {
		w.used--
	}
}

// takeBroadcast counts a push if it is one to everybody and there is a limit;
// giveBack undoes that, and is never nil. What counts is the audience of the
// message, where segments stand for what they mean.
func (s *Service) takeBroadcast(r Request, m *aurora.Message) (giveBack func(), err error) {
	none := func() {}
	if s.c.Broadcasts == nil {
		return none, nil
	}
	limit := s.c.Broadcasts()
	if limit <= 0 {
		return none, nil
	}
	if all, err := r.toAll(m); err != nil || !all {
		return none, err
	}
	if !s.broadcasts.take(m.AppID, limit, time.Now()) {
		return none, ErrBroadcasts
	}
	return func() { s.broadcasts.giveBack(m.AppID) }, nil
}

// toAll reports whether a push is for every device of its platforms.
func (r *Request) toAll(m *aurora.Message) (bool, error) {
	l := m.Content.LiveActivity
	if r.File != "" || r.TestOnly || l != nil && l.ID != "" {
		return false, nil
	}
	e, err := audience.Parse(m.Audience)
	return err == nil && everybody(e), err
}

// everybody reports whether an expression leaves out nobody but for devices of
// some platforms, whatever the devices are: all, a || !a, and what is made of
// these. An expression that only happens to select everybody is none.
func everybody(e audience.Expr) bool {
	switch e.Op {
	case audience.OpAll:
		return true
	case audience.OpTerm:
		return e.Term.Field == audience.Platform
	case audience.OpNot:
		return e.Args[0].Op == audience.OpTerm && everybody(e.Args[0]) || nobody(e.Args[0])
	case audience.OpAnd:
		return !slices.ContainsFunc(e.Args, func(a audience.Expr) bool { return !everybody(a) })
	}
	return slices.ContainsFunc(e.Args, everybody) || opposites(e.Args)
}

// nobody is the opposite of everybody.
func nobody(e audience.Expr) bool {
	switch e.Op {
	case audience.OpNot:
		return everybody(e.Args[0]) && e.Args[0].Op != audience.OpTerm
	case audience.OpAnd:
		return slices.ContainsFunc(e.Args, nobody) || opposites(e.Args)
	case audience.OpOr:
		return !slices.ContainsFunc(e.Args, func(a audience.Expr) bool { return !nobody(a) })
	}
	return false
}

// opposites reports whether one of the expressions is another negated.
func opposites(list []audience.Expr) bool {
	negated := map[string]bool{}
	for _, e := range list {
		if e.Op == audience.OpNot {
			negated[e.Args[0].String()] = true
		}
	}
	return slices.ContainsFunc(list, func(e audience.Expr) bool { return negated[e.String()] })
}
