package dispatch

import (
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
// giveBack undoes that, and is never nil.
func (s *Service) takeBroadcast(appID int64, r Request) (giveBack func(), err error) {
	none := func() {}
	if s.c.Broadcasts == nil || !r.toAll() {
		return none, nil
	}
	limit := s.c.Broadcasts()
	if limit <= 0 {
		return none, nil
	}
	if !s.broadcasts.take(appID, limit, time.Now()) {
		return none, ErrBroadcasts
	}
	return func() { s.broadcasts.giveBack(appID) }, nil
}

// toAll reports whether a push is for every device of its platforms.
func (r *Request) toAll() bool {
	l := r.Message.Content.LiveActivity
	return r.File == "" && !r.TestOnly && (l == nil || l.ID == "") && r.Audience.String() == audience.All().String()
}
