package apns

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ConnectionState is a provider connection as the management API shows it.
type ConnectionState struct {
	ID             uint64            `json:"id"`
	Environment    Environment       `json:"environment"`
	Remote         string            `json:"remote"`
	Opened         time.Time         `json:"opened"`
	Active         time.Time         `json:"active"` // the last frame
	TLS            string            `json:"tls"`
	Credential     string            `json:"credential"` // certificate, token, or none yet
	Name           string            `json:"name,omitempty"`
	Team           string            `json:"team,omitempty"`
	KeyID          string            `json:"key_id,omitempty"`
	Topics         []string          `json:"topics,omitempty"`
	StreamLimit    uint32            `json:"stream_limit"`         // announced last
	Unacknowledged int               `json:"settings_outstanding"` // SETTINGS frames without acknowledgement
	Open           int               `json:"open_streams"`
	LastStream     uint32            `json:"last_stream"`
	Requests       uint64            `json:"requests"`
	Answers        map[string]uint64 `json:"answers"` // by status
	ReceiveWindow  int               `json:"receive_window"`
	SendWindow     int64             `json:"send_window"`
	HeaderTable    uint32            `json:"header_table_size"` // announced for requests
	HeaderBytes    uint64            `json:"header_bytes"`      // of all header blocks received
	Points         int               `json:"error_points"`
	GoingAway      bool              `json:"going_away"`
}

func (c *connection) state() ConnectionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := ConnectionState{
		ID: c.id, Environment: c.environment, Remote: c.remote, Opened: c.opened, Active: c.active,
		TLS: strings.TrimPrefix(tls.VersionName(c.tlsVersion), "TLS "), Credential: "none",
		Team: c.team, KeyID: c.keyID, StreamLimit: c.limit, Unacknowledged: len(c.announced),
		Open: len(c.streams), LastStream: c.inbound.lastStream, Requests: c.requests,
		Answers: map[string]uint64{}, ReceiveWindow: c.inbound.window, SendWindow: c.sendWindow,
		HeaderTable: c.inbound.tableSize, HeaderBytes: c.inbound.headerBytes, Points: c.budget, GoingAway: c.goingAway,
	}
	if c.team != "" {
		state.Credential = "token"
	}
	if p := c.certificate; p != nil {
		state.Credential, state.Name, state.Team, state.Topics = "certificate", p.name, p.team, p.topics
	}
	for status, count := range c.answers {
		state.Answers[strconv.Itoa(status)] = count
	}
	return state
}

// Connections returns the open provider connections, the oldest first.
func (s *Server) Connections() []ConnectionState {
	list := []ConnectionState{}
	for _, c := range s.connections() {
		list = append(list, c.state())
	}
	return list
}

func (s *Server) getConnections(w http.ResponseWriter, _ *http.Request) { reply200(w, s.Connections()) }

// connectionOf finds the connection that a path names, or answers for it.
func (s *Server) connectionOf(w http.ResponseWriter, r *http.Request) *connection {
	for _, c := range s.connections() {
		if strconv.FormatUint(c.id, 10) == r.PathValue("id") && !s.config.Bench {
			return c
		}
	}
	replyError(w, http.StatusNotFound, "no such connection is open")
	return nil
}

// postGoAway sends GOAWAY on one connection now. Streams that are open count
// as processed, unless "last" says otherwise.
func (s *Server) postGoAway(w http.ResponseWriter, r *http.Request) {
	var g struct {
		Code   uint32  `json:"code"`
		Reason string  `json:"reason"`
		Data   string  `json:"data"`
		Last   *uint32 `json:"last"`
	}
	if !decodeBody(w, r, &g) {
		return
	}
	c := s.connectionOf(w, r)
	if c == nil {
		return
	}
	if g.Reason != "" {
		g.Data = reasonJSON(g.Reason, 0)
	}
	c.mu.Lock()
	last := c.inbound.lastStream
	if g.Last != nil {
		last = *g.Last & maxStreamID
	}
	c.goAway(g.Code, last, g.Data)
	c.mu.Unlock()
	c.flush()
	reply200(w, c.state())
}

