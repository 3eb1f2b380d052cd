package apns

import (
	"net"
	"sync"
	"time"
)

// sources limits how often and how many times one address connects: rapid
// opening and closing is what the real service takes for an attack (spec §1.8).
type sources struct {
	mu   sync.Mutex
	seen map[string]*source
}

type source struct {
	open   int
	minute time.Time
	dials  int
}

func (s *sources) admit(conn net.Conn, p *Policy) bool {
	if p.MaxConnectionsPerSource <= 0 && p.DialsPerMinute <= 0 {
		s.change(conn, 1)
		return true
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.source(conn)
	if now.Sub(from.minute) >= time.Minute {
		from.minute, from.dials = now, 0
	}
	from.dials++
	if p.DialsPerMinute > 0 && from.dials > p.DialsPerMinute {
		return false
	}
	if p.MaxConnectionsPerSource > 0 && from.open >= p.MaxConnectionsPerSource {
		return false
	}
	from.open++
	return true
}

func (s *sources) release(conn net.Conn) { s.change(conn, -1) }

func (s *sources) change(conn net.Conn, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source(conn).open += by
	if len(s.seen) > 10000 {
		for host, from := range s.seen {
			if from.open == 0 {
				delete(s.seen, host)
			}
		}
	}
}

func (s *sources) source(conn net.Conn) *source {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		host = conn.RemoteAddr().String()
	}
	from := s.seen[host]
	if from == nil {
		from = &source{}
		s.seen[host] = from
	}
	return from
}

// tokenUpdates remembers the last accepted provider token where the policy's
// scope is wider than a connection.
type tokenUpdates struct {
	mu       sync.Mutex
	accepted map[string]*providerToken
}

func (t *tokenUpdates) last(scope string) *providerToken {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted[scope]
}

func (t *tokenUpdates) remember(scope string, token *providerToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.accepted) > 10000 {
		clear(t.accepted)
	}
	t.accepted[scope] = token
}
