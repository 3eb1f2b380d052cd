package channel

import (
	"time"

	"github.com/aurora-push/aurora"
)

// Load is what the channel does in one environment at the moment, over all apps.
type Load struct {
	Live, Leaving int           // connections that take notifications, that do not any more
	InFlight      int           // notifications without an answer
	Queued        int           // notifications that wait for a connection
	RTT           time.Duration // the longest of the connections' smoothed round trips
	Down, Refused int           // apps whose gateway is out of reach, whose credential is refused
}

// Load returns what is going on in both environments.
func (ch *IOS) Load() map[aurora.Environment]Load {
	loads := map[aurora.Environment]Load{aurora.Development: {}, aurora.Production: {}}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for at, k := range ch.clients {
		l, stats := loads[at.env], k.client.Stats()
		l.Queued += stats.Queued
		if !stats.Down.IsZero() {
			l.Down++
		}
		if stats.Refused != nil {
			l.Refused++
		}
		for _, c := range stats.Connections {
			l.InFlight += c.InFlight
			l.RTT = max(l.RTT, c.RTT)
			if c.Leaving {
				l.Leaving++
			} else {
				l.Live++
			}
		}
		loads[at.env] = l
	}
	return loads
}
