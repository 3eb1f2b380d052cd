package apns

import (
	"net/http"
	"time"
)

type clockState struct {
	Now   time.Time `json:"now"`
	Scale float64   `json:"scale"`
}

func (s *Server) clockState() clockState { return clockState{s.clock.Now(), s.clock.speed()} }

// ClockChange turns the server's clock. Members are applied in this order.
type ClockChange struct {
	Reset  bool      `json:"reset,omitempty"`  // back to real time
	Set    time.Time `json:"set,omitzero"`     // to this moment
	Jump   Duration  `json:"jump,omitempty"`   // by this much; may be negative
	Scale  *float64  `json:"scale,omitempty"`  // seconds of the server's time per real second, 0 to 1,000,000
	Frozen *bool     `json:"frozen,omitempty"` // true = scale 0, false = scale 1
}

// ChangeClock turns the server's clock, by which tokens age, certificates
// expire and stored notifications die. Latency and idle timers stay on real time.
func (s *Server) ChangeClock(change ClockChange) {
	if change.Reset {
		s.clock.reset()
	}
	if !change.Set.IsZero() {
		s.clock.set(change.Set)
	}
	if change.Jump != 0 {
		s.clock.jump(time.Duration(change.Jump))
	}
	if change.Scale != nil {
		s.clock.setScale(*change.Scale)
	}
	if change.Frozen != nil {
		scale := 1.0
		if *change.Frozen {
			scale = 0
		}
		s.clock.setScale(scale)
	}
	s.registry.sweep()
}

func (s *Server) postClock(w http.ResponseWriter, r *http.Request) {
	var change ClockChange
	if !decodeBody(w, r, &change) {
		return
	}
	if change.Scale != nil && (*change.Scale < 0 || *change.Scale > 1e6) {
		replyError(w, http.StatusBadRequest, "scale must be 0 to 1000000")
		return
	}
	s.ChangeClock(change)
	reply200(w, s.clockState())
}
