package channel

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/aurora-push/aurora"
)

// Outage is a gateway that this server cannot reach.
type Outage struct {
	Since time.Time
	Why   string // in one line
}

// Outages are the environments whose gateway cannot be reached from here: some
// app's client has tried and failed, and none has a connection.
func (ch *IOS) Outages() map[aurora.Environment]Outage {
	down, up := map[aurora.Environment]Outage{}, map[aurora.Environment]bool{}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for at, k := range ch.clients {
		stats := k.client.Stats()
		for _, c := range stats.Connections {
			up[at.env] = up[at.env] || !c.Leaving
		}
		if first, known := down[at.env]; stats.Down.IsZero() || known && first.Since.Before(stats.Down) {
			continue
		}
		o := Outage{Since: stats.Down, Why: "no answer"}
		if stats.Why != nil {
			o.Why = stats.Why.Error()
		}
		down[at.env] = o
	}
	for env := range up {
		delete(down, env)
	}
	return down
}

// Mend looks whether gateways that could not be reached can be now, and lets
// their clients try at once: else they would only with the next notification,
// and after a pause.
func (ch *IOS) Mend(ctx context.Context) {
	for env := range ch.Outages() {
		if err := ch.gateways.reach(ctx, env); err != nil {
			continue
		}
		ch.logger.InfoContext(ctx, "APNs can be reached again", "environment", env)
		ch.mu.Lock()
		for at, k := range ch.clients {
			if at.env == env {
				k.client.TryNow()
			}
		}
		ch.mu.Unlock()
	}
}

// reachTime bounds one look.
const reachTime = 5 * time.Second

// reach makes a TLS connection to a gateway and closes it.
func (g *Gateways) reach(ctx context.Context, env aurora.Environment) error {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	u, err := url.Parse(g.URL(env))
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: g.RootCAs, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fmt.Errorf("%s cannot be reached: %w", u.Host, err)
	}
	return conn.Close()
}
