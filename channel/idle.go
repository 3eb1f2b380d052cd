package channel

import "time"

// idleClient is how long a client without work keeps its connections. Apple
// wants connections kept for hours (spec apns §1.6), and a server of many apps
// does not want all that were ever used.
const idleClient = 2 * time.Hour

// watch closes a client once nothing has been sent through it for idleClient.
// The next message makes a new one. A sender that still holds the old one gets
// a failure that was certainly not sent, and its job begins again.
func (ch *IOS) watch(at slot, k *kept) {
	seen := int64(-1)
	k.idle = time.AfterFunc(idleClient, func() {
		ch.mu.Lock()
		defer ch.mu.Unlock()
		if ch.clients[at] != k {
			return // replaced or closed meanwhile
		}
		stats := k.client.Stats()
		if k.used || stats.Submitted != seen || stats.Done != stats.Submitted {
			k.used, seen = false, stats.Submitted
			k.idle.Reset(idleClient)
			return
		}
		delete(ch.clients, at)
		go ch.retire(k.client)
		ch.logger.Info("an APNs client that had no work was closed", "app", at.app, "environment", at.env)
	})
}
