package apns

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const manageBody = 1 << 20 // largest request to the management API, in bytes

// manageHandler is the management API, the page and the couriers' door. The
// package comment lists the routes.
func (s *Server) manageHandler(address net.Addr) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /courier", s.upgradeCourier)
	mux.HandleFunc("GET /v1/connections", s.getConnections)
	mux.HandleFunc("POST /v1/connections/{id}/goaway", s.postGoAway)
	mux.HandleFunc("POST /v1/connections/{id}/settings", s.postSettings)
	mux.HandleFunc("GET /v1/notifications", s.getNotifications)
	mux.HandleFunc("GET /v1/devices", s.getDevices)
	mux.HandleFunc("GET /v1/channels", s.getChannels)
	mux.HandleFunc("GET /v1/journal", s.getJournal)
	mux.HandleFunc("GET /v1/events", s.getEvents)
	mux.HandleFunc("GET /v1/faults", func(w http.ResponseWriter, _ *http.Request) { reply200(w, s.faults.all()) })
	mux.HandleFunc("POST /v1/faults", s.postFaults)
	mux.HandleFunc("DELETE /v1/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		reply200(w, s.faults.all())
	})
	mux.HandleFunc("GET /v1/clock", func(w http.ResponseWriter, _ *http.Request) { reply200(w, s.clockState()) })
	mux.HandleFunc("POST /v1/clock", s.postClock)
	mux.HandleFunc("GET /v1/policy", func(w http.ResponseWriter, _ *http.Request) { reply200(w, s.Policy()) })
	mux.HandleFunc("POST /v1/policy", s.postPolicy)
	mux.HandleFunc("POST /v1/issue", s.postIssue)
	mux.HandleFunc("POST /v1/revoke", s.postRevoke)
	mux.HandleFunc("GET /v1/ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "application/x-pem-file")
		w.Write(s.authority.pem)
	})
	mux.Handle("GET /", pageHandler())
	return guardHost(address, http.NewCrossOriginProtection().Handler(mux))
}

// guardHost refuses requests for other hosts on a loopback listener: a web page
// whose name was pointed at this machine must not get in through the browser.
func guardHost(address net.Addr, next http.Handler) http.Handler {
	tcp, ok := address.(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			replyError(w, http.StatusMisdirectedRequest, "this listener answers to localhost and loopback addresses only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func reply200(w http.ResponseWriter, value any) { replyJSON(w, http.StatusOK, value) }

func replyJSON(w http.ResponseWriter, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("content-type", "application/json")
	w.Header().Set("cache-control", "no-store")
	w.WriteHeader(status)
	w.Write(append(data, '\n'))
}

func replyError(w http.ResponseWriter, status int, message string) {
	message = strings.TrimPrefix(message, "apns: ")
	replyJSON(w, status, map[string]any{"error": map[string]string{"message": message}})
}

// readBody returns the body of a request, or answers for it and returns nil.
func readBody(w http.ResponseWriter, r *http.Request) []byte {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, manageBody))
	if err != nil {
		replyError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body may have at most %d bytes", manageBody))
		return nil
	}
	if len(data) == 0 {
		data = []byte("{}")
	}
	return data
}

// decodeBody reads the body into value, or answers for it and returns false.
func decodeBody(w http.ResponseWriter, r *http.Request, value any) bool {
	data := readBody(w, r)
	if data == nil {
		return false
	}
	if err := strictJSON(data, value); err != nil {
		replyError(w, http.StatusBadRequest, "the body cannot be read: "+err.Error())
		return false
	}
	return true
}

// upgradeCourier turns the HTTP connection into a courier session.
func (s *Server) upgradeCourier(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "courier") {
		w.Header().Set("upgrade", "courier")
		replyError(w, http.StatusUpgradeRequired, "send Connection: Upgrade and Upgrade: courier")
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		replyError(w, http.StatusInternalServerError, "this connection cannot be upgraded")
		return
	}
	conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: courier\r\n\r\n"); err != nil {
		conn.Close()
		return
	}
	s.ServeCourier(&upgradedConn{conn, buffered.Reader})
}

// upgradedConn reads first what the HTTP server had read ahead.
type upgradedConn struct {
	net.Conn
	in *bufio.Reader
}

func (c *upgradedConn) Read(p []byte) (int, error) { return c.in.Read(p) }

