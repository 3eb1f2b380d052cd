package apns_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// Cases about streams, credit and the wait for answers.

func oneRequestBeforeTheLimitRises(t *testing.T) {
	slow := func(p *localapns.Policy) { p.ResponseLatency = localapns.Duration(5 * time.Second) }
	in{policy: slow, cold: true}.inMemory(t, func(t *testing.T, l *local) {
		l.submit(0, 1000)
		l.wait(4 * time.Second)
		if c := l.server.Connections(); len(c) != 1 || c[0].StreamLimit != 1 || c[0].Requests != 1 {
			t.Errorf("before the first answer: %+v, want one request on one connection", c)
		}
		l.accepted(0, 1000)
		l.counts(map[string]uint64{"connections": 1, "streams_refused": 0, "received": 1000, "rejected": 0})
	})
}

func limitFallsBelowTheRequestsInFlight(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		l.policy(func(p *localapns.Policy) { p.ResponseLatency = localapns.Duration(5 * time.Second) })
		l.submit(0, 500)
		l.wait(time.Second)
		l.policy(func(p *localapns.Policy) { p.Streams = 1 })
		l.wait(time.Second) // until the client has heard of it
		l.submit(500, 510)
		l.wait(time.Second)
		if c := l.server.Connections()[0]; c.Open != 500 || c.Requests != 501 {
			t.Errorf("%d streams are open after %d requests, want 500 after 501", c.Open, c.Requests)
		}
		l.accepted(0, 500)
		l.wait(time.Second)
		if c := l.server.Connections()[0]; c.Open != 1 {
			t.Errorf("%d streams are open under a limit of 1", c.Open)
		}
		l.accepted(500, 510)
		l.counts(map[string]uint64{"connections": 1, "streams_refused": 0, "received": 511})
	})
}

func limitFallsToZero(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		l.policy(func(p *localapns.Policy) { p.Streams = 0 })
		l.wait(time.Second)
		l.submit(0, 50)
		l.wait(45 * time.Second)
		l.none(0, 50)
		l.counts(map[string]uint64{"received": 1})
		l.policy(func(p *localapns.Policy) { p.Streams = 100 })
		l.accepted(0, 50)
		l.counts(map[string]uint64{"connections": 1, "streams_refused": 0, "received": 51})
	})
}

func refusedStreams(t *testing.T) {
	in{}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Count: 5, RST: new(uint32(7))})
		l.submit(0, 10)
		l.accepted(0, 10)
		l.counts(map[string]uint64{"connections": 1, "received": 16, "accepted": 11, "fault": 5})
	})
}

func slowServer(t *testing.T) {
	slow := func(p *localapns.Policy) { p.Streams = 10 }
	in{policy: slow, config: apns.Config{MaxConnections: 1, ResponseTimeout: 20 * time.Second}}.inMemory(t, func(t *testing.T, l *local) {
		l.policy(func(p *localapns.Policy) { p.ResponseLatency = localapns.Duration(5 * time.Second) })
		began := time.Now()
		l.submit(0, 50)
		l.wait(time.Second)
		if open := l.server.Connections()[0].Open; open != 10 {
			t.Errorf("%d streams are open, want the limit of 10", open)
		}
		l.accepted(0, 50)
		if took := time.Since(began); took < 25*time.Second || took > 27*time.Second {
			t.Errorf("50 answers of 5 s, 10 at a time, took %v", took)
		}
		// An answer that comes after the client's patience must not be taken for another's.
		l.fault(localapns.Fault{Count: 1, Delay: localapns.Duration(20 * time.Second)})
		l.submit(50, 60)
		l.all(50, 51, failed(apns.CauseNetwork, false))
		l.accepted(51, 60)
		l.wait(time.Minute)
		l.submit(60, 70)
		l.accepted(60, 70)
		// The deadline of the caller.
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		for i := 70; i < 90; i++ {
			if err := l.client.Submit(ctx, push(i), l.record); err != nil {
				t.Fatal(err)
			}
		}
		l.all(70, 80, failed(apns.CauseNetwork, false))
		l.all(80, 90, failed(apns.CauseCancelled, true))
		l.wait(0) // for the resets to arrive
		l.counts(map[string]uint64{"connections": 1, "streams_refused": 0, "received": 81, "cancelled": 11})
	})
}

