package apns

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The cases of spec 9.4 about time, loss and the life of a connection.

func TestC11LostConnectionLeavesTheOutcomeUnknown(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		p.accept(ids[:4]...)
		p.hangUp()
		g.settled(0, 4, accepted)
		g.settled(4, 10, failed(CauseNetwork, false))
	})
	script(t, Config{ResendUnanswered: true}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		g.peer(0).expect(10)
		g.peer(0).hangUp()
		g.sleep(5 * time.Second)
		g.peer(1).expect(10)
		g.peer(1).hangUp()
		g.settled(0, 10, failed(CauseNetwork, false)) // once again, not for ever
	})
}

func TestC12BlackHole(t *testing.T) {
	t.Run("answers nothing", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 5)
			p := g.peer(0)
			p.goDeaf()
			g.sleep(17 * time.Second)
			if p.seen().pings == 0 {
				t.Error("no PING was sent")
			}
			g.settled(0, 5, failed(CauseNetwork, false))
			g.submit(5, 6)
			g.sleep(2 * time.Second)
			g.peer(1)
			g.serve()
			g.settled(5, 6, accepted)
		})
	})
	t.Run("reads nothing", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 1)
			p := g.peer(0)
			close(p.halt) // stops after the next frame
			g.submit(1, 5)
			g.sleep(14 * time.Second)
			g.serve()
			g.settled(0, 1, failed(CauseNetwork, false))
			g.settled(1, 5, func(r Result) bool { return r.Accepted() || failed(CauseNetwork, false)(r) })
			g.submit(5, 6)
			g.serve()
			g.settled(5, 6, accepted)
		})
	})
	t.Run("idle connections are asked once an hour", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 1)
			p := g.peer(0)
			p.accept(1)
			g.sleep(59 * time.Minute)
			if p.seen().pings != 0 {
				t.Errorf("%d PINGs within an hour of rest", p.seen().pings)
			}
			g.sleep(3*time.Hour + 5*time.Minute)
			synctest.Wait()
			if p.seen().pings < 3 || p.seen().pings > 4 {
				t.Errorf("%d PINGs in four hours, want one an hour", p.seen().pings)
			}
		})
	})
}

func TestC13SlowAnswers(t *testing.T) {
	script(t, Config{ResponseTimeout: 20 * time.Second}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		g.sleep(5 * time.Second)
		p.accept(ids[:9]...)
		g.settled(0, 9, accepted)
		g.sleep(17 * time.Second)
		g.settled(9, 10, failed(CauseNetwork, false))
		if p.seen().resets[ids[9]] != codeCancel {
			t.Error("the overdue stream was not reset")
		}
		p.accept(ids[9]) // too late; must not be taken for another answer
		g.submit(10, 12)
		p.accept(p.expect(12)[10:]...)
		g.settled(10, 12, accepted)
		g.settled(9, 10, failed(CauseNetwork, false))
	})
}

func TestC13DeadlineOfTheCaller(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		ctx, cancel := contextWithTimeout(t, 3*time.Second)
		defer cancel()
		for i := range 3 {
			if err := g.client.Submit(ctx, notification(i), g.record); err != nil {
				t.Fatal(err)
			}
		}
		p := g.peer(0)
		p.expect(1)
		g.sleep(6 * time.Second)
		g.settled(0, 1, failed(CauseNetwork, false)) // written: outcome unknown
		g.settled(1, 3, failed(CauseCancelled, true))
	})
}

func TestC14Cancelled(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 2}})
		results := make(chan Result, 3)
		cancels := make([]func(), 3)
		for i := range 3 {
			ctx, cancel := contextWithTimeout(t, time.Hour)
			cancels[i] = cancel
			go func() { results <- g.client.Push(ctx, notification(i)) }()
			synctest.Wait()
		}
		p := g.peer(0)
		ids := p.expect(2)
		cancels[2]() // still queued
		if r := <-results; !failed(CauseCancelled, true)(r) {
			t.Errorf("cancelled in the queue: %+v", r)
		}
		cancels[0]() // written
		if r := <-results; !failed(CauseCancelled, false)(r) {
			t.Errorf("cancelled in flight: %+v", r)
		}
		synctest.Wait()
		if p.seen().resets[ids[0]] != codeCancel {
			t.Errorf("resets %v, want CANCEL for stream %d", p.seen().resets, ids[0])
		}
		g.submit(10, 11) // the slot is free again
		ids = p.expect(3)
		p.accept(ids[0]) // late: ignored
		p.accept(ids[1], ids[2])
		if r := <-results; !r.Accepted() {
			t.Errorf("the other: %+v", r)
		}
		g.settled(10, 11, accepted)
		cancels[1]()
	})
}

