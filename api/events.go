package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/webhook"
)

const (
	heartbeat  = 15 * time.Second // a remark for proxies, so that they keep the connection
	eventWrite = 10 * time.Second // a reader slower than this is given up; it resumes by itself
)

// streaming is an answer that is written bit by bit instead of as one document.
type streaming func(w http.ResponseWriter, r *http.Request)

// events is GET /v1/events: what webhooks are told, as server-sent events. It
// begins now, or after Last-Event-ID.
func (s *server) events(r *http.Request, app aurora.App) (any, error) {
	kinds := aurora.AllEvents()
	if text := r.URL.Query().Get("events"); text != "" {
		var err error
		if kinds, err = aurora.ParseEventSet(strings.Split(text, ",")); err != nil {
			return nil, err
		}
	}
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("last_event_id")
	}
	st, err := s.Deliveries.Stream(r.Context(), app, kinds, after)
	if err != nil {
		return nil, err
	}
	return streaming(func(w http.ResponseWriter, r *http.Request) {
		defer st.Close()
		s.stream(w, r, st)
	}), nil
}

func (s *server) stream(w http.ResponseWriter, r *http.Request, st *webhook.Stream) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	write := func(text string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(eventWrite)) // not every writer has deadlines
		_, err := w.Write([]byte(text))
		return err == nil && control.Flush() == nil
	}
	for ok := write("retry: 2000\n\n"); ok; {
		items, err := st.Next(r.Context(), heartbeat)
		if err != nil {
			if r.Context().Err() == nil && aurora.KindOf(err) == aurora.Internal {
				s.Logger.ErrorContext(r.Context(), "an event stream ended", "error", err)
			}
			return
		}
		if len(items) == 0 {
			ok = write(": still here\n\n")
			continue
		}
		var text strings.Builder
		for _, i := range items {
			if i.ID != "" {
				text.WriteString("id: " + i.ID + "\n")
			}
			// A JSON document on one line: it holds no line break of its own.
			text.WriteString("event: " + i.Kind + "\ndata: " + string(i.Data) + "\n\n")
		}
		ok = write(text.String())
	}
}
