package apns

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Fault is one script: which pushes it meets and what happens to them. A push
// meets the first script in the list that matches.
type Fault struct {
	// Which pushes. Empty members match everything.
	Environment Environment `json:"environment,omitempty"`
	Token       string      `json:"token,omitempty"`
	Topic       string      `json:"topic,omitempty"`
	PushType    string      `json:"push_type,omitempty"`
	Payload     string      `json:"payload,omitempty"`     // the body contains this text
	Count       int         `json:"count,omitempty"`       // how many pushes it meets before it is used up; 0 = no limit
	Skip        int         `json:"skip,omitempty"`        // how many it lets pass first
	Probability float64     `json:"probability,omitempty"` // 0 < p ≤ 1; 0 = always

	// A refusal, in place of accepting: it comes last in the order of checks.
	Status      int    `json:"status,omitempty"`
	Reason      string `json:"reason,omitempty"`
	GoneSeconds int64  `json:"gone_seconds,omitempty"` // with 410: how long ago the token died

	// The shape of the answer.
	Body         *string  `json:"body,omitempty"` // in place of the usual one; may be empty or no JSON
	RetryAfter   string   `json:"retry_after,omitempty"`
	SplitData    int      `json:"split_data,omitempty"` // DATA frames of so many bytes
	Padding      int      `json:"padding,omitempty"`    // of each DATA frame, 1 to 255 bytes
	Continuation bool     `json:"continuation,omitempty"`
	Interim      int      `json:"interim,omitempty"`        // an interim answer first, with this status: 100, 102 to 199
	Unknown      bool     `json:"unknown_frames,omitempty"` // frames of unknown kinds, and PRIORITY, around the answer's
	Delay        Duration `json:"delay,omitempty"`          // before the answer

	// Instead of an answer.
	RST    *uint32      `json:"rst,omitempty"`    // RST_STREAM with this code
	GoAway *FaultGoAway `json:"goaway,omitempty"` // GOAWAY
	Stall  bool         `json:"stall,omitempty"`  // no answer, ever
	Close  string       `json:"close,omitempty"`  // "fin", "rst" (TCP reset) or "midframe"
	Freeze bool         `json:"freeze,omitempty"` // the connection neither reads nor writes any more
}

// FaultGoAway is a GOAWAY frame in a script.
type FaultGoAway struct {
	Code   uint32 `json:"code"`
	Reason string `json:"reason,omitempty"` // debug data {"reason":…}
	Data   string `json:"data,omitempty"`   // debug data as it is, instead of a reason
	// Last is the last-stream-id: "this" (the push is answered; the default),
	// "previous" (the push was not processed), "zero", or a number. The first
	// two never take back what was accepted: if a request on a higher stream is
	// complete already, that one is the last, and the push is answered.
	Last string `json:"last,omitempty"`
	// TwoStep sends GOAWAY with the highest possible id first and the real one 100 ms later.
	TwoStep bool `json:"two_step,omitempty"`
}

// scripts is the list of faults.
type scripts struct {
	ids *identifiers

	mu   sync.Mutex
	list []*Fault
	met  map[*Fault]int
}

func newScripts(ids *identifiers) *scripts { return &scripts{ids: ids, met: map[*Fault]int{}} }

func (s *scripts) add(f *Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) >= 1000 {
		return fmt.Errorf("apns: there are 1000 fault scripts already; remove them with DELETE /v1/faults")
	}
	s.list = append(s.list, f)
	return nil
}

func (s *scripts) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
	clear(s.met)
}

func (s *scripts) all() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Fault{}
	for _, f := range s.list {
		list = append(list, *f)
	}
	return list
}

func (f *Fault) check() error {
	if f.Probability < 0 || f.Probability > 1 {
		return fmt.Errorf("apns: probability is %v; use 0 to 1", f.Probability)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("apns: status is %d; use 200 to 599", f.Status)
	}
	if f.Padding < 0 || f.Padding > 255 {
		return fmt.Errorf("apns: padding is %d; use 0 to 255", f.Padding)
	}
	if f.Interim != 0 && (f.Interim < 100 || f.Interim > 199 || f.Interim == 101) {
		return fmt.Errorf("apns: interim is %d; use 100 or 102 to 199 (HTTP/2 has no 101)", f.Interim)
	}
	if !slices.Contains([]string{"", "fin", "rst", "midframe"}, f.Close) {
		return fmt.Errorf("apns: close is %q; use fin, rst or midframe", f.Close)
	}
	if f.Environment != "" && !f.Environment.valid() {
		return fmt.Errorf("apns: environment is %q; use development or production", f.Environment)
	}
	if f.GoAway != nil && !slices.Contains([]string{"", "this", "previous", "zero"}, f.GoAway.Last) {
		if _, err := strconv.ParseUint(f.GoAway.Last, 10, 31); err != nil {
			return fmt.Errorf("apns: last is %q; use this, previous, zero or a number", f.GoAway.Last)
		}
	}
	return nil
}

