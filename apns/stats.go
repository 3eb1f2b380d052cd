package apns

import "time"

// Stats is a snapshot of a [Client], for dashboards and for finding out what limits its rate.
type Stats struct {
	Submitted, Done int64 // notifications since the client was made
	Queued          int   // waiting for a connection
	Connections     []ConnectionStats
	// Refused is why the credential is not accepted at the moment; nil if nothing is known against it.
	Refused *Failure
	// Down is since when the gateway is out of reach, zero if it is not; and Why.
	Down time.Time
	Why  *Failure // nil where nothing came back at all
}

// ConnectionStats describes one connection.
type ConnectionStats struct {
	InFlight    int           // requests without an answer
	StreamLimit int           // what the gateway allows at the moment
	Credit      int64         // bytes that flow control allows at the moment
	RTT         time.Duration // from write to answer, smoothed
	BestRTT     time.Duration // the shortest ever
	Leaving     bool          // takes nothing new
}

// Stats takes a snapshot.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	stats := Stats{Submitted: c.submitted, Done: c.done.Load(), Queued: c.waiting(), Refused: c.broken, Down: c.downSince, Why: c.lastFailure}
	connections := append(append([]*connection(nil), c.live...), c.leaving...)
	c.mu.Unlock()
	for _, connection := range connections {
		stats.Connections = append(stats.Connections, connection.stats())
	}
	return stats
}

func (c *connection) stats() ConnectionStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ConnectionStats{
		InFlight: c.pending.count, StreamLimit: int(c.limit), Credit: c.window, Leaving: c.state != connectionLive,
		RTT: time.Duration(c.rtt.Load()), BestRTT: time.Duration(c.bestRTT.Load()),
	}
}
