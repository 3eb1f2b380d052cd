package apns_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// Cases about dead paths, many requests, many senders, and the end.

func blackHole(t *testing.T) {
	for name, c := range map[string]struct {
		buffered bool
		within   [2]time.Duration
	}{
		"the PING is not answered":      {true, [2]time.Duration{15 * time.Second, 18 * time.Second}}, // after 5 s of silence and 10 s more
		"the PING is not even taken in": {false, [2]time.Duration{10 * time.Second, 18 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			in{buffered: c.buffered}.inMemory(t, func(t *testing.T, l *local) {
				l.fault(localapns.Fault{Count: 1, Freeze: true})
				l.submit(0, 5)
				began := time.Now()
				l.all(0, 1, failed(apns.CauseNetwork, false))
				if took := time.Since(began); took < c.within[0] || took > c.within[1] {
					t.Errorf("the dead path was noticed after %v, want %v", took, c.within)
				}
				for i := range 5 { // the others were on the way as well, or in the queue
					if r := l.result(i); !r.Accepted() && !failed(apns.CauseNetwork, false)(r) {
						t.Errorf("notification %d: %+v", i, r)
					}
				}
				l.submit(5, 20)
				l.accepted(5, 20)
				for i := range 5 {
					if n := l.taken()[device(i)]; n > 1 {
						t.Errorf("notification %d was accepted %d times", i, n)
					}
				}
				l.counts(map[string]uint64{"connections": 2})
			})
		})
	}
}

// A bufferedConn takes what is written at once, as a socket does, and passes it on in the background.
type bufferedConn struct {
	net.Conn
	queue  chan []byte
	closed chan struct{}
	once   sync.Once
}

func buffer(conn net.Conn) net.Conn {
	b := &bufferedConn{Conn: conn, queue: make(chan []byte, 1000), closed: make(chan struct{})}
	go func() {
		for {
			select {
			case p := <-b.queue:
				_, _ = conn.Write(p)
			case <-b.closed:
				return
			}
		}
	}()
	return b
}

func (b *bufferedConn) Write(p []byte) (int, error) {
	select {
	case b.queue <- slices.Clone(p):
		return len(p), nil
	case <-b.closed:
		return 0, net.ErrClosed
	}
}

func (b *bufferedConn) SetWriteDeadline(time.Time) error { return nil }

func (b *bufferedConn) SetDeadline(at time.Time) error { return b.SetReadDeadline(at) }

func (b *bufferedConn) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Conn.Close()
}

func million(t *testing.T) {
	count := 1_000_000
	if testing.Short() || apns.RaceEnabled {
		count = 100_000
	}
	in{server: localapns.Config{Bench: true, Distinct: true}, config: apns.Config{MaxConnections: 1}, cold: true}.onLoopback(t, func(t *testing.T, l *local) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		accepted := 0
		for result := range l.client.Stream(ctx, func(yield func(*apns.Notification) bool) {
			for i := range count {
				if !yield(push(i)) {
					return
				}
			}
		}) {
			if !result.Accepted() {
				t.Fatalf("%+v", result)
			}
			accepted++
		}
		if accepted != count {
			t.Errorf("%d accepted, want %d", accepted, count)
		}
		l.counts(map[string]uint64{"connections": 1, "received": uint64(count), "distinct": uint64(count), "unidentified": 0})
	})
}

func streamNumbersRunOut(t *testing.T) {
	const last = 1<<31 - 1
	in{config: apns.Config{MaxConnections: 1}}.inMemory(t, func(t *testing.T, l *local) {
		l.client.SkipStreams(last - 12_000)
		highest := uint32(0)
		for from := 0; from < 4_000; from += 500 {
			l.submit(from, from+500)
			l.all(from, from+500, apns.Result.Accepted)
			for _, c := range l.server.Connections() {
				highest = max(highest, c.LastStream)
			}
		}
		l.accepted(0, 4_000)
		if highest < last-10_000 || highest > last {
			t.Errorf("the highest stream that the local APNs saw is %d, want one near %d", highest, last)
		}
		l.counts(map[string]uint64{"connections": 2, "received": 4_001, "streams_refused": 0, "goaway": 0})
	})
}

