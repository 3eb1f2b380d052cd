package apns

import (
	"testing"
	"time"
)

// The cases of spec 9.4 about what the gateway allows: streams and credit.

func TestC01OneRequestBeforeTheLimitRises(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		g.submit(0, 1000)
		p := g.peer(0)
		p.expect(1)
		g.sleep(5 * time.Second)
		p.expect(1)
		p.accept(1)
		p.expect(2) // the limit is still 1
		p.limit(1000)
		p.expect(1000)
		g.serve()
		g.settled(0, 1000, accepted)
		if g.dialCount() != 1 {
			t.Errorf("%d connections, want 1", g.dialCount())
		}
	})
}

func TestNothingIsSentBeforeTheFirstSettings(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce(nil)
		g.submit(0, 3)
		p := g.peer(0)
		p.expect(0)
		p.limit(2)
		p.expect(2)
		g.serve()
		g.settled(0, 3, accepted)
	})
}

func TestC03LimitFallsBelowTheRequestsInFlight(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 500)
		p := g.peer(0)
		p.expect(500)
		p.limit(1)
		g.submit(500, 510)
		ids := p.expect(500)
		p.accept(ids[:499]...)
		p.expect(500)
		p.accept(ids[499])
		for i := range 10 {
			p.accept(p.expect(501 + i)[500+i])
		}
		g.settled(0, 510, accepted)
		if g.dialCount() != 1 {
			t.Errorf("%d connections: a limit of 1 must not be evaded by opening more", g.dialCount())
		}
	})
}

func TestC04LimitFallsToZeroAndComesBack(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		p := g.peer(0)
		p.limit(0)
		p.accept(1)
		g.submit(1, 50)
		g.sleep(45 * time.Second)
		p.expect(1)
		g.unsettled(1, 50)
		p.limit(100)
		p.expect(50)
		g.serve()
		g.settled(0, 50, accepted)
	})
}

func TestLimitOfZeroForeverIsGivenUp(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		g.peer(0).limit(0)
		g.peer(0).accept(1)
		g.submit(1, 3)
		g.sleep(70 * time.Second)
		g.peer(1)
		g.serve()
		g.settled(0, 3, accepted)
	})
}

func TestC05RefusedStreamsAreResentOnce(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		for _, id := range ids[5:] {
			p.reset(id, codeRefusedStream)
			p.reset(id, 5) // STREAM_CLOSED, because the DATA came after the refusal
		}
		p.accept(ids[:5]...)
		g.sleep(5 * time.Second)
		p.accept(p.expect(15)[10:]...)
		g.settled(0, 10, accepted)
	})
}

func TestStreamsRefusedForeverMakeNoStorm(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		p := g.peer(0)
		start := time.Now()
		for i := range 20 {
			ids := p.streams()
			for len(ids) == i {
				g.sleep(10 * time.Millisecond)
				ids = p.streams()
			}
			p.reset(ids[i], codeRefusedStream)
		}
		if took := time.Since(start); took < 10*time.Second {
			t.Errorf("20 refusals were provoked in %v", took)
		}
	})
}

func TestC15ConnectionCreditIsNeverExceeded(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		for i := range 100 {
			n := notification(i)
			n.Payload = make([]byte, 4096)
			if err := g.client.Submit(t.Context(), n, g.record); err != nil {
				t.Fatal(err)
			}
		}
		p := g.peer(0)
		p.expect(15) // 65,535 bytes
		allowed := defaultWindow
		for len(p.streams()) < 100 {
			p.credit(0, 1000)
			allowed += 1000
			ids := p.streams()
			if p.seen().bytes > allowed {
				t.Fatalf("%d bytes were sent on a credit of %d", p.seen().bytes, allowed)
			}
			p.accept(ids[len(ids)-1])
		}
		p.accept(p.streams()...)
		g.settled(0, 100, accepted)
	})
}

func TestC15SmallStreamCredit(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 100}, {settingInitialWindowSize, 100}})
		n := notification(0)
		n.Payload = make([]byte, 250)
		for i := range n.Payload {
			n.Payload[i] = byte(i)
		}
		if err := g.client.Submit(t.Context(), n, g.record); err != nil {
			t.Fatal(err)
		}
		p := g.peer(0)
		p.expect(0)
		if got := len(p.seen().requests[0].body); got != 100 {
			t.Fatalf("%d bytes on a credit of 100", got)
		}
		p.credit(1, 50)
		if got := len(p.seen().requests[0].body); got != 150 {
			t.Fatalf("%d bytes on a credit of 150", got)
		}
		p.settings(setting{settingInitialWindowSize, 1000}) // adds 900 to open streams
		p.expect(1)
		if string(p.seen().requests[0].body) != string(n.Payload) {
			t.Error("the body was not put together as it was")
		}
		p.settings(setting{settingInitialWindowSize, 0})
		g.submit(1, 3)
		p.expect(1)
		p.reject(3, 400, reason("BadDeviceToken")) // before its body has been sent
		p.credit(5, 1000)
		p.expect(2)
		p.accept(1, 5)
		g.settled(0, 1, accepted)
		g.settled(2, 3, accepted)
		if r := g.result(1); r.Reason != "BadDeviceToken" || p.seen().resets[3] != codeCancel {
			t.Errorf("early answer: %+v, resets %v", r, p.seen().resets)
		}
	})
}

func TestC16CreditWithheld(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		for i := range 30 {
			n := notification(i)
			n.Payload = make([]byte, 4096)
			if err := g.client.Submit(t.Context(), n, g.record); err != nil {
				t.Fatal(err)
			}
		}
		p := g.peer(0)
		p.accept(p.expect(15)...)
		g.sleep(20 * time.Second)
		g.peer(1).expect(15)
		g.serve()
		g.settled(0, 30, accepted)
		if p.seen().failure == nil {
			t.Error("the stalled connection was not closed")
		}
	})
}

func TestPoolGrowsWhereTheRoundTripIsTheLimit(t *testing.T) {
	script(t, Config{MaxConnections: 3, QueueSize: 100_000}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 10}})
		g.submit(0, 3000)
		for range 60 {
			g.sleep(50 * time.Millisecond)
			for _, p := range g.peers {
				if fresh, _ := p.unserved(); len(fresh) > 0 {
					p.accept(fresh...)
				}
			}
		}
		if g.dialCount() != 3 {
			t.Errorf("%d connections, want the most allowed, 3", g.dialCount())
		}
		for i := 1; i < len(g.dials); i++ {
			if gap := g.dials[i].Sub(g.dials[i-1]); gap < 100*time.Millisecond {
				t.Errorf("connections opened %v apart", gap)
			}
		}
	})
}

func TestC15CreditInSmallPiecesIsNoStall(t *testing.T) {
	script(t, Config{MaxConnections: 1}, func(t *testing.T, g *gateway) {
		for i := range 400 {
			n := notification(i)
			n.Payload = make([]byte, 500)
			if err := g.client.Submit(t.Context(), n, g.record); err != nil {
				t.Fatal(err)
			}
		}
		p := g.peer(0)
		for i := range 400 { // one answer and its credit every tenth of a second, for 40 seconds
			p.credit(0, 500)
			p.accept(p.streams()[i])
			g.sleep(100 * time.Millisecond)
		}
		g.settled(0, 400, accepted)
		if g.dialCount() != 1 {
			t.Errorf("%d connections: one that always gets a little credit was replaced", g.dialCount())
		}
	})
}
