package main

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// relay is a TCP path with a round trip: it forwards what it reads half a round
// trip later, in both directions, and holds as much as that takes, so that it
// adds latency and nothing else.
type relay struct {
	listener net.Listener
	target   string
	oneWay   time.Duration
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// calibrate finds the delay to ask for so that an idle relay has the round trip
// that is wanted: timers are late by some tenths of a millisecond on each way.
func calibrate(ctx context.Context, wanted time.Duration) (time.Duration, error) {
	asked := wanted
	for range 3 {
		e, err := startEcho(ctx, asked)
		if err != nil {
			return 0, err
		}
		var trips []float64
		for len(trips) < 10 && err == nil {
			var trip time.Duration
			trip, err = e.once()
			trips = append(trips, float64(trip))
		}
		e.close()
		if err != nil {
			return 0, err
		}
		asked -= time.Duration(spreadOfList(trips).Median) - wanted
	}
	return max(asked, 0), nil
}

func startRelay(ctx context.Context, target string, roundTrip time.Duration) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &relay{listener: listener, target: target, oneWay: roundTrip / 2, cancel: cancel}
	r.running.Go(func() { r.accept(ctx) })
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) close() {
	r.cancel()
	r.listener.Close()
	r.running.Wait()
}

func (r *relay) accept(ctx context.Context) {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.target)
		if err != nil {
			near.Close()
			continue
		}
		end := context.AfterFunc(ctx, func() {
			near.Close()
			far.Close()
		})
		var ways sync.WaitGroup
		ways.Go(func() { r.carry(far, near) })
		ways.Go(func() { r.carry(near, far) })
		r.running.Go(func() {
			ways.Wait()
			end()
			near.Close()
			far.Close()
		})
	}
}

// parcel is what one read brought, and when it is due.
type parcel struct {
	due  time.Time
	data []byte
}

// carry forwards one direction. The channel holds more than any window lets through.
func (r *relay) carry(to, from net.Conn) {
	parcels := make(chan parcel, 1<<16)
	var writing sync.WaitGroup
	writing.Go(func() {
		for p := range parcels {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				from.Close()
			}
		}
		if tcp, ok := to.(*net.TCPConn); ok {
			tcp.CloseWrite()
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			parcels <- parcel{time.Now().Add(r.oneWay), append([]byte(nil), buffer[:n]...)}
		}
		if err != nil {
			break
		}
	}
	close(parcels)
	writing.Wait()
}

// echo measures the round trip of a relay: what the machine makes of the delay
// that was asked for while it has other things to do.
type echo struct {
	relay *relay
	far   net.Listener
	conn  net.Conn
}

func startEcho(ctx context.Context, roundTrip time.Duration) (*echo, error) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		if conn, err := far.Accept(); err == nil {
			io.Copy(conn, conn)
			conn.Close()
		}
	}()
	e := &echo{far: far}
	if e.relay, err = startRelay(ctx, far.Addr().String(), roundTrip); err != nil {
		far.Close()
		return nil, err
	}
	if e.conn, err = net.Dial("tcp", e.relay.address()); err != nil {
		e.close()
		return nil, err
	}
	_, err = e.once() // the first one opens the far connection too
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *echo) once() (time.Duration, error) {
	begin := time.Now()
	e.conn.SetDeadline(begin.Add(10 * time.Second))
	if _, err := e.conn.Write([]byte{1}); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(e.conn, make([]byte, 1))
	return time.Since(begin), err
}

func (e *echo) close() {
	if e.conn != nil {
		e.conn.Close()
	}
	e.relay.close()
	e.far.Close()
}
