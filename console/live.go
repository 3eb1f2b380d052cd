package console

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

const (
	liveInterval = 200 * time.Millisecond // at most five updates a second
	liveRefresh  = 15 * time.Second       // hints may be lost, so look anyway; it also keeps proxies from closing
	liveCheck    = 2 * time.Second        // who signs out, is removed or changes the account sees no more after it
	liveWrite    = 10 * time.Second       // a reader slower than this is given up; it reconnects by itself
)

// view computes the data of a block of a page anew.
type view func() (data any, err error)

// live streams a block of a page as server-sent events named "update": once
// at the start, so that nothing is missed between page and stream, and then
// whenever a hint of concern made it come out differently.
func (c *console) live(w http.ResponseWriter, r *http.Request, v visit, name, block string, concerns func(aurora.MessageID) bool, look view) error {
	hints, stop := c.Ledger.Watch(r.Context(), v.app.ID)
	defer stop()
	if _, err := look(); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back

	s := stream{c: c, w: http.NewResponseController(w), out: w, r: r, v: v, name: name, block: block}
	refresh := time.NewTicker(liveRefresh)
	defer refresh.Stop()
	check := time.NewTicker(liveCheck)
	defer check.Stop()
	for s.update(look) {
		if !sleep(r, liveInterval) || !s.wait(hints, refresh.C, check.C, concerns) {
			break
		}
	}
	return nil // what went wrong is told by ending: the browser asks again
}

type stream struct {
	c           *console
	w           *http.ResponseController
	out         http.ResponseWriter
	r           *http.Request
	v           visit
	name, block string
	sent        []byte
}

// update sends the block if it changed; false ends the stream.
func (s *stream) update(look view) bool {
	data, err := look()
	if err != nil {
		s.c.sentence(s.r, err) // for the log
		return false
	}
	var b bytes.Buffer
	f := frame{Account: s.v.account, App: s.v.app, PhoneURL: s.c.PhoneURL, Data: data}
	if err := pages()[s.v.lang][s.name].ExecuteTemplate(&b, s.block, f); err != nil {
		s.c.log.Error("console: live block", "block", s.block, "err", err)
		return false
	}
	if bytes.Equal(b.Bytes(), s.sent) {
		return s.write(": still here\n\n")
	}
	s.sent = b.Bytes()
	return s.write(event("update", b.String()))
}

func (s *stream) write(text string) bool {
	s.w.SetWriteDeadline(time.Now().Add(liveWrite)) // not every writer has deadlines
	if _, err := s.out.Write([]byte(text)); err != nil {
		return false
	}
	return s.w.Flush() == nil
}

// wait returns true when it is time to look again.
func (s *stream) wait(hints <-chan ledger.Event, refresh, check <-chan time.Time, concerns func(aurora.MessageID) bool) bool {
	for {
		select {
		case hint, ok := <-hints:
			if !ok {
				return false
			}
			if concerns(hint.MessageID) {
				return true
			}
		case <-refresh:
			return true
		case <-check:
			if !s.c.stillHere(s.r.Context(), s.v) {
				return false
			}
		case <-s.r.Context().Done():
			return false
		}
	}
}

func sleep(r *http.Request, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
		return false
	}
}

// event writes a server-sent event. Every line break a text may contain, a
// lone carriage return too, would end a data line, so each gets its own.
func event(name, data string) string {
	lines := strings.NewReplacer("\r\n", "\ndata: ", "\r", "\ndata: ", "\n", "\ndata: ")
	return "event: " + name + "\ndata: " + lines.Replace(data) + "\n\n"
}

func anything(aurora.MessageID) bool { return true }

func only(id aurora.MessageID) func(aurora.MessageID) bool {
	return func(hint aurora.MessageID) bool { return hint == id }
}
