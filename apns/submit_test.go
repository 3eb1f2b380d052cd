package apns

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSubmitBlocksWhileTheQueueIsFull(t *testing.T) {
	script(t, Config{QueueSize: 10}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		g.submit(0, 1)
		g.peer(0).expect(1)
		g.submit(1, 11)
		ctx, cancel := contextWithTimeout(t, time.Second)
		defer cancel()
		err := g.client.Submit(ctx, notification(11), g.record)
		if f, ok := err.(*Failure); !ok || f.Cause != CauseCancelled || !f.Safe {
			t.Errorf("Submit into a full queue = %v", err)
		}
		if s := g.client.Stats(); s.Queued != 10 || s.Submitted != 11 || s.Done != 0 || len(s.Connections) != 1 || s.Connections[0].InFlight != 1 || s.Connections[0].StreamLimit != 1 {
			t.Errorf("Stats = %+v", s)
		}
		unblocked := make(chan error, 1)
		go func() { unblocked <- g.client.Submit(t.Context(), notification(12), g.record) }()
		synctest.Wait()
		select {
		case err := <-unblocked:
			t.Fatalf("Submit into a full queue returned %v", err)
		default:
		}
		g.serve()
		if err := <-unblocked; err != nil {
			t.Error(err)
		}
		g.serve()
		g.settled(0, 11, accepted)
		g.settled(12, 13, accepted)
		g.unsettled(11, 12)
		if s := g.client.Stats(); s.Queued != 0 || s.Done != 12 {
			t.Errorf("Stats at the end = %+v", s)
		}
	})
}

func TestStreamHoldsAConstantNumber(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		const count = 3 * streamWindow
		var read atomic.Int64
		next := make(chan struct{})
		seen := make(chan int, 1)
		go func() {
			results := 0
			for r := range g.client.Stream(t.Context(), func(yield func(*Notification) bool) {
				n := notification(0)
				for range count {
					read.Add(1)
					if !yield(n) {
						return
					}
				}
			}) {
				if r.Accepted() {
					results++
				}
				<-next
			}
			seen <- results
		}()
		g.serve()
		if got := read.Load(); got > streamWindow+1 {
			t.Errorf("%d notifications were read although the consumer took one, want at most %d", got, streamWindow+1)
		}
		close(next)
		for len(seen) == 0 {
			g.serve()
		}
		if got := <-seen; got != count {
			t.Errorf("%d accepted, want %d", got, count)
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	script(t, Config{QueueSize: 4}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		ctx, cancel := context.WithCancel(t.Context())
		counts := make(chan [2]int, 1)
		go func() {
			var count [2]int // accepted, interrupted
			for r := range g.client.Stream(ctx, func(yield func(*Notification) bool) {
				for i := 0; yield(notification(i)); i++ {
				}
			}) {
				if r.Accepted() {
					count[0]++
				} else if failed(CauseCancelled, true)(r) {
					count[1]++
				} else {
					t.Errorf("%+v", r)
				}
			}
			counts <- count
		}()
		g.peer(0).expect(1)
		cancel()
		g.serve()
		// One in flight and three or four from the queue: a blocked Submit continues when half of the queue is free.
		if got := <-counts; got[0] < 4 || got[0] > 5 || got[1] != 1 {
			t.Errorf("%d accepted and %d interrupted, want 4 or 5, and 1", got[0], got[1])
		}
	})
}

func TestAddressesThatFailedComeLast(t *testing.T) {
	var book addressBook
	now := time.Unix(1_800_000_000, 0)
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")
	book.failed(b, now)
	firsts := map[netip.Addr]bool{}
	for range 200 {
		order := book.order([]netip.Addr{a, b, c}, now.Add(30*time.Second))
		if order[2] != b {
			t.Fatalf("order %v: the address that failed is not last", order)
		}
		firsts[order[0]] = true
	}
	if !firsts[a] || !firsts[c] {
		t.Error("the other addresses are not shuffled")
	}
	for range 200 {
		if book.order([]netip.Addr{a, b, c}, now.Add(2*time.Minute))[0] == b {
			return
		}
	}
	t.Error("the address is still avoided after two minutes")
}