func everythingAtOnce(t *testing.T) {
	const senders, each = 100, 100
	short := func(p *localapns.Policy) { p.MaxRequests = 400 }
	in{policy: short, config: apns.Config{MaxConnections: 4, QueueSize: 256}, cold: true}.onLoopback(t, func(t *testing.T, l *local) {
		var keys []*apns.Key // the generation of keys is no part of the case
		for range 8 {
			keys = append(keys, l.newKey(localapns.IssueRequest{}))
		}
		stop := make(chan struct{})
		var changing, sending sync.WaitGroup
		changing.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
				}
				if err := l.client.SetKey(keys[i%len(keys)]); err != nil {
					t.Error(err)
				}
			}
		})
		for s := range senders {
			sending.Go(func() {
				for i := range each {
					if err := l.client.Submit(t.Context(), push(s*each+i), l.record); err != nil {
						t.Error(err)
					}
				}
			})
		}
		sending.Wait()
		l.accepted(0, senders*each)
		close(stop)
		changing.Wait()
		l.counts(map[string]uint64{"accepted": senders * each, "rejected": 0, "streams_refused": 0})
		if n := l.server.Counters()["goaway"]; n == 0 {
			t.Error("no connection was ended by the gateway")
		}
	})
}

func gracefulClose(t *testing.T) {
	t.Run("drains", func(t *testing.T) {
		few := func(p *localapns.Policy) { unhurried(p); p.Streams = 10 }
		in{policy: few}.inMemory(t, func(t *testing.T, l *local) {
			l.submit(0, 50)
			done := make(chan error, 1)
			go func() { done <- l.client.Shutdown(t.Context()) }()
			synctest.Wait()
			if err := l.client.Submit(t.Context(), push(50), l.record); !errors.Is(err, apns.ErrClosed) {
				t.Errorf("Submit during Shutdown = %v, want ErrClosed", err)
			}
			if err := <-done; err != nil {
				t.Errorf("Shutdown = %v", err)
			}
			l.accepted(0, 50)
			l.wait(time.Second)
			if c := l.server.Connections(); len(c) != 0 {
				t.Errorf("still open: %+v", c)
			}
		})
	})
	t.Run("returns the rest", func(t *testing.T) {
		few := func(p *localapns.Policy) { p.Streams = 10 }
		in{policy: few, config: apns.Config{MaxConnections: 1}}.inMemory(t, func(t *testing.T, l *local) {
			l.policy(func(p *localapns.Policy) { p.ResponseLatency = localapns.Duration(4 * time.Second) })
			l.submit(0, 50)
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
			defer cancel()
			if err := l.client.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown = %v", err)
			}
			l.accepted(0, 10)
			l.all(10, 20, failed(apns.CauseClosed, false)) // were on their way
			l.all(20, 50, failed(apns.CauseClosed, true))
			for i := 20; i < 50; i++ {
				if list := l.seen(device(i)); len(list) != 0 {
					t.Errorf("notification %d is called safe to repeat and has arrived: %+v", i, list)
				}
			}
			l.counts(map[string]uint64{"received": 21, "streams_refused": 0})
		})
	})
}

func (l *local) broadcaster() *apns.Broadcaster {
	l.Helper()
	b, err := apns.NewBroadcaster(apns.BroadcastConfig{
		URL: l.server.ProductionURL(), ManageURL: l.server.ProductionURL(), Key: l.key, RootCAs: l.roots(),
	})
	if err != nil {
		l.Fatal(err)
	}
	l.closers = append(l.closers, b)
	return b
}