func TestC28InternalErrorsReplaceTheConnection(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 20)
		p := g.peer(0)
		ids := p.expect(20)
		for _, id := range ids[:10] {
			p.reject(id, 500, reason("InternalServerError"))
		}
		g.submit(20, 30)
		p.accept(ids[10:]...)
		g.sleep(3 * time.Second)
		g.peer(1).expect(10)
		g.serve()
		g.settled(0, 10, func(r Result) bool { return r.Class() == ClassServer && r.Err == nil })
		g.settled(10, 30, accepted)
	})
}

func TestC29UnavailableIsForTheCaller(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 50)
		p := g.peer(0)
		for _, id := range p.expect(50) {
			p.reject(id, 503, reason("ServiceUnavailable"))
		}
		g.settled(0, 50, func(r Result) bool { return r.Status == 503 && r.Class() == ClassServer })
		p.expect(50)
		g.submit(50, 60)
		g.serve()
		g.settled(50, 60, accepted)
	})
}

func TestC31BackOffOfAttempts(t *testing.T) {
	script(t, Config{GiveUpAfter: 10 * time.Minute}, func(t *testing.T, g *gateway) {
		g.refuse = errors.New("connection refused")
		g.submit(0, 5)
		g.sleep(8 * time.Minute)
		g.unsettled(0, 5)
		for i := 1; i < len(g.dials); i++ {
			gap := g.dials[i].Sub(g.dials[i-1])
			most := min(time.Minute, time.Second<<(i-1)*5/4) + time.Second
			if gap < time.Second || gap < most/3 && gap < 40*time.Second || gap > most {
				t.Errorf("attempt %d came after %v, want at most %v", i, gap, most)
			}
		}
		if len(g.dials) < 10 || len(g.dials) > 20 {
			t.Errorf("%d attempts in 8 minutes", len(g.dials))
		}
		g.mu.Lock()
		g.refuse = nil
		g.mu.Unlock()
		for range 62 {
			g.sleep(time.Second)
			g.serve()
		}
		g.settled(0, 5, accepted)
	})
	t.Run("gives up", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.refuse = errors.New("no such host")
			g.submit(0, 5)
			g.sleep(2 * time.Minute)
			g.settled(0, 5, failed(CauseNetwork, true))
		})
	})
	t.Run("no settings in time", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.announce(nil)
			g.submit(0, 1)
			g.sleep(15500 * time.Millisecond)
			g.announce([]setting{{settingMaxStreams, 10}})
			g.sleep(4 * time.Second)
			if g.dialCount() != 2 {
				t.Fatalf("%d connections, want 2", g.dialCount())
			}
			g.serve()
			g.settled(0, 1, accepted)
		})
	})
}

func TestC40StreamNumbersRunOut(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		p := g.peer(0)
		p.accept(1)
		connection := g.client.live[0]
		connection.mu.Lock()
		connection.nextStream = lastStreamID - 2*maxStreams - 4
		connection.mu.Unlock()
		for i := 1; i < 10; i++ {
			g.submit(i, i+1)
			g.sleep(time.Second)
			g.serve()
		}
		g.settled(0, 10, accepted)
		if g.dialCount() != 2 {
			t.Errorf("%d connections, want 2", g.dialCount())
		}
	})
}

func TestC43ShutdownDrainsOrReturnsTheRest(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 50)
		p := g.peer(0)
		done := make(chan error, 1)
		go func() { done <- g.client.Shutdown(t.Context()) }()
		synctest.Wait()
		if err := g.client.Submit(t.Context(), notification(50), g.record); !errors.Is(err, ErrClosed) {
			t.Errorf("Submit during Shutdown = %v, want ErrClosed", err)
		}
		g.serve()
		if err := <-done; err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		g.settled(0, 50, accepted)
		if p.seen().failure == nil {
			t.Error("the connection is still open")
		}
	})
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 10}})
		g.submit(0, 50)
		g.peer(0).expect(10)
		ctx, cancel := contextWithTimeout(t, 5*time.Second)
		defer cancel()
		if err := g.client.Shutdown(ctx); err == nil {
			t.Error("Shutdown reported success with 50 left")
		}
		g.settled(0, 10, failed(CauseClosed, false))
		g.settled(10, 50, failed(CauseClosed, true))
	})
}

func TestC44ConnectionsAreNotOpenedRapidly(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 40)
		for i := range 20 { // a gateway that answers once and hangs up
			for g.dialCount() == i {
				g.sleep(10 * time.Millisecond)
			}
			p := g.peer(i)
			p.accept(p.streams()[0])
			p.goAway(p.streams()[0], codeNoError, "")
			p.hangUp()
		}
		for i := 1; i < 20; i++ {
			gap := g.dials[i].Sub(g.dials[i-1])
			if want := min(100*time.Millisecond<<(i-1), 10*time.Second); gap < want || gap > want+100*time.Millisecond {
				t.Errorf("connection %d came after %v, want %v", i, gap, want)
			}
		}
		g.settled(0, 20, accepted)
		g.unsettled(20, 40)
	})
}