// match returns the script that a push meets, nil for none.
func (s *scripts) match(n *Notification, r *request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.list {
		if !f.matches(n, r) || f.Probability > 0 && s.ids.fraction() >= f.Probability {
			continue
		}
		s.met[f]++
		if s.met[f] <= f.Skip {
			continue
		}
		if f.Count > 0 && s.met[f] >= f.Skip+f.Count {
			s.list = slices.Delete(s.list, i, i+1)
			delete(s.met, f)
		}
		return f
	}
	return nil
}

func (f *Fault) matches(n *Notification, r *request) bool {
	return (f.Environment == "" || f.Environment == n.Environment) &&
		(f.Token == "" || strings.EqualFold(f.Token, n.Token)) &&
		(f.Topic == "" || f.Topic == r.topic) &&
		(f.PushType == "" || f.PushType == r.pushType) &&
		(f.Payload == "" || strings.Contains(string(r.body), f.Payload))
}

func (f *Fault) acts() bool {
	return f.RST != nil || f.GoAway != nil || f.Stall || f.Close != "" || f.Freeze
}

func (f *Fault) refuses() bool { return f.Status != 0 && f.Status != 200 }

func (f *Fault) timestamp(now time.Time) int64 {
	if f.Status != 410 {
		return 0
	}
	return now.Add(-time.Duration(f.GoneSeconds) * time.Second).UnixMilli()
}

// dress gives an answer the shape that the script wants.
func (f *Fault) dress(a *answer) {
	if f.Body != nil {
		a.body = *f.Body
	}
	if f.RetryAfter != "" {
		a.headers = append(a.headers, hpack.HeaderField{Name: "retry-after", Value: f.RetryAfter})
	}
	a.chunk, a.padding, a.continuation = f.SplitData, f.Padding, f.Continuation
	a.interim, a.unknown = f.Interim, f.Unknown
	a.delay = time.Duration(f.Delay)
}

// perform does what a script does instead of answering. It returns false when
// the push goes on as usual all the same.
func (c *connection) perform(f *Fault, st *stream, n *Notification) bool {
	c.server.registry.note(n, f.describe())
	switch {
	case f.Stall:
		return true
	case f.RST != nil:
		c.out = appendRST(c.out, st.id, *f.RST)
		c.forget(st)
		return true
	case f.Freeze:
		c.freeze()
		return true
	case f.Close != "":
		c.cutOff(f.Close, st.id)
		return true
	}
	return c.scriptedGoAway(f.GoAway, st)
}

func (f *Fault) describe() string {
	switch {
	case f.Stall:
		return "no answer"
	case f.RST != nil:
		return fmt.Sprintf("RST_STREAM %d", *f.RST)
	case f.Freeze:
		return "the connection is frozen"
	case f.Close != "":
		return "the connection is closed: " + f.Close
	}
	return fmt.Sprintf("GOAWAY %d", f.GoAway.Code)
}

// lastComplete is the highest open stream whose request was taken. Clients may
// finish requests in another order than they open streams, and a last-stream-id
// below one that was accepted would make them send it twice (RFC 9113 §6.8).
func (c *connection) lastComplete() (last uint32) {
	for id, st := range c.streams {
		if st.ended && id > last {
			last = id
		}
	}
	return last
}

func (c *connection) scriptedGoAway(g *FaultGoAway, st *stream) (consumed bool) {
	last := st.id
	switch g.Last {
	case "", "this":
		last = max(last, c.lastComplete())
	case "previous":
		if last = c.lastComplete(); last == st.id {
			last -= min(last, 2)
		}
	case "zero":
		last = 0
	default:
		n, _ := strconv.ParseUint(g.Last, 10, 31)
		last = uint32(n)
	}
	debug := g.Data
	if g.Reason != "" {
		debug = reasonJSON(g.Reason, 0)
	}
	if g.TwoStep {
		c.out = appendGoAway(c.out, maxStreamID, g.Code, debug)
		c.after(100*time.Millisecond, func() { c.goAway(g.Code, max(last, c.inbound.lastStream), debug) })
		return false
	}
	if last < st.id {
		c.forget(st)
	}
	c.goAway(g.Code, last, debug)
	return last < st.id
}