func broadcast(t *testing.T) {
	in{cold: true}.onLoopback(t, func(t *testing.T, l *local) {
		b, ctx := l.broadcaster(), t.Context()
		nothing, err := b.CreateChannel(ctx, bundle, apns.StoreNothing)
		if err != nil {
			t.Fatal(err)
		}
		recent, err := b.CreateChannel(ctx, bundle, apns.StoreMostRecent)
		if err != nil {
			t.Fatal(err)
		}
		expiry := time.Now().Add(time.Hour)
		good := apns.Broadcast{BundleID: bundle, ChannelID: recent.ID, Priority: 10, Expiration: apns.ExpireAt(expiry), Payload: sized(5120)}
		if r := b.Send(ctx, &good); !r.Accepted() || r.ID == [16]byte{} {
			t.Fatalf("Send = %+v", r)
		}
		if n := l.server.Notifications(1)[0]; n.ChannelID != recent.ID || n.Expiration == nil || *n.Expiration != expiry.Unix() || n.Priority != 10 || len(n.Payload) != 5120 {
			t.Errorf("arrived: %+v", n)
		}
		for name, c := range map[string]struct {
			bend   func(*apns.Broadcast)
			reason string
		}{
			"no expiration":                     {func(m *apns.Broadcast) { m.Expiration = apns.Expiration{} }, "BadExpirationDate"},
			"kept on a channel without storage": {func(m *apns.Broadcast) { m.ChannelID = nothing.ID }, "BadExpirationDate"},
			"suffix":                            {func(m *apns.Broadcast) { m.BundleID += ".push-type.liveactivity" }, "TopicDisallowed"},
			"no priority":                       {func(m *apns.Broadcast) { m.Priority = 0 }, "BadPriority"},
			"5121 bytes":                        {func(m *apns.Broadcast) { m.Payload = sized(5121) }, "PayloadTooLarge"},
		} {
			m := good
			c.bend(&m)
			if r := b.Send(ctx, &m); !failed(apns.CauseRefusedLocally, true)(r) || r.Reason != c.reason {
				t.Errorf("%s: %+v, want a local refusal: %s", name, r, c.reason)
			}
		}
		once := good
		once.ChannelID, once.Expiration = nothing.ID, apns.DeliverOnce()
		if r := b.Send(ctx, &once); !r.Accepted() {
			t.Errorf("Send = %+v", r)
		}
		// A channel whose policy this broadcaster does not know: then the gateway says it.
		once.Expiration = good.Expiration
		if r := l.broadcaster().Send(ctx, &once); !answered(400, "BadExpirationDate")(r) {
			t.Errorf("kept on a channel without storage, unknown here: %+v", r)
		}
		l.counts(map[string]uint64{"received": 3, "accepted": 2})
	})
}

func channels(t *testing.T) {
	few := func(p *localapns.Policy) { p.MaxChannels = 3 } // in place of 10,000
	in{policy: few, cold: true}.onLoopback(t, func(t *testing.T, l *local) {
		b, ctx := l.broadcaster(), t.Context()
		var ids []string
		for i := range 3 {
			channel, err := b.CreateChannel(ctx, bundle, apns.StoragePolicy(i%2))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, channel.ID)
		}
		refused := func(what string, err error, status int, reason string) {
			t.Helper()
			var e *apns.ChannelError
			if !errors.As(err, &e) || e.Status != status || e.Reason != reason || e.RequestID == "" {
				t.Errorf("%s: %v, want %d %s", what, err, status, reason)
			}
		}
		_, err := b.CreateChannel(ctx, bundle, apns.StoreNothing)
		refused("one channel too many", err, 400, "CannotCreateChannelConfig")
		for i, id := range ids {
			if channel, err := b.ReadChannel(ctx, bundle, id); err != nil || channel != (apns.Channel{ID: id, Policy: apns.StoragePolicy(i % 2)}) {
				t.Errorf("ReadChannel = %v, %v", channel, err)
			}
		}
		if err := b.DeleteChannel(ctx, bundle, ids[1]); err != nil {
			t.Error(err)
		}
		refused("deleted twice", b.DeleteChannel(ctx, bundle, ids[1]), 400, "ChannelNotRegistered")
		_, err = b.ReadChannel(ctx, bundle, ids[1])
		refused("ReadChannel of a deleted one", err, 400, "ChannelNotRegistered")
		list, err := b.ListChannels(ctx, bundle)
		if err != nil || len(list) != 2 {
			t.Errorf("ListChannels = %v, %v", list, err)
		}
		if _, err := b.CreateChannel(ctx, bundle, apns.StoreNothing); err != nil {
			t.Errorf("in the place of the deleted one: %v", err)
		}
		l.counts(map[string]uint64{"channel_requests": 12})
	})
}