func cancelledRequests(t *testing.T) {
	in{policy: func(p *localapns.Policy) { p.Streams = 2 }, config: apns.Config{MaxConnections: 1}}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Count: 2, Stall: true})
		results := make(chan apns.Result, 3)
		var cancels []context.CancelFunc
		for i := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			cancels = append(cancels, cancel)
			go func() { results <- l.client.Push(ctx, push(i)) }()
			synctest.Wait()
		}
		cancels[2]() // still in the queue
		if r := <-results; !failed(apns.CauseCancelled, true)(r) {
			t.Errorf("cancelled in the queue: %+v", r)
		}
		cancels[0]() // written
		if r := <-results; !failed(apns.CauseCancelled, false)(r) {
			t.Errorf("cancelled in flight: %+v", r)
		}
		l.submit(10, 20) // through the one slot that is free again
		l.accepted(10, 20)
		cancels[1]()
		if r := <-results; !failed(apns.CauseCancelled, false)(r) {
			t.Errorf("cancelled in flight: %+v", r)
		}
		l.wait(0)
		if c := l.server.Connections(); len(c) != 1 || c[0].Open != 0 {
			t.Errorf("in the end: %+v", c)
		}
		l.counts(map[string]uint64{"connections": 1, "cancelled": 2, "received": 13, "streams_refused": 0})
	})
}

// sized is a payload of so many bytes.
func sized(size int) []byte {
	payload := append([]byte(`{"aps":{"alert":"`), bytes.Repeat([]byte("x"), size)...)
	return append(payload[:size-3], `"}}`...)
}

func (l *local) submitSized(from, to, size int) {
	for i := from; i < to; i++ {
		n := push(i)
		n.Payload = sized(size)
		l.send(n)
	}
}

func smallConnectionWindow(t *testing.T) {
	in{policy: func(p *localapns.Policy) { p.ConnectionWindow = 16 << 10 }}.inMemory(t, func(t *testing.T, l *local) {
		l.submitSized(0, 100, 4096)
		l.accepted(0, 100)
		l.counts(map[string]uint64{"received": 101, "goaway": 0, "streams_refused": 0}) // GOAWAY would be FLOW_CONTROL_ERROR
	})
}

func creditWithheld(t *testing.T) {
	in{policy: func(p *localapns.Policy) { p.ReturnCredit = "never" }, config: apns.Config{MaxConnections: 1}}.inMemory(t, func(t *testing.T, l *local) {
		l.submitSized(0, 40, 4096) // a connection takes 15
		l.accepted(0, 40)
		l.counts(map[string]uint64{"connections": 3, "received": 41, "goaway": 0})
	})
}

func tableSizes(t *testing.T) {
	in{config: apns.Config{MaxConnections: 1}}.inMemory(t, func(t *testing.T, l *local) {
		at := 0
		round := func() {
			for range 3 {
				n := push(at)
				n.CollapseID, n.Expiration = "c", apns.DeliverOnce()
				l.send(n)
				at++
			}
			l.accepted(0, at)
		}
		round()
		for _, size := range []uint32{0, 4096, 100, 60, 8192, 4096, 0} {
			l.policy(func(p *localapns.Policy) { p.HeaderTableSize = size })
			l.wait(0)
			round()
		}
		for i := range at {
			if n := l.seen(device(i))[0]; n.Topic != bundle || n.CollapseID != "c" || n.Expiration == nil || *n.Expiration != 0 {
				t.Errorf("notification %d arrived as %+v", i, n)
			}
		}
		l.counts(map[string]uint64{"connections": 1, "goaway": 0}) // GOAWAY would be COMPRESSION_ERROR
	})
}
