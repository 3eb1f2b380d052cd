// Package servertest is what goes wrong between servers, for tests and
// measurements: a network path that can be cut, and NATS servers as processes
// that can be killed.
package servertest

import (
	"context"
	"net"
	"sync"
	"time"
)

// Relay is a TCP path on 127.0.0.1 that can be cut, in each direction.
type Relay struct {
	listener net.Listener
	target   string
	end      context.CancelFunc
	ctx      context.Context
	running  sync.WaitGroup

	mu     sync.Mutex
	ways   [2]gate // there and back
	reset  bool
	pieces map[*net.TCPConn]struct{} // of all connections, both ends
}

// gate is open while its channel is closed.
type gate chan struct{}

// NewRelay begins to carry connections to a target, host:port.
func NewRelay(target string) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: l, target: target, pieces: map[*net.TCPConn]struct{}{}}
	r.ctx, r.end = context.WithCancel(context.Background())
	r.Heal()
	r.running.Go(r.accept)
	return r, nil
}

// Address is where the relay listens, host:port.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Hold keeps back what goes there, or comes back, or both, as a network does
// that loses packets: neither end hears anything. Heal lets it through, as what
// was sent again arrives after an interruption.
func (r *Relay) Hold(there, back bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for way, held := range [2]bool{there, back} {
		if !held {
			continue
		}
		select {
		case <-r.ways[way]:
			r.ways[way] = make(gate)
		default: // held already
		}
	}
}

// Reset ends every connection and refuses new ones until Heal, as a firewall
// does that answers.
func (r *Relay) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reset = true
	for c := range r.pieces {
		c.SetLinger(0) // RST
		c.Close()
	}
}

// Heal makes the path whole.
func (r *Relay) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reset = false
	for way, g := range r.ways {
		if g == nil {
			g = make(gate)
		}
		select {
		case <-g:
		default:
			close(g)
		}
		r.ways[way] = g
	}
}

// Close ends the relay with its connections.
func (r *Relay) Close() {
	r.end()
	r.listener.Close()
	r.Reset()
	r.running.Wait()
}

func (r *Relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.running.Go(func() { r.join(near.(*net.TCPConn)) })
	}
}

// join carries one connection until either end closes it.
func (r *Relay) join(near *net.TCPConn) {
	if !r.enter(near) {
		return
	}
	defer r.leave(near)
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(r.ctx, "tcp", r.target)
	if err != nil {
		near.SetLinger(0)
		return
	}
	far := conn.(*net.TCPConn)
	if !r.enter(far) {
		return
	}
	defer r.leave(far)
	var ways sync.WaitGroup
	ways.Go(func() { r.carry(0, far, near) })
	ways.Go(func() { r.carry(1, near, far) })
	ways.Wait()
}

// enter notes an end of a connection, unless connections are refused.
func (r *Relay) enter(c *net.TCPConn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reset {
		c.SetLinger(0)
		c.Close()
		return false
	}
	r.pieces[c] = struct{}{}
	return true
}

func (r *Relay) leave(c *net.TCPConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pieces, c)
	c.Close()
}

func (r *Relay) carry(way int, to, from *net.TCPConn) {
	defer to.Close() // ends the other way, too
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !r.pass(way) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits until a way is open.
func (r *Relay) pass(way int) bool {
	r.mu.Lock()
	g := r.ways[way]
	r.mu.Unlock()
	select {
	case <-g:
		return true
	case <-r.ctx.Done():
		return false
	}
}
