package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	checkTime = 2 * time.Second // for the database to take a write
	checkLife = time.Second     // how long an answer is reused: whoever asks must not be able to keep the disk busy
)

// health answers whether this server works, and whether it should get requests.
type health struct {
	check func(context.Context) error
	clock func() error // what is wrong with this machine's clock
	hints func() error // why hints do not reach other servers, which costs time only
	apns  func() error // which gateways of APNs are out of reach: requests are served all the same

	// expiries are of certificates, which stop nothing here.
	expiries expiries

	// parked counts the damaged jobs that were set aside: all others are sent.
	parked func(context.Context) (int, error)

	mu       sync.Mutex
	draining bool
	checked  time.Time
	problem  error
	damaged  int // jobs, when it was checked last
}

// alive is /healthz: the process serves requests. A supervisor that gets no
// answer restarts it, which would not mend a database.
func (h *health) alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// ready is /readyz: 200 if requests can be served now, else 503 with what is
// wrong. It is 503 as soon as the server is told to stop.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		Ready    bool   `json:"ready"`
		Draining bool   `json:"draining,omitempty"`
		Database string `json:"database"`
		Clock    string `json:"clock,omitempty"`
		Hints    string `json:"hints,omitempty"`
		APNs     string `json:"apns,omitempty"`
		Damaged  string `json:"damaged,omitempty"`
		Expiring string `json:"expiring,omitempty"`
	}{Database: "ok"}
	draining, problem := h.state(r.Context())
	if answer.Draining = draining; problem != nil {
		answer.Database = problem.Error()
	}
	answer.Ready = !draining && problem == nil
	if n := h.setAside(); n > 0 {
		answer.Damaged = fmt.Sprintf("%d parts of pushes cannot be read and were set aside; all others are sent. See System in the console, or the log, and run aurora doctor.", n)
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	answer.Expiring = h.expiries.problem(ctx, time.Now())
	if err := h.clock(); err != nil {
		answer.Clock, answer.Ready = err.Error(), false
	}
	if err := h.hints(); err != nil {
		answer.Hints = err.Error()
	}
	if err := h.apns(); err != nil {
		answer.APNs = err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		return // the client has gone away
	}
}

// state checks the database, once for all who ask at the same time.
func (h *health) state(ctx context.Context) (draining bool, problem error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.checked) >= checkLife {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
		defer cancel()
		h.problem = h.check(ctx)
		if errors.Is(h.problem, context.DeadlineExceeded) {
			h.problem = errors.New("the database does not answer")
		}
		if n, err := h.parked(ctx); err == nil {
			h.damaged = n
		}
		h.checked = time.Now()
	}
	return h.draining, h.problem
}

// setAside returns how many damaged jobs there were when state looked last.
func (h *health) setAside() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.damaged
}

// drain makes ready say no, so that whoever spreads requests sends no more.
func (h *health) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}