func (s *Server) getNotifications(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := 100
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			replyError(w, http.StatusBadRequest, "limit must be a number above zero")
			return
		}
		limit = n
	}
	token, id, phone := strings.ToLower(q.Get("token")), q.Get("apns_id"), q.Get("phone")
	reply200(w, s.registry.find(limit, func(n *Notification) bool {
		return (token == "" || n.Token == token) && (phone == "" || n.Phone == phone) &&
			(id == "" || strings.EqualFold(n.APNsID, id))
	}))
}

// Notifications returns up to limit of the latest notifications, the newest first.
func (s *Server) Notifications(limit int) []Notification {
	return s.registry.find(limit, func(*Notification) bool { return true })
}

// NotificationsSince returns the notifications after a sequence number that the
// log still remembers, the newest first.
func (s *Server) NotificationsSince(sequence uint64) []Notification {
	return s.registry.since(sequence)
}

func (s *Server) getJournal(w http.ResponseWriter, _ *http.Request) {
	reply200(w, map[string]any{"now": s.clock.Now(), "bench": s.config.Bench, "counters": s.Counters()})
}

// Counters returns how often each thing happened since the start; the package
// comment explains the names. What never happened is absent.
func (s *Server) Counters() map[string]uint64 {
	s.registry.mu.Lock()
	counters := s.registry.record.snapshot()
	s.registry.mu.Unlock()
	if s.config.Bench {
		n := s.bench.requests.Load()
		counters["received"], counters["accepted"] = n, n
		counters["payload_bytes"] = s.bench.bytes.Load()
	}
	if s.bench.tally != nil {
		counters["distinct"], counters["unidentified"] = s.bench.tally.counts()
	}
	return counters
}

// ResetDistinct begins the counting of different device tokens anew, before
// another push to the same devices. It does nothing without Config.Distinct.
func (s *Server) ResetDistinct() {
	if s.bench.tally != nil {
		s.bench.tally.reset()
	}
}

// getEvents is the live feed: each step of each notification as a server-sent event.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) {
	feed := make(chan []byte, 256)
	s.registry.listen(feed)
	defer s.registry.unlisten(feed)
	w.Header().Set("content-type", "text/event-stream")
	w.Header().Set("cache-control", "no-store")
	out := http.NewResponseController(w)
	io.WriteString(w, ": live\n\n")
	out.Flush()
	beat := time.NewTicker(15 * time.Second) // finds out that the reader is gone
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-s.stopping:
			return
		case <-beat.C:
			_, err = io.WriteString(w, ": beat\n\n")
		case data := <-feed:
			_, err = fmt.Fprintf(w, "data: %s\n\n", data)
		}
		if err != nil || out.Flush() != nil {
			return
		}
	}
}

func (s *Server) postFaults(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !decodeBody(w, r, &f) {
		return
	}
	if err := s.AddFault(f); err != nil {
		replyError(w, http.StatusBadRequest, err.Error())
		return
	}
	replyJSON(w, http.StatusCreated, s.faults.all())
}

func (s *Server) postPolicy(w http.ResponseWriter, r *http.Request) {
	data := readBody(w, r)
	if data == nil {
		return
	}
	p, err := s.Policy().merge(data)
	if err == nil {
		err = s.SetPolicy(p)
	}
	if err != nil {
		replyError(w, http.StatusBadRequest, err.Error())
		return
	}
	reply200(w, s.Policy())
}

func (s *Server) postIssue(w http.ResponseWriter, r *http.Request) {
	var request IssueRequest
	if !decodeBody(w, r, &request) {
		return
	}
	issued, err := s.Issue(request)
	if err != nil {
		replyError(w, http.StatusBadRequest, err.Error())
		return
	}
	out := struct {
		P12    []byte `json:"p12,omitempty"` // base64
		P8     string `json:"p8,omitempty"`
		KeyID  string `json:"key_id,omitempty"`
		TeamID string `json:"team_id"`
		Serial string `json:"serial,omitempty"`
	}{P12: issued.P12, P8: string(issued.P8), KeyID: issued.KeyID, TeamID: issued.TeamID}
	if issued.Certificate != nil {
		out.Serial = serialOf(issued.Certificate)
	}
	replyJSON(w, http.StatusCreated, out)
}

func (s *Server) postRevoke(w http.ResponseWriter, r *http.Request) {
	var request struct {
		ID string `json:"id"`
	}
	if !decodeBody(w, r, &request) {
		return
	}
	if err := s.Revoke(request.ID); err != nil {
		replyError(w, http.StatusBadRequest, err.Error())
		return
	}
	reply200(w, map[string]string{"revoked": request.ID})
}
