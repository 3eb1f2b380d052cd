package iphone

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

const (
	maxControlBody = 64 << 10 // bytes; a form with a thousand tags fits
	maxStreams     = 32       // pages that follow the phone at the same time
	streamPulse    = 15 * time.Second
	streamWrite    = 20 * time.Second
	pageMessages   = 20 // of an app, in a page's stream; the JSON state has all
)

// Handler serves the phone as a web page, with its controls and a stream of its state. All its URLs are relative, so it can
// be mounted under any prefix that ends in a slash:
//
//	mux.Handle("/phone/", http.StripPrefix("/phone", phone.Handler()))
//
// Routes: GET / (the page), GET /state (the State as JSON), GET /events (server-sent events, a State each),
// POST /control/{action} with a JSON object. Controls refuse cross-site requests; whoever may reach the page may use the
// phone, so protect it where that matters.
func (p *Phone) Handler() http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /state", p.serveState)
	streams := make(chan struct{}, maxStreams)
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		select {
		case streams <- struct{}{}:
			defer func() { <-streams }()
			p.serveEvents(w, r)
		default:
			w.Header().Set("Retry-After", "10")
			answerError(w, http.StatusServiceUnavailable, errors.New("too many pages follow this phone; close some"))
		}
	})
	mux.HandleFunc("POST /control/{action}", p.serveControl)
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answerError(w, http.StatusForbidden, errors.New("controls are refused to other sites' pages"))
	}))
	protected := protection.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		protected.ServeHTTP(w, r)
	})
}

func answerError(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"message": strings.TrimPrefix(err.Error(), "iphone: ")}})
}

func (p *Phone) serveState(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(p.State())
}

// serveEvents sends the state now and after each change. The event log is sent whole at first and then only what is new.
func (p *Phone) serveEvents(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies that hold back what they get would stop the clock
	pulse := time.NewTicker(streamPulse)
	defer pulse.Stop()
	lastSeq := uint64(0)
	for {
		s := p.State()
		changed := s.changed
		s.Log = slices.DeleteFunc(s.Log, func(e Event) bool { return e.Seq <= lastSeq })
		if len(s.Log) > 0 {
			lastSeq = s.Log[len(s.Log)-1].Seq
		}
		for n := range s.Apps {
			m := s.Apps[n].Messages
			s.Apps[n].Messages = m[max(0, len(m)-pageMessages):]
		}
		data, err := json.Marshal(s)
		if err != nil {
			return // the state consists of plain values
		}
		line := fmt.Appendf(nil, "event: state\ndata: %s\n\n", data)
		for waiting := true; waiting; {
			// A stream outlives the server's write timeout; a reader that stands still does not hold this goroutine for ever.
			control.SetWriteDeadline(time.Now().Add(streamWrite))
			if _, err := w.Write(line); err != nil {
				return
			}
			if control.Flush() != nil {
				return
			}
			select {
			case <-changed:
				waiting = false
			case <-pulse.C:
				line = []byte(": still here\n\n")
			case <-r.Context().Done():
				return
			case <-p.ctx.Done():
				return
			}
		}
	}
}