// postSettings announces another stream limit on one connection now.
func (s *Server) postSettings(w http.ResponseWriter, r *http.Request) {
	var change struct {
		Streams         *uint32 `json:"streams"`
		HeaderTableSize *uint32 `json:"header_table_size"`
	}
	if !decodeBody(w, r, &change) {
		return
	}
	c := s.connectionOf(w, r)
	if c == nil {
		return
	}
	c.mu.Lock()
	limit := c.limit
	if change.Streams != nil {
		limit = *change.Streams
	}
	if change.HeaderTableSize != nil {
		c.inbound.tableSize = *change.HeaderTableSize
	}
	c.announce(limit, c.inbound.tableSize)
	c.mu.Unlock()
	c.flush()
	reply200(w, c.state())
}

// DeviceState is a device token as the management API shows it.
type DeviceState struct {
	Environment Environment `json:"environment"`
	Token       string      `json:"token"`
	Phone       string      `json:"phone"`
	BundleID    string      `json:"bundle_id"`
	Created     time.Time   `json:"created"`
	State       string      `json:"state"`            // live, removed (the gateway does not know yet), dying, gone (410)
	Gone        time.Time   `json:"gone,omitzero"`    // from here on the answer is 410
	Learned     time.Time   `json:"learned,omitzero"` // the timestamp of that 410
	Online      bool        `json:"online"`
	Waiting     int         `json:"waiting"` // notifications stored or queued for the app
}

// Devices returns all device tokens, ordered by phone, app and age.
func (s *Server) Devices() []DeviceState { return s.registry.deviceStates() }

func (r *registry) deviceStates() []DeviceState {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []DeviceState{}
	for _, d := range r.devices {
		p := r.phone(d.Phone)
		state := DeviceState{
			Environment: d.Environment, Token: d.Token, Phone: d.Phone, BundleID: d.BundleID, Created: d.Created,
			State: "live", Gone: d.Gone, Learned: d.Learned, Online: p.session != nil,
		}
		switch {
		case !d.Gone.IsZero() && !now.Before(d.Gone):
			state.State = "gone"
		case !d.Learned.IsZero():
			state.State = "dying"
		case !d.Removed.IsZero():
			state.State = "removed"
		}
		for _, n := range p.waiting {
			if n.Token == d.Token && n.Environment == d.Environment {
				state.Waiting++
			}
		}
		list = append(list, state)
	}
	slices.SortFunc(list, func(a, b DeviceState) int {
		return cmp.Or(cmp.Compare(a.Phone, b.Phone), cmp.Compare(a.BundleID, b.BundleID), a.Created.Compare(b.Created), cmp.Compare(a.Token, b.Token))
	})
	return list
}

func (s *Server) getDevices(w http.ResponseWriter, _ *http.Request) { reply200(w, s.Devices()) }

// find returns copies of matching notifications, the newest first.
func (r *registry) find(limit int, match func(*Notification) bool) []Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []Notification{}
	for n := range r.record.newest {
		if len(list) == limit {
			break
		}
		if match(n) {
			list = append(list, *n)
		}
	}
	return list
}

func (r *registry) since(sequence uint64) []Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Notification
	for n := range r.record.newest {
		if n.Sequence <= sequence {
			break
		}
		list = append(list, *n)
	}
	return list
}

func (r *registry) listen(feed chan []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.feeds[feed] = struct{}{}
}

func (r *registry) unlisten(feed chan []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.record.feeds, feed)
}

type channelState struct {
	Environment Environment `json:"environment"`
	BundleID    string      `json:"bundle_id"`
	ID          string      `json:"id"`
	Policy      int         `json:"policy"`
	Subscribers []string    `json:"subscribers"` // phones
}

func (s *Server) getChannels(w http.ResponseWriter, _ *http.Request) {
	r := s.registry
	r.mu.Lock()
	list := []channelState{}
	for key, c := range r.channels {
		state := channelState{c.Environment, c.BundleID, c.ID, c.Policy, []string{}}
		for _, sub := range r.subscriptions {
			if sub.key().channel == key {
				state.Subscribers = append(state.Subscribers, sub.Phone)
			}
		}
		slices.Sort(state.Subscribers)
		list = append(list, state)
	}
	r.mu.Unlock()
	slices.SortFunc(list, func(a, b channelState) int {
		return cmp.Or(cmp.Compare(a.BundleID, b.BundleID), cmp.Compare(a.ID, b.ID))
	})
	reply200(w, list)
}
